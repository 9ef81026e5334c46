"""The server: a thread of its own, which the frame loop hands things to."""

import asyncio
import contextlib
import ipaddress
import logging
import os
import socket
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError

from fer_edge.controls import Controls
from fer_edge.errors import ConfigurationError
from fer_edge.events import Event
from fer_edge.loop import Turn
from fer_edge.monitor import Status
from fer_edge.web import HttpSettings, complaints, read_token
from fer_edge.web.access import Access
from fer_edge.web.audience import Audience, message
from fer_edge.web.handover import Handover
from fer_edge.web.reports import Look, jpeg, seen
from fer_edge.web.routes import Site
from fer_edge.web.visits import Doorman

_LOGGER = logging.getLogger(__name__)

_MOST_VISITS = 64
"""Connections at a time."""
_MOST_VIEWERS = 16
_STATUS_SECONDS = 2.0
"""From one status on the page to the next; a viewer who has gone is noticed by it."""
_CLOSE_SECONDS = 3.0
_SEND_BUFFER_BYTES = 128 * 1024
"""Of the kernel, a connection: of a picture that is not read nothing more is held."""
_MOST_LINE_BYTES = 2048
"""Of the first line of a request."""
_MOST_HEADER_BYTES = 4096
"""Each; cookies of the host's other servers come with it."""
_MOST_HEADERS = 64


class WebServer:
    """Answers HTTP, and shows on a page what happens.

    Args:
        settings: with a port.
        status: tells how things stand; asked by the server's thread.
        controls: whether pictures may be shown.
        patience_seconds: that a client has for its request and the answer, and one who
            watches for taking what is sent.

    Raises:
        ConfigurationError: it cannot listen there, or must not without a token.
    """

    def __init__(
        self,
        settings: HttpSettings,
        status: Callable[[], Status],
        controls: Controls,
        *,
        patience_seconds: float = 10.0,
    ) -> None:
        if missing := complaints(settings):
            raise ConfigurationError(*missing)
        self._controls = controls
        self._patience_seconds = patience_seconds
        self._interval = 1.0 / settings.preview_frames_per_second
        self._next_look = 0.0
        self._watched = False
        self._closing = False
        self._audience = Audience(_MOST_VIEWERS, self._note_audience)
        self._handover = Handover(self._wake)
        access = Access(read_token(settings))
        self._socket = _listen(settings)
        self.port: int = self._socket.getsockname()[1]
        """That it listens on."""
        self._site = Site(
            access,
            f"fer_edge_{self.port}",  # browsers keep one jar a host, for all its ports
            settings,
            status,
            controls,
            self._audience,
            patience_seconds,
        )
        self._loop = asyncio.new_event_loop()
        self._woken = asyncio.Event()
        self._ended = asyncio.Event()
        self._thread = threading.Thread(target=self._run, name="web", daemon=True)
        self._thread.start()
        host = f"[{settings.bind}]" if ":" in settings.bind else settings.bind
        _LOGGER.info("HTTP: the page is at http://%s:%d/", host, self.port)

    def publish(self, event: Event) -> None:
        """Have an event shown; returns at once."""
        if not self._closing:
            self._handover.leave_event(event)

    def see(self, turn: Turn) -> None:
        """Have a frame shown if somebody looks and it is time; returns at once."""
        if not self._watched or self._closing:
            return
        now = time.monotonic()
        if now < self._next_look:
            return
        self._next_look = now + self._interval
        pixels = turn.frame.pixels
        height, width = pixels.shape[:2]
        self._handover.leave_look(
            Look(
                turn.frame.taken.at,
                width,
                height,
                turn.processed.faces,
                pixels if self._controls.preview else None,
            )
        )

    def reconfigure(self, settings: HttpSettings) -> None:
        """Take the keys that can change while it runs, but for those of controls."""
        self._interval = 1.0 / settings.preview_frames_per_second
        self._site.limits = settings

    @property
    def is_alive(self) -> bool:
        """Whether the server's thread is at work."""
        return self._thread.is_alive()

    def close(self) -> None:
        """Let everybody go, and the port."""
        if self._closing:
            return
        self._closing = True
        self._loop.call_soon_threadsafe(self._ended.set)
        self._thread.join(_CLOSE_SECONDS)

    def _wake(self) -> None:
        self._loop.call_soon_threadsafe(self._woken.set)

    def _note_audience(self, watched: bool) -> None:
        self._watched = watched
        if not watched:
            self._woken.set()  # what was seen last is not to be held on to

    def _run(self) -> None:
        with asyncio.Runner(loop_factory=lambda: self._loop) as runner:
            try:
                runner.run(self._serve())
            finally:
                self._closing = True  # also where nobody has asked for it

    async def _serve(self) -> None:
        logger = logging.getLogger(f"{__name__}.aiohttp")
        logger.addFilter(_is_ours)
        runner = web.AppRunner(
            self._site.application(),
            access_log=None,
            logger=logger,
            handler_cancellation=True,
            shutdown_timeout=_CLOSE_SECONDS / 3,
            max_line_size=_MOST_LINE_BYTES,
            max_field_size=_MOST_HEADER_BYTES,
            max_headers=_MOST_HEADERS,
        )
        await runner.setup()
        assert runner.server is not None
        doorman = Doorman(runner.server, _MOST_VISITS, self._patience_seconds)
        server = await self._loop.create_server(doorman, sock=self._socket)
        tasks = [
            asyncio.create_task(self._show()),
            asyncio.create_task(self._show_status()),
        ]
        ended = asyncio.create_task(self._ended.wait())
        try:
            # A task that fails ends the server, and is said by the thread's end.
            await asyncio.wait([ended, *tasks], return_when=asyncio.FIRST_COMPLETED)
        finally:
            server.close()
            self._audience.close()
            for task in (ended, *tasks):
                task.cancel()
            await runner.cleanup()
        for task in tasks:
            with contextlib.suppress(asyncio.CancelledError):
                await task

    async def _show(self) -> None:
        """Send viewers what the loop has handed over."""
        with ThreadPoolExecutor(1, "web-jpeg") as helper:
            while True:
                await self._woken.wait()
                self._woken.clear()
                events, look = self._handover.take()
                for event in events:
                    self._site.events.append(event)
                    self._audience.tell(_event_message(event))
                if look is not None and self._watched:
                    # Encoding would hold up the answers to everybody else.
                    chunk, picture = await self._loop.run_in_executor(
                        helper, self._draw, look
                    )
                    self._audience.show("seen", chunk)
                    if picture:
                        self._audience.give_picture(picture)

    def _draw(self, look: Look) -> tuple[bytes, bytes | None]:
        """Return a message of what is seen, and the picture."""
        # Asked again: the preview may have been switched off since.
        shown = look.pixels if self._controls.preview else None
        picture = jpeg(shown) if shown is not None else None
        return message("seen", seen(look, picture)), picture

    async def _show_status(self) -> None:
        while True:
            await asyncio.sleep(_STATUS_SECONDS)
            if self._watched:
                report = self._site.report()
                self._audience.show("status", message("status", report))


def _listen(settings: HttpSettings) -> socket.socket:
    address = ipaddress.ip_address(settings.bind)
    family = socket.AF_INET if address.version == 4 else socket.AF_INET6
    try:
        listening = socket.create_server(
            (settings.bind, settings.port),
            family=family,
            dualstack_ipv6=settings.bind == "::" and socket.has_dualstack_ipv6(),
        )
    except OSError as failure:
        raise ConfigurationError(
            f"http.port: {settings.port}; {settings.bind} does not give it: "
            # Not its own text, to which Python adds the address.
            f"{os.strerror(failure.errno or 0)}"
        ) from failure
    # Connections have it from here.
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _SEND_BUFFER_BYTES)
    return listening


def _event_message(event: Event) -> bytes:
    return f"event: event\ndata: {event.to_json()}\n\n".encode()


def _is_ours(record: logging.LogRecord) -> bool:
    """Pass over requests that are no HTTP: anybody could fill the log with them."""
    failure = record.exc_info[1] if record.exc_info else None
    return not isinstance(failure, HttpProcessingError)

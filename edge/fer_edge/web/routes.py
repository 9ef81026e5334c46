"""What is answered to whom."""

import asyncio
import json
import logging
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Any

from aiohttp import web

from fer_edge.controls import Controls
from fer_edge.events import Event
from fer_edge.moment import read_clocks
from fer_edge.monitor import Status
from fer_edge.web import HttpSettings
from fer_edge.web.access import Access, is_foreign
from fer_edge.web.audience import Audience, Seat, message
from fer_edge.web.handover import MOST_EVENTS
from fer_edge.web.metrics import Metrics
from fer_edge.web.pages import Page, read_page
from fer_edge.web.reports import health, info, report, to_json
from fer_edge.web.visits import Visit

_LOGGER = logging.getLogger(__name__)

_COOKIE_SECONDS = 30 * 24 * 3600
_PICTURE_SECONDS = 5.0
"""Longest wait for the next picture, where one is asked for."""
_MOST_BODY_BYTES = 1024
"""Of a request; the longest is a token in a form."""

# Of every answer. Nothing here is to be kept, framed, embedded or guessed at by a
# browser; no other site is allowed to read it (there is no CORS header).
_HEADERS = {
    "Cache-Control": "no-store",
    "Connection": "close",  # a connection carries one request: see visits.py
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "Server": "fer-edge",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}

_Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Site:
    """The routes.

    Args:
        access: who may ask.
        cookie: its name.
        limits: from when on something is a problem.
        status: tells how things stand; may be called by any thread.
        controls: what is switched on.
        audience: those who watch.
        patience_seconds: who has not taken what was sent within this time is cut off.
    """

    def __init__(
        self,
        access: Access,
        cookie: str,
        limits: HttpSettings,
        status: Callable[[], Status],
        controls: Controls,
        audience: Audience,
        patience_seconds: float,
    ) -> None:
        self.events: deque[Event] = deque(maxlen=MOST_EVENTS)
        """The last ones, the newest behind."""
        self._access = access
        self._cookie = cookie
        self.limits = limits
        """May be replaced by any thread."""
        self._status = status
        self._controls = controls
        self._audience = audience
        self._patience_seconds = patience_seconds
        self._metrics = Metrics(status)
        self._page = read_page("page.html")
        self._login_page = read_page("login.html")

    def application(self) -> web.Application:
        """Return the routes as aiohttp wants them."""

        @web.middleware  # which marks a function, and cannot mark a method
        async def gate(request: web.Request, handler: _Handler) -> web.StreamResponse:
            return await self._pass(request, handler)

        application = web.Application(
            middlewares=[gate], client_max_size=_MOST_BODY_BYTES
        )
        application.on_response_prepare.append(_add_headers)
        application.add_routes(
            [
                web.get("/", self._show_page),
                web.post("/login", self._log_in),
                web.get("/healthz", self._healthz),
                web.get("/readyz", self._readyz),
                web.get("/metrics", self._show_metrics),
                web.get("/api/info", self._info),
                web.get("/api/status", self._report),
                web.get("/api/events", self._events),
                web.get("/api/picture.jpg", self._picture),
                web.get("/api/stream", self._stream, allow_head=False),
            ]
        )
        return application

    def report(self) -> dict[str, Any]:
        """Return how things stand."""
        return report(self._status(), self.limits, read_clocks().seconds)

    async def _pass(
        self, request: web.Request, handler: _Handler
    ) -> web.StreamResponse:
        """Let a request pass, or not; before it is known whether there is its path."""
        headers = request.headers
        if not self._access.allows_host(headers.get("Host")):
            raise web.HTTPMisdirectedRequest(
                text="This name does not lead here; ask for 127.0.0.1 or localhost.\n"
            )
        if is_foreign(headers.get("Sec-Fetch-Site"), headers.get("Sec-Fetch-Mode")):
            raise web.HTTPForbidden(text="Not for other sites.\n")
        if request.path == "/login":
            return await handler(request)
        token = request.query.get("token")
        if request.path == "/" and token and self._access.knows(token):
            # So that it leaves the address line, the history and what is photographed.
            raise self._welcome()
        if self._access.admits(
            headers.get("Authorization"), request.cookies.get(self._cookie)
        ):
            _visit(request).admitted = True
            return await handler(request)
        return self._turn_away(request)

    def _turn_away(self, request: web.Request) -> web.Response:
        """Say 401 without a word of why; to a person, with a form."""
        page = request.path == "/" and request.method == "GET"
        answer = (
            _html(self._login_page) if page else web.Response(text="Unauthorized\n")
        )
        answer.set_status(401)
        answer.headers["WWW-Authenticate"] = "Bearer"
        return answer

    def _welcome(self) -> web.HTTPSeeOther:
        answer = web.HTTPSeeOther("/")
        # Lax: a link from another page, as from a home automation's, finds the reader
        # logged in. No request changes anything, so there is nothing to be forged.
        answer.set_cookie(
            self._cookie,
            self._access.cookie,
            max_age=_COOKIE_SECONDS,
            httponly=True,
            samesite="Lax",
            secure=False,  # there is no TLS here; a proxy in front may add it
        )
        return answer

    async def _log_in(self, request: web.Request) -> web.StreamResponse:
        if request.content_type != "application/x-www-form-urlencoded":
            raise web.HTTPUnsupportedMediaType(text="A form is wanted.\n")
        token = (await request.post()).get("token")
        if isinstance(token, str) and self._access.knows(token.strip()):
            raise self._welcome()
        raise web.HTTPSeeOther("/#wrong")  # where the form says so

    async def _show_page(self, _request: web.Request) -> web.Response:
        return _html(self._page)

    async def _healthz(self, _request: web.Request) -> web.Response:
        found = health(self._status(), self.limits, read_clocks().seconds)
        return _json(found, 200 if found["healthy"] else 503)

    async def _readyz(self, _request: web.Request) -> web.Response:
        ready = self._status().frames > 0
        return _json({"ready": ready}, 200 if ready else 503)

    async def _show_metrics(self, request: web.Request) -> web.Response:
        body, kind = self._metrics.answer(request.headers.get("Accept", ""))
        # Not as content_type, which would not bear the parameters that it has.
        return web.Response(body=body, headers={"Content-Type": kind})

    async def _info(self, _request: web.Request) -> web.Response:
        return _json(info(self._status()))

    async def _report(self, _request: web.Request) -> web.Response:
        return _json(self.report())

    async def _events(self, _request: web.Request) -> web.Response:
        return _json({"events": self._last_events()})

    async def _picture(self, _request: web.Request) -> web.Response:
        if not self._controls.preview:
            raise web.HTTPNotFound(
                text="The preview is off: no picture leaves this process.\n"
            )
        try:
            async with asyncio.timeout(_PICTURE_SECONDS):
                picture = await self._audience.next_picture()
        except TimeoutError:
            raise web.HTTPServiceUnavailable(text="No picture has come.\n") from None
        return web.Response(body=picture, content_type="image/jpeg")

    async def _stream(self, request: web.Request) -> web.StreamResponse:
        if self._audience.is_full:
            raise web.HTTPServiceUnavailable(text="Too many watch already.\n")
        visit = _visit(request)
        answer = web.StreamResponse(
            # nginx would hold a stream back until a buffer is full.
            headers={"Content-Type": "text/event-stream", "X-Accel-Buffering": "no"}
        )
        await answer.prepare(request)
        visit.stay()
        try:
            with self._audience.seat() as seat:
                await self._feed(seat, answer)
        except TimeoutError:
            _LOGGER.info("HTTP: %s does not keep up; cut off", request.remote)
            visit.cut()
        except ConnectionError:  # gone, as viewers go
            visit.cut()
        return answer

    async def _feed(self, seat: Seat, answer: web.StreamResponse) -> None:
        """Send a viewer what there is, until the end of the server.

        Raises:
            TimeoutError: the viewer does not take it.
            ConnectionError: the viewer has gone.
        """
        # First all that there is, so that the page needs nothing else, also after a
        # connection was lost. What comes from now on waits in the seat.
        chunk: bytes | None = message("hello", self._greeting())
        while chunk is not None:
            async with asyncio.timeout(self._patience_seconds):
                await answer.write(chunk)
            chunk = await seat.take()

    def _greeting(self) -> dict[str, Any]:
        return {
            "info": info(self._status()),
            "status": self.report(),
            "events": self._last_events(),
        }

    def _last_events(self) -> list[Any]:
        return [json.loads(event.to_json()) for event in self.events]


async def _add_headers(_request: web.Request, answer: web.StreamResponse) -> None:
    for name, value in _HEADERS.items():
        answer.headers.setdefault(name, value)
    answer.headers["Server"] = _HEADERS["Server"]
    answer.headers["Connection"] = _HEADERS["Connection"]
    answer.force_close()


def _visit(request: web.Request) -> Visit:
    """Return the connection of a request."""
    if request.transport is None:
        raise ConnectionResetError("gone before it was answered")
    visit = request.transport.get_protocol()
    assert isinstance(visit, Visit)
    return visit


def _html(page: Page) -> web.Response:
    answer = web.Response(text=page.text, content_type="text/html", charset="utf-8")
    answer.headers["Content-Security-Policy"] = page.policy
    return answer


def _json(value: dict[str, Any], status: int = 200) -> web.Response:
    text = to_json(value) + "\n"
    return web.Response(text=text, status=status, content_type="application/json")

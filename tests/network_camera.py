"""A camera on loopback: Motion JPEG over HTTP, with the failings of real ones."""

import socket
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Self

import cv2
import numpy as np

_SECONDS = 0.04  # between frames
_WIDTH, _HEIGHT = 64, 48


class NetworkCamera:
    """Gives frames whose brightness rises from one to the next, again and again.

    Args:
        port: to listen on; 0 is any that is free.
        authorization: that a request must bring; None is any.
    """

    def __init__(self, port: int = 0, authorization: str | None = None) -> None:
        self.stalled = threading.Event()
        """While set, connections stay open and nothing comes."""
        self.frozen = threading.Event()
        """While set, one frame comes again and again."""
        self.kind = "multipart/x-mixed-replace; boundary=next"
        """Of its answer; with another, text comes instead of frames."""
        self.picture = b""
        """A JPEG that is shown instead of the shades."""
        self.connections = 0
        self._authorization = authorization
        self._sockets: list[socket.socket] = []
        self._closing = threading.Event()
        self._server = ThreadingHTTPServer(("127.0.0.1", port), self._handler())
        self._server.daemon_threads = True
        self.port: int = self._server.server_address[1]
        self.url = f"http://127.0.0.1:{self.port}/video?user=ann&pwd=sesame"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,))

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        _kind: type[BaseException] | None,
        _error: BaseException | None,
        _trace: TracebackType | None,
    ) -> None:
        self._closing.set()
        self._server.shutdown()
        self.hang_up()
        self._server.server_close()
        self._thread.join()

    def hang_up(self) -> None:
        """Cut every connection, as a camera that restarts does."""
        for connection in self._sockets:
            # Lost already, where the other side was quicker.
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                continue
        self._sockets.clear()

    def _pictures(self) -> Iterator[bytes]:
        number = 0
        while not self._closing.wait(_SECONDS):
            if self.stalled.is_set():
                continue
            if self.picture:
                yield self.picture
                continue
            if not self.frozen.is_set():
                number += 1
            shade = np.full((_HEIGHT, _WIDTH, 3), 20 + 10 * (number % 20), np.uint8)
            yield cv2.imencode(".jpg", shade)[1].tobytes()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        camera = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                camera.connections += 1
                camera._sockets.append(self.connection)
                given = self.headers.get("Authorization")
                if camera._authorization not in (None, given):
                    self.send_response(401)
                    self.send_header("WWW-Authenticate", 'Basic realm="camera"')
                    self.end_headers()
                    return
                self.send_response(200)
                self.send_header("Content-Type", camera.kind)
                self.end_headers()
                if "multipart" not in camera.kind:
                    self.wfile.write(b"no video\n" * 100)
                    return
                try:
                    for picture in camera._pictures():
                        length = len(picture)
                        self.wfile.write(
                            b"--next\r\nContent-Type: image/jpeg\r\n"
                            b"Content-Length: %d\r\n\r\n%b\r\n" % (length, picture)
                        )
                except OSError:  # the reader went away, or hang_up
                    self.close_connection = True

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002
                """Say nothing."""

        return Handler

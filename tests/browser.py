"""A real browser without a window: Debian's Chromium, told what to do by DevTools."""

import asyncio
import base64
import shutil
import subprocess
import time
from collections.abc import Coroutine
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import aiohttp
import pytest

_SECONDS = 60.0
"""A busy machine takes a while to start it."""


class Browser:
    """One tab.

    Args:
        folder: for its profile; a new one, so that nothing is known of earlier pages.
    """

    def __init__(self, folder: Path) -> None:
        program = shutil.which("chromium")
        if program is None:
            pytest.skip("chromium is missing: apt-get install chromium")
        self.complaints: list[str] = []
        """What the page had to say on its console, and what it was refused."""
        self.asked: list[str] = []
        """Every URL that was asked for."""
        self._folder = folder
        self._process = subprocess.Popen(
            [
                program, "--headless=new", "--no-sandbox", "--disable-gpu",
                "--disable-dev-shm-usage", "--no-first-run", "--hide-scrollbars",
                "--disable-background-networking", "--disable-component-update",
                "--remote-debugging-port=0", f"--user-data-dir={folder}", "about:blank",
            ],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )  # fmt: skip
        self._runner = asyncio.Runner()
        self._count = 0

    def __enter__(self) -> Self:
        self._run(self._attach())
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.call(f"{domain}.enable")
        return self

    def __exit__(
        self,
        _kind: type[BaseException] | None,
        _error: BaseException | None,
        _trace: TracebackType | None,
    ) -> None:
        self._run(self._session.close())
        self._runner.close()
        self._process.terminate()
        self._process.wait(_SECONDS)

    def look_like(self, width: int, height: int, *, dark: bool = False) -> None:
        """Take a size, in pixels, and a colour scheme."""
        self.call(
            "Emulation.setDeviceMetricsOverride",
            width=width, height=height, deviceScaleFactor=2, mobile=width < 600,
        )  # fmt: skip
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.call("Emulation.setEmulatedMedia", features=[scheme])

    def open(self, url: str) -> None:
        """Go to a page and wait until it is there."""
        self.call("Page.navigate", url=url)
        self.until(
            "document.readyState === 'complete' && location.href !== 'about:blank'"
        )

    def evaluate(self, script: str) -> Any:
        """Return the value of a piece of JavaScript, a promise's too."""
        answer = self.call(
            "Runtime.evaluate",
            expression=script, returnByValue=True, awaitPromise=True,
        )  # fmt: skip
        assert "exceptionDetails" not in answer, answer["exceptionDetails"]
        return answer["result"].get("value")

    def until(self, script: str) -> Any:
        """Wait until a piece of JavaScript has a true value, and return it."""
        last = time.monotonic() + _SECONDS
        while not (value := self.evaluate(script)):
            assert time.monotonic() < last, f"never true: {script}"
            time.sleep(0.05)
        return value

    def picture(self, path: Path) -> Path:
        """Write the whole page as a PNG."""
        answer = self.call("Page.captureScreenshot", captureBeyondViewport=True)
        path.write_bytes(base64.b64decode(answer["data"]))
        return path

    def call(self, method: str, **arguments: Any) -> dict[str, Any]:
        """Call a method of the DevTools protocol."""
        answer: dict[str, Any] = self._run(self._call(method, arguments))
        return answer

    async def _attach(self) -> None:
        announced = self._folder / "DevToolsActivePort"
        last = time.monotonic() + _SECONDS
        while not announced.exists() or len(announced.read_text().split()) < 2:
            assert time.monotonic() < last, "chromium does not start"
            await asyncio.sleep(0.05)
        port = announced.read_text().split()[0]
        self._session = aiohttp.ClientSession()
        pages: list[dict[str, str]] = []
        while not pages:
            async with self._session.get(f"http://127.0.0.1:{port}/json") as answer:
                pages = [one for one in await answer.json() if one["type"] == "page"]
        self._socket = await self._session.ws_connect(
            pages[0]["webSocketDebuggerUrl"], max_msg_size=0
        )

    async def _call(self, method: str, arguments: dict[str, Any]) -> dict[str, Any]:
        self._count += 1
        number = self._count
        await self._socket.send_json(
            {"id": number, "method": method, "params": arguments}
        )
        async with asyncio.timeout(_SECONDS):
            while True:
                news = await self._socket.receive_json()
                if news.get("id") == number:
                    assert "error" not in news, news
                    return dict(news["result"])
                self._note(news)

    def _note(self, news: dict[str, Any]) -> None:
        match news["method"]:
            case "Network.requestWillBeSent":
                self.asked.append(news["params"]["request"]["url"])
            case "Runtime.exceptionThrown":
                self.complaints.append(str(news["params"]["exceptionDetails"]))
            case "Log.entryAdded":
                self.complaints.append(str(news["params"]["entry"]))
            case "Runtime.consoleAPICalled":
                self.complaints.append(str(news["params"]["args"]))

    def _run(self, coroutine: Coroutine[Any, Any, Any]) -> Any:
        return self._runner.run(coroutine)

"""The page in a real browser: what people see."""

import dataclasses
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from browser import Browser
from fer_contract.preprocess import Box
from fer_edge.cameras import Frame
from fer_edge.cameras.drawn import Drawn
from fer_edge.cameras.settings import CameraSettings
from fer_edge.config import Config
from fer_edge.controls import Controls
from fer_edge.events import EventType
from fer_edge.loop import run
from fer_edge.moment import read_clocks
from fer_edge.monitor import About, Monitor
from fer_edge.pipeline import Face
from fer_edge.start import assemble
from fer_edge.web import HttpSettings
from fer_edge.web.server import WebServer
from web_served import TOKEN, Served, filming, free_port, make_event, make_status

Serve = Callable[..., Served]

_PHONE = 320
"""The narrowest screen there is, in pixels."""

# WCAG 2's relative luminance and contrast, of a text and of what is painted behind it.
_CONTRASTS = """
(() => {
  const parts = (text) => text.match(/[0-9.]+/g).map(Number);
  const light = ([r, g, b]) => [r, g, b].map((v) => v / 255)
    .map((v) => v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)
    .reduce((sum, v, at) => sum + v * [0.2126, 0.7152, 0.0722][at], 0);
  const behind = (element) => {
    for (let one = element; one; one = one.parentElement) {
      const colour = parts(getComputedStyle(one).backgroundColor);
      if (colour.length < 4 || colour[3] > 0.5) return colour;
    }
    return [255, 255, 255];
  };
  const texts = [...document.querySelectorAll("body *")].filter((element) =>
    element.offsetParent && !element.matches("canvas, script") &&
    [...element.childNodes].some((n) => n.nodeType === 3 && n.data.trim()));
  return texts.map((element) => {
    const a = light(parts(getComputedStyle(element).color)), b = light(behind(element));
    const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    return [element.textContent.trim().slice(0, 30), Math.round(ratio * 100) / 100];
  });
})()
"""

_WITH_FACE = """
document.querySelectorAll(".face").length === 1 &&
document.querySelectorAll("#events li").length > 0
"""


class Looping:
    """A drawn person in front of a camera, ten frames a second."""

    def __init__(self) -> None:
        self._drawn = Drawn()

    def read(self, timeout_seconds: float) -> Frame:
        time.sleep(min(timeout_seconds, 0.1))
        return dataclasses.replace(self._drawn.read(0.0), taken=read_clocks())

    def close(self) -> None:
        """Nothing is open."""


@dataclasses.dataclass
class Live:
    """The daemon's loop, with its page."""

    url: str
    controls: Controls
    labels: tuple[str, ...]


@pytest.fixture(scope="module")
def live() -> Iterator[Live]:
    """The real pipeline with the released model, from camera to page."""
    camera = CameraSettings(source=str(Drawn.PATH), name="front door")
    parts = assemble(Config(camera=camera))
    labels = ("happy", "sad", "surprise", "neutral")
    classifier = parts.classifier
    about = About(
        version="1.2.3",
        camera=camera.name,
        source="drawn.jpg",
        model=classifier.name,
        runtime=classifier.runtime,
        detector="haar",
        labels=labels,
        purpose="testing",
        started_at=datetime.now(UTC),
    )
    controls = Controls()
    monitor = Monitor(about, read_clocks(), controls, lambda: classifier.state)
    web = WebServer(
        HttpSettings(port=free_port()), lambda: monitor.status(read_clocks()), controls
    )
    stop = threading.Event()

    def film() -> None:
        watches = [monitor.see, web.see]
        camera = Looping()
        notice = monitor.arrive
        run(camera, parts.pipeline, [web], stop, watches=watches, notice=notice)

    loop = threading.Thread(target=film)
    loop.start()
    yield Live(f"http://127.0.0.1:{web.port}/", controls, labels)
    stop.set()
    loop.join()
    parts.close()
    assert not web.is_alive


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    """One for all pages, as it takes a while to start."""
    with Browser(tmp_path_factory.mktemp("chromium")) as browser:
        yield browser


@pytest.fixture(autouse=True)
def clean(browser: Browser) -> Iterator[None]:
    """Each test begins with a wide light screen, and ends without a complaint."""
    browser.look_like(1280, 900)
    browser.complaints.clear()
    browser.asked.clear()
    yield
    browser.call("Page.navigate", url="about:blank")
    assert browser.complaints == []


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("width", [1280, _PHONE])
def test_face_with_preview(
    browser: Browser, live: Live, tmp_path: Path, width: int, dark: bool
) -> None:
    """Picture, box, a bar an emotion, an event; legible on any screen, in any light."""
    live.controls.preview = True
    browser.look_like(width, 900, dark=dark)
    browser.open(live.url)
    browser.until(_WITH_FACE)
    browser.until("!document.getElementById('picture').hidden")
    browser.until("document.querySelector('.face h3 span').textContent.length > 0")
    assert browser.evaluate(
        "[...document.querySelectorAll('.face dt')].map((e) => e.textContent)"
    ) == list(live.labels)
    shares = browser.evaluate(
        "[...document.querySelectorAll('.share')].map((e) => parseInt(e.textContent))"
    )
    assert sum(shares) == pytest.approx(100, abs=2)
    notice = browser.evaluate("document.getElementById('notice').textContent")
    assert notice == "Live picture is being sent to this page"
    assert browser.evaluate("document.querySelector('#link').textContent") == "live"
    assert (
        browser.evaluate("document.querySelector('#health').textContent") == "healthy"
    )
    # Nothing is wider than the screen.
    assert browser.evaluate("document.documentElement.scrollWidth") == width
    browser.picture(tmp_path / "page.png")
    for text, ratio in browser.evaluate(_CONTRASTS):
        assert ratio >= 4.5, text
    assert {url.rstrip("/") for url in browser.asked} == {
        live.url.rstrip("/"),
        f"{live.url}api/stream",
    }


def test_box_lies_on_the_face(browser: Browser, live: Live) -> None:
    """Box and picture have the same place: both are drawn where the camera saw them."""
    live.controls.preview = True
    browser.open(live.url)
    browser.until(_WITH_FACE)
    browser.until("!document.getElementById('picture').hidden")
    found = browser.evaluate(
        """(() => {
        const stage = document.getElementById("stage").getBoundingClientRect();
        const box = document.querySelector(".box").getBoundingClientRect();
        const canvas = document.getElementById("picture");
        const drawn = canvas.getBoundingClientRect();
        const middle = canvas.getContext("2d").getImageData(
          canvas.width * (box.x + box.width / 2 - drawn.x) / drawn.width,
          canvas.height * (box.y + box.height / 2 - drawn.y) / drawn.height, 1, 1).data;
        return {stage: stage.width / stage.height, box: box.width / box.height,
          inside: box.left >= stage.left && box.right <= stage.right,
          middle: [...middle]};
        })()"""
    )
    assert found["stage"] == pytest.approx(4 / 3, abs=0.01)
    assert found["box"] == pytest.approx(1.0, abs=0.05)
    assert found["inside"]
    red, _, blue, _ = found["middle"]
    assert red > blue, "skin is in the middle of a face"


def test_preview_off(browser: Browser, live: Live, tmp_path: Path) -> None:
    """No picture, and it says so; boxes and bars are there all the same."""
    live.controls.preview = False
    browser.open(live.url)
    browser.until(_WITH_FACE)
    browser.until("document.querySelectorAll('.box').length === 1")
    assert browser.evaluate("document.getElementById('picture').hidden") is True
    notice = browser.evaluate("document.getElementById('notice').textContent")
    assert notice.startswith("No picture leaves this process")
    browser.picture(tmp_path / "page.png")
    # Switched on elsewhere, it is seen and said at once; and off again.
    live.controls.preview = True
    browser.until("!document.getElementById('picture').hidden")
    browser.until("document.getElementById('notice').textContent.startsWith('Live')")
    live.controls.preview = False
    browser.until("document.getElementById('picture').hidden")
    browser.until("document.getElementById('notice').textContent.startsWith('No pict')")


def test_bars_are_as_long_as_the_scores(browser: Browser, serve: Serve) -> None:
    """And the labels are the model's, whatever they are, with their text beside."""
    about = dataclasses.replace(make_status().about, labels=("calm", "wild"))
    served = serve(make_status(about=about))
    face = Face(7, Box(8.0, 8.0, 24.0, 24.0), {"calm": 0.25, "wild": 0.75}, "wild")
    browser.open(served.url)
    with filming(served, faces=(face,)):
        browser.until("document.querySelectorAll('.face').length === 1")
    title = browser.evaluate("document.querySelector('.face h3').textContent")
    assert title == "wildface 7"
    script = (
        "[...document.querySelectorAll('.bar')].map((bar) =>"
        " bar.getBoundingClientRect().right - bar.parentElement.getBoundingClientRect()"
        ".left).map((w, at, all) => w / document.querySelector('.track').offsetWidth)"
    )
    browser.until(f"({script})[1] > 0.74")  # once it has moved there
    assert browser.evaluate(script) == pytest.approx([0.25, 0.75], abs=0.01)
    shares = "[...document.querySelectorAll('.share')].map((e) => e.textContent)"
    assert browser.evaluate(shares) == ["25 %", "75 %"]


def test_many_faces(browser: Browser, serve: Serve) -> None:
    """A crowd has a box each, and a card for the first twelve."""
    served = serve()
    scores = {"happy": 1.0, "sad": 0.0, "surprise": 0.0, "neutral": 0.0}
    crowd = tuple(Face(k, Box(k, 5.0, 3.0, 3.0), scores, "") for k in range(50, 0, -1))
    browser.look_like(_PHONE, 900)
    browser.open(served.url)
    with filming(served, faces=crowd):
        browser.until("document.querySelectorAll('.box').length === 50")
    assert browser.evaluate("document.querySelectorAll('.face').length") == 12
    first = browser.evaluate("document.querySelector('.face h3 small').textContent")
    assert first == "face 1"
    assert browser.evaluate("document.querySelector('#nobody').textContent") == (
        "and 38 more"
    )
    assert browser.evaluate("document.documentElement.scrollWidth") == _PHONE


def test_events(browser: Browser, serve: Serve) -> None:
    """A line an episode, the newest above; what has ended tells how long it was."""
    served = serve()
    browser.open(served.url)
    browser.until("document.querySelector('#link').textContent === 'live'")
    later = datetime(2026, 1, 1, 13, tzinfo=UTC)
    served.web.publish(make_event(1))
    served.web.publish(
        make_event(2, track=4, emotion="uncertain", started_at=later, at=later)
    )
    browser.until("document.querySelectorAll('#events li').length === 2")
    assert browser.evaluate(_LINES) == [
        ["uncertain face 4", "now"],
        ["happy face 1", "now"],
    ]
    end = make_event(1, type=EventType.END, ended_at=later, dwell_seconds=75.0)
    served.web.publish(dataclasses.replace(end, seq=3))
    browser.until("document.querySelectorAll('.lasting').length === 1")
    lines = browser.evaluate(_LINES)
    assert lines == [["uncertain face 4", "now"], ["happy face 1", "1 min 15 s"]]
    spoken = browser.evaluate("document.getElementById('heard').textContent")
    assert spoken == "Face 1: happy"


_LINES = (
    "[...document.querySelectorAll('#events li')].map((line) =>"
    " [line.children[1].textContent, line.children[2].textContent])"
)


def test_problems(browser: Browser, serve: Serve, tmp_path: Path) -> None:
    """They stand above all else, in words."""
    served = serve(make_status(frame_age_seconds=99.0))
    browser.open(served.url)
    browser.until("document.querySelector('#health').textContent === '1 problem'")
    assert browser.evaluate("document.querySelector('#findings').innerText.trim()") == (
        "camera: no frame for 99 s; allowed is 30 s"
    )
    browser.picture(tmp_path / "page.png")
    for text, ratio in browser.evaluate(_CONTRASTS):
        assert ratio >= 4.5, text
    state = "document.querySelector('#empty').textContent"
    assert browser.evaluate(state) == "No frame for 1 min 39 s"
    served.status = make_status()
    browser.until("document.querySelector('#health').textContent === 'healthy'")
    assert browser.evaluate(state) == "Waiting for a frame"
    assert browser.evaluate("document.querySelector('#findings').hidden") is True


def test_detection_off(browser: Browser, serve: Serve) -> None:
    """What was seen last is not shown on as if it were now."""
    served = serve()
    face = Face(1, Box(8.0, 8.0, 24.0, 24.0), {"happy": 1.0, "sad": 0.0}, "happy")
    browser.open(served.url)
    with filming(served, faces=(face,)):
        browser.until("document.querySelectorAll('.box').length === 1")
    served.controls.detect = False
    browser.until("document.querySelectorAll('.box').length === 0")
    browser.until(
        "document.getElementById('empty').textContent === 'Detection is switched off'"
    )


def test_tab_in_the_background(browser: Browser, serve: Serve) -> None:
    """Nobody looks, so nothing is sent; in the foreground it goes on."""
    served = serve()
    browser.open(served.url)
    browser.until("document.querySelector('#link').textContent === 'live'")
    browser.evaluate(_TURN_TAB.format("true"))
    assert browser.evaluate("document.querySelector('#link').textContent") == "paused"
    browser.evaluate(_TURN_TAB.format("false"))
    browser.until("document.querySelector('#link').textContent === 'live'")
    assert browser.asked.count(f"{served.url}api/stream") == 2


_TURN_TAB = (
    "Object.defineProperty(document, 'hidden', {{value: {}, configurable: true}});"
    "document.dispatchEvent(new Event('visibilitychange'))"
)


def test_server_that_comes_back(browser: Browser, serve: Serve) -> None:
    """The page says that it lost touch, and finds back by itself."""
    first = serve()
    browser.open(first.url)
    browser.until("document.querySelector('#link').textContent === 'live'")
    first.web.close()
    browser.until("document.querySelector('#link').textContent === 'reconnecting'")
    assert browser.evaluate("document.getElementById('stage').className") == "stale"
    about = dataclasses.replace(make_status().about, camera="another")
    serve(make_status(about=about), port=first.web.port)
    browser.until("document.querySelector('#link').textContent === 'live'")
    browser.until("document.querySelector('#camera').textContent === 'another'")
    # That nobody answered for a while is the browser's own complaint.
    refused = [one for one in browser.complaints if "ERR_CONNECTION_REFUSED" in one]
    incomplete = [one for one in browser.complaints if "INCOMPLETE" in one]
    assert len(refused) + len(incomplete) == len(browser.complaints)
    browser.complaints.clear()


def test_names_that_are_no_text(browser: Browser, serve: Serve) -> None:
    """Whatever a camera is called is text to the page, never part of it."""
    name = "<img src=x onerror=document.title='mine'><b>door</b>"
    about = dataclasses.replace(make_status().about, camera=name)
    browser.open(serve(make_status(about=about)).url)
    browser.until("document.querySelector('#link').textContent === 'live'")
    assert browser.evaluate("document.querySelector('#camera').textContent") == name
    assert browser.evaluate("document.querySelector('#camera').children.length") == 0
    assert browser.evaluate("document.title") == f"{name} - fer-edge"


def test_script_from_elsewhere(browser: Browser, serve: Serve) -> None:
    """The policy holds: a script that got into the page would not run."""
    browser.open(serve().url)
    browser.evaluate(
        "document.body.append(Object.assign(document.createElement('script'),"
        " {textContent: 'window.mine = true'}))"
    )
    assert browser.evaluate("window.mine") is None
    assert any("Content Security Policy" in one for one in browser.complaints)
    browser.complaints.clear()


def test_login(browser: Browser, serve: Serve, token_file: str, tmp_path: Path) -> None:
    """A person without the token meets a form, and with it the page."""
    served = serve(token_file=token_file)
    browser.look_like(_PHONE, 600, dark=True)
    browser.open(served.url)
    browser.complaints.clear()  # a browser complains of each 401

    def enter(token: str) -> None:
        browser.evaluate(f"document.querySelector('#token').value = {token!r}")
        browser.evaluate("document.querySelector('button').click()")

    assert not _is_seen(browser, "#wrong")
    enter("not the token at all")
    browser.until("location.hash === '#wrong' && document.readyState === 'complete'")
    assert _is_seen(browser, "#wrong")
    browser.picture(tmp_path / "login.png")
    for text, ratio in browser.evaluate(_CONTRASTS):
        assert ratio >= 4.5, text
    enter(TOKEN)
    browser.until("document.querySelector('#link')?.textContent === 'live'")
    assert TOKEN not in browser.evaluate("document.cookie + location.href")
    browser.complaints.clear()


def _is_seen(browser: Browser, what: str) -> Any:
    return browser.evaluate(f"document.querySelector('{what}').offsetParent !== null")

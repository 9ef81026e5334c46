"""The README's pictures: how they are made."""

import subprocess
import sys
import xml.etree.ElementTree as ET
from pathlib import Path

import cv2

from browser import Browser
from fer_trainer.synthetic import Video, draw_video
from pictures import page, report
from recording import COLUMNS, ROWS, Line, shorten, svg

SVG = "{http://www.w3.org/2000/svg}"


def texts(content: str) -> list[str]:
    """Return the lines of a recording."""
    return [one.text or "" for one in ET.fromstring(content).iter(f"{SVG}text")]


def test_recorded_command(repository: Path, tmp_path: Path) -> None:
    """The command, and what it printed to both outputs, in order."""
    out = tmp_path / "recording.svg"
    script = "echo '<first> & \"second\"'; echo error >&2"
    subprocess.run(
        [
            sys.executable, repository / "docs" / "recording.py", "--out", out,
            "--", "sh", "-c", script,
        ],
        check=True,
        capture_output=True,
    )  # fmt: skip
    assert texts(out.read_text()) == [
        f"$ sh -c {script}",
        '<first> & "second"',
        "error",
    ]


def test_command_that_fails(repository: Path, tmp_path: Path) -> None:
    """Nothing is recorded of it."""
    out = tmp_path / "recording.svg"
    done = subprocess.run(
        [sys.executable, repository / "docs" / "recording.py", "--out", out, "false"],
        check=False,
        capture_output=True,
    )
    assert done.returncode != 0
    assert not out.exists()


def test_long_pause() -> None:
    """It is cut; the others stay."""
    lines = [Line("a", 0.0), Line("b", 0.25), Line("c", 60.25), Line("d", 60.5)]
    assert [line.second for line in shorten(lines, 1.0)] == [0.0, 0.25, 1.25, 1.5]


def test_long_line() -> None:
    """It ends in an ellipsis at the edge."""
    (shown,) = texts(svg([Line("x" * (COLUMNS + 1), 0.0)]))
    assert shown == "x" * (COLUMNS - 1) + "…"


def test_playing(tmp_path: Path) -> None:
    """Lines come when they were printed, and the last ones stay in sight."""
    lines = [Line(f"line {number}", float(number)) for number in range(ROWS + 4)]
    path = tmp_path / "recording.svg"
    path.write_text(svg([*lines, Line("late", 60.0)]))
    with Browser(tmp_path / "chromium") as browser:
        browser.open(path.as_uri())
        at = "document.getAnimations().forEach(a => {{a.pause(); a.currentTime = {}}})"
        seen = "getComputedStyle(document.getElementById('l{}')).opacity"
        top = "document.getElementById('l{}').getBoundingClientRect().top"
        browser.evaluate(at.format(45_000))
        assert browser.evaluate(seen.format(ROWS + 3)) == "1"
        assert browser.evaluate(seen.format(ROWS + 4)) == "0"
        assert browser.evaluate(top.format(0)) < 0
        browser.evaluate(at.format(61_000))
        assert browser.evaluate(seen.format(ROWS + 4)) == "1"
        browser.evaluate(at.format(0))
        assert browser.evaluate(top.format(0)) >= 0


def test_photographs(bundle: Path, tmp_path: Path) -> None:
    """The report is black on white, the page shows the face and its box."""
    program = Path(sys.executable).parent / "fer-edge"
    (tmp_path / "bundle").symlink_to(bundle)
    draw_video(tmp_path / "scene.avi", Video())
    with Browser(tmp_path / "chromium") as browser:
        report(browser, tmp_path / "bundle", tmp_path / "report.png")
        page(browser, program, tmp_path, tmp_path / "page.png")
    written = cv2.imread(str(tmp_path / "report.png"))
    assert written is not None
    assert (written > 250).mean() > 0.8
    assert (written < 60).mean() > 0.01
    shown = cv2.imread(str(tmp_path / "page.png"))
    assert shown is not None
    # The colour of `happy`, which is the box's and the bar's; the picture's grey.
    orange = cv2.inRange(shown, (0, 120, 200), (80, 180, 255))
    assert cv2.countNonZero(orange) > 500

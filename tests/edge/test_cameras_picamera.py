"""A Pi's camera: picamera2 itself, on the virtual camera that libcamera has."""

import importlib.util
import itertools
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import cv2
import numpy as np
import pytest

from fer_contract.manifest import BundleManifest, read_manifest
from fer_edge.cameras.drawn import Drawn
from fer_edge.cameras.opening import open_camera
from fer_edge.cameras.picamera import decode, taken_at, wishes
from fer_edge.cameras.settings import CameraSettings
from fer_edge.errors import CameraError
from fer_edge.models import RELEASED
from fer_edge.moment import Moment
from running_daemon import RunningDaemon
from virtual_pi_camera import VirtualPiCamera, missing

_NOW = Moment(1000.0, datetime(2024, 1, 1, tzinfo=UTC))

# BGR, and how far JPEG and NV12 may be off.
_RED, _BLUE = [0, 0, 255], [255, 0, 0]
_OFF = 6

_CONFIGURATION = """\
[camera]
source = "picamera:1"
width = 640
height = 480

[faces]
detector = "haar"

[law]
purpose = "testing"
"""

_HASTY = {
    "source": "picamera",
    "stall_seconds": 30.0,
    "first_retry_seconds": 0.1,
    "longest_retry_seconds": 0.2,
}


@pytest.fixture(scope="module")
def pi(made_once: Callable[[str, Callable[[Path], None]], Path]) -> VirtualPiCamera:
    """One camera looks at a wall, red on the left and blue on the right.

    The other one looks at a drawn face.
    """
    if lack := missing():
        pytest.skip(lack)
    wall = np.zeros((480, 640, 3), np.uint8)
    wall[:, :320], wall[:, 320:] = _RED, _BLUE
    pictures = [cv2.imencode(".jpg", wall)[1].tobytes(), Drawn.PATH.read_bytes()]
    return VirtualPiCamera(
        made_once("pi-camera", lambda out: VirtualPiCamera(out).set_up(pictures))
    )


def test_pi_camera(pi: VirtualPiCamera) -> None:
    """Frames are BGR, of the size asked for, in order, and nothing is said."""
    frames, said = pi.watch(_HASTY | {"width": 320, "height": 240})
    assert said == ""
    assert [frame["size"] for frame in frames] == [[320, 240]] * 3
    for frame in frames:
        assert frame["left"] == pytest.approx(_RED, abs=_OFF)
        assert frame["right"] == pytest.approx(_BLUE, abs=_OFF)
        assert frame["age"] >= 0.0
    assert all(a["taken"] < b["taken"] for a, b in itertools.pairwise(frames))


def test_grey_pi_camera_on_its_side(pi: VirtualPiCamera) -> None:
    """Brightness alone is taken, and turned."""
    asked = {"width": 640, "height": 480, "grey": True, "rotation": 90}
    frames, said = pi.watch(_HASTY | asked)
    assert said == ""
    assert [frame["size"] for frame in frames] == [[480, 640]] * 3
    # What was left is above now.
    assert frames[0]["top"] == pytest.approx([76] * 3, abs=_OFF)


def test_pi_camera_opened_twice_in_turn(pi: VirtualPiCamera) -> None:
    """Closed, it is free for the next."""
    frames, said = pi.watch(_HASTY, "again")
    assert said == ""
    assert len(frames) == 6


def test_pi_camera_in_use(pi: VirtualPiCamera) -> None:
    """Another user is named once, and waited for."""
    frames, said = pi.watch(_HASTY, "busy")
    assert len(frames) == 6
    ours = [line for line in said.splitlines() if line.startswith("picamera:0: ")]
    assert len(ours) == 2, said
    assert ours[0].endswith(
        "; does another program use it?; opening it again until frames come"
    )
    assert ours[1].startswith("picamera:0: frames again, after ")


def test_third_pi_camera_where_there_are_two(pi: VirtualPiCamera) -> None:
    """A camera that libcamera does not know is named, with how many it knows."""
    settings = {"source": "picamera:2", "give_up_seconds": 1.0}
    frames, said = pi.watch(_HASTY | settings)
    assert frames == []
    reason = "picamera:2: no such camera; libcamera knows 2, is it plugged in?"
    assert said.splitlines() == [
        f"{reason}; opening it again until frames come",
        f"3 {reason}; given up, 1 s without a frame",
    ]


def test_daemon_on_a_pi_camera(pi: VirtualPiCamera, tmp_path: Path) -> None:
    """The face before it is reported, with the released model, until it is stopped."""
    config = tmp_path / "fer-edge.toml"
    config.write_text(_CONFIGURATION)
    daemon = RunningDaemon(pi.fer_edge(tmp_path / "fer-edge"), config)
    try:
        daemon.wait_until(lambda: daemon.events)
        said = daemon.stop()
    finally:
        daemon.kill()
    assert "self-test passed; faces by haar; reading picamera:1; " in said[0]
    assert re.fullmatch(r"fer-edge: .* s, [1-9][\d,]* faces, 2 events", said[-1])
    new, end = daemon.events
    assert (new["type"], end["type"]) == ("new", "end")
    assert new["model"] == read_manifest(RELEASED, BundleManifest).name
    assert new["emotion"] == end["emotion"] == "happy"
    assert end["dwell_seconds"] > 0.0


@pytest.mark.skipif(
    importlib.util.find_spec("picamera2") is not None, reason="picamera2 is installed"
)
def test_without_picamera2() -> None:
    """How to get it is said at once."""
    with pytest.raises(CameraError) as caught:
        open_camera(CameraSettings(source="picamera"), _NOW.at)
    assert str(caught.value).startswith("picamera: picamera2 is not installed")
    assert "sudo apt install python3-picamera2" in str(caught.value)
    assert caught.value.exit_code == 2


def test_nothing_asked_for() -> None:
    """The format is what frames are; all else is left to picamera2."""
    assert wishes(CameraSettings(), ()) == {
        "main": {"format": "RGB888"},
        "controls": {},
    }


def test_everything_asked_for() -> None:
    """Grey, size and frame rate, which libcamera takes as a time in microseconds."""
    settings = CameraSettings(width=640, height=480, frames_per_second=15.0, grey=True)
    assert wishes(settings, ("FrameDurationLimits",)) == {
        "main": {"format": "YUV420", "size": (640, 480)},
        "controls": {"FrameDurationLimits": (66667, 66667)},
    }


def test_camera_without_a_frame_rate() -> None:
    """It is not asked for one, which would be an error."""
    settings = CameraSettings(frames_per_second=15.0)
    assert wishes(settings, ("Brightness",))["controls"] == {}


def _scene() -> np.ndarray:
    """uint8 (4, 8, 3): red, and blue on the right."""
    scene = np.full((4, 8, 3), _RED, np.uint8)
    scene[:, 4:] = _BLUE
    return scene


@pytest.mark.parametrize("padding", [0, 8])
def test_yuv(padding: int) -> None:
    """Colours are converted, and what fills the rows up is cut off."""
    scene = cv2.copyMakeBorder(_scene(), 0, 0, 0, padding, cv2.BORDER_REPLICATE)
    array = cv2.cvtColor(scene, cv2.COLOR_BGR2YUV_I420)
    colour = decode(array, "YUV420", (8, 4), grey=False)
    assert colour.shape == (4, 8, 3)
    assert np.abs(colour.astype(int) - _scene()).max() <= _OFF
    grey = decode(array, "YUV420", (8, 4), grey=True)
    assert grey.shape == (4, 8)
    assert np.array_equal(grey, array[:4, :8])


@pytest.mark.parametrize(
    ("layout", "conversion"),
    [
        ("RGB888", None),
        ("BGR888", cv2.COLOR_BGR2RGB),
        ("XRGB8888", cv2.COLOR_BGR2BGRA),
        ("XBGR8888", cv2.COLOR_BGR2RGBA),
        ("MJPEG", cv2.COLOR_BGR2RGB),
    ],
)
def test_layouts(layout: str, conversion: int | None) -> None:
    """Whatever order the bytes have, blue comes first."""
    scene = _scene()
    array = scene if conversion is None else cv2.cvtColor(scene, conversion)
    assert np.array_equal(decode(array, layout, (8, 4), grey=False)[..., :3], scene)


def test_unknown_layout() -> None:
    """It is named, with those that are known."""
    with pytest.raises(CameraError, match=r"^picamera: pictures of SRGGB10; allowed"):
        decode(np.zeros((4, 8), np.uint8), "SRGGB10", (8, 4), grey=False)


@pytest.mark.parametrize(
    ("stamp", "age"),
    [
        (None, 0.0),
        (10_000_000_000, 0.0),
        (9_900_000_000, 0.1),
        (5_000_000_000, 5.0),
        (4_900_000_000, 0.0),
        (10_000_000_001, 0.0),
    ],
)
def test_time_of_a_picture(stamp: int | None, age: float) -> None:
    """It is the sensor's, unless that is of another clock or of none."""
    taken = taken_at(stamp, 10_000_000_000, _NOW)
    assert taken.seconds == pytest.approx(_NOW.seconds - age)
    assert taken.at == _NOW.at - timedelta(seconds=age)

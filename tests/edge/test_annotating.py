"""A recording with what was seen in it drawn on."""

import resource
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import cv2
import numpy as np
import pytest

from fer_contract.preprocess import Box, Pixels
from fer_edge.annotating import annotated, open_annotator
from fer_edge.cameras import Frame
from fer_edge.errors import CameraError, OutputError
from fer_edge.loop import Turn
from fer_edge.moment import Moment
from fer_edge.pipeline import Face, Processed

_START = datetime(2024, 1, 1, tzinfo=UTC)
_GREY = 90


def _turn(seconds: float, pixels: Pixels, faces: tuple[Face, ...] = ()) -> Turn:
    moment = Moment(seconds, _START + timedelta(seconds=seconds))
    return Turn(Frame(pixels, moment), Processed((), faces), {}, 0.0)


def _grey(height: int = 240, width: int = 320) -> Pixels:
    return np.full((height, width, 3), _GREY, np.uint8)


def _face(box: Box, showing: str = "happy") -> Face:
    return Face(1, box, {"happy": 0.75, "sad": 0.25}, showing)


def _frames(path: Path) -> list[Pixels]:
    video = cv2.VideoCapture(str(path))
    found = []
    while (read := video.read())[0]:
        found.append(np.asarray(read[1], np.uint8))
    return found


def test_a_face_gets_a_box_and_a_bar_a_label() -> None:
    """Drawn round it and below it, on a copy; a longer bar for a higher score."""
    pixels = _grey()
    drawn = annotated(_turn(0.0, pixels, (_face(Box(100, 60, 80, 80)),)))
    assert (pixels == _GREY).all()
    changed = (drawn != _GREY).any(axis=2)
    assert changed[60, 100:180].all()
    assert changed[60:140, 180].all()
    assert not changed[70:130, 110:170].any()
    # Behind the words: three quarters and one quarter of 80 pixels.
    happy, sad = drawn[143:153, 100:180], drawn[157:167, 100:180]
    white = [int((part.min(axis=2) == 255).any(axis=0).nonzero()[0].max())
             for part in (happy, sad)]  # fmt: skip
    assert white[0] >= 59
    assert (happy[:, -12:] != 255).any()


@pytest.mark.parametrize(
    "box",
    [Box(-40, -40, 90, 90), Box(300, 220, 90, 90), Box(-500, -500, 2000, 2000)],
)
def test_a_face_over_the_border(box: Box) -> None:
    """Drawn as far as there is frame."""
    drawn = annotated(_turn(0.0, _grey(), (_face(box, ""),)))
    assert drawn.shape == (240, 320, 3)


def test_a_video_keeps_the_pace_of_the_recording(tmp_path: Path) -> None:
    """Every frame, as many a second as were recorded."""
    path = tmp_path / "seen.avi"
    with open_annotator(path) as annotator:
        for index in range(7):
            annotator(_turn(index * 0.04, _grey()))
    assert len(_frames(path)) == 7
    assert cv2.VideoCapture(str(path)).get(cv2.CAP_PROP_FPS) == pytest.approx(25.0)


@pytest.mark.parametrize("count", [0, 1])
def test_a_recording_of_hardly_a_frame(tmp_path: Path, count: int) -> None:
    """One frame is a video; none leaves no file."""
    path = tmp_path / "seen.avi"
    with open_annotator(path) as annotator:
        for _ in range(count):
            annotator(_turn(0.0, _grey()))
    assert path.exists() == bool(count)
    if count:
        assert len(_frames(path)) == count


def test_frames_of_changing_size(tmp_path: Path) -> None:
    """The first decides what the video's is; none is lost."""
    path = tmp_path / "seen.avi"
    with open_annotator(path) as annotator:
        for index, size in enumerate([(240, 320), (480, 640), (100, 90)]):
            annotator(_turn(0.1 * index, _grey(*size)))
    assert [frame.shape for frame in _frames(path)] == [(240, 320, 3)] * 3


def test_a_folder_gets_a_picture_for_each_picture(tmp_path: Path) -> None:
    """Each is shown for many frames, and is written as it was seen at last."""
    path = tmp_path / "seen"
    first, second = _grey(), _grey()
    face = _face(Box(100, 60, 80, 80))
    with open_annotator(path) as annotator:
        for index in range(3):
            annotator(_turn(0.1 * index, first, (face,) if index == 2 else ()))
        annotator(_turn(5.0, second))
    names = sorted(file.name for file in path.iterdir())
    assert names == ["000000.jpg", "000001.jpg"]
    pictures = [cv2.imread(str(path / name)) for name in names]
    deviations = [float(np.asarray(picture).std()) for picture in pictures]
    assert deviations[0] > 5 > deviations[1]


@pytest.mark.parametrize("count", [0, 1, 2])
def test_a_folder_with_a_damaged_picture(tmp_path: Path, count: int) -> None:
    """Those before it are there; if there is none, no folder is left in the way."""
    path = tmp_path / "seen"

    def fail() -> None:
        with open_annotator(path) as annotator:
            for index in range(count):
                annotator(_turn(7.0 * index, _grey()))
            raise CameraError("c.png: damaged")

    with pytest.raises(CameraError):
        fail()
    assert path.exists() == bool(count)
    assert len(list(path.glob("*.jpg"))) == count


@pytest.mark.parametrize("name", ["seen.mp4", "seen.MKV", "seen.jpg"])
def test_a_file_of_another_kind(tmp_path: Path, name: str) -> None:
    """Refused; no folder of that name comes to be."""
    path = tmp_path / name
    with pytest.raises(OutputError) as caught:
        open_annotator(path)
    assert str(caught.value) == (
        f"{path}: a video whose name ends with .avi is written, or a folder"
    )
    assert not path.exists()


@pytest.mark.parametrize("name", ["seen.avi", "seen"])
def test_something_is_there_already(tmp_path: Path, name: str) -> None:
    """One line, and it stays as it is."""
    path = tmp_path / name
    path.write_text("mine")
    with pytest.raises(OutputError, match="already there; name a new one"):
        open_annotator(path)
    assert path.read_text() == "mine"


@pytest.mark.parametrize("name", ["seen.avi", "seen"])
def test_where_nothing_can_be_written(tmp_path: Path, name: str) -> None:
    """One line that names the file."""
    (tmp_path / "file").write_text("")
    path = tmp_path / "file" / name
    with pytest.raises(OutputError, match=f"{path}: Not a directory"):
        open_annotator(path)


@contextmanager
def _small_disk(limit: int) -> Iterator[None]:
    """Let no file grow beyond a limit, as on a disk that is full."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    usual = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, usual)


@pytest.mark.parametrize(
    ("name", "says"),
    [("seen.avi", "frames could be written; is the disk full?"), ("seen", "File too")],
)
def test_a_full_disk(tmp_path: Path, name: str, says: str) -> None:
    """One line instead of a file that lacks frames."""
    noise = np.random.default_rng(0).integers(0, 256, (240, 320, 3), np.uint8)

    def write() -> None:
        with open_annotator(tmp_path / name) as annotator:
            for index in range(20):
                annotator(_turn(0.1 * index, noise.copy()))

    with _small_disk(20_000), pytest.raises(OutputError, match=says):
        write()

"""Where the faces are, as FER2013 would have cut them."""

import hashlib
import os
import shutil
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fer_contract.errors import DigestError, FerError
from fer_contract.preprocess import Box, Pixels
from fer_edge.detectors import Detector, DetectorSettings, make_detector
from fer_edge.detectors.framing import neighbourhood, smaller
from fer_edge.detectors.haar import HaarDetector
from fer_edge.detectors.yunet import YuNetDetector
from fer_trainer.synthetic import Square


@pytest.fixture(scope="module")
def yunet_model(shared: Path) -> Path:
    """The model of OpenCV's zoo."""
    return shared / "models" / "face_detection_yunet_2023mar.onnx"


@pytest.fixture(
    scope="module",
    params=[("haar", 480), ("haar", 4096), ("yunet", 480), ("yunet", 4096)],
)
def detector(request: pytest.FixtureRequest) -> Detector:
    """Each of the two, for faces from 48 pixels, in a smaller or the whole frame."""
    name, longest = request.param
    if name == "haar":
        return HaarDetector(48, longest)
    return YuNetDetector(request.getfixturevalue("yunet_model"), 48, longest)


@pytest.fixture
def fetched(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, yunet_model: Path) -> Path:
    """A state folder in which the model lies."""
    monkeypatch.setenv("STATE_DIRECTORY", str(tmp_path))
    return Path(shutil.copy(yunet_model, tmp_path))


def _check_square(box: Box, square: Square, size: float = 0.15) -> None:
    """A box is where the face was drawn, in measures of its side."""
    x, y, side = square
    assert box.width == box.height == pytest.approx(side, rel=size)
    assert box.x + box.width / 2 == pytest.approx(x + side / 2, abs=0.1 * side)
    assert box.y + box.height / 2 == pytest.approx(y + side / 2, abs=0.1 * side)


def test_drawn_face(detector: Detector, scene: tuple[Pixels, Square]) -> None:
    """The one face of a drawn scene is found where it was drawn."""
    frame, square = scene
    (box,) = detector.detect(frame)
    _check_square(box, square)


def test_drawn_face_enlarged(detector: Detector, scene: tuple[Pixels, Square]) -> None:
    """The boxes are in pixels of the frame, whatever its size."""
    frame, (x, y, side) = scene
    twice = cv2.resize(frame, (1280, 960), interpolation=cv2.INTER_CUBIC)
    (box,) = detector.detect(np.asarray(twice, np.uint8))
    _check_square(box, (2 * x, 2 * y, 2 * side))


def test_frames_of_two_sizes(detector: Detector, scene: tuple[Pixels, Square]) -> None:
    """A frame of another size does not spoil the next one."""
    frame, square = scene
    detector.detect(np.zeros((100, 100, 3), np.uint8))
    (box,) = detector.detect(frame)
    _check_square(box, square)


@pytest.mark.parametrize("size", [(480, 640), (1, 1), (31, 31), (33, 300)], ids=str)
def test_black_frame(detector: Detector, size: tuple[int, int]) -> None:
    """In the dark there is no face, nor in a frame that is too small for one."""
    assert detector.detect(np.zeros((*size, 3), np.uint8)) == []


def test_frames_of_a_few_rows(detector: Detector) -> None:
    """In a strip too narrow for a face none is found, one strip after the other."""
    for rows in (1, 7, 16, 31, 32) * 8:
        for columns in (200, 300):
            strip = np.zeros((rows, columns, 3), np.uint8)
            assert detector.detect(strip) == []
            assert detector.detect(strip.transpose(1, 0, 2).copy()) == []


@pytest.mark.parametrize("name", ["haar", "yunet"])
def test_face_below_the_smallest(
    name: str, request: pytest.FixtureRequest, scene: tuple[Pixels, Square]
) -> None:
    """A face smaller than min_face_pixels does not count."""
    frame, (_, _, side) = scene
    settings = DetectorSettings(detector=name, min_face_pixels=round(1.6 * side))
    if name == "yunet":
        model = str(request.getfixturevalue("yunet_model"))
        settings = DetectorSettings(name, model, round(1.6 * side))
    assert make_detector(settings).detect(frame) == []


@pytest.mark.parametrize("longest", [512, 256])
def test_photograph_with_four_faces(
    shared: Path, yunet_model: Path, longest: int
) -> None:
    """YuNet finds the four faces of a photograph, turned and half covered ones too."""
    photograph = cv2.imread(str(shared / "images" / "face.jpg"))
    assert photograph is not None
    detector = YuNetDetector(yunet_model, 48, longest)
    boxes = detector.detect(np.asarray(photograph, np.uint8))
    height, width = photograph.shape[:2]
    assert len(boxes) == 4
    for box in boxes:
        assert 0 < box.x + box.width / 2 < width
        assert 0 < box.y + box.height / 2 < height


def test_smallest_face_in_a_smaller_frame(shared: Path, yunet_model: Path) -> None:
    """However few pixels are asked for, a face of min_face_pixels is still found."""
    photograph = cv2.imread(str(shared / "images" / "face.jpg"))
    assert photograph is not None
    whole = YuNetDetector(yunet_model, 50, 4096).detect(np.asarray(photograph))
    least = YuNetDetector(yunet_model, 50, 64).detect(np.asarray(photograph))
    assert len(whole) == len(least) == 4


# ------------------------------------------------------------------------- their frame


@pytest.mark.parametrize(
    ("size", "longest", "least_scale", "expected"),
    [
        ((480, 640), 640, 0.0, (480, 640)),
        ((480, 640), 1000, 0.0, (480, 640)),
        ((480, 640), 320, 0.0, (240, 320)),
        ((640, 480), 320, 0.0, (320, 240)),
        ((480, 640), 320, 0.75, (360, 480)),
        ((480, 640), 320, 2.0, (480, 640)),
        ((100, 1000), 100, 0.0, (33, 330)),
        ((20, 1000), 100, 0.0, (20, 1000)),
    ],
)
def test_smaller_frame(
    size: tuple[int, int],
    longest: int,
    least_scale: float,
    expected: tuple[int, int],
) -> None:
    """It has the pixels asked for, unless a face or the frame would be too small."""
    frame, scale = smaller(
        np.zeros((*size, 3), np.uint8), longest, least_scale, least_side=33
    )
    assert frame.shape == (*expected, 3)
    assert scale == pytest.approx(expected[1] / size[1])


@given(
    height=st.integers(1, 300),
    width=st.integers(1, 300),
    longest=st.integers(1, 400),
    least_scale=st.floats(0.0, 2.0),
)
def test_any_smaller_frame(
    height: int, width: int, longest: int, least_scale: float
) -> None:
    """It is never larger, and the bounds of size and scale hold to the pixel."""
    pixels = np.zeros((height, width, 3), np.uint8)
    frame, scale = smaller(pixels, longest, least_scale, least_side=33)
    assert min(least_scale, 1.0) <= scale <= 1.0
    assert frame.shape[0] <= height
    assert frame.shape[1] <= width
    assert min(frame.shape[:2]) >= min(height, width, 33)
    bound = max(longest, max(height, width) * max(least_scale, 33 / min(height, width)))
    assert max(frame.shape[:2]) <= bound + 1


def test_neighbourhood() -> None:
    """A face is in the middle half of it, and its boxes lead back to the frame."""
    frame = np.zeros((480, 640, 3), np.uint8)
    for side in (30, 80, 100, 200, 333):
        frame[:] = 0
        frame[100 : 100 + side, 150 : 150 + side] = 255
        view = neighbourhood(frame, Box(150.0, 100.0, side, side), 160)
        assert view.pixels.shape == (160, 160, 3)
        rows, columns = np.nonzero(view.pixels[..., 0] > 127)
        extent = rows.max() + 1 - rows.min()
        back = view.square(
            (columns.min() + columns.max() + 1) / 2,
            (rows.min() + rows.max() + 1) / 2,
            float(extent),
        )
        assert extent == pytest.approx(80, rel=0.25)
        assert back.x == pytest.approx(150.0, abs=0.03 * side)
        assert back.y == pytest.approx(100.0, abs=0.03 * side)
        assert back.width == pytest.approx(side, rel=0.05)


@given(
    x=st.floats(-900.0, 900.0),
    y=st.floats(-900.0, 900.0),
    side=st.floats(1.0, 1500.0),
    height=st.integers(1, 200),
    width=st.integers(1, 200),
)
def test_any_neighbourhood(
    x: float, y: float, side: float, height: int, width: int
) -> None:
    """It has its size wherever the face is expected, black where no frame is."""
    frame = np.full((height, width, 3), 255, np.uint8)
    view = neighbourhood(frame, Box(x, y, side, side), 64)
    assert view.pixels.shape == (64, 64, 3)
    apart = x > width + side or y > height + side or max(x, y) < -2.0 * side
    assert not apart or not view.pixels.any()


# ------------------------------------------------------------------------ near a face


@pytest.mark.parametrize("shift", [-0.3, 0.0, 0.3])
@pytest.mark.parametrize("growth", [0.8, 1.0, 1.25])
def test_near_a_drawn_face(
    detector: Detector, scene: tuple[Pixels, Square], shift: float, growth: float
) -> None:
    """A face is found that has moved, come nearer or gone farther away."""
    frame, square = scene
    x, y, side = square
    expected = Box(x + shift * side, y - shift * side, growth * side, growth * side)
    (box,) = detector.near(frame, expected)
    _check_square(box, square, size=0.2)


def test_near_the_border(detector: Detector, scene: tuple[Pixels, Square]) -> None:
    """A face is found where its neighbourhood ends with the frame."""
    frame, (x, y, side) = scene
    left, top = int(x - 0.1 * side), int(y - 0.1 * side)
    cut = np.ascontiguousarray(frame[top:, left:])
    (box,) = detector.near(cut, Box(x - left, y - top, side, side))
    _check_square(box, (x - left, y - top, side))


def test_near_nothing(detector: Detector, scene: tuple[Pixels, Square]) -> None:
    """Where no face is none is found, nor outside of the frame."""
    frame, (x, y, side) = scene
    black = np.zeros_like(frame)
    assert detector.near(black, Box(x, y, side, side)) == []
    assert detector.near(frame, Box(5000.0, 5000.0, side, side)) == []
    assert detector.near(frame[:1, :1], Box(0.0, 0.0, side, side)) == []


# --------------------------------------------------------------------- which of the two


def test_auto_without_a_model() -> None:
    """Without a YuNet model, auto is Haar."""
    assert make_detector(DetectorSettings()).name == "haar"


def test_auto_with_a_model(yunet_model: Path) -> None:
    """With a YuNet model, auto is YuNet; haar stays haar."""
    assert make_detector(DetectorSettings("auto", str(yunet_model))).name == "yunet"
    assert make_detector(DetectorSettings("haar", str(yunet_model))).name == "haar"


@pytest.mark.usefixtures("fetched")
def test_fetched_model() -> None:
    """The fetched model serves auto and yunet; haar stays haar."""
    for detector, expected in (("auto", "yunet"), ("yunet", "yunet"), ("haar", "haar")):
        assert make_detector(DetectorSettings(detector)).name == expected


def test_fetched_model_that_is_damaged(fetched: Path) -> None:
    """It is refused, not quietly replaced by Haar; but haar does not care."""
    content = bytearray(fetched.read_bytes())
    content[100_000] ^= 1
    fetched.write_bytes(content)
    for detector in ("auto", "yunet"):
        with pytest.raises(DigestError) as caught:
            make_detector(DetectorSettings(detector))
        assert str(caught.value).startswith(f"faces.yunet_model: {fetched}: 232,589 ")
        assert str(caught.value).endswith("; fer-edge models fetch-detector")
    assert make_detector(DetectorSettings("haar")).name == "haar"


def test_yunet_without_a_model(state_directory: Path) -> None:
    """The missing file and the command that fetches it are named."""
    with pytest.raises(FerError) as caught:
        make_detector(DetectorSettings("yunet"))
    assert str(caught.value) == (
        "faces.yunet_model: empty, and "
        f"{state_directory / 'face_detection_yunet_2023mar.onnx'} is missing; "
        "fer-edge models fetch-detector"
    )


def test_name_that_is_not_utf8(tmp_path: Path, yunet_model: Path) -> None:
    """A good model is refused under a name of which OpenCV would die."""
    path = tmp_path / os.fsdecode(b"\xff.onnx")
    shutil.copyfile(yunet_model, path)
    with pytest.raises(FerError, match=r"^faces\.yunet_model: .*: the name is not UTF"):
        make_detector(DetectorSettings("auto", str(path)))


@pytest.mark.parametrize("name", ["model.onnx", "model", "model.tflite"])
def test_another_file(tmp_path: Path, name: str) -> None:
    """A file that is not the one wanted is refused before OpenCV reads it."""
    path = tmp_path / name
    path.write_bytes(b"no network")
    with pytest.raises(DigestError) as caught:
        make_detector(DetectorSettings("auto", str(path)))
    assert str(caught.value) == (
        f"faces.yunet_model: {path}: 10 bytes with SHA-256 "
        f"{hashlib.sha256(b'no network').hexdigest()[:12]}…; "
        "face_detection_yunet_2023mar.onnx has 232,589 with 8f2383e4dd3c…"
    )


@pytest.mark.parametrize("name", ["model.onnx", "model", "model.tflite"])
def test_garbage_model(tmp_path: Path, name: str) -> None:
    """What OpenCV cannot read as YuNet is named in one line."""
    path = tmp_path / name
    path.write_bytes(b"no network")
    with pytest.raises(FerError) as caught:
        YuNetDetector(path, 48, 480)
    assert str(caught.value) == (
        f"faces.yunet_model: {path}: OpenCV cannot read it as YuNet"
    )


def test_missing_model(tmp_path: Path) -> None:
    """A file that is not there is named, and so is a folder."""
    for path in (tmp_path / "model.onnx", tmp_path):
        with pytest.raises(FerError) as caught:
            make_detector(DetectorSettings("auto", str(path)))
        assert str(caught.value) == f"faces.yunet_model: {path}: no such file"

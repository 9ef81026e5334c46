"""Where the faces are, as FER2013 would have cut them."""

import os
import shutil
from pathlib import Path

import cv2
import numpy as np
import pytest

from fer_contract.errors import FerError
from fer_contract.preprocess import Box, Pixels
from fer_edge.detectors import (
    Detector,
    DetectorSettings,
    HaarDetector,
    YuNetDetector,
    make_detector,
)
from fer_trainer.synthetic import Square


@pytest.fixture(scope="module")
def yunet_model(shared: Path) -> Path:
    """The model of OpenCV's zoo."""
    return shared / "models" / "face_detection_yunet_2023mar.onnx"


@pytest.fixture(scope="module", params=["haar", "yunet"])
def detector(request: pytest.FixtureRequest) -> Detector:
    """Each of the two, for faces from 48 pixels."""
    if request.param == "haar":
        return HaarDetector(48)
    return YuNetDetector(request.getfixturevalue("yunet_model"), 48)


def _check_square(box: Box, square: Square) -> None:
    """A box is where the face was drawn, in measures of its side."""
    x, y, side = square
    assert box.width == box.height == pytest.approx(side, rel=0.15)
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


def test_photograph_with_four_faces(shared: Path, yunet_model: Path) -> None:
    """YuNet finds the four faces of a photograph, turned and half covered ones too."""
    photograph = cv2.imread(str(shared / "images" / "face.jpg"))
    assert photograph is not None
    boxes = YuNetDetector(yunet_model, 48).detect(np.asarray(photograph, np.uint8))
    height, width = photograph.shape[:2]
    assert len(boxes) == 4
    for box in boxes:
        assert 0 < box.x + box.width / 2 < width
        assert 0 < box.y + box.height / 2 < height


def test_auto_without_a_model() -> None:
    """Without a YuNet model, auto is Haar."""
    assert make_detector(DetectorSettings()).name == "haar"


def test_auto_with_a_model(yunet_model: Path) -> None:
    """With a YuNet model, auto is YuNet; haar stays haar."""
    assert make_detector(DetectorSettings("auto", str(yunet_model))).name == "yunet"
    assert make_detector(DetectorSettings("haar", str(yunet_model))).name == "haar"


def test_name_that_is_not_utf8(tmp_path: Path, yunet_model: Path) -> None:
    """A good model is refused under a name of which OpenCV would die."""
    path = tmp_path / os.fsdecode(b"\xff.onnx")
    shutil.copyfile(yunet_model, path)
    with pytest.raises(FerError, match=r"^faces\.yunet_model: .*: the name is not UTF"):
        make_detector(DetectorSettings("auto", str(path)))


@pytest.mark.parametrize("name", ["model.onnx", "model", "model.tflite"])
def test_garbage_model(tmp_path: Path, name: str) -> None:
    """A file that is no YuNet is named in one line."""
    path = tmp_path / name
    path.write_bytes(b"no network")
    with pytest.raises(FerError) as caught:
        make_detector(DetectorSettings("auto", str(path)))
    assert str(caught.value) == (
        f"faces.yunet_model: {path}: OpenCV cannot read it as YuNet"
    )


def test_missing_model(tmp_path: Path) -> None:
    """A file that is not there is named, and so is a folder."""
    for path in (tmp_path / "model.onnx", tmp_path):
        with pytest.raises(FerError) as caught:
            make_detector(DetectorSettings("auto", str(path)))
        assert str(caught.value) == f"faces.yunet_model: {path}: no such file"

"""The drawn faces: reproducible, complete, and faces to the detectors as well."""

import hashlib
from itertools import pairwise
from pathlib import Path

import cv2
import cv2.data
import numpy as np
import numpy.typing as npt
import pytest

from fer_contract.errors import DataError
from fer_trainer.synthetic import (
    EMOTIONS,
    Act,
    Expression,
    Person,
    Square,
    Video,
    View,
    data_set_face,
    draw_face,
    draw_scene,
    draw_video,
    write_data_set,
)

_YUNET = (
    Path(__file__).resolve().parents[3]
    / "shared"
    / "models"
    / "face_detection_yunet_2023mar.onnx"
)
Frame = npt.NDArray[np.uint8]


def _digests(folder: Path) -> dict[str, str]:
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(
            path.read_bytes()
        ).hexdigest()
        for path in sorted(folder.rglob("*.png"))
    }


def _scene(emotion: str, seed: int) -> tuple[Frame, list[Square]]:
    rng = np.random.default_rng(seed)
    cast = [(Person.random(rng), Expression.of(emotion, rng)) for _ in range(2)]
    return draw_scene(cast, rng=rng)


def _found(squares: list[Square], boxes: list[tuple[float, ...]]) -> int:
    """Count the squares that have a box of about their size around their centre."""

    def same(square: Square, box: tuple[float, ...]) -> bool:
        x, y, side = square
        across = abs(box[0] + box[2] / 2.0 - x - side / 2.0)
        down = abs(box[1] + box[3] / 2.0 - y - side / 2.0)
        return max(across, down) < 0.2 * side and 0.7 < box[3] / side < 1.4

    return sum(any(same(square, box) for box in boxes) for square in squares)


def test_same_seed(tmp_path: Path) -> None:
    """The same seed writes the same bytes."""
    counts = {"train": 2, "test": 1}
    write_data_set(tmp_path / "a", counts, seed=3)
    write_data_set(tmp_path / "b", counts, seed=3)
    assert _digests(tmp_path / "a") == _digests(tmp_path / "b")


def test_another_seed(tmp_path: Path) -> None:
    """Another seed writes other faces, every one of them."""
    write_data_set(tmp_path / "a", {"train": 2}, seed=3)
    write_data_set(tmp_path / "b", {"train": 2}, seed=4)
    first, second = _digests(tmp_path / "a"), _digests(tmp_path / "b")
    assert first.keys() == second.keys()
    assert not set(first.values()) & set(second.values())


def test_more_faces_asked_for(tmp_path: Path) -> None:
    """A face does not depend on how many others, or which splits, are asked for."""
    write_data_set(tmp_path / "few", {"test": 1})
    write_data_set(tmp_path / "many", {"train": 1, "test": 3})
    few, many = _digests(tmp_path / "few"), _digests(tmp_path / "many")
    assert few.items() <= many.items()


def test_layout(tmp_path: Path) -> None:
    """Every split and class is written, no face twice, and the progress is told."""
    counts = {"train": 3, "validation": 2, "test": 1}
    told: list[tuple[int, int]] = []
    written = write_data_set(
        tmp_path, counts, progress=lambda done, total: told.append((done, total))
    )
    assert written == 24
    assert told == [(done, 24) for done in range(1, 25)]
    digests = _digests(tmp_path)
    assert set(digests) == {
        f"{split}/{emotion}/{index:05d}.png"
        for split, count in counts.items()
        for emotion in EMOTIONS
        for index in range(count)
    }
    assert len(set(digests.values())) == 24
    face = cv2.imread(str(tmp_path / "test/sad/00000.png"), cv2.IMREAD_UNCHANGED)
    assert face is not None
    assert np.array_equal(face, data_set_face(0, "test", "sad", 0))


def test_split_already_there(tmp_path: Path) -> None:
    """Faces of two data sets are never mixed in one folder."""
    write_data_set(tmp_path, {"test": 1})
    with pytest.raises(DataError, match="test: already there"):
        write_data_set(tmp_path, {"train": 1, "test": 1})
    assert not (tmp_path / "train").exists()


@pytest.mark.parametrize("size", [48, 64, 96])
def test_size_of_a_face(size: int) -> None:
    """A face is grey, of the size asked for, and uses the range of a camera."""
    rng = np.random.default_rng(0)
    face = draw_face(Person.random(rng), Expression.of("sad", rng), View(), size)
    assert face.dtype == np.uint8
    assert face.shape == (size, size)
    assert face.min() < 60
    assert face.max() > 150


def test_unknown_emotion() -> None:
    """An emotion that cannot be drawn is named, beside those that can."""
    with pytest.raises(ValueError, match="'angry'; one of happy, sad, surprise, neu"):
        Expression.of("angry", np.random.default_rng(0))


def test_blend_of_two_expressions() -> None:
    """A blend runs from the one expression to the other."""
    rng = np.random.default_rng(0)
    happy, sad = Expression.of("happy", rng), Expression.of("sad", rng)
    assert happy.blend(sad, 0.0) == happy
    half = happy.blend(sad, 0.5).mouth_curve
    assert half == pytest.approx((happy.mouth_curve + sad.mouth_curve) / 2.0)
    assert happy.blend(sad, 1.0).mouth_curve == pytest.approx(sad.mouth_curve)


def test_classes_differ() -> None:
    """The mean edges of each class alone name most of the faces of strangers."""

    def edges(seed: int, count: int) -> npt.NDArray[np.float64]:
        rng = np.random.default_rng(seed)
        rows = []
        for emotion in np.repeat(EMOTIONS, count):
            face = draw_face(Person.random(rng), Expression.of(emotion, rng), View())
            sharp = face - cv2.GaussianBlur(face.astype(np.float64), (0, 0), 2.0)
            rows.append(sharp.ravel() / sharp.std())
        return np.array(rows)

    means = edges(0, 30).reshape(len(EMOTIONS), 30, -1).mean(axis=1)
    means -= means.mean(axis=0)
    means /= np.linalg.norm(means, axis=1, keepdims=True)
    named = (edges(1, 15) @ means.T).argmax(axis=1)
    assert (named == np.repeat(np.arange(len(EMOTIONS)), 15)).mean() > 0.6


def test_scene() -> None:
    """A scene is a colour frame, and its squares lie in it from left to right."""
    frame, squares = _scene("happy", 0)
    assert frame.dtype == np.uint8
    assert frame.shape == (480, 640, 3)
    assert [side > 100.0 for _, _, side in squares] == [True, True]
    assert 0.0 < squares[0][0] < squares[1][0] < 640.0 - squares[1][2]
    again, _ = _scene("happy", 0)
    assert np.array_equal(frame, again)


@pytest.mark.parametrize("emotion", EMOTIONS)
def test_haar_in_a_scene(emotion: str) -> None:
    """OpenCV's cascade finds the drawn faces, whatever they show."""
    name = "haarcascade_frontalface_default.xml"
    cascade = cv2.CascadeClassifier(str(Path(cv2.data.haarcascades) / name))
    found = 0
    for seed in range(4):
        frame, squares = _scene(emotion, seed)
        boxes = cascade.detectMultiScale(
            cv2.cvtColor(frame, cv2.COLOR_BGR2GRAY),
            scaleFactor=1.1,
            minNeighbors=5,
            minSize=(60, 60),
        )
        found += _found(squares, [tuple(map(float, box)) for box in boxes])
    assert found >= 7


@pytest.mark.skipif(
    not _YUNET.exists(),
    reason=f"{_YUNET} is missing: get it from github.com/opencv/opencv_zoo, "
    "models/face_detection_yunet",
)
@pytest.mark.parametrize("emotion", EMOTIONS)
def test_yunet_in_a_scene(emotion: str) -> None:
    """YuNet finds the drawn faces, whatever they show."""
    detector = cv2.FaceDetectorYN.create(str(_YUNET), "", (640, 480), 0.7)
    found = 0
    for seed in range(4):
        frame, squares = _scene(emotion, seed)
        _, rows = detector.detect(frame)
        boxes = [] if rows is None else [tuple(map(float, row[:4])) for row in rows]
        found += _found(squares, boxes)
    assert found >= 7


def test_time_line() -> None:
    """For each person, the acts follow each other over the whole video."""
    video = Video(seed=5, seconds=17.0, persons=2)
    for person in range(2):
        acts = [act for act in video.time_line() if act.person == person]
        assert acts[0].start_seconds == 0.0
        assert acts[-1].end_seconds == 17.0
        for act, following in pairwise(acts):
            assert act.end_seconds == following.start_seconds
            assert act.emotion != following.emotion
        assert all(act.end_seconds - act.start_seconds > 2.0 for act in acts)
        assert {act.emotion for act in acts} <= set(EMOTIONS)


def test_video_shorter_than_an_act() -> None:
    """A short video has one act, as long as the video."""
    assert Video(seconds=1.0).time_line() == [Act(0.0, 1.0, 0, "neutral")]


def test_video_read_back(tmp_path: Path) -> None:
    """All frames of a video can be read, and look like those that were drawn."""
    video = Video(seed=1, seconds=1.2, width=320, height=240)
    path = tmp_path / "faces.avi"
    assert draw_video(path, video) == video.time_line()
    capture = cv2.VideoCapture(str(path))
    try:
        for frame in video.frames():
            read, back = capture.read()
            assert read
            assert back.shape == frame.shape
            assert np.abs(back.astype(int) - frame).mean() < 6.0
        assert not capture.read()[0]
        assert capture.get(cv2.CAP_PROP_FPS) == 10.0
    finally:
        capture.release()


def test_video_that_cannot_be_written(tmp_path: Path) -> None:
    """A video that cannot be written is an error that names the file."""
    with pytest.raises(DataError, match=r"faces\.avi: OpenCV cannot write"):
        draw_video(tmp_path / "missing" / "faces.avi", Video(seconds=0.2))


def test_video_on_a_full_disk(full_disk: Path) -> None:
    """A short video is an error that names the file, and does not stay."""
    path = full_disk / "faces.avi"
    with pytest.raises(DataError, match=r"faces\.avi: \d+ of 40 frames could be"):
        draw_video(path, Video(seconds=4.0))
    assert not path.exists()

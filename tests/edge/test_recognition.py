"""The public interface: a script of one's own, with any model."""

import re
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest

import fer_edge
from altered_bundles import change_manifest, released_as
from fer_contract.golden import Golden
from fer_contract.manifest import BundleManifest, read_manifest
from fer_contract.preprocess import InputSpec, Pixels, crop_face
from fer_edge import Box, FerError, RecognizedFace, Recognizer
from fer_edge.models import RELEASED
from fer_trainer.synthetic import Expression, Person, draw_scene


@pytest.fixture(scope="module")
def scene() -> Pixels:
    """Two drawn persons who smile, uint8 (480, 640, 3)."""
    rng = np.random.default_rng(2)
    cast = [(Person.random(rng), Expression.of("happy", rng)) for _ in range(2)]
    return draw_scene(cast, rng=rng)[0]


@pytest.fixture(scope="module")
def recognizer() -> Iterator[Recognizer]:
    """With the released model and the cascade."""
    with Recognizer(RELEASED, detector="haar") as made:
        yield made


@pytest.fixture(scope="module")
def example() -> str:
    """The script in the docstring of the package."""
    assert fer_edge.__doc__ is not None
    (block,) = re.findall(
        r"::\n\n((?:    .*\n|\n)+)", fer_edge.__doc__.split("own,")[1]
    )
    return textwrap.dedent(block)


def _python(*arguments: str | Path, cwd: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *arguments], capture_output=True, text=True, cwd=cwd
    )


def test_documented_script(example: str, scene: Pixels, tmp_path: Path) -> None:
    """It has ten lines at most, runs as it stands, and prints each face."""
    assert len(example.strip().splitlines()) <= 10
    (tmp_path / "BUNDLE").symlink_to(RELEASED)
    cv2.imwrite(str(tmp_path / "party.jpg"), scene)
    (tmp_path / "script.py").write_text(example)
    done = _python("-W", "error", "script.py", cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert len(done.stdout.splitlines()) == 2
    assert all(line.startswith("Box(") for line in done.stdout.splitlines())


def test_strictly_typed_script(example: str, repository: Path, tmp_path: Path) -> None:
    """Types of the public names are known where the package is installed."""
    script = tmp_path / "script.py"
    typed = """
        from fer_edge import RecognizedFace
        seen: list[RecognizedFace] = recognizer.recognize(frame)
        side: float = seen[0].box.width
        best: dict[str, float] = recognizer.classify(frame)
        reveal_type(recognizer.labels)
        recognizer.recognize("party.jpg")
    """
    # By OpenCV's own types there may be no picture.
    checked = example.replace("    for", "    assert frame is not None\n    for", 1)
    script.write_text(checked + textwrap.dedent(typed))
    done = subprocess.run(
        [sys.executable, "-m", "mypy", "--strict", script, "--cache-dir", tmp_path],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env={"MYPYPATH": f"{repository / 'edge'}:{repository / 'contract'}"},
    )
    assert 'Revealed type is "tuple[str, ...]"' in done.stdout.replace("builtins.", "")
    errors = [line for line in done.stdout.splitlines() if ": error:" in line]
    assert len(errors) == 1, done.stdout
    assert 'to "recognize" of "Recognizer" has incompatible type "str"' in errors[0]


def test_import_alone(tmp_path: Path) -> None:
    """It loads neither OpenCV nor numpy; all public names are listed and known."""
    program = """
        import sys, fer_edge
        heavy = {"cv2", "numpy", "ai_edge_litert"} & set(sys.modules)
        assert not heavy, heavy
        assert set(fer_edge.__all__) <= set(dir(fer_edge))
        from fer_edge import *
        assert Recognizer.__module__ == "fer_edge.recognition"
        assert issubclass(FerError, Exception) and __version__
        try:
            fer_edge.recogniser
        except AttributeError as mistake:
            print(mistake)
    """
    done = _python("-W", "error", "-c", textwrap.dedent(program), cwd=tmp_path)
    said = "module 'fer_edge' has no attribute 'recogniser'\n"
    assert (done.stdout, done.stderr) == (said, "")


def test_faces_of_a_picture(recognizer: Recognizer, scene: Pixels) -> None:
    """They come with box, emotion and scores, the largest first, as in the daemon."""
    faces = recognizer.recognize(scene)
    assert [face.box for face in faces] == recognizer.find_faces(scene)
    areas = [face.box.width * face.box.height for face in faces]
    assert len(faces) == 2
    assert areas == sorted(areas, reverse=True)
    for face in faces:
        assert isinstance(face, RecognizedFace)
        assert tuple(face.scores) == recognizer.labels
        assert sum(face.scores.values()) == pytest.approx(1.0)
        assert face.score == max(face.scores.values())
        certain = face.score >= recognizer.threshold
        best = max(face.scores, key=lambda label: face.scores[label])
        assert face.emotion == (best if certain else "uncertain")
        cut = crop_face(scene, face.box, recognizer.input)
        assert recognizer.classify(cut) == face.scores


def test_grey_pictures(recognizer: Recognizer, scene: Pixels) -> None:
    """They are as good as coloured ones, with or without a third dimension."""
    grey = np.asarray(cv2.cvtColor(scene, cv2.COLOR_BGR2GRAY), np.uint8)
    flat = recognizer.recognize(grey)
    assert len(flat) == 2
    assert recognizer.recognize(grey[:, :, np.newaxis]) == flat


def test_no_face(recognizer: Recognizer) -> None:
    """Nothing is found on a wall, nor in a single pixel."""
    for side in (1, 300):
        assert recognizer.recognize(np.full((side, side, 3), 90, np.uint8)) == []


def test_faces_cut_by_others(recognizer: Recognizer) -> None:
    """Of the model's size they stay as they are; others are brought to it."""
    golden = Golden.load(RELEASED / BundleManifest.GOLDEN)
    height, width, _ = recognizer.input.shape
    face = golden.faces[0]
    assert face.shape == (height, width, 1)
    scores = recognizer.classify(face)
    assert recognizer.classify(face[:, :, 0]) == scores
    twice = face.repeat(2, axis=0).repeat(2, axis=1)
    assert recognizer.classify(twice) == scores
    assert recognizer.classify(twice.repeat(3, axis=2)) == scores


def test_model_of_other_labels(tmp_path: Path) -> None:
    """Its labels are told; a threshold of its own decides what is uncertain."""
    bundle = released_as("own", tmp_path)
    labels = [f"label-{index}" for index in range(4)]
    change_manifest(bundle, labels=labels, threshold=1.0)
    with Recognizer(str(bundle), detector="haar") as recognizer:
        assert (recognizer.model, recognizer.labels) == ("own", tuple(labels))
        assert recognizer.input == InputSpec(48, 48, recognizer.input.margin)
        assert set(recognizer.classify(np.zeros((9, 9), np.uint8))) == set(labels)


def test_no_bundle_given(state_directory: Path) -> None:
    """Where none was installed, the released model answers."""
    assert not (state_directory / "models").exists()
    with Recognizer(detector="haar") as recognizer:
        assert recognizer.model == read_manifest(RELEASED, BundleManifest).name


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"detector": "mtcnn"}, "detector: 'mtcnn'; allowed are auto, yunet, haar"),
        ({"min_face_pixels": 3}, "min_face_pixels: 3; allowed is 16 to 2000"),
        ({"threads": 0}, "threads: 0; allowed is 1 to 64"),
        ({"threads": "two"}, "threads: 'two'; a whole number is wanted"),
        ({"edgetpu": "maybe"}, "edgetpu: 'maybe'; allowed are auto, on, off"),
        ({"yunet_model": "none.onnx"}, "faces.yunet_model: none.onnx: no such file"),
        ({"bundle": "nowhere"}, "nowhere: no such directory"),
    ],
)
def test_mistaken_options(options: dict[str, object], said: str) -> None:
    """One line names the option, what was seen, and what is allowed."""
    with pytest.raises(FerError) as refused:
        Recognizer(**options)  # type: ignore[arg-type]
    assert str(refused.value).startswith(said)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    "frame",
    [
        np.zeros((480, 640, 3), np.float32),
        np.zeros((480, 640, 4), np.uint8),
        np.zeros((1, 480, 640, 3), np.uint8),
        np.zeros((0, 640, 3), np.uint8),
        np.zeros((640,), np.uint8),
    ],
    ids=lambda frame: f"{frame.dtype} {frame.shape}",
)
def test_no_picture(recognizer: Recognizer, frame: Pixels) -> None:
    """The message shows what was received, whatever was asked for."""
    for ask in (recognizer.recognize, recognizer.find_faces, recognizer.classify):
        with pytest.raises(ValueError, match=re.escape(f"{frame.dtype} {frame.shape}")):
            ask(frame)


def test_unreadable_picture(recognizer: Recognizer) -> None:
    """What ``cv2.imread`` gives for one is named, and no traceback of OpenCV."""
    with pytest.raises(TypeError, match="a numpy array is wanted; received None"):
        recognizer.recognize(cv2.imread("nowhere.png"))  # type: ignore[arg-type]


def test_box_is_public() -> None:
    """The box of a face is the one that ``crop_face`` takes."""
    assert fer_edge.Box is Box

"""Golden vectors: what they prove, and how far they forgive."""

import dataclasses
import platform
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

import fer_contract.golden
from fer_contract.errors import ManifestError, RefusedError
from fer_contract.golden import Golden, crop_faces, make_golden
from fer_contract.preprocess import InputSpec, Pixels

Outputs = npt.NDArray[np.uint8]

_SPEC = InputSpec()
_HERE = platform.machine()


def _classify(face: Pixels) -> Outputs:
    """Classify by the mean of four strips, as 8-bit shares."""
    means = face.reshape(4, -1).astype(np.float64).mean(axis=1)
    return np.asarray(np.rint(means / means.sum() * 255), dtype=np.uint8)


def _off_by(steps: int) -> Callable[[Pixels], Outputs]:
    """Classify as ``_classify``, but one output ``steps`` steps higher."""

    def classify(face: Pixels) -> Outputs:
        outputs = _classify(face).astype(np.int64)
        outputs[1] += steps
        return outputs.astype(np.uint8)

    return classify


@pytest.fixture(scope="module")
def golden() -> Golden:
    """Vectors of the little classifier."""
    return make_golden(_SPEC, _classify, _classify, "tiny 1.0")


@pytest.fixture
def of_two() -> Golden:
    """Vectors of the same; its own kernels give each second output five steps more."""
    return make_golden(_SPEC, _classify, _off_by(5), "tiny 1.0")


@pytest.fixture
def saved(golden: Golden, tmp_path: Path) -> Path:
    """The same, as a file."""
    path = tmp_path / "golden.npz"
    golden.save(path)
    return path


def test_vectors_saved_and_loaded(golden: Golden, saved: Path) -> None:
    """They come back as they were and agree with what made them."""
    loaded = Golden.load(saved)

    loaded.check(_SPEC, _classify, "tiny 1.0", "golden.npz")
    for part in dataclasses.fields(Golden):
        before, after = getattr(golden, part.name), getattr(loaded, part.name)
        assert type(before) is type(after)
        assert np.array_equal(before, after)
        if part.name not in ("runtime", "machine"):
            assert before.dtype == after.dtype


def test_vectors_saved_twice(saved: Path, tmp_path: Path) -> None:
    """The same vectors make the same bytes."""
    again = tmp_path / "again.npz"
    make_golden(_SPEC, _classify, _classify, "tiny 1.0").save(again)

    assert saved.read_bytes() == again.read_bytes()


def test_faces_of_the_drawn_frame(golden: Golden) -> None:
    """They differ from each other, have structure and reach over the borders."""
    height, width = golden.frame.shape[:2]
    x, y, across, down = golden.boxes.T

    assert (len(golden.boxes), 48, 48, 1) == golden.faces.shape
    assert (len(golden.boxes), 4) == golden.outputs.shape
    assert len({face.tobytes() for face in golden.faces}) == len(golden.faces)
    assert all(face.std() > 5 for face in golden.faces)
    assert (x < 0).any()
    assert (x + across > width).any()
    assert (y + down > height).any()
    assert (np.maximum(across, down) < 48).any()
    assert (np.maximum(across, down) > 48).any()
    assert not np.array_equal(golden.frame[:, :, 0], golden.frame[:, :, 2])


@pytest.mark.parametrize("spec", [InputSpec(32, 40), InputSpec(margin=0.2)])
def test_another_input(spec: InputSpec) -> None:
    """Vectors are made for the model's own input."""
    golden = make_golden(spec, _classify, _classify, "tiny 1.0")

    assert spec.shape == golden.faces.shape[1:]
    golden.check(spec, _classify, "tiny 1.0", "golden.npz")


def test_one_pixel_of_a_face_changed(golden: Golden) -> None:
    """Pixels must agree exactly: one level of one pixel is refused."""
    faces = golden.faces.copy()
    faces[3, 20, 20, 0] ^= 1
    changed = dataclasses.replace(golden, faces=faces)

    with pytest.raises(RefusedError) as caught:
        changed.check(_SPEC, _classify, "tiny 1.0", "golden.npz")

    expected = "golden.npz: crop_face differs from the golden pixels by 1; 0 is allowed"
    assert str(caught.value).startswith(expected)
    assert caught.value.exit_code == 1


def test_frame_changed(golden: Golden) -> None:
    """Another frame gives other pixels."""
    changed = dataclasses.replace(golden, frame=255 - golden.frame)

    with pytest.raises(RefusedError, match="differs from the golden pixels"):
        changed.check(_SPEC, _classify, "tiny 1.0", "golden.npz")


@pytest.mark.parametrize("spec", [InputSpec(32, 32), InputSpec(margin=0.1)])
def test_checked_for_another_input(spec: InputSpec, golden: Golden) -> None:
    """Vectors made for another size or margin are refused."""
    with pytest.raises(RefusedError, match="differs from the golden pixels by"):
        golden.check(spec, _classify, "tiny 1.0", "golden.npz")


@pytest.mark.parametrize("steps", [1, 2, 50])
def test_same_runtime_with_other_outputs(steps: int, golden: Golden) -> None:
    """The same version on the same processor must agree exactly."""
    with pytest.raises(RefusedError) as caught:
        golden.check(_SPEC, _off_by(steps), "tiny 1.0", "golden.npz")

    expected = (
        f"golden.npz: tiny 1.0 on {_HERE} differs from the golden outputs "
        f"(tiny 1.0 on {_HERE}) by {steps} steps; 0 are allowed"
    )
    assert expected == str(caught.value)


@pytest.mark.parametrize("steps", [0, 1, 2])
def test_other_processor_within_two_steps(steps: int, golden: Golden) -> None:
    """LiteRT's softmax rounds another way on aarch64 than on x86-64."""
    elsewhere = dataclasses.replace(golden, machine="another")
    elsewhere.check(_SPEC, _off_by(steps), "tiny 1.0", "golden.npz")


def test_other_processor_beyond_two_steps(golden: Golden) -> None:
    """More than that is no rounding."""
    elsewhere = dataclasses.replace(golden, machine="another")
    with pytest.raises(RefusedError) as caught:
        elsewhere.check(_SPEC, _off_by(3), "tiny 1.0", "golden.npz")
    expected = (
        f"golden.npz: tiny 1.0 on {_HERE} differs from the golden outputs "
        "(tiny 1.0 on another) by 3 steps; 2 are allowed"
    )
    assert expected == str(caught.value)


@pytest.mark.parametrize("steps", [0, 1, 2])
def test_other_runtime_within_two_steps(steps: int, golden: Golden) -> None:
    """A kernel of another version may round another way."""
    golden.check(_SPEC, _off_by(steps), "tiny 1.1", "golden.npz")


@pytest.mark.parametrize("steps", [3, 50])
def test_other_runtime_beyond_two_steps(steps: int, golden: Golden) -> None:
    """More than two steps are refused, with figure and bound."""
    with pytest.raises(RefusedError) as caught:
        golden.check(_SPEC, _off_by(steps), "tiny 1.1", "golden.npz")

    expected = (
        f"golden.npz: tiny 1.1 on {_HERE} differs from the golden outputs "
        f"(tiny 1.0 on {_HERE}) by {steps} steps; 2 are allowed"
    )
    assert expected == str(caught.value)


@pytest.mark.parametrize("steps", [1, 2, 3])
def test_same_processor_that_litert_cannot_know(
    steps: int, golden: Golden, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without /proc it has other kernels, which round otherwise: two steps."""
    monkeypatch.setattr(fer_contract.golden, "_PROCESSOR", tmp_path / "cpuinfo")
    if steps <= 2:
        golden.check(_SPEC, _off_by(steps), "tiny 1.0", "golden.npz")
        return
    complaint = f"tiny 1.0 on {_HERE} without {tmp_path}/cpuinfo differs from .* by 3"
    with pytest.raises(RefusedError, match=complaint):
        golden.check(_SPEC, _off_by(steps), "tiny 1.0", "golden.npz")


def test_made_where_litert_cannot_know_the_processor(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its outputs are held exactly against another that cannot, and no further."""
    monkeypatch.setattr(fer_contract.golden, "_PROCESSOR", tmp_path / "cpuinfo")
    golden = make_golden(_SPEC, _classify, _classify, "tiny 1.0")
    with pytest.raises(RefusedError, match="by 1 steps; 0 are allowed"):
        golden.check(_SPEC, _off_by(1), "tiny 1.0", "golden.npz")
    monkeypatch.undo()
    golden.check(_SPEC, _off_by(1), "tiny 1.0", "golden.npz")


@pytest.mark.parametrize("steps", [1, 5])
def test_same_runtime_by_other_kernels(steps: int, of_two: Golden) -> None:
    """Where all is the same, what its own kernels would give is no excuse."""
    with pytest.raises(RefusedError, match=f"by {steps} steps; 0 are allowed"):
        of_two.check(_SPEC, _off_by(steps), "tiny 1.0", "golden.npz")


@pytest.mark.parametrize("steps", range(-2, 8))
def test_outputs_between_two_kernels(steps: int, of_two: Golden) -> None:
    """Between what the two give, and two steps beyond."""
    of_two.check(_SPEC, _off_by(steps), "tiny 1.1", "golden.npz")


@pytest.mark.parametrize(("steps", "off"), [(-3, 3), (8, 3), (30, 25)])
def test_outputs_beyond_both_kernels(steps: int, off: int, of_two: Golden) -> None:
    """How far beyond is told."""
    with pytest.raises(RefusedError, match=f"by {off} steps; 2 are allowed"):
        of_two.check(_SPEC, _off_by(steps), "tiny 1.1", "golden.npz")


def test_lower_outputs(golden: Golden) -> None:
    """A difference counts in both directions, without wrapping round."""
    higher = dataclasses.replace(
        golden, outputs=golden.outputs + np.uint8(3), plain=golden.plain + np.uint8(3)
    )

    with pytest.raises(RefusedError, match="by 3 steps"):
        higher.check(_SPEC, _classify, "tiny 1.1", "golden.npz")


def test_another_number_of_classes(golden: Golden) -> None:
    """A model with other outputs is refused."""
    with pytest.raises(RefusedError, match="by 255 steps"):
        golden.check(_SPEC, lambda face: _classify(face)[:3], "tiny 1.1", "golden.npz")


def test_faces_cropped_together(golden: Golden) -> None:
    """N boxes give N faces in their order."""
    faces = crop_faces(golden.frame, golden.boxes[::-1], _SPEC)

    assert np.array_equal(golden.faces[::-1], faces)


def _complaint(path: Path) -> str:
    with pytest.raises(ManifestError) as caught:
        Golden.load(path)
    assert len(str(caught.value).splitlines()) == 1
    return str(caught.value)


@pytest.mark.parametrize(
    "content",
    [b"", b"garbage", b"PK\x03\x04", b"\x93NUMPY\x01\0", b"\x80\x04N."],
    ids=["empty", "garbage", "zip mark", "npy mark", "pickle"],
)
def test_file_that_holds_no_vectors(content: bytes, tmp_path: Path) -> None:
    """One line names the file."""
    path = tmp_path / "golden.npz"
    path.write_bytes(content)

    assert f"{path}: no golden vectors, or damaged" == _complaint(path)


def test_single_array_instead_of_vectors(tmp_path: Path) -> None:
    """A ``.npy`` is none."""
    path = tmp_path / "golden.npz"
    with path.open("wb") as stream:
        np.save(stream, np.zeros(3))

    assert f"{path}: no golden vectors, or damaged" == _complaint(path)


@pytest.mark.parametrize("missing", [part.name for part in dataclasses.fields(Golden)])
def test_vectors_without_one_part(missing: str, saved: Path) -> None:
    """Every part is needed."""
    with np.load(saved) as arrays:
        rest = {name: arrays[name] for name in arrays.files if name != missing}
    np.savez(saved, **rest)

    assert f"{saved}: no golden vectors, or damaged" == _complaint(saved)


def test_pickled_object_among_the_vectors(saved: Path) -> None:
    """Nothing is unpickled: a bundle runs no code."""
    with np.load(saved) as arrays:
        parts = dict(arrays)
    parts["boxes"] = np.array([{"x": 1}], dtype=object)
    np.savez(saved, **parts)

    assert f"{saved}: no golden vectors, or damaged" == _complaint(saved)


@pytest.mark.parametrize(
    ("part", "array"),
    [
        ("frame", np.zeros((9, 9), np.uint8)),
        ("frame", np.zeros((9, 9, 2), np.uint8)),
        ("frame", np.zeros((9, 9, 3), np.float32)),
        ("faces", np.zeros((5, 48, 48, 1), np.uint8)),
        ("faces", np.zeros((6, 48, 48, 1), np.int8)),
        ("outputs", np.zeros((5, 4), np.uint8)),
        ("outputs", np.zeros((6, 4), np.float32)),
        ("outputs", np.array(0, np.uint8)),
        ("plain", np.zeros((5, 4), np.uint8)),
        ("plain", np.zeros((6, 3), np.uint8)),
        ("plain", np.zeros((6, 4), np.float32)),
        ("boxes", np.zeros((5, 4))),
        ("boxes", np.zeros((6, 3))),
        ("boxes", np.zeros(6)),
        ("boxes", np.array(0.0)),
        ("boxes", np.zeros((6, 4), np.float32)),
        ("boxes", np.full((6, 4), "x")),
    ],
)
def test_vectors_of_another_form(
    part: str, array: npt.NDArray[np.generic], saved: Path
) -> None:
    """An array of another type or shape is refused before anything is computed."""
    with np.load(saved) as arrays:
        parts = dict(arrays)
    parts[part] = array
    np.savez(saved, **parts)

    message = _complaint(saved)

    assert message.startswith(f"{saved}: golden vectors of an odd form: ")
    assert f"{array.dtype} {array.shape}" in message


def test_no_vectors_at_all(saved: Path) -> None:
    """Nothing to compare is no proof."""
    with np.load(saved) as arrays:
        parts = dict(arrays)
    for name in ("boxes", "faces", "outputs", "plain"):
        parts[name] = parts[name][:0]
    np.savez(saved, **parts)

    assert "golden vectors of an odd form" in _complaint(saved)


@pytest.mark.parametrize("share", [0.0, 0.1, 0.5, 0.9, 0.999])
def test_file_cut_off(share: float, saved: Path) -> None:
    """A half-copied file is damaged."""
    content = saved.read_bytes()
    saved.write_bytes(content[: int(len(content) * share)])

    assert f"{saved}: no golden vectors, or damaged" == _complaint(saved)


def test_any_header_byte_damaged(saved: Path) -> None:
    """Whatever the damage leads numpy and zipfile to, it is that one error or none."""
    content = saved.read_bytes()
    with zipfile.ZipFile(saved) as archive:
        begins = [entry.header_offset for entry in archive.infolist()]
    places = [begin + offset for begin in begins for offset in range(0, 200, 5)]
    places += range(len(content) - 300, len(content), 5)
    refused = 0
    for place in places:
        damaged = bytearray(content)
        damaged[place] ^= 0x41
        saved.write_bytes(damaged)
        try:
            Golden.load(saved)
        except ManifestError:
            refused += 1

    assert refused > len(places) // 2


def test_no_such_file(tmp_path: Path) -> None:
    """A missing file is named with the system's reason."""
    path = tmp_path / "golden.npz"

    assert f"{path}: No such file or directory" == _complaint(path)

"""The bundle's model, and bundles that must not be trusted."""

import shutil
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fer_contract.errors import DigestError, ManifestError, ModelError, RefusedError
from fer_contract.golden import Golden, crop_faces
from fer_contract.manifest import BundleManifest, read_manifest
from fer_contract.preprocess import InputSpec
from fer_contract.tflite import TfliteClassifier
from fer_edge.classifiers import Device
from fer_edge.classifiers.cpu import CpuClassifier

Edit = Callable[..., None]


def _golden(bundle: Path) -> Golden:
    return Golden.load(bundle / BundleManifest.GOLDEN)


def _flip_byte(path: Path, at: int) -> None:
    content = bytearray(path.read_bytes())
    content[at] ^= 1
    path.write_bytes(content)


def test_bundle(bundle: Path, classifier: CpuClassifier) -> None:
    """A bundle passes its self-test, and says what it is."""
    manifest = read_manifest(bundle, BundleManifest)
    assert classifier.name == manifest.name
    assert classifier.input == manifest.input
    assert classifier.threshold == manifest.threshold


@given(seed=st.integers(0, 2**32 - 1))
def test_scores(seed: int, bundle: Path, classifier: CpuClassifier) -> None:
    """Every label of the manifest has a score, in their order, and they sum to 1."""
    face = np.random.default_rng(seed).integers(
        0, 256, classifier.input.shape, dtype=np.uint8
    )
    scores = classifier.scores(face)
    assert tuple(scores) == read_manifest(bundle, BundleManifest).labels
    assert all(0.0 <= score <= 1.0 for score in scores.values())
    assert sum(scores.values()) == pytest.approx(1.0)


def test_scores_of_golden_faces(bundle: Path, classifier: CpuClassifier) -> None:
    """The label that scores best is the one whose output is the largest."""
    golden = _golden(bundle)
    for face, output in zip(golden.faces, golden.outputs, strict=True):
        scores = list(classifier.scores(face).values())
        assert output[int(np.argmax(scores))] == output.max()


def test_temperature(
    own_bundle: Path, classifier: CpuClassifier, edit_manifest: Edit
) -> None:
    """A higher temperature in the manifest makes the same model less sure."""
    face = _golden(own_bundle).faces[0]
    temperature = read_manifest(own_bundle, BundleManifest).temperature
    edit_manifest(own_bundle, temperature=2.0 * temperature)
    doubtful: Mapping[str, float] = CpuClassifier(own_bundle).scores(face)
    assert max(doubtful.values()) < max(classifier.scores(face).values())
    assert sum(doubtful.values()) == pytest.approx(1.0)


@pytest.mark.parametrize("name", [BundleManifest.MODEL, BundleManifest.GOLDEN])
@pytest.mark.parametrize("share", [0.0, 0.5, 0.999])
def test_one_flipped_bit(own_bundle: Path, name: str, share: float) -> None:
    """A bundle that differs in one bit is refused, and the file is named."""
    path = own_bundle / name
    _flip_byte(path, int(share * path.stat().st_size))
    with pytest.raises(DigestError, match=f"^{path}: SHA-256 is "):
        CpuClassifier(own_bundle)


def test_state(classifier: CpuClassifier, own_bundle: Path) -> None:
    """The processor answers, since it was made; to close it changes nothing."""
    own = CpuClassifier(own_bundle, threads=2)
    assert (own.state.device, own.state.reason) == (Device.CPU, "")
    assert str(own.state) == "cpu"
    assert classifier.state.since < own.state.since <= time.monotonic()
    face = own.golden.faces[0]
    own.close()
    assert own.scores(face) == classifier.scores(face)


def test_face_of_another_kind(classifier: CpuClassifier) -> None:
    """A face that was not cut for the model is the caller's mistake."""
    with pytest.raises(ValueError, match=r"uint8 \(48, 48, 1\) wanted"):
        classifier.scores(np.zeros((48, 48), np.uint8))


def test_newer_schema(own_bundle: Path, edit_manifest: Edit) -> None:
    """A manifest of a later version says that this one is to be updated."""
    edit_manifest(own_bundle, schema=99)
    with pytest.raises(ManifestError, match=r"schema: 99 is newer than .*; update it"):
        CpuClassifier(own_bundle)


def test_missing_file(own_bundle: Path) -> None:
    """A bundle without its model is none."""
    path = own_bundle / BundleManifest.MODEL
    path.unlink()
    with pytest.raises(ManifestError, match=f"^{path}: missing"):
        CpuClassifier(own_bundle)


def test_other_number_of_labels(own_bundle: Path, edit_manifest: Edit) -> None:
    """Labels that are more or fewer than the model's outputs are refused."""
    labels = read_manifest(own_bundle, BundleManifest).labels
    for wrong in (labels[:-1], (*labels, "disgust")):
        edit_manifest(own_bundle, labels=wrong)
        with pytest.raises(ModelError) as caught:
            CpuClassifier(own_bundle)
        assert str(caught.value) == (
            f"{own_bundle / BundleManifest.MODEL}: {len(labels)} outputs; "
            f"manifest.json has {len(wrong)} labels"
        )


def test_other_input_size(own_bundle: Path, edit_manifest: Edit) -> None:
    """An input that is not the model's is refused."""
    edit_manifest(own_bundle, input={"height": 64, "width": 48, "margin": 0.0})
    with pytest.raises(ModelError, match=r"input is \(48, 48, 1\).*\(64, 48, 1\)"):
        CpuClassifier(own_bundle)


def test_other_margin(own_bundle: Path, edit_manifest: Edit) -> None:
    """A margin that the model was not converted with cuts other pixels."""
    edit_manifest(own_bundle, input={"height": 48, "width": 48, "margin": 0.1})
    with pytest.raises(RefusedError, match="differs from the golden pixels"):
        CpuClassifier(own_bundle)


def test_golden_pixels_that_differ(own_bundle: Path, edit_manifest: Edit) -> None:
    """Pixels that are cut differently, by one step in one pixel, are refused."""
    golden = _golden(own_bundle)
    faces = golden.faces.copy()
    faces[0, 20, 20, 0] ^= 1
    replace(golden, faces=faces).save(own_bundle / BundleManifest.GOLDEN)
    edit_manifest(own_bundle)
    with pytest.raises(RefusedError, match="differs from the golden pixels by 1;"):
        CpuClassifier(own_bundle)


def _other_outputs(golden: Golden, steps: int) -> Golden:
    """Return vectors of one kernel only, with one output that is higher."""
    outputs = golden.outputs.copy()
    outputs[0, 0] += steps
    return replace(golden, outputs=outputs, plain=outputs)


def test_by_the_runtimes_own_kernels(bundle: Path) -> None:
    """They are in the bundle, are others than XNNPACK's, and do where all differs."""
    golden = _golden(bundle)
    plain = TfliteClassifier(bundle / BundleManifest.MODEL, plain=True)
    seen = np.stack([plain.quantized(face) for face in golden.faces])
    assert np.array_equal(seen, golden.plain)
    assert not np.array_equal(seen, golden.outputs)
    spec = InputSpec(48, 48, 0.0)
    golden.check(spec, plain.quantized, "another 1.0", "golden.npz")
    with pytest.raises(RefusedError, match="; 0 are allowed"):
        golden.check(spec, plain.quantized, plain.runtime, "golden.npz")


def test_golden_outputs_that_differ(own_bundle: Path, edit_manifest: Edit) -> None:
    """The same runtime on the same processor must give the same, to the last step."""
    path = own_bundle / BundleManifest.GOLDEN
    _other_outputs(_golden(own_bundle), 1).save(path)
    edit_manifest(own_bundle)
    with pytest.raises(RefusedError) as caught:
        CpuClassifier(own_bundle)
    assert str(caught.value).startswith(f"{path}: ")
    assert str(caught.value).endswith("by 1 steps; 0 are allowed")


def test_golden_outputs_of_another_runtime(
    own_bundle: Path, edit_manifest: Edit
) -> None:
    """Another runtime may differ by two steps, not by three."""
    other = replace(_golden(own_bundle), runtime="another 1.0")
    path = own_bundle / BundleManifest.GOLDEN
    _other_outputs(other, 2).save(path)
    edit_manifest(own_bundle)
    CpuClassifier(own_bundle)
    _other_outputs(other, 3).save(path)
    edit_manifest(own_bundle)
    with pytest.raises(RefusedError, match="by 3 steps; 2 are allowed"):
        CpuClassifier(own_bundle)


def test_golden_vectors_of_another_model(own_bundle: Path, edit_manifest: Edit) -> None:
    """Outputs of another number of classes do not fit."""
    golden = _golden(own_bundle)
    fewer = golden.outputs[:, :-1]
    path = own_bundle / BundleManifest.GOLDEN
    replace(golden, outputs=fewer, plain=fewer).save(path)
    edit_manifest(own_bundle)
    with pytest.raises(RefusedError, match="differs from the golden outputs"):
        CpuClassifier(own_bundle)


def test_golden_faces_are_those_of_the_code(bundle: Path) -> None:
    """The pixels of the bundle are those that crop_face cuts here."""
    golden = _golden(bundle)
    faces = crop_faces(golden.frame, golden.boxes, InputSpec(48, 48, 0.0))
    assert np.array_equal(faces, golden.faces)


def test_golden_file_that_is_none(own_bundle: Path, edit_manifest: Edit) -> None:
    """A golden.npz with the right digest and no vectors in it is named."""
    shutil.copyfile(own_bundle / "manifest.json", own_bundle / BundleManifest.GOLDEN)
    edit_manifest(own_bundle)
    with pytest.raises(ManifestError, match="no golden vectors"):
        CpuClassifier(own_bundle)

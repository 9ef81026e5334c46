"""What a manifest keeps, and every way in which one is refused."""

import dataclasses
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fer_contract.errors import DigestError, FerError, ManifestError
from fer_contract.labels import UNCERTAIN
from fer_contract.manifest import (
    MANIFEST_NAME,
    BundleManifest,
    Manifest,
    RunManifest,
    read_manifest,
    sha256,
    write_manifest,
)
from fer_contract.preprocess import InputSpec

Change = Callable[[dict[str, Any]], object]

# The directory is written anew for each example, and waits for the disk.
_same_directory = settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture],
    max_examples=40,
)

_labels = st.lists(
    st.from_regex(r"[a-z][a-z0-9_-]{0,31}", fullmatch=True).filter(
        lambda label: label != UNCERTAIN
    ),
    min_size=2,
    max_size=5,
    unique=True,
).map(tuple)
_names = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}", fullmatch=True)
_specs = st.builds(
    InputSpec, st.integers(8, 1024), st.integers(8, 1024), st.floats(0, 1)
)
_facts = st.dictionaries(
    st.text(),
    st.recursive(
        st.none()
        | st.booleans()
        | st.integers()
        | st.floats(allow_nan=False, allow_infinity=False)
        | st.text(),
        lambda part: st.lists(part) | st.dictionaries(st.text(), part),
        max_leaves=4,
    ),
    max_size=3,
)
_runs = st.builds(
    RunManifest,
    labels=_labels,
    input=_specs,
    preset=_names,
    seed=st.integers(0, 2**64),
    data=_facts,
    training=_facts,
    versions=_facts,
)
_bundles = st.builds(
    BundleManifest,
    name=_names,
    labels=_labels,
    input=_specs,
    temperature=st.floats(0.05, 20),
    threshold=st.floats(0, 1),
    training=_facts,
    calibration=_facts,
    parity=_facts,
    versions=_facts,
)

_RUN = RunManifest(labels=("happy", "sad"), input=InputSpec(), preset="tiny", seed=1)
_BUNDLE = BundleManifest(name="tiny-1", labels=("happy", "sad"), input=InputSpec())


_FIRST_SCHEMA = """{
  "schema": 1,
  "kind": "bundle",
  "name": "compact-1",
  "labels": [
    "happy",
    "sad"
  ],
  "input": {
    "height": 48,
    "width": 48,
    "margin": 0.0
  },
  "files": {
"golden.npz": "dd56de4137951d9c92681b03416ec15f886b4482a27e3a517d32f085244cbe5d",
"model_int8.tflite": "9372c470eeadd5ecd9c3c74c2b3cb633f8e2f2fad799250a0f70d652b6b825e4"
  },
  "digest": "07883d4508dc8d3ca95a7813aab1170c8af314062ec3ab9c70184e2a8db1a3c7"
}
"""


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """A finished run directory."""
    directory = tmp_path / "run"
    directory.mkdir()
    (directory / "model.keras").write_bytes(b"weights")
    (directory / "history.csv").write_bytes(b"epoch,loss\n")
    write_manifest(directory, _RUN, ["model.keras", "history.csv"])
    return directory


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    """A finished bundle directory."""
    directory = tmp_path / "bundle"
    directory.mkdir()
    (directory / "model_int8.tflite").write_bytes(b"model")
    (directory / "golden.npz").write_bytes(b"golden")
    write_manifest(directory, _BUNDLE, ["model_int8.tflite", "golden.npz"])
    return directory


def _complaint(directory: Path, kind: type[Manifest]) -> FerError:
    with pytest.raises(FerError) as caught:
        read_manifest(directory, kind)
    assert len(str(caught.value).splitlines()) == 1
    return caught.value


def _changed(directory: Path, change: Change) -> None:
    """Change the JSON of a manifest in place."""
    path = directory / MANIFEST_NAME
    document = json.loads(path.read_text(encoding="utf-8"))
    change(document)
    path.write_text(json.dumps(document), encoding="utf-8")


def _set(*keys: str, to: object) -> Change:
    def change(document: dict[str, Any]) -> None:
        for key in keys[:-1]:
            document = document[key]
        document[keys[-1]] = to

    return change


@_same_directory
@given(written=_runs)
def test_run_read_again(written: RunManifest, run: Path) -> None:
    """Every value that a run may have comes back as it was, with the digests."""
    whole = write_manifest(run, written, ["model.keras"])

    assert whole == read_manifest(run, RunManifest)
    assert dataclasses.replace(written, files=whole.files) == whole
    assert whole.files == {"model.keras": sha256(run / "model.keras")}


@_same_directory
@given(written=_bundles)
def test_bundle_read_again(written: BundleManifest, bundle: Path) -> None:
    """Every value that a bundle may have comes back as it was, with the digests."""
    whole = write_manifest(bundle, written, ["model_int8.tflite", "golden.npz"])

    assert whole == read_manifest(bundle, BundleManifest)
    assert dataclasses.replace(written, files=whole.files) == whole


def test_digest_of_a_file(tmp_path: Path) -> None:
    """It is SHA-256 in lower-case hexadecimal."""
    path = tmp_path / "abc"
    path.write_bytes(b"abc")

    expected = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    assert expected == sha256(path)


def test_text_of_a_manifest(bundle: Path) -> None:
    """It is indented ASCII JSON, schema and kind first, and ends in a line break."""
    text = (bundle / MANIFEST_NAME).read_text(encoding="ascii")

    document = json.loads(text)
    assert list(document)[:3] == ["schema", "kind", "name"]
    assert (document["schema"], document["kind"]) == (1, "bundle")
    assert json.dumps(document, indent=2) + "\n" == text


def test_written_twice(run: Path) -> None:
    """The same facts and files make the same bytes, in whatever order they come."""
    first = (run / MANIFEST_NAME).read_bytes()

    write_manifest(run, _RUN, ["history.csv", "model.keras"])

    assert first == (run / MANIFEST_NAME).read_bytes()


def test_nothing_unfinished_left(run: Path) -> None:
    """After writing there is the manifest and no part of one."""
    names = sorted(path.name for path in run.iterdir())

    assert names == ["history.csv", "manifest.json", "model.keras"]


def test_link_left_intact(run: Path, tmp_path: Path) -> None:
    """The manifest is replaced as a whole: who has the old one open reads it on."""
    other_name = tmp_path / "old.json"
    other_name.hardlink_to(run / MANIFEST_NAME)
    old = other_name.read_bytes()

    write_manifest(run, dataclasses.replace(_RUN, seed=2), ["model.keras"])

    assert old == other_name.read_bytes()
    assert read_manifest(run, RunManifest).seed == 2


@pytest.mark.parametrize(
    "wrong",
    [
        dataclasses.replace(_RUN, seed=-1),
        dataclasses.replace(_RUN, labels=("happy",)),
        dataclasses.replace(_RUN, preset=""),
        dataclasses.replace(_RUN, training={"accuracy": float("nan")}),
        dataclasses.replace(_RUN, data={"train": {"mean": float("inf")}}),
    ],
    ids=["seed", "labels", "preset", "nan", "infinity"],
)
def test_value_that_reading_would_refuse(wrong: RunManifest, run: Path) -> None:
    """It is refused when written, and the manifest that was there stays."""
    before = (run / MANIFEST_NAME).read_bytes()

    with pytest.raises(ManifestError) as caught:
        write_manifest(run, wrong, ["model.keras"])

    assert str(caught.value).startswith(f"{run / MANIFEST_NAME}: ")
    assert before == (run / MANIFEST_NAME).read_bytes()
    assert not (run / "manifest.json.part").exists()


def test_model_not_among_the_files(run: Path) -> None:
    """A run without its model is refused when written."""
    with pytest.raises(ManifestError, match=r"files: model\.keras is not listed"):
        write_manifest(run, _RUN, ["history.csv"])


@pytest.mark.parametrize("name", ["../secret", ".hidden", "a/b", "a b"])
def test_file_name_that_is_no_plain_one_written(name: str, run: Path) -> None:
    """Only names in the same directory can be listed."""
    (run / name).parent.mkdir(exist_ok=True)
    (run / name).write_bytes(b"")

    with pytest.raises(ManifestError, match="is no plain file name"):
        write_manifest(run, _RUN, ["model.keras", name])


def test_file_that_is_not_there_yet(run: Path) -> None:
    """A manifest is only written over a finished directory."""
    with pytest.raises(FileNotFoundError):
        write_manifest(run, _RUN, ["model.keras", "metrics.json"])


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        (_set("schema", to=2), "schema: 2 is newer than 1, the newest that this"),
        (_set("schema", to=0), "schema: 0; a whole number is wanted"),
        (_set("schema", to="1"), "schema: '1'; a whole number is wanted"),
        (_set("schema", to=True), "schema: True; a whole number is wanted"),
        (_set("schema", to=None), "schema: None; a whole number is wanted"),
        (_set("kind", to="run"), "kind: 'run'; 'bundle' is wanted"),
        (_set("kind", to=["bundle"]), "kind: ['bundle']; 'bundle' is wanted"),
        (_set("scale", to=1), "scale: unknown key"),
        (_set("a\nb", to=1), "a\\nb: unknown key"),
        (_set("labels", to="happy"), "labels: 'happy'; a list is wanted"),
        (_set("labels", to=["happy"]), "labels: 1 labels; at least 2"),
        (_set("labels", to=["happy", 3]), "labels: label 3; allowed are"),
        (_set("labels", to=["happy", "happy"]), "labels: label 'happy' stands more"),
        (_set("labels", to=["happy", "uncertain"]), "labels: label 'uncertain' is"),
        (_set("input", to=48), "input: 48; wanted: height, margin, width"),
        (_set("input", to={"height": 48}), "input: {'height': 48}; wanted: height,"),
        (_set("input", "depth", to=1), "input: {"),
        (_set("input", "height", to=7), "input: input.height: 7; allowed are"),
        (_set("input", "width", to=48.0), "input: input.width: 48.0; allowed are"),
        (_set("input", "margin", to=2), "input: input.margin: 2; allowed is"),
        (_set("input", "margin", to=float("nan")), "not JSON (NaN is no number"),
        (_set("name", to=""), "name: ''; allowed are 1 to 64 letters"),
        (_set("name", to="a/b"), "name: 'a/b'; allowed are 1 to 64 letters"),
        (_set("name", to="..\n"), "name: '..\\n'; allowed are 1 to 64 letters"),
        (_set("name", to="a" * 65), "name: 'aaa"),
        (_set("name", to=None), "name: None; allowed are 1 to 64 letters"),
        (_set("temperature", to=0), "temperature: 0; allowed is 0.05 to 20"),
        (_set("temperature", to=20.1), "temperature: 20.1; allowed is 0.05 to 20"),
        (_set("temperature", to=True), "temperature: True; allowed is 0.05 to 20"),
        (_set("temperature", to="1"), "temperature: '1'; allowed is 0.05 to 20"),
        (_set("temperature", to=float("nan")), "not JSON (NaN is no number in JSON)"),
        (_set("threshold", to=-0.1), "threshold: -0.1; allowed is 0 to 1"),
        (_set("threshold", to=1.5), "threshold: 1.5; allowed is 0 to 1"),
        (_set("threshold", to=float("inf")), "not JSON (Infinity is no number"),
        (_set("training", to=[]), "training: []; an object is wanted"),
        (_set("training", to={"loss": float("nan")}), "not JSON (NaN is no number"),
        (_set("calibration", to=None), "calibration: None; an object is wanted"),
        (_set("parity", to="good"), "parity: 'good'; an object is wanted"),
        (_set("versions", to=3), "versions: 3; an object is wanted"),
        (_set("files", to=[]), "files: []; an object is wanted"),
        (_set("files", to={}), "files: model_int8.tflite is not listed"),
        (_set("files", "golden.npz", to="0" * 63), "files: golden.npz: '000"),
        (_set("files", "golden.npz", to="A" * 64), "files: golden.npz: 'AAA"),
        (_set("files", "golden.npz", to=7), "files: golden.npz: 7 is no SHA-256"),
        (_set("files", "", to="0" * 64), "files: '' is no plain file name"),
        (_set("files", "..", to="0" * 64), "files: '..' is no plain file name"),
        (_set("files", "../a", to="0" * 64), "files: '../a' is no plain file name"),
        (_set("files", "/etc/a", to="0" * 64), "files: '/etc/a' is no plain file"),
        (_set("files", "a/b", to="0" * 64), "files: 'a/b' is no plain file name"),
        (_set("files", "a\\b", to="0" * 64), "files: 'a\\\\b' is no plain file name"),
        (_set("files", "a\n", to="0" * 64), "files: 'a\\n' is no plain file name"),
        (_set("files", ".a", to="0" * 64), "files: '.a' is no plain file name"),
        (_set("files", "a\0", to="0" * 64), "files: 'a\\x00' is no plain file name"),
    ],
)
def test_bad_value(change: Change, complaint: str, bundle: Path) -> None:
    """One line names the manifest, the key, the value seen and what is allowed."""
    _changed(bundle, change)

    mistake = _complaint(bundle, BundleManifest)

    assert type(mistake) is ManifestError
    assert str(mistake).startswith(f"{bundle / MANIFEST_NAME}: {complaint}")


@pytest.mark.parametrize("seed", [-1, 1.0, True, "1", None])
def test_bad_seed(seed: object, run: Path) -> None:
    """A seed is a whole number from 0."""
    _changed(run, _set("seed", to=seed))

    assert f"seed: {seed!r}; a whole number from 0" in str(_complaint(run, RunManifest))


@pytest.mark.parametrize("key", ["labels", "input", "preset", "seed"])
def test_missing_key_of_a_run(key: str, run: Path) -> None:
    """What has no default must be there."""
    _changed(run, lambda document: document.pop(key))

    expected = f"{run / MANIFEST_NAME}: {key}: missing"
    assert expected == str(_complaint(run, RunManifest))


@pytest.mark.parametrize("key", ["name", "labels", "input"])
def test_missing_key_of_a_bundle(key: str, bundle: Path) -> None:
    """What has no default must be there."""
    _changed(bundle, lambda document: document.pop(key))

    expected = f"{bundle / MANIFEST_NAME}: {key}: missing"
    assert expected == str(_complaint(bundle, BundleManifest))


def test_bundle_without_its_files_key(bundle: Path) -> None:
    """The model must be listed, or it could be any."""
    _changed(bundle, lambda document: document.pop("files"))

    expected = f"{bundle / MANIFEST_NAME}: files: model_int8.tflite is not listed"
    assert expected == str(_complaint(bundle, BundleManifest))


def test_bundle_of_the_first_schema(tmp_path: Path) -> None:
    """Written once and frozen here: later versions must go on reading it.

    It has none of the keys that have a default, as an older one will not have those
    that are yet to come.
    """
    (tmp_path / "model_int8.tflite").write_bytes(b"model")
    (tmp_path / "golden.npz").write_bytes(b"golden")
    (tmp_path / MANIFEST_NAME).write_text(_FIRST_SCHEMA)

    manifest = read_manifest(tmp_path, BundleManifest)

    assert manifest.labels == ("happy", "sad")
    assert (manifest.temperature, manifest.threshold) == (1.0, 0.5)


def test_any_flipped_bit_of_a_manifest(bundle: Path) -> None:
    """It is refused, whatever it hits: a label, a threshold, a digest, a bracket."""
    path = bundle / MANIFEST_NAME
    content = path.read_bytes()
    for position in range(len(content)):
        flipped = bytearray(content)
        flipped[position] ^= 1 << position % 7
        path.write_bytes(flipped)
        _complaint(bundle, BundleManifest)


def test_value_changed_by_hand(bundle: Path) -> None:
    """A good value that nobody measured is refused like a damaged file."""
    _changed(bundle, _set("threshold", to=0.25))

    mistake = _complaint(bundle, BundleManifest)

    assert type(mistake) is DigestError
    assert "damaged or was changed by hand" in str(mistake)


def test_manifest_laid_out_otherwise(bundle: Path) -> None:
    """Spacing and order of keys are no part of what it says."""
    before = read_manifest(bundle, BundleManifest)
    path = bundle / MANIFEST_NAME
    document = json.loads(path.read_text())
    path.write_text(json.dumps(dict(reversed(document.items()))))

    assert read_manifest(bundle, BundleManifest) == before


def test_directory_of_the_other_kind(run: Path, bundle: Path) -> None:
    """A run is no bundle and a bundle no run."""
    assert "kind: 'run'; 'bundle' is wanted" in str(_complaint(run, BundleManifest))
    assert "kind: 'bundle'; 'run' is wanted" in str(_complaint(bundle, RunManifest))


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (b"", "not JSON ("),
        (b"{", "not JSON ("),
        (b"schema = 1", "not JSON ("),
        (b'{"schema": 1,}', "not JSON ("),
        (b'\xff\xfe{"schema": 1}', "not JSON ("),
        (b'\xef\xbb\xbf{"schema": 1}', "not JSON ("),
        (b"[" * 100_000, "not JSON ("),
        (b'{"a":' * 100_000 + b"1" + b"}" * 100_000, "not JSON ("),
        (b'{"schema": ' + b"9" * 5000 + b"}", "not JSON ("),
        (b"[]", "list; an object is wanted"),
        (b"null", "NoneType; an object is wanted"),
        (b'"manifest"', "str; an object is wanted"),
        (b"1", "int; an object is wanted"),
        (b"{}", "schema: None; a whole number is wanted"),
    ],
    ids=lambda value: repr(value[:20]),
)
def test_content_that_is_no_manifest(content: bytes, complaint: str, run: Path) -> None:
    """Whatever the file holds, one line says what is wrong with it."""
    (run / MANIFEST_NAME).write_bytes(content)

    mistake = _complaint(run, RunManifest)

    assert type(mistake) is ManifestError
    assert str(mistake).startswith(f"{run / MANIFEST_NAME}: {complaint}")


def test_directory_without_a_manifest(tmp_path: Path) -> None:
    """An unfinished directory is called what it is."""
    expected = f"{tmp_path}: no manifest.json in it, so this is no finished"

    assert f"{expected} run" == str(_complaint(tmp_path, RunManifest))
    assert f"{expected} bundle" == str(_complaint(tmp_path, BundleManifest))


def test_no_directory(tmp_path: Path) -> None:
    """A mistyped name is told as such, not as an unfinished run."""
    directory = tmp_path / "none"

    expected = f"{directory}: no such directory"
    assert expected == str(_complaint(directory, RunManifest))


def test_file_instead_of_a_directory(run: Path) -> None:
    """The model's own path is no run directory."""
    mistake = _complaint(run / "model.keras", RunManifest)

    assert "no finished run" in str(mistake)


@_same_directory
@given(data=st.data())
def test_one_byte_flipped(data: st.DataObject, bundle: Path) -> None:
    """Any bit of any listed file that differs is a refusal with both digests."""
    path = bundle / data.draw(st.sampled_from(["model_int8.tflite", "golden.npz"]))
    content = path.read_bytes()
    position = data.draw(st.integers(0, len(content) - 1))
    damaged = bytearray(content)
    damaged[position] ^= 1 << data.draw(st.integers(0, 7))
    listed = sha256(path)[:12]
    path.write_bytes(damaged)
    try:
        mistake = _complaint(bundle, BundleManifest)
        seen = sha256(path)[:12]
    finally:
        path.write_bytes(content)

    assert type(mistake) is DigestError
    assert mistake.exit_code == 1
    expected = f"{path}: SHA-256 is {seen}…, manifest.json says {listed}…; "
    assert str(mistake).startswith(expected)


@pytest.mark.parametrize("name", ["model_int8.tflite", "golden.npz"])
def test_file_missing(name: str, bundle: Path) -> None:
    """The missing file is named."""
    (bundle / name).unlink()

    mistake = _complaint(bundle, BundleManifest)

    assert type(mistake) is ManifestError
    assert f"{bundle / name}: missing, but manifest.json lists it" == str(mistake)


def test_file_that_is_not_listed(bundle: Path) -> None:
    """A report beside the model does no harm."""
    (bundle / "report.html").write_text("fine", encoding="utf-8")

    assert read_manifest(bundle, BundleManifest).name == "tiny-1"


@_same_directory
@given(depth=st.integers(900, 1100), key=st.sampled_from(["labels", "input", "new"]))
def test_value_nested_about_as_deep_as_python_goes(
    depth: int, key: str, bundle: Path
) -> None:
    """Neither reading nor showing the value ends in a RecursionError."""
    path = bundle / MANIFEST_NAME
    good = path.read_text(encoding="utf-8")
    deep = "[" * depth + "]" * depth
    path.write_text(f'{good.rstrip()[:-1]}, "{key}": {deep}}}', encoding="utf-8")
    try:
        mistake = _complaint(bundle, BundleManifest)
    finally:
        path.write_text(good, encoding="utf-8")

    assert type(mistake) is ManifestError

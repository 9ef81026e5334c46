"""Real bundles are installed and used, or refused with nothing changed."""

import contextlib
import os
import shutil
import stat
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from altered_bundles import change_manifest, released_as
from fer_contract.errors import DigestError, FerError, ManifestError, RefusedError
from fer_contract.manifest import BundleManifest, read_manifest, sha256
from fer_edge.models import RELEASED, bundle_of
from fer_edge.models.installing import Wanted, find, install, remove, use
from fer_edge.models.owner import acting_for
from fer_edge.models.probation import Failed, Lasted, Run, Stage
from fer_edge.models.store import Store

_RUN = Run("boot", 1, 1)


def _put(store: Store, bundle: Path) -> str:
    return install(store, Wanted(str(bundle))).name


def _check_unchanged(store: Store) -> None:
    """Nothing is installed, and nothing left of the attempt."""
    if store.folder.exists():
        assert {path.name for path in store.folder.iterdir()} <= {".lock"}


@pytest.fixture
def narrow_umask() -> Iterator[None]:
    """As a careful administrator has it."""
    mask = os.umask(0o077)
    yield
    os.umask(mask)


@pytest.mark.usefixtures("narrow_umask")
def test_bundle_from_a_folder(store: Store, good: Path) -> None:
    """It is there, all of it, readable by the daemon, and named by its digest."""
    installed = install(store, Wanted(str(good)))
    assert (installed.new, installed.pruned) == (True, ())
    assert store.names() == [installed.name]
    path = store.path(installed.name)
    manifest = read_manifest(path, BundleManifest)
    assert installed.name.startswith(f"{manifest.name}-")
    names = sorted(file.name for file in good.iterdir())
    assert sorted(file.name for file in path.iterdir()) == names
    assert all((path / n).read_bytes() == (good / n).read_bytes() for n in names)
    assert stat.S_IMODE(path.stat().st_mode) == 0o755
    assert {stat.S_IMODE(file.stat().st_mode) for file in path.iterdir()} == {0o644}
    assert {p.name for p in store.folder.iterdir()} == {".lock", installed.name}
    assert store.active is None


def test_bundle_from_a_zip(
    store: Store, good: Path, to_zip: Callable[[Path], Path]
) -> None:
    """It is the same one; with its digest, if that is given, and with no other."""
    packed = to_zip(good)
    wanted = Wanted(str(packed), sha256=sha256(packed))
    name = install(store, wanted).name
    assert _put(store, good) == name
    with pytest.raises(DigestError, match=rf"^{packed}: SHA-256 is .*; 00000"):
        install(store, Wanted(str(packed), sha256="0" * 64))


def test_bundle_that_is_there(store: Store, good: Path) -> None:
    """It is mended, should a file of it be damaged, and is never away meanwhile."""
    name = _put(store, good)
    model = store.path(name) / BundleManifest.MODEL
    model.write_bytes(b"damaged")
    assert not install(store, Wanted(str(good))).new
    read_manifest(store.path(name), BundleManifest)
    assert store.names() == [name]


def test_bundles_that_differ_in_little(store: Store, good: Path) -> None:
    """Another manifest is another model, though it has the same name."""
    first = _put(store, good)
    change_manifest(good, threshold=0.6)
    second = _put(store, good)
    assert first.rpartition("-")[0] == second.rpartition("-")[0] == "good"
    assert set(store.names()) == {first, second}


def test_old_ones(store: Store, tmp_path: Path) -> None:
    """The oldest beyond the wanted number go; active and previous stay."""
    names = []
    for number in range(4):
        bundle = released_as(f"m{number}", tmp_path)
        installed = install(store, Wanted(str(bundle), keep=3))
        names.append(installed.name)
        os.utime(store.path(installed.name), (number, number))
        if number == 0:
            use(store, installed.name)
    assert installed.pruned == (names[1],)
    assert set(store.names()) == {names[0], names[2], names[3]}


# ---------------------------------------------------------------------- what is refused


def test_crashing_model(store: Store, crashing: Path) -> None:
    """It ends the process that tries it, and not the one that asks for it."""
    with pytest.raises(RefusedError) as caught:
        _put(store, crashing)
    end = "its self-test ends the interpreter by SIGSEGV"
    assert str(caught.value) == f"{crashing}: {end}"
    _check_unchanged(store)


def test_wrong_outputs(store: Store, wrong: Path) -> None:
    """A model that does not do what it promises is refused, by figure and bound."""
    with pytest.raises(RefusedError) as caught:
        _put(store, wrong)
    assert str(caught.value).startswith(f"{wrong}/golden.npz: ")
    assert "differs from the golden outputs" in str(caught.value)
    assert str(caught.value).endswith("0 are allowed")
    _check_unchanged(store)


def test_damaged_file(store: Store, good: Path) -> None:
    """The file that was brought is named, not the copy."""
    (good / BundleManifest.MODEL).write_bytes(b"damaged")
    with pytest.raises(DigestError, match=rf"^{good}/model_int8\.tflite: SHA-256 is"):
        _put(store, good)
    _check_unchanged(store)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"schema": 2}, "manifest.json: schema: 2 is newer than 1"),
        ({"kind": "run"}, "manifest.json: kind: 'run'; 'bundle' is wanted"),
        ({"name": "../x"}, "manifest.json: name: '../x'; allowed are"),
        ({"labels": ["a", "b"]}, "model_int8.tflite: 4 outputs; manifest.json has 2"),
        (
            {"input": {"height": 64, "width": 64, "margin": 0.0}},
            "model_int8.tflite: input is (48, 48, 1); manifest.json says (64, 64, 1)",
        ),
        ({"files": {}}, "manifest.json: files: model_int8.tflite is not listed"),
    ],
)
def test_manifest_that_does_not_fit(
    store: Store, good: Path, changes: dict[str, object], said: str
) -> None:
    """Schema, kind, name, labels, input and files are checked."""
    change_manifest(good, **changes)
    with pytest.raises(FerError) as caught:
        _put(store, good)
    assert str(caught.value).startswith(f"{good}/{said}")
    _check_unchanged(store)


@pytest.mark.parametrize("name", ["setup.sh", "model_int8_edgetpu.tflite"])
def test_stranger(store: Store, good: Path, name: str) -> None:
    """What the manifest does not name does not come along."""
    (good / name).write_bytes(b"?")
    with pytest.raises(RefusedError) as caught:
        _put(store, good)
    assert str(caught.value) == f"{good}/{name}: not named in manifest.json"
    _check_unchanged(store)


def test_unfinished_bundle(store: Store, good: Path) -> None:
    """Without a manifest it is none; with a file missing it is not all there."""
    (good / BundleManifest.MODEL).unlink()
    with pytest.raises(ManifestError, match=r"missing, but manifest\.json lists it"):
        _put(store, good)
    (good / "manifest.json").unlink()
    with pytest.raises(ManifestError, match=f"^{good}: no manifest.json in it"):
        _put(store, good)
    _check_unchanged(store)


def test_golden_vectors_of_a_huge_size(store: Store, good: Path) -> None:
    """What asks for more memory than there is ends as any damage does."""
    path, header = good / BundleManifest.GOLDEN, good / "header"
    with header.open("wb") as stream:
        facts = {"descr": "|u1", "fortran_order": False, "shape": (40_000, 40_000, 3)}
        np.lib.format.write_array_header_1_0(stream, facts)
    with zipfile.ZipFile(path, "w") as archive:
        archive.write(header, "frame.npy")
    header.unlink()
    change_manifest(good)
    with pytest.raises(FerError, match=r"golden\.npz: no golden vectors, or damaged"):
        _put(store, good)
    _check_unchanged(store)


# ------------------------------------------------------------------------------- in use


def test_use(store: Store, good: Path, other: Path) -> None:
    """What is active is what the daemon's empty configuration means."""
    first, second = _put(store, good), _put(store, other)
    use(store, first)
    assert (store.active, store.previous) == (first, None)
    use(store, second)
    assert (store.active, store.record(second).stage) == (second, Stage.PROBATION)
    use(store, "released")
    assert (store.active, store.previous) == (None, second)


def test_bundle_of_a_configuration(
    store: Store, good: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A path that is configured; else the active model; else the released one."""
    monkeypatch.setenv("STATE_DIRECTORY", str(store.folder.parent))
    assert bundle_of("/a/bundle") == Path("/a/bundle")
    assert bundle_of("") == RELEASED
    name = _put(store, good)
    assert bundle_of("") == RELEASED
    use(store, name)
    assert bundle_of("") == store.path(name)


def test_use_of_what_was_damaged(store: Store, good: Path) -> None:
    """It is examined again: nothing has changed."""
    name = _put(store, good)
    (store.path(name) / BundleManifest.MODEL).write_bytes(b"damaged")
    with pytest.raises(DigestError, match="SHA-256 is"):
        use(store, name)
    assert store.active is None


def test_use_of_what_has_failed(store: Store, good: Path) -> None:
    """It is refused with the reason, unless it is wanted all the same."""
    name = _put(store, good)
    for _ in range(2):
        store.happened(name, Failed(_RUN, "the daemon died with it"))
    with pytest.raises(RefusedError) as caught:
        use(store, name)
    assert str(caught.value) == (
        f"{name}: failed on this device (the daemon died with it); "
        "it is tried anew with --again"
    )
    use(store, name, again=True)
    assert (store.active, store.record(name).stage) == (name, Stage.PROBATION)


def test_names_that_are_looked_for(store: Store, good: Path, other: Path) -> None:
    """The beginning is enough, as long as it means one."""
    first, second = _put(store, good), _put(store, other)
    change_manifest(good, threshold=0.6)
    third = _put(store, good)
    assert find(store, first) == first
    assert find(store, "oth") == second
    assert find(store, "rel") == "released"
    with pytest.raises(FerError) as caught:
        find(store, "good")
    newest, oldest = (name for name in store.names() if name in (first, third))
    assert str(caught.value) == (
        f"good: could be {newest}, {oldest}; fer-edge models list shows all"
    )
    for nothing in ("", "compact"):
        with pytest.raises(FerError, match=f"^{nothing}: not installed; "):
            find(store, nothing)


def test_removal(store: Store, good: Path) -> None:
    """It is gone; the released one cannot be."""
    name = _put(store, good)
    remove(store, name)
    assert store.names() == []
    assert not list(store.folder.glob(".incoming*"))
    with pytest.raises(RefusedError, match=r"^released: came with the package"):
        remove(store, "released")


# ---------------------------------------------------------------------- what goes wrong


def test_full_disk(full_disk: Path, good: Path) -> None:
    """A file is named, and what was written is taken away again."""
    store = Store(full_disk / "models")
    with pytest.raises(OSError, match="No space left on device") as caught:
        _put(store, good)
    assert str(caught.value.filename).startswith(str(store.folder))
    _check_unchanged(store)


def test_use_on_a_full_disk(full_disk: Path) -> None:
    """The one that was active still is."""
    store = Store(full_disk / "models")
    for name in ("a-00000000", "b-00000000"):
        store.path(name).mkdir(parents=True)
        (store.path(name) / "manifest.json").touch()
    store.activate("a-00000000")
    store.happened("a-00000000", Lasted(_RUN))
    with pytest.raises(OSError, match="No space left"):
        (full_disk / "filler").write_bytes(bytes(300_000))
    with pytest.raises(OSError, match="No space left on device"):
        store.activate("b-00000000")
    assert (store.active, store.previous) == ("a-00000000", None)
    assert store.record("a-00000000").stage is Stage.PASSED


def test_read_only_disk(full_disk: Path, good: Path) -> None:
    """One error that names a path, and nothing has changed."""
    subprocess.run(["mount", "-o", "remount,ro", full_disk], check=True)
    store = Store(full_disk / "models")
    with pytest.raises(OSError, match="Read-only file system") as caught:
        _put(store, good)
    assert caught.value.filename == str(store.folder)


@pytest.fixture
def of_another_user() -> Iterator[Path]:
    """A state folder that systemd has given to the service's user."""
    if os.geteuid() != 0:
        pytest.skip("giving a folder to another user needs root: sudo make test")
    folder = Path(tempfile.mkdtemp())
    folder.chmod(0o755)
    os.chown(folder, 65534, 65534)
    yield folder
    shutil.rmtree(folder)


@pytest.fixture
def python_for_everyone(of_another_user: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An interpreter that the service's user may run, with all that this one imports.

    That of a virtual environment may lie in the home of root, whom nobody visits.
    """
    with contextlib.suppress(FerError), acting_for(of_another_user):
        return
    system = Path("/usr/bin/python{}.{}".format(*sys.version_info[:2]))
    if not system.exists():
        pytest.skip(
            f"{sys.executable} may be run by root alone, and {system} is not there: "
            "run the tests with a Python that everyone may run"
        )
    monkeypatch.setattr("sys.executable", str(system))
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(filter(None, sys.path)))


@pytest.mark.usefixtures("python_for_everyone")
def test_root_acts_as_the_services_user(
    of_another_user: Path, good: Path, tmp_path: Path
) -> None:
    """What root installs is the service's; what root alone may read is read."""
    tmp_path.chmod(0o700)
    store = Store(of_another_user / "models")
    use(store, _put(store, good))
    for path in [store.folder, *store.folder.rglob("*")]:
        assert path.lstat().st_uid == 65534, path
    assert os.geteuid() == 0


def test_interpreter_that_the_services_user_may_not_run(
    of_another_user: Path, good: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The command says so, and what to do, before anything is written."""
    python = tmp_path / "python"
    python.touch(mode=0o700)
    monkeypatch.setattr("sys.executable", str(python))
    store = Store(of_another_user / "models")
    with pytest.raises(FerError) as caught:
        _put(store, good)
    assert str(caught.value) == (
        f"{python}: may not be run by nobody, whom {of_another_user} belongs to; "
        "install fer-edge where everyone may read it"
    )
    assert not store.folder.exists()
    assert os.geteuid() == 0

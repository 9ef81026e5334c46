"""The daemon starts a model, and goes back to the last good one if that fails."""

import json
import logging
import os
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from altered_bundles import give_wrong_golden_outputs
from fer_contract.errors import ManifestError, RefusedError
from fer_edge.classifiers import ModelSettings
from fer_edge.classifiers.cpu import CpuClassifier
from fer_edge.errors import CameraLostError
from fer_edge.models import RELEASED
from fer_edge.models.installing import Wanted, install, use
from fer_edge.models.probation import Begun, Record, Run, Stage
from fer_edge.models.runs import is_alive, this_run
from fer_edge.models.store import Store
from fer_edge.models.trial import ModelState, open_model

_SETTINGS = ModelSettings()
_KEY = "RWQtpxXJsUZ3CvLwUDHhFkxxbefGDYWbWC59UldkGUjO3Q/banPtunZJ"

Activate = Callable[[Path], str]


@pytest.fixture
def activate(store: Store) -> Activate:
    """Install a bundle and make it active, whatever is wrong with it."""

    def activate(bundle: Path) -> str:
        name = f"{bundle.name}-00000000"
        with store.workspace() as workspace, store.lock():
            copy = workspace / "bundle"
            copy.mkdir()
            for file in bundle.iterdir():
                (copy / file.name).write_bytes(file.read_bytes())
            store.admit(copy, name)
            store.activate(name)
        return name

    return activate


def test_nothing_installed(store: Store) -> None:
    """The released model is started, and nothing is written."""
    classifier, trial = open_model(_SETTINGS, CpuClassifier, store)
    with trial:
        trial.processed(0.0)
        trial.processed(1e9)
    assert classifier.bundle == RELEASED
    assert trial.state == ModelState("released")
    assert not store.folder.exists()


def test_configured_bundle(store: Store, activate: Activate, good: Path) -> None:
    """What the configuration names is started, and has no probation."""
    name = activate(good)
    settings = ModelSettings(bundle=str(RELEASED))
    _, trial = open_model(settings, CpuClassifier, store)
    with trial:
        trial.processed(1e9)
    assert trial.state == ModelState(str(RELEASED))
    assert store.record(name).runs == ()
    with pytest.raises(ManifestError):
        open_model(ModelSettings(bundle="/nowhere"), CpuClassifier, store)


def test_model_that_lasts(store: Store, good: Path) -> None:
    """After the probation time of processed frames it is trusted, for good."""
    name = install(store, Wanted(str(good))).name
    use(store, name)
    _, trial = open_model(_SETTINGS, CpuClassifier, store)
    with trial:
        assert trial.state == ModelState(name, on_probation=True)
        for now in (1000.0, 1299.0):
            trial.processed(now)
            assert store.record(name).stage is Stage.PROBATION
        trial.processed(1300.0)
        assert store.record(name) == Record(Stage.PASSED)
        assert trial.state == ModelState(name)
    written = (store.folder / "records.json").stat().st_mtime_ns
    for error in (None, ZeroDivisionError("of something else")):
        _, trial = open_model(_SETTINGS, CpuClassifier, store)
        trial.processed(0.0)
        trial.processed(1e9)
        trial.__exit__(type(error) if error else None, error, None)
    assert (store.folder / "records.json").stat().st_mtime_ns == written


def test_daemon_that_ends_in_order(store: Store, good: Path) -> None:
    """A stop, or a camera that is gone, says nothing against the model."""
    name = install(store, Wanted(str(good))).name
    use(store, name)
    for error in (None, CameraLostError("gone"), OSError("full"), KeyboardInterrupt()):
        _, trial = open_model(_SETTINGS, CpuClassifier, store)
        assert store.record(name).runs == (this_run(),)
        trial.__exit__(type(error) if error else None, error, None)
        assert store.record(name) == Record(Stage.PROBATION)


def test_program_that_fails(store: Store, activate: Activate, good: Path) -> None:
    """An error that nobody foresaw counts, and the second is enough."""
    name = activate(good)
    for _ in range(2):
        _, trial = open_model(_SETTINGS, CpuClassifier, store)
        with pytest.raises(ZeroDivisionError), trial:
            raise ZeroDivisionError("of scores")
    assert store.record(name).reason == "ZeroDivisionError: of scores"
    classifier, trial = open_model(_SETTINGS, CpuClassifier, store)
    assert classifier.bundle == RELEASED


def test_model_that_is_refused(
    store: Store,
    activate: Activate,
    good: Path,
    wrong: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """The same start goes on with the one before; later ones do not try it."""
    before = install(store, Wanted(str(good))).name
    use(store, before)
    _, trial = open_model(_SETTINGS, CpuClassifier, store)
    with trial:
        trial.processed(0.0)
        trial.processed(300.0)
    name = activate(wrong)
    with caplog.at_level(logging.WARNING):
        classifier, trial = open_model(_SETTINGS, CpuClassifier, store)
    assert classifier.bundle == store.path(before)
    assert (store.active, store.previous) == (before, name)
    record = store.record(name)
    assert (record.stage, record.failures) == (Stage.FAILED, 2)
    assert trial.state.name == before
    assert trial.state.note.startswith(f"{name} failed on this device (")
    assert "differs from the golden outputs" in trial.state.note
    *refusals, last = (entry.getMessage() for entry in caplog.records)
    assert len(refusals) == 2
    assert all(
        line.startswith(f"model {name}: refused: golden.npz: ") for line in refusals
    )
    assert last.startswith(f"model {name} failed on this device (")
    assert last.endswith(f"): {before} is used")
    assert [entry.levelname for entry in caplog.records][-1] == "ERROR"
    # What came of it is still told by the next one.
    _, again = open_model(_SETTINGS, CpuClassifier, store)
    assert again.state == trial.state


def test_no_model_is_left(store: Store, activate: Activate, wrong: Path) -> None:
    """If the one before fails too, the released one is used."""
    name = activate(wrong)
    wrong.rename(wrong.with_name("worse"))
    other = activate(wrong.with_name("worse"))
    classifier, trial = open_model(_SETTINGS, CpuClassifier, store)
    assert classifier.bundle == RELEASED
    assert store.active is None
    assert store.record(other).stage is Stage.FAILED
    assert store.record(name).stage is not Stage.PASSED
    assert trial.state.name == "released"


def test_trusted_model_that_is_damaged(store: Store, good: Path) -> None:
    """A card that has lost bits ends no daemon."""
    name = install(store, Wanted(str(good))).name
    use(store, name)
    _, trial = open_model(_SETTINGS, CpuClassifier, store)
    with trial:
        trial.processed(0.0)
        trial.processed(300.0)
    give_wrong_golden_outputs(store.path(name))
    classifier, trial = open_model(_SETTINGS, CpuClassifier, store)
    assert classifier.bundle == RELEASED
    assert store.active is None
    assert store.record(name).stage is Stage.FAILED


def test_no_runtime(store: Store, activate: Activate, good: Path) -> None:
    """What is no fault of the model is said, and does not count against it."""
    name = activate(good)

    def make(_bundle: Path) -> None:
        from fer_contract.errors import FerError

        raise FerError("no TFLite runtime installed")

    for _ in range(3):
        with pytest.raises(Exception, match="no TFLite runtime"):
            open_model(_SETTINGS, make, store)
    assert store.record(name) == Record(Stage.PROBATION)


def test_start_that_cannot_be_noted(
    full_disk: Path, good: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """A model on probation is not tried then; the disk has room again, and it is."""
    store = Store(full_disk / "models")
    store.folder.mkdir()
    name = "good-00000000"
    # The disk is too small for a model; what matters is where the records are.
    store.path(name).mkdir()
    for file in good.iterdir():
        (store.path(name) / file.name).symlink_to(file)
    store.activate(name)
    with pytest.raises(OSError, match="No space"):
        (full_disk / "filler").write_bytes(bytes(300_000))
    with caplog.at_level(logging.ERROR):
        classifier, trial = open_model(_SETTINGS, CpuClassifier, store)
    assert classifier.bundle == RELEASED
    assert trial.state.note.startswith(
        f"{name} is not tried: its start cannot be noted"
    )
    assert "No space left on device" in caplog.text
    assert store.active == name
    (full_disk / "filler").unlink()
    classifier, trial = open_model(_SETTINGS, CpuClassifier, store)
    assert classifier.bundle == store.path(name)
    assert trial.state == ModelState(name, on_probation=True)


def test_end_that_cannot_be_noted(store: Store, activate: Activate, good: Path) -> None:
    """The loop waits for nobody: it is tried again ten seconds later."""
    name = activate(good)
    _, trial = open_model(_SETTINGS, CpuClassifier, store)
    with trial:
        trial.processed(0.0)
        with store.lock():
            trial.processed(300.0)
        trial.processed(309.0)
        assert store.record(name).stage is Stage.PROBATION
        trial.processed(310.0)
        assert store.record(name).stage is Stage.PASSED


def test_unsigned_model(store: Store, activate: Activate, good: Path) -> None:
    """With a key in the configuration no unsigned model is started but the released."""
    pytest.importorskip("nacl", reason="pip install 'fer-edge-toolkit[signed]'")
    activate(good)
    settings = ModelSettings(public_key=_KEY)
    classifier, trial = open_model(settings, CpuClassifier, store)
    assert classifier.bundle == RELEASED
    assert "and model.public_key wants one" in trial.state.note
    with pytest.raises(RefusedError, match=r"no manifest\.json\.minisig in it"):
        open_model(
            ModelSettings(bundle=str(good), public_key=_KEY), CpuClassifier, store
        )


def test_runs_are_told_apart() -> None:
    """This one is alive; one that ended, one of another boot and a namesake are not."""
    here = this_run()
    assert is_alive(here, here)
    assert not is_alive(Run(here.boot, here.pid, here.began + 1), here)
    assert not is_alive(Run("another", here.pid, here.began), here)
    ended = subprocess.Popen(["true"])
    ended.wait()
    assert not is_alive(Run(here.boot, ended.pid, here.began), here)


def test_second_daemon(store: Store, activate: Activate, good: Path) -> None:
    """One that runs the same model beside this one is no death."""
    name = activate(good)
    other = subprocess.Popen(["sleep", "60"])
    stat = Path(f"/proc/{other.pid}/stat").read_text().rpartition(")")[2].split()
    run = Run(this_run().boot, other.pid, int(stat[19]))
    store.happened(name, Begun(run, frozenset()))
    _, trial = open_model(_SETTINGS, CpuClassifier, store)
    with trial:
        assert store.record(name).failures == 0
        assert store.record(name).runs == (run, this_run())
    other.kill()
    other.wait()
    open_model(_SETTINGS, CpuClassifier, store)
    assert store.record(name).failures == 1


# ---------------------------------------------------------------------- the real daemon


@pytest.fixture
def daemon(
    store: Store, video: Path, tmp_path: Path, fer_edge: Path
) -> Callable[..., subprocess.Popen[str]]:
    """Start the daemon on a recording, with the store of this test."""
    config = tmp_path / "fer-edge.toml"
    config.write_text(
        f'[camera]\nsource = "{video}"\npace = "recorded"\n[law]\npurpose = "testing"\n'
    )

    def start() -> subprocess.Popen[str]:
        return subprocess.Popen(
            [fer_edge, "-v", "run", "--config", config],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=os.environ | {"STATE_DIRECTORY": str(store.folder.parent)},
        )

    return start


def _models_of(lines: str) -> set[str]:
    return {json.loads(line)["model"] for line in lines.splitlines()}


def test_update_that_crashes_the_service(
    store: Store,
    activate: Activate,
    good: Path,
    crashing: Path,
    daemon: Callable[..., subprocess.Popen[str]],
) -> None:
    """Native code ends the daemon twice; the third start has the model before."""
    before = activate(good)
    _, trial = open_model(_SETTINGS, CpuClassifier, store)
    with trial:
        trial.processed(0.0)
        trial.processed(300.0)
    name = activate(crashing)
    for _ in range(2):
        first = daemon()
        first.communicate(timeout=60)
        assert first.returncode == -signal.SIGSEGV
        assert store.active == name
    third = daemon()
    events, log = third.communicate(timeout=60)
    assert third.returncode == 0, log
    assert _models_of(events) == {"good"}
    line = f"model {name} failed on this device (the daemon died with it): "
    assert f"ERROR {line}{before} is used\n" in log
    assert (store.active, store.previous) == (before, name)
    fourth = daemon()
    events, log = fourth.communicate(timeout=60)
    assert fourth.returncode == 0, log
    assert _models_of(events) == {"good"}
    assert "ERROR" not in log


def test_daemon_that_is_killed_and_one_that_is_stopped(
    store: Store,
    activate: Activate,
    good: Path,
    daemon: Callable[..., subprocess.Popen[str]],
) -> None:
    """A watchdog's kill counts at the next start, SIGTERM does not."""
    name = activate(good)
    for number in (signal.SIGTERM, signal.SIGKILL, signal.SIGTERM):
        process = daemon()
        assert process.stdout is not None
        process.stdout.readline()  # the loop is at work
        assert len(store.record(name).runs) == 1
        process.send_signal(number)
        process.communicate(timeout=60)
        seen = store.record(name)
        assert seen.stage is Stage.PROBATION
        assert len(seen.runs) == (number == signal.SIGKILL)
    assert store.record(name).failures == 1

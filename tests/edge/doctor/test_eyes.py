"""Camera, detector and model: real files, real models, a camera on loopback."""

import shutil
from pathlib import Path

import pytest

from altered_bundles import released_as
from doctor_stage import Machine, MakeCase, given
from fer_contract.manifest import BundleManifest, read_manifest
from fer_edge.detector_model import NAME
from fer_edge.doctor.checks import Verdict
from fer_edge.doctor.eyes import CAMERA, DETECTOR, MODEL
from fer_edge.doctor.unit import Unit
from fer_edge.models import RELEASED
from fer_edge.models.installing import Wanted, install, use
from fer_edge.models.probation import Failed, Lasted, Run
from fer_edge.models.store import Store
from network_camera import NetworkCamera

_RUN = Run("boot", 1, 1)


@pytest.fixture
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """This device's state folder is the test's."""
    monkeypatch.setenv("STATE_DIRECTORY", str(tmp_path / "state"))
    return tmp_path / "state"


# ---------------------------------------------------------------------------- camera


def test_recording(make_case: MakeCase) -> None:
    """A frame is read, and its size told."""
    found = CAMERA.look(make_case())
    assert found.verdict is Verdict.OK
    assert "640x480" in found.says


@pytest.mark.parametrize("source", ["/nowhere/party.mp4", "/dev/video987", "/dev/null"])
def test_no_camera(make_case: MakeCase, source: str) -> None:
    """What there is instead is told once, and what to do."""
    found = CAMERA.look(make_case(f'[camera]\nsource = "{source}"\n'))
    assert found.verdict is Verdict.WRONG
    assert found.says.startswith(f"{source}: ")
    assert found.mend


def test_network_camera(make_case: MakeCase) -> None:
    """It is opened once; its password is not told, whatever happens."""
    with NetworkCamera() as camera:
        text = f'[camera]\nsource = "{camera.url}"\n'
        found = CAMERA.look(make_case(text))
        assert found.verdict is Verdict.OK, found
        assert camera.connections == 1
        assert f"http://127.0.0.1:{camera.port}/…: 64x48" in found.says
    lost = CAMERA.look(make_case(text))
    assert lost.verdict is Verdict.WRONG
    assert "sesame" not in f"{found}{lost}"


def test_camera_of_the_service(
    machine: Machine, make_case: MakeCase, running: Unit
) -> None:
    """One that the service holds is left alone; one that it has not got is looked at.

    That is seen by the files that its process has opened.
    """
    text = '[camera]\nsource = "/dev/video987"\n'
    opened = machine.world.path("/proc/77/fd")
    opened.mkdir(parents=True)
    (opened / "0").symlink_to("/dev/null")
    lost = CAMERA.look(make_case(text, running))
    assert lost.verdict is Verdict.WRONG
    assert lost.mend.endswith("usermod -aG video fer-edge")
    (opened / "7").symlink_to("/dev/video987")
    found = CAMERA.look(make_case(text, running))
    assert found.verdict is Verdict.OK
    assert "in use by the service (process 77), so not opened" in found.says
    flat = CAMERA.look(make_case('[camera]\nsource = "picamera"\n', running))
    assert flat.verdict is Verdict.OK


def test_service_of_another_user(make_case: MakeCase, running: Unit) -> None:
    """What it holds cannot be seen: a camera that is there is left to it."""
    unit = given(running, MainPID="0")
    there = CAMERA.look(make_case('[camera]\nsource = "/dev/null"\n', unit))
    assert there.verdict is Verdict.OK
    assert "sudo looks closer" in there.says
    lost = CAMERA.look(make_case('[camera]\nsource = "/dev/video987"\n', unit))
    assert lost.verdict is Verdict.WRONG


# -------------------------------------------------------------------------- detector


def test_cascade(make_case: MakeCase, state: Path) -> None:
    """It works; that YuNet would be better is a note, unless it was chosen."""
    assert not state.exists()
    found = DETECTOR.look(make_case())
    assert found.verdict is Verdict.NOTE
    assert found.says.startswith("haar, ")
    assert found.mend == "sudo fer-edge models fetch-detector"
    chosen = DETECTOR.look(make_case('[faces]\ndetector = "haar"\n'))
    assert chosen.verdict is Verdict.OK


def test_missing_yunet(make_case: MakeCase, state: Path) -> None:
    """Where it is asked for, it has to be there."""
    found = DETECTOR.look(make_case('[faces]\ndetector = "yunet"\n'))
    assert found.verdict is Verdict.WRONG
    assert str(state) in found.says


def test_yunet(make_case: MakeCase, state: Path, shared: Path) -> None:
    """The fetched file is used; a damaged one is wrong."""
    state.mkdir()
    shutil.copyfile(shared / "models" / NAME, state / NAME)
    found = DETECTOR.look(make_case())
    assert found.verdict is Verdict.OK, found
    assert found.says.startswith("yunet, ")
    (state / NAME).write_bytes(b"?")
    damaged = DETECTOR.look(make_case())
    assert damaged.verdict is Verdict.WRONG
    assert "fetch-detector" in damaged.mend


# ----------------------------------------------------------------------------- model


def test_released_model(make_case: MakeCase, state: Path) -> None:
    """What came with the package, its runtime, and its golden vectors."""
    assert not state.exists()
    found = MODEL.look(make_case())
    assert found.verdict is Verdict.OK
    name = read_manifest(RELEASED, BundleManifest).name
    assert found.says.startswith(f"released ({name}) on ")
    assert found.says.endswith("6 golden vectors passed")


def test_installed_model(make_case: MakeCase, state: Path, tmp_path: Path) -> None:
    """On probation, trusted, and failed: each is told, with what was before."""
    store = Store(state / "models")
    name = install(store, Wanted(str(released_as("good", tmp_path)))).name
    use(store, name, None)
    found = MODEL.look(make_case())
    assert found.verdict is Verdict.NOTE
    assert found.says.startswith(f"{name} (good) on ")
    assert "before it: released; on probation" in found.says
    store.happened(name, Lasted(_RUN))
    found = MODEL.look(make_case())
    assert found.verdict is Verdict.OK
    assert found.says.endswith("; trusted")
    store.happened(name, Failed(_RUN, "it dies"))
    store.happened(name, Failed(_RUN, "it dies"))
    found = MODEL.look(make_case())
    assert found.verdict is Verdict.NOTE
    assert f"{name} failed on this device: it dies" in found.says


def test_damaged_model(make_case: MakeCase, state: Path, tmp_path: Path) -> None:
    """A file that a card has lost is found, and there is something to go back to."""
    store = Store(state / "models")
    name = install(store, Wanted(str(released_as("good", tmp_path)))).name
    use(store, name, None)
    with (store.path(name) / "model_int8.tflite").open("ab") as stream:
        stream.write(b"?")
    found = MODEL.look(make_case())
    assert found.verdict is Verdict.WRONG
    assert "model_int8.tflite" in found.says
    assert found.mend == "sudo fer-edge models rollback"


def test_unsigned_model(make_case: MakeCase, tmp_path: Path) -> None:
    """With a key, a model without its signature is wrong."""
    pytest.importorskip("nacl", reason="pip install pynacl")
    bundle = released_as("good", tmp_path)
    key = "RWQf6LRCGA9i53mlYecO4IzT51TGPpvWucNSCh1CBM0QTaLn73Y7GFO3"
    text = f'[model]\nbundle = "{bundle}"\npublic_key = "{key}"\n'
    found = MODEL.look(make_case(text))
    assert found.verdict is Verdict.WRONG
    assert "manifest.json.minisig" in found.says


def test_emotion_that_no_model_tells(make_case: MakeCase) -> None:
    """A hook that would wait for ever keeps the daemon from its start."""
    text = '[[hooks]]\ncommand = ["/bin/true"]\nemotions = ["joy"]\n'
    found = MODEL.look(make_case(text))
    assert found.verdict is Verdict.WRONG
    assert "joy" in found.says

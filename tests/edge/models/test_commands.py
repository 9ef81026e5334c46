"""``fer-edge models``, as a user gives it."""

import functools
import json
import re
import shutil
import subprocess
import threading
from collections.abc import Callable, Iterator
from http.server import HTTPServer, SimpleHTTPRequestHandler
from pathlib import Path

import pytest

from altered_bundles import change_manifest
from fer_contract.manifest import MANIFEST_NAME, BundleManifest, read_manifest, sha256
from fer_edge.models import RELEASED
from fer_edge.models.probation import Failed, Lasted, Run
from fer_edge.models.store import Store
from processes import run_command

Finished = subprocess.CompletedProcess[str]
_NEXT = (
    "active; the daemon takes it when it is started next: "
    "sudo systemctl restart fer-edge\n"
)
_RUN = Run("boot", 1, 1)


@pytest.fixture(autouse=True)
def here(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """This device's store is the test's."""
    monkeypatch.setenv("STATE_DIRECTORY", str(store.folder.parent))


def _models(*arguments: str | Path) -> Finished:
    return run_command("fer-edge", "models", *arguments)


def _said(finished: Finished) -> str:
    assert (finished.returncode, finished.stderr) == (0, "")
    return finished.stdout


def _released() -> tuple[str, float]:
    """Digest and accuracy in the manifest of the model that came with the package."""
    digest: str = json.loads((RELEASED / MANIFEST_NAME).read_text())["digest"]
    accuracy = read_manifest(RELEASED, BundleManifest).parity["int8_accuracy"]["value"]
    assert len(digest) == 64
    assert 0.7 < accuracy < 0.9
    return digest, accuracy


def _check_complaint(finished: Finished, code: int, start: str) -> None:
    assert (finished.returncode, finished.stdout) == (code, "")
    assert finished.stderr.startswith(f"fer-edge: {start}"), finished.stderr
    assert finished.stderr.count("\n") == 1


def test_from_install_to_rollback(store: Store, good: Path, other: Path) -> None:
    """What each command does is said in a line, and shown by the list."""
    said = _said(_models("install", good))
    (name,) = store.names()
    assert said == f"{name}: installed\n"
    assert _said(_models("install", good)) == (
        f"{name}: there already, each file renewed\n"
    )
    assert _said(_models("path")) == f"{RELEASED}\n"
    assert _said(_models("use", "good")) == f"{name}: {_NEXT}"
    assert _said(_models("path")) == f"{store.path(name)}\n"
    store.happened(name, Lasted(_RUN))
    first, second = _said(_models("install", other, "--use")).splitlines(keepends=True)
    assert second == first.replace("installed\n", _NEXT)
    assert _said(_models("rollback")) == f"{name}: {_NEXT}"
    assert _said(_models("use", "released")) == f"released: {_NEXT}"
    assert _said(_models("rollback")) == f"{name}: {_NEXT}"
    assert _said(_models("remove", "other")).endswith(": removed\n")
    assert store.names() == [name]


def test_list(store: Store, good: Path, other: Path) -> None:
    """A table for people: what it is, what it can do, and what has become of it."""
    _, alone = _said(_models("list")).splitlines()
    digest, accuracy = _released()
    assert re.split("  +", alone) == [
        "released", digest[:12], "happy,neutral,sad,surprise", f"{accuracy:.1%}", "-",
        "active",
    ]  # fmt: skip
    _said(_models("install", good, "--use"))
    _said(_models("install", other))
    for name in store.names():
        if name.startswith("other"):
            store.happened(name, Failed(_RUN, "SIGSEGV"))
            store.happened(name, Failed(_RUN, "SIGSEGV"))
    heading, *lines = _said(_models("list")).splitlines()
    assert heading.split() == [
        "NAME", "DIGEST", "LABELS", "ACCURACY", "INSTALLED", "STATE",
    ]  # fmt: skip
    by_name = {line.split("-")[0].split()[0]: line for line in lines}
    assert by_name["good"].endswith("  active, on probation")
    assert by_name["other"].endswith("  failed: SIGSEGV")
    assert by_name["released"].endswith("  previous")
    assert lines[-1] == by_name["released"]


def test_list_for_programs(store: Store, good: Path) -> None:
    """The same as JSON; a model that is damaged is in it, and says so."""
    change_manifest(good, parity={})
    _said(_models("install", good))
    installed, released = json.loads(_said(_models("list", "--json")))
    assert installed["name"] == store.names()[0]
    assert installed["accuracy"] is None
    assert installed["labels"] == ["happy", "neutral", "sad", "surprise"]
    assert installed["installed_at"].endswith("+00:00")
    digest, accuracy = _released()
    assert released == {
        "name": "released",
        "digest": digest,
        "labels": ["happy", "neutral", "sad", "surprise"],
        "accuracy": accuracy,
        "installed_at": None,
        "state": ["active"],
    }
    (store.path(installed["name"]) / BundleManifest.MODEL).write_bytes(b"?")
    damaged, _ = json.loads(_said(_models("list", "--json")))
    assert damaged["digest"] == ""
    assert damaged["state"][0].startswith("damaged: ")


def test_what_cannot_be_used(store: Store, good: Path, crashing: Path) -> None:
    """One line each; exit 1 where it was judged, 2 where there was nothing to judge."""
    end = "its self-test ends the interpreter by SIGSEGV\n"
    _check_complaint(_models("install", crashing), 1, f"{crashing}: {end}")
    nothing = "no model was active before this one\n"
    _check_complaint(_models("rollback"), 2, f"{store.folder}: {nothing}")
    missing = "x: not installed; fer-edge models list shows all\n"
    for command in ("use", "remove", "path"):
        _check_complaint(_models(command, "x"), 2, missing)
    _said(_models("install", good, "--use"))
    (name,) = store.names()
    _check_complaint(
        _models("remove", name), 1, f"{name}: the active model is not removed\n"
    )
    nowhere = good.with_name("nowhere")
    _check_complaint(_models("install", nowhere), 2, f"{nowhere}: No such file")


def test_failed_model_that_is_wanted_again(store: Store, good: Path) -> None:
    """Only with --again, which installing has too."""
    _said(_models("install", good))
    (name,) = store.names()
    for _ in range(2):
        store.happened(name, Failed(_RUN, "SIGSEGV"))
    failed = f"{name}: failed on this device (SIGSEGV); it is tried anew with --again\n"
    _check_complaint(_models("use", name), 1, failed)
    refused = _models("install", good, "--use")
    assert (refused.returncode, refused.stderr) == (1, f"fer-edge: {failed}")
    assert _said(_models("use", name, "--again")) == f"{name}: {_NEXT}"


@pytest.mark.parametrize("digest", ["x", "0" * 63, "g" * 64])
def test_what_is_no_digest(good: Path, digest: str) -> None:
    """It is named before anything is fetched."""
    finished = _models("install", good, "--sha256", digest)
    assert finished.returncode == 2
    assert f"{digest!r} is no SHA-256" in finished.stderr


# ----------------------------------------------------------------------- by the network


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002
        pass


@pytest.fixture
def address(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A server on loopback that gives what lies in the test's folder."""
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    handler = functools.partial(_Quiet, directory=str(tmp_path))
    with HTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()
        thread.join()


def test_address(
    store: Store, good: Path, to_zip: Callable[[Path], Path], address: str
) -> None:
    """A zip is fetched, checked against its digest and installed."""
    packed = to_zip(good)
    url = f"{address}/{packed.name}"
    said = _said(_models("install", url, "--sha256", sha256(packed).upper()))
    (name,) = store.names()
    assert said == f"{name}: installed\n"
    wrong = _models("install", url, "--sha256", "0" * 64)
    _check_complaint(
        wrong, 1, f"{url}: SHA-256 is {sha256(packed)[:12]}…; 000000000000…"
    )
    _check_complaint(
        _models("install", f"{address}/no.zip"), 2, f"{address}/no.zip: 404"
    )
    page = f"{address}/"
    _check_complaint(_models("install", page), 2, f"{page}: not a zip, or damaged\n")


def test_address_that_anyone_on_the_way_could_exchange() -> None:
    """Nothing is fetched by plain http that nothing vouches for."""
    url = "http://example.invalid/model.zip"
    _check_complaint(
        _models("install", url),
        2,
        f"{url}: anyone on the way could exchange it; give https, --sha256, or "
        "model.public_key\n",
    )


# --------------------------------------------------------------------------- signatures


@pytest.fixture
def minisign(tmp_path: Path) -> Callable[..., None]:
    """The program, at work beside a fresh key."""
    if shutil.which("minisign") is None:
        pytest.skip("minisign is missing: apt-get install minisign")
    pytest.importorskip("nacl", reason="pip install 'fer-edge-toolkit[signed]'")

    def minisign(*arguments: str | Path) -> None:
        command = ["minisign", *arguments]
        subprocess.run(command, cwd=tmp_path, check=True, capture_output=True)

    minisign("-G", "-W", "-p", "key.pub", "-s", "key")
    return minisign


def test_signed_models(
    store: Store,
    good: Path,
    to_zip: Callable[[Path], Path],
    minisign: Callable[..., None],
    tmp_path: Path,
) -> None:
    """With a key in the configuration only what is signed with it is let in."""
    key = (tmp_path / "key.pub").read_text().splitlines()[-1]
    config = tmp_path / "fer-edge.toml"
    config.write_text(f'[model]\npublic_key = "{key}"\n')
    unsigned = _models("install", good, "--config", config)
    _check_complaint(unsigned, 1, f"{good}: no manifest.json.minisig in it, and ")
    minisign("-S", "-s", "key", "-m", good / "manifest.json")
    _said(_models("install", to_zip(good), "--use", "--config", config))
    (name,) = store.names()
    assert store.active == name
    change_manifest(good, threshold=0.6)
    changed = _models("install", good, "--config", config)
    _check_complaint(changed, 1, f"{good}/manifest.json.minisig: not the signature of")
    assert store.names() == [name]


def test_key_that_is_none(tmp_path: Path) -> None:
    """The check of a configuration names it."""
    config = tmp_path / "fer-edge.toml"
    config.write_text(
        '[camera]\nsource = "0"\n[model]\npublic_key = "x"\n'
        '[law]\npurpose = "testing"\n'
    )
    finished = run_command("fer-edge", "check", config)
    _check_complaint(
        finished, 2, f"{config}:4: model.public_key: 'x'; the last line of "
    )


@pytest.mark.parametrize("content", ['[model]\npublic_key = "x"\n', "[", None])
def test_configuration_that_cannot_be_read(
    store: Store, good: Path, tmp_path: Path, content: str | None
) -> None:
    """Where the key may be is not known, so nothing is let in."""
    config = tmp_path / "fer-edge.toml"
    if content is not None:
        config.write_text(content)
    _check_complaint(_models("install", good, "--config", config), 2, f"{config}: ")
    assert store.names() == []

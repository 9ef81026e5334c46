"""Commands that are killed: one complete model is active, and no rubbish grows."""

import json
import os
import random
import signal
import subprocess
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path

import pytest

from fer_contract.manifest import BundleManifest, read_manifest
from fer_edge.models.probation import Lasted, Run, Stage
from fer_edge.models.store import Store

_KILLS = 50


def _check_complete(store: Store) -> None:
    """Whatever is a model is all of it, its digests say; one of them is active."""
    names = store.names()
    for name in names:
        read_manifest(store.path(name), BundleManifest)
    assert store.active in names
    loose = {path.name for path in store.folder.iterdir()} - set(names)
    known = {".lock", "active", "previous", "records.json"}
    unfinished = {".records.json.part", ".active.part", ".previous.part"}
    left = loose - known - unfinished
    # Of the one that was just killed, and of no earlier one.
    assert len(left) <= 1
    assert all(name.startswith(".incoming-") for name in left)


# What is imported before a fork is not waited for in it; no import changes a model.
_FORK = """
    import importlib, json, os, select, signal, sys, time

    for name in ("cli", "config", "models.installing", "models.trial", "web"):
        importlib.import_module(f"fer_edge.{name}")
    importlib.import_module("ai_edge_litert.interpreter")
    for line in sys.stdin:
        seconds, *sys.argv[1:] = json.loads(line)
        begun = time.monotonic()
        child = os.fork()
        if child == 0:
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            sys.modules["fer_edge.cli"].main()
        if not select.select([os.pidfd_open(child)], [], [], seconds)[0]:
            os.kill(child, signal.SIGKILL)
        _, status = os.waitpid(child, 0)
        took = time.monotonic() - begun
        print(json.dumps([os.waitstatus_to_exitcode(status), took]), flush=True)
"""


def test_install_and_use_at_any_moment(store: Store, good: Path, other: Path) -> None:
    """Fifty times, from the first moment to the last."""
    with subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(_FORK)],
        env=os.environ | {"STATE_DIRECTORY": str(store.folder.parent)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as forks:

        def install(bundle: Path, seconds: float = 60.0) -> tuple[int, float]:
            """Give it so long; return its exit code and how long it took."""
            assert forks.stdin is not None
            assert forks.stdout is not None
            command = [seconds, "models", "install", str(bundle), "--use"]
            print(json.dumps(command), file=forks.stdin, flush=True)
            code, took = json.loads(forks.stdout.readline())
            return code, took

        code, whole = install(good)
        assert code == 0
        rng = random.Random(8)
        finished = 0
        for number in range(_KILLS):
            code, _ = install((other, good)[number % 2], rng.uniform(0, 1.1) * whole)
            assert code in (0, -signal.SIGKILL)
            finished += code == 0
            _check_complete(store)
        assert finished < _KILLS
        assert install(other)[0] == 0
    _check_complete(store)
    assert not list(store.folder.glob(".incoming-*"))
    assert not list(store.folder.glob(".*.part"))
    assert len(store.names()) == 2
    assert store.active is not None
    assert store.active.startswith("other-")
    assert store.record(store.active).stage is Stage.PROBATION


_DIE = """
    import itertools, os, signal, sys
    from pathlib import Path
    from fer_edge.models.store import Store

    left = None

    def count(event, arguments):
        global left
        changes = {"open", "os.rename", "os.remove", "os.symlink", "os.mkdir"}
        if left is not None and event in changes:
            left -= 1
            if left < 0:
                os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(count)
    for steps in itertools.count():
        store = Store(Path(sys.argv[1], str(steps)))
        child = os.fork()
        if child == 0:
            left = steps
            with store.lock():
                ACT
            os._exit(0)
        _, status = os.waitpid(child, 0)
        if status == 0:
            break
        assert os.WTERMSIG(status) == signal.SIGKILL
    print(steps)
"""
_A, _B, _C = (f"{letter}-00000000" for letter in "abc")


@pytest.mark.parametrize("act", [f"store.activate({_B!r})", f"store.remove({_C!r})"])
def test_every_step(tmp_path: Path, act: str) -> None:
    """Killed before any of its steps, a switch has happened or has not."""
    most = 40
    for steps in range(most):
        store = Store(tmp_path / f"{steps}")
        for name in (_A, _B, _C):
            store.path(name).mkdir(parents=True)
            (store.path(name) / "manifest.json").touch()
        store.activate(_A)
        store.happened(_A, Lasted(Run("boot", 1, 1)))
    program = textwrap.dedent(_DIE).replace("ACT", act)
    done = subprocess.run(
        [sys.executable, "-c", program, tmp_path],
        check=True,
        capture_output=True,
        text=True,
    )
    steps = int(done.stdout)
    assert 3 < steps < most
    stores = [Store(tmp_path / f"{number}") for number in range(steps + 1)]
    seen = [(store.active, len(store.names())) for store in stores]
    switched = [state == seen[-1] for state in seen]
    assert switched == sorted(switched)
    assert set(seen) == {(_A, 3), seen[-1]}
    assert seen[-1] in ((_B, 3), (_A, 2))
    for store in stores:
        # The one to return to is never worse than the one that was active.
        assert store.previous in (None, _A)
        if store.active == _B:
            assert store.previous == _A
            assert store.record(_B).stage is Stage.PROBATION
        assert store.record(_A).stage is Stage.PASSED
        with store.workspace():
            pass
        assert not list(store.folder.glob(".incoming-*"))


def test_two_at_once(
    fer_edge: Path, store: Store, good: Path, other: Path, to_zip: Callable[..., Path]
) -> None:
    """Two commands of the same model, and one of another: all are done."""
    sources = [good, to_zip(good), other]
    environment = os.environ | {"STATE_DIRECTORY": str(store.folder.parent)}
    processes = [
        subprocess.Popen(
            [fer_edge, "models", "install", source, "--use"],
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for source in sources
    ]
    for process in processes:
        _, complaint = process.communicate(timeout=60)
        assert (process.returncode, complaint) == (0, "")
    _check_complete(store)
    assert len(store.names()) == 2
    assert not list(store.folder.glob(".incoming-*"))

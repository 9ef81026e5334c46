"""Commands that are run for events: real ones, good and bad."""

import logging
import os
import signal
import threading
import time
import tracemalloc
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fer_edge.events import Event, EventType
from fer_edge.publishers.hook import (
    Allowance,
    Hook,
    HookSettings,
    complaints,
    unknown_emotions,
)
from fer_edge.publishers.hook_process import (
    Finished,
    environment_for_hooks,
    run_process,
)

Until = Callable[[Callable[[], bool]], None]
RunShell = Callable[..., Finished]


@pytest.fixture
def shell() -> RunShell:
    """Run lines of shell as a hook's command."""

    def shell(script: str, text: bytes = b"", seconds: float = 60.0) -> Finished:
        command = ("/bin/sh", "-c", script)
        return run_process(command, text, seconds, threading.Event())

    return shell


def _is_gone(number: int) -> bool:
    """Whether a process has ended; who must bury it is not asked."""
    try:
        status = Path(f"/proc/{number}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return True
    return status.rpartition(")")[2].split()[0] == "Z"


def _script(path: Path, text: str) -> tuple[str, ...]:
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return (str(path),)


# ------------------------------------------------------------------------- the process


def test_event_on_standard_input(tmp_path: Path, event: Event) -> None:
    """The command gets the event as a line, and its arguments as they stand."""
    path = tmp_path / "got"
    command = _script(tmp_path / "hook", f'cat > {path}; echo "$1,$2" >> {path}')
    hook = Hook("hooks[0]", HookSettings((*command, "$HOME; echo", "*")))
    hook.publish(event)
    assert path.read_text() == f"{event.to_json()}\n$HOME; echo,*\n"


def test_command_that_does_not_read(shell: RunShell) -> None:
    """That is no failure, whether it ends or runs on, and however long the event."""
    assert shell("exit 0", b"x" * 1_000_000) == Finished("")
    assert shell("exec 0<&-; echo a", b"x" * 1_000_000) == Finished("", ("a",))


def test_long_event(shell: RunShell) -> None:
    """It is given in full, at the speed of the reader."""
    assert shell("sleep 0.2; wc -c", b"x" * 1_000_000) == Finished("", ("1000000",))


def test_environment() -> None:
    """Passwords and systemd's conversation with the service are withheld."""
    kept = {"PATH": "/bin", "HOME": "/", "STATE_DIRECTORY": "/var/lib/fer-edge"}
    withheld = {
        "FER_EDGE_MQTT_PASSWORD": "x",
        "CREDENTIALS_DIRECTORY": "/run/credentials",
        "NOTIFY_SOCKET": "@x",
        "WATCHDOG_USEC": "1",
    }
    assert environment_for_hooks(kept | withheld) == kept


def test_environment_of_a_command(
    shell: RunShell, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A command sees no password of the daemon's."""
    monkeypatch.setenv("FER_EDGE_MQTT_PASSWORD", "sesame")
    monkeypatch.setenv("HOOK_GREETING", "hello")
    assert shell("env | grep -c sesame; echo $HOOK_GREETING").lines == ("0", "hello")


@pytest.mark.parametrize(
    ("script", "failure"),
    [
        ("exit 0", ""),
        ("exit 3", "ended with 3"),
        ("kill -SEGV $$", "ended by signal 11 (Segmentation fault)"),
        ("kill -40 $$", "ended by signal 40 (Real-time signal 6)"),
    ],
)
def test_ending(script: str, failure: str, shell: RunShell) -> None:
    """It is told in words."""
    assert shell(script).failure == failure


def test_time_out(tmp_path: Path, shell: RunShell, until: Until) -> None:
    """It is killed with all that it has started, whatever they do against it."""
    pids = tmp_path / "pids"
    script = f"""
        trap '' TERM INT HUP
        sleep 1000 & echo $! >> {pids}
        (trap '' TERM; sleep 1000) & echo $! >> {pids}
        echo $$ >> {pids}; echo waiting; sleep 1000
    """
    finished = shell(script, seconds=1.0)
    assert finished == Finished("killed after 1 s", ("waiting",))
    numbers = [int(line) for line in pids.read_text().split()]
    assert len(numbers) == 3
    until(lambda: all(map(_is_gone, numbers)))
    # The command itself was waited for: it is not even a zombie.
    assert not Path(f"/proc/{numbers[-1]}").exists()


def test_child_left_behind(tmp_path: Path, shell: RunShell) -> None:
    """What a command leaves behind in time runs on, and is not waited for."""
    path = tmp_path / "pid"
    begun = time.monotonic()
    finished = shell(f"sleep 1000 & echo $! > {path}; echo done")
    assert finished == Finished("", ("done",))
    assert time.monotonic() - begun < 30.0
    number = int(path.read_text())
    assert not _is_gone(number)
    os.kill(number, signal.SIGKILL)


def test_much_output(shell: RunShell) -> None:
    """Of what it prints the first lines are kept, the rest is read all the same."""
    finished = shell("yes 'a line' | head -c 20000000; echo last >&2")
    assert finished == Finished("", ("a line",) * 20)
    long = shell("head -c 1000000 /dev/zero | tr '\\0' x")
    assert long == Finished("", ("x" * 300,))


def test_endless_output(shell: RunShell) -> None:
    """A command that never ceases to print is ended in time, and fills no memory."""
    tracemalloc.start()
    try:
        finished = shell("yes", seconds=1.0)
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert finished == Finished("killed after 1 s", ("y",) * 20)
    assert most < 1_000_000


def test_endless_output_again_and_again(shell: RunShell) -> None:
    """That it was killed is told each time: it does not end by a pipe closed before."""
    for _ in range(100):
        assert shell("exec yes", seconds=0.02).failure == "killed after 0.02 s"


def test_odd_output(shell: RunShell) -> None:
    """Control characters and broken UTF-8 do not get into the log."""
    assert shell(r"printf '\033[31mred\377\n\n ok\n'").lines == (
        r"\x1b[31mred�",
        " ok",
    )


def test_command_that_closes_its_output(shell: RunShell) -> None:
    """Its end is waited for all the same."""
    assert shell("exec >&- 2>&- 0<&-; sleep 0.3; exit 4").failure == "ended with 4"


def test_stop(tmp_path: Path, until: Until) -> None:
    """A command that runs is killed when the daemon ends."""
    stop = threading.Event()
    ended: list[Finished] = []
    pid = tmp_path / "pid"
    command = ("/bin/sh", "-c", f"echo $$ > {pid}; sleep 1000")

    def work() -> None:
        ended.append(run_process(command, b"", 1000.0, stop))

    thread = threading.Thread(target=work)
    thread.start()
    until(lambda: pid.exists() and pid.read_text().endswith("\n"))
    stop.set()
    thread.join(30.0)
    assert len(ended) == 1
    assert not Path(f"/proc/{pid.read_text().strip()}").exists()


# ---------------------------------------------------------------------- when it is run


@pytest.mark.parametrize(
    ("settings", "kind", "emotion", "wanted"),
    [
        (HookSettings(("x",)), EventType.NEW, "happy", True),
        (HookSettings(("x",)), EventType.END, "happy", False),
        (HookSettings(("x",), ("new", "end")), EventType.END, "happy", True),
        (HookSettings(("x",), emotions=("sad",)), EventType.NEW, "happy", False),
        (HookSettings(("x",), emotions=("sad",)), EventType.NEW, "sad", True),
        (HookSettings(("x",), emotions=("sad",)), EventType.UPDATE, "sad", False),
    ],
)
def test_wants(
    settings: HookSettings, kind: EventType, emotion: str, wanted: bool, event: Event
) -> None:
    """A command is run for the types and emotions that it asks for."""
    hook = Hook("hooks[0]", settings)
    assert hook.wants(replace(event, type=kind, emotion=emotion)) == wanted


@given(
    most=st.integers(1, 5),
    steps=st.lists(st.floats(0.0, 40.0, allow_nan=False), max_size=60),
)
def test_allowance(most: int, steps: list[float]) -> None:
    """In no minute it is more, and nothing is refused that would not make it more."""
    allowance, now, given_at = Allowance(most), 0.0, list[float]()
    for step in steps:
        now += step
        recent = [then for then in given_at if now - then < 60.0]
        assert allowance.take(now) == (len(recent) < most)
        if len(recent) < most:
            given_at.append(now)


def test_too_often(
    tmp_path: Path, event: Event, caplog: pytest.LogCaptureFixture
) -> None:
    """What is beyond the limit is not run, and that is said once a minute."""
    path = tmp_path / "got"
    command = _script(tmp_path / "hook", f"echo x >> {path}")
    hook = Hook("hooks[2]", HookSettings(command, most_per_minute=3))
    for _ in range(20):
        hook.publish(event)
    assert path.read_text() == "x\n" * 3
    assert caplog.messages == [
        "hooks[2]: more than 3 events in a minute; passed over so far: 1"
    ]


def test_log(tmp_path: Path, event: Event, caplog: pytest.LogCaptureFixture) -> None:
    """How it ends is logged when it is not as the last time; what it prints, below."""
    caplog.set_level(logging.INFO)
    code = tmp_path / "code"
    command = _script(
        tmp_path / "hook", f"echo first; echo last >&2; exit $(cat {code})"
    )
    hook = Hook("hooks[0]", HookSettings(command))
    for number in (0, 0, 1, 1, 2, 0):
        code.write_text(f"{number}")
        hook.publish(event)
    program = command[0]
    assert [r.getMessage() for r in caplog.records if r.levelno > logging.INFO] == [
        f"hooks[0]: {program}: ended with 1: last",
        f"hooks[0]: {program}: ended with 2: last",
        f"hooks[0]: {program}: works again",
    ]
    assert caplog.messages.count("hooks[0]: first") == 6


@pytest.mark.parametrize(
    ("text", "mode", "reason"),
    [
        (None, 0, "No such file or directory"),
        ("#!/bin/sh\n", 0o644, "Permission denied"),
        ("#!/missing\n", 0o755, "No such file or directory"),
        ("\x7fELF?\n", 0o755, "Exec format error"),
    ],
)
def test_program_that_cannot_be_run(
    text: str | None,
    mode: int,
    reason: str,
    tmp_path: Path,
    event: Event,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """That is said once, and does not end the daemon."""
    path = tmp_path / "hook"
    if text is not None:
        path.write_text(text)
        path.chmod(mode)
    hook = Hook("hooks[0]", HookSettings((str(path),)))
    for _ in range(2):
        hook.publish(event)
    assert caplog.messages == [f"hooks[0]: {path}: cannot be run: {reason}"]


# ------------------------------------------------------------------- the configuration


def test_complaints(tmp_path: Path) -> None:
    """A program that is not there is told before it is needed."""
    command = _script(tmp_path / "hook", "")
    missing = str(tmp_path / "missing")
    hooks = [
        HookSettings(command),
        HookSettings(("hook",)),
        HookSettings((missing, "x")),
        HookSettings((str(tmp_path),)),
    ]
    assert complaints(hooks) == [
        "hooks[1].command: 'hook'; a path from the root, /, is wanted",
        f"hooks[2].command: '{missing}'; no such program",
        f"hooks[3].command: '{tmp_path}'; no such program",
    ]


def test_unknown_emotions() -> None:
    """A hook may wait for the model's labels and for uncertain, for nothing else."""
    hooks = [
        HookSettings(("x",), emotions=("calm", "uncertain")),
        HookSettings(("x",), emotions=("happy", "calm")),
    ]
    assert unknown_emotions(hooks, ("calm", "angry")) == [
        "hooks[1].emotions: 'happy'; allowed are calm, angry, uncertain"
    ]

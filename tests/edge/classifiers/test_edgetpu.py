"""An Edge TPU that misbehaves: the processor stands in, and why is said once.

The processes are real ones: ``misbehaving_child.py`` does what an Edge TPU may do.
"""

import logging
import os
import platform
import signal
import threading
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from edgetpu_stage import GOLDEN_FACES, OTHERWISE, Stage, eventually
from fer_contract.errors import RefusedError
from fer_contract.preprocess import Pixels
from fer_edge.classifiers import Device
from fer_edge.classifiers.edgetpu import EdgeTpuClassifier
from fer_edge.classifiers.trust import check_first_labels

_FIRST_FACE = GOLDEN_FACES + 1


@pytest.fixture(autouse=True)
def all_is_logged(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """Every line of the log is kept."""
    with caplog.at_level(logging.DEBUG, logger="fer_edge"):
        yield


def _answers(tpu: EdgeTpuClassifier, restarts: int | None = None) -> bool:
    """Tell whether the Edge TPU answers, after so many restarts if that is asked."""
    state = tpu.state
    return state.device is Device.EDGETPU and restarts in (None, state.restarts)


def _told(caplog: pytest.LogCaptureFixture) -> list[str]:
    """Return what people are told, and not only those who ask for everything."""
    return [
        record.getMessage()
        for record in caplog.records
        if record.levelno >= logging.INFO
    ]


def test_process_that_works(
    stage: Stage, face: Pixels, caplog: pytest.LogCaptureFixture
) -> None:
    """Once it has passed the self-test, its outputs are the scores; this is said."""
    tpu = stage.make(stage.command("fine"))
    assert (tpu.name, tpu.input) == (stage.cpu.name, stage.cpu.input)
    assert (tpu.threshold, tpu.runtime) == (stage.cpu.threshold, stage.cpu.runtime)
    state = tpu.wait_until_settled(120.0)
    assert (state.device, state.reason) == (Device.EDGETPU, "")
    assert (state.failures, state.restarts) == (0, 0)
    assert str(state) == "edgetpu"
    meaning = stage.cpu.meaning(np.frombuffer(OTHERWISE, np.uint8))
    assert tpu.scores(face) == tpu.scores(face) == meaning
    assert meaning != stage.cpu.scores(face)
    assert _told(caplog) == ["Edge TPU: passed its self-test and answers"]


def test_face_of_another_kind(stage: Stage, face: Pixels) -> None:
    """It is the caller's mistake, and the Edge TPU does not suffer from it."""
    tpu = stage.make(stage.command("fine"))
    eventually(lambda: _answers(tpu))
    for wrong in (face[:, :, 0], face[1:], face.astype(np.float32)):
        with pytest.raises(ValueError, match=r"uint8 \(48, 48, 1\) wanted"):
            tpu.scores(wrong)  # type: ignore[arg-type]
    assert tpu.scores(face) != stage.cpu.scores(face)
    assert tpu.state.failures == 0


def test_while_it_starts(stage: Stage, face: Pixels) -> None:
    """The processor answers at once, however long the start takes."""
    tpu = stage.make(stage.command("hang"), edgetpu_start_seconds=3600.0)
    assert tpu.scores(face) == stage.cpu.scores(face)
    assert (tpu.state.device, tpu.state.failures) == (Device.CPU, 0)
    assert str(tpu.state) == "cpu (Edge TPU: starting)"


@pytest.mark.parametrize(
    ("deed", "reason"),
    [
        ("abort", "ended by SIGABRT: usb_driver.cc:857] transfer on tag 2 failed."),
        ("segv", "ended by SIGSEGV; "),
        ("exit", "ended with 3; "),
        ("close", "ended by SIGKILL; "),
        ("garbage", "says no message: b'INFO: Created Tensor'; "),
        ("odd", "says 99 is not a valid Kind; "),
        ("short", "answers OUTPUTS 8 of 3 bytes; OUTPUTS 8 of 4 bytes is wanted; "),
        ("stale", "answers OUTPUTS 7 of 4 bytes; OUTPUTS 8 of 4 bytes is wanted; "),
    ],
)
def test_failure_at_a_face(
    deed: str,
    reason: str,
    stage: Stage,
    face: Pixels,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """The processor answers this face; the process is started again and answers on."""
    tpu = stage.make(stage.command(deed, _FIRST_FACE + 1, good_from=2))
    eventually(lambda: _answers(tpu))
    meaning = tpu.scores(face)
    assert tpu.scores(face) == stage.cpu.scores(face) != meaning
    eventually(lambda: _answers(tpu, restarts=1))
    assert tpu.scores(face) == meaning
    assert (tpu.state.failures, tpu.state.reason) == (1, "")
    ready, lost, back = _told(caplog)
    assert ready == back == "Edge TPU: passed its self-test and answers"
    assert lost.startswith(f"Edge TPU: {reason}")
    assert lost.endswith("; the processor answers, next start in 0.01 s")


@pytest.mark.parametrize("deed", ["hang", "late"])
def test_no_answer_in_time(
    deed: str, stage: Stage, face: Pixels, caplog: pytest.LogCaptureFixture
) -> None:
    """The process is killed after the deadline, and started again."""
    tpu = stage.make(
        stage.command(deed, _FIRST_FACE, good_from=2), edgetpu_deadline_seconds=0.5
    )
    eventually(lambda: _answers(tpu))
    assert tpu.scores(face) == stage.cpu.scores(face)
    eventually(lambda: _answers(tpu, restarts=1))
    assert _told(caplog)[1] == (
        "Edge TPU: no answer within 0.5 s; the processor answers, next start in 0.01 s"
    )


def test_end_between_two_faces(stage: Stage, caplog: pytest.LogCaptureFixture) -> None:
    """It is noticed without any face, and the process is started again."""
    tpu = stage.make(stage.command("fine"))
    eventually(lambda: _answers(tpu))
    (pid,) = stage.children()
    os.kill(int(pid), signal.SIGBUS)
    eventually(lambda: _answers(tpu, restarts=1))
    assert _told(caplog)[1].startswith("Edge TPU: ended by SIGBUS; ")


@pytest.mark.parametrize(
    ("deed", "at", "reason"),
    [
        ("hang", 0, "not ready within 2 s"),
        ("hang", 3, "not ready within 2 s"),
        ("abort", 2, "ended by SIGABRT: usb_driver.cc:857] transfer on tag 2 failed."),
        ("segv", 2, "ended by SIGSEGV"),
        ("exit", 0, "ended with 3"),
        ("fail", 0, r"device busy\nor so"),
        ("garbage", 0, "says no message: b'INFO: Created Tensor'"),
        ("odd facts", 0, "says b'[1, 2'"),
        ("short", 3, "answers OUTPUTS 3 of 3 bytes; OUTPUTS 3 of 4 bytes is wanted"),
    ],
)
def test_failure_before_it_is_trusted(
    deed: str,
    at: int,
    reason: str,
    stage: Stage,
    face: Pixels,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """One that fails in its self-test never answers; why is said and in the state."""
    seconds = 2.0 if deed == "hang" else 120.0
    tpu = stage.make(
        stage.command(deed, at), edgetpu_start_seconds=seconds, edgetpu_failures=1
    )
    state = tpu.wait_until_settled(120.0)
    assert (state.device, state.failures, state.restarts) == (Device.CPU, 1, 0)
    assert state.reason.startswith(reason)
    assert tpu.scores(face) == stage.cpu.scores(face)
    assert _told(caplog) == [
        f"Edge TPU: {state.reason}; the processor answers, next start in 3600 s"
    ]


@pytest.mark.parametrize(
    ("steps", "device"), [(2, "edgetpu"), (-2, "edgetpu"), (3, "cpu")]
)
def test_golden_outputs(steps: int, device: str, stage: Stage) -> None:
    """They may be two steps beyond those of the processor's kernels, not three."""
    tpu = stage.make(stage.command("fine", steps=steps), edgetpu_failures=1)
    state = tpu.wait_until_settled(120.0)
    assert state.device == device
    if device == "cpu":
        named = f"the Edge TPU on {platform.machine()}"
        assert f"{named} differs from the golden outputs" in state.reason
        assert state.reason.endswith("by 3 steps; 2 are allowed")


def test_other_best_label(stage: Stage) -> None:
    """A label that was not best may be so only where the two were as good as equal."""
    outputs = stage.cpu.golden.outputs.copy()
    outputs[0] = [63, 103, 77, 13]
    plain = outputs.copy()
    plain[0] = [65, 100, 78, 13]
    golden = replace(stage.cpu.golden, outputs=outputs, plain=plain)
    answers = list(outputs.copy())
    check_first_labels(golden, answers, "g.npz")
    answers[0] = np.array([103, 63, 77, 13], np.uint8)
    with pytest.raises(RefusedError) as caught:
        check_first_labels(golden, answers, "g.npz")
    # By the kernels that are nearer.
    assert str(caught.value) == (
        "g.npz: for face 0 the Edge TPU's best label is 0, 35 steps behind the golden "
        "one; 2 are allowed"
    )
    plain[0, 0] = 98
    check_first_labels(golden, answers, "g.npz")


@pytest.mark.parametrize(
    "facts",
    [{"input": [64, 64, 1]}, {"classes": 7}, {"scale": 0.5}, {"zero_point": 128}],
    ids=["input", "classes", "scale", "zero point"],
)
def test_compiled_from_another_model(
    facts: dict[str, object], stage: Stage, caplog: pytest.LogCaptureFixture
) -> None:
    """A compiled file that is not of the bundle's model is not tried again."""
    tpu = stage.make(stage.command("fine", facts=facts))
    state = tpu.wait_until_settled(120.0)
    assert (state.device, state.restarts) == (Device.CPU, 0)
    assert state.reason.startswith("its model has {")
    assert _told(caplog) == [f"Edge TPU: {state.reason}; the processor answers"]


def test_process_that_can_never_work(
    stage: Stage, caplog: pytest.LogCaptureFixture
) -> None:
    """It is said once, and nothing is started any more; no thread waits for it."""
    tpu = stage.make(stage.command("hopeless"))
    assert tpu.wait_until_settled(120.0).reason == "no such library"
    eventually(lambda: not stage.children())
    eventually(lambda: "edgetpu" not in str(threading.enumerate()))
    assert tpu.state.restarts == 0
    assert _told(caplog) == ["Edge TPU: no such library; the processor answers"]


def test_program_that_is_not_there(stage: Stage) -> None:
    """What the system says is the reason."""
    tpu = stage.make(["/nonexistent/python"], edgetpu_failures=2)
    state = tpu.wait_until_settled(120.0)
    assert (state.device, state.failures, state.restarts) == (Device.CPU, 2, 1)
    assert state.reason.startswith("cannot be started ([Errno 2] No such file")


def test_good_again_after_many_failures(
    stage: Stage, face: Pixels, caplog: pytest.LogCaptureFixture
) -> None:
    """After so many failures it rests; then it is tried again until it works.

    That it failed again is no news: each change is told once.
    """
    tpu = stage.make(
        stage.command("exit", 0, good_from=5),
        edgetpu_failures=3,
        edgetpu_retry_seconds=0.05,
    )
    eventually(lambda: _answers(tpu))
    assert (tpu.state.failures, tpu.state.restarts) == (4, 4)
    assert tpu.scores(face) != stage.cpu.scores(face)
    assert _told(caplog) == [
        "Edge TPU: ended with 3; the processor answers, next start in 0.01 s",
        "Edge TPU: ended with 3; the processor answers, next start in 0.05 s",
        "Edge TPU: passed its self-test and answers",
    ]


def test_failures_long_ago(stage: Stage) -> None:
    """They are forgotten after some time of work, in the state too."""
    tpu = stage.make(
        stage.command("exit", 0, good_from=3), edgetpu_restart_longest_seconds=0.01
    )
    eventually(lambda: _answers(tpu) and tpu.state.failures == 0)
    assert tpu.state.restarts == 2


def test_talkative_process(stage: Stage, caplog: pytest.LogCaptureFixture) -> None:
    """Its first hundred lines are logged, and that the rest is not."""
    tpu = stage.make(stage.command("chat"))
    eventually(lambda: _answers(tpu))
    tpu.close()
    lines = [record.getMessage() for record in caplog.records]
    assert lines.count("Edge TPU: chatter") == 100
    assert lines.count("Edge TPU: no more of its lines are logged") == 1


@pytest.mark.parametrize(
    ("deed", "at"), [("fine", 0), ("stay", 0), ("hang", 0), ("hang", 3)]
)
def test_close(
    deed: str,
    at: int,
    stage: Stage,
    face: Pixels,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Whatever the process does, it is gone, and its threads; and nothing is lost."""
    tpu = stage.make(stage.command(deed, at))
    eventually(stage.children)
    if deed != "hang":
        eventually(lambda: _answers(tpu))
    tpu.close()
    eventually(lambda: not stage.children())
    eventually(lambda: "edgetpu" not in str(threading.enumerate()))
    assert tpu.scores(face) == stage.cpu.scores(face)
    assert str(tpu.state) == "cpu (Edge TPU: closed)"
    tpu.close()
    assert not any("processor answers" in line for line in _told(caplog))


def test_fifty_restarts(stage: Stage, face: Pixels) -> None:
    """Nothing is left of a process that crashed: no descriptor, thread or zombie."""

    def held() -> tuple[int, int, int]:
        descriptors = len(list(Path("/proc/self/fd").iterdir()))
        return descriptors, threading.active_count(), len(stage.children())

    before = held()
    tpu = stage.make(
        stage.command("segv", _FIRST_FACE),
        edgetpu_failures=1000,
        edgetpu_restart_longest_seconds=0.001,
    )
    eventually(lambda: _answers(tpu))
    with_one = held()
    for restart in range(51):
        eventually(partial(_answers, tpu, restart))
        eventually(lambda: held() == with_one)
        assert tpu.scores(face) == stage.cpu.scores(face)
    tpu.close()
    eventually(lambda: held() == before)

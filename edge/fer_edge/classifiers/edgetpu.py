"""A bundle's model on an Edge TPU, the processor standing in while that cannot work.

The Edge TPU lives in a process of its own, which a thread of the daemon starts, tests,
buries and starts again. The thread that has a face never waits for any of that: it
asks the process if that has passed its self-test, and else the processor.
"""

import logging
import math
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace

from fer_contract.errors import RefusedError
from fer_contract.preprocess import Pixels
from fer_contract.tflite import check_face
from fer_edge.classifiers import ClassifierState, Device, ModelSettings
from fer_edge.classifiers.cpu import CpuClassifier
from fer_edge.classifiers.process import EdgeTpuProcess, ProcessError
from fer_edge.classifiers.recovery import (
    Due,
    Event,
    Failed,
    Passed,
    Phase,
    Recovery,
    forgive,
    step,
)
from fer_edge.classifiers.trust import examine

_LOGGER = logging.getLogger(__name__)

# Seconds for the process to let go of the device by itself, and again for its end.
_FAREWELL_SECONDS = 2.0


class EdgeTpuClassifier:
    """A bundle's model on an Edge TPU.

    Args:
        cpu: the same model on the processor, which answers in its place.
        settings: deadlines, pauses and patience.
        command: what starts the process, without the daemon's process id.
    """

    def __init__(
        self, cpu: CpuClassifier, settings: ModelSettings, command: Sequence[str]
    ) -> None:
        self.name = cpu.name
        self.input = cpu.input
        self.labels = cpu.labels
        self.threshold = cpu.threshold
        self.runtime = cpu.runtime
        self._cpu = cpu
        self._settings = settings
        self._command = command
        # Guards all below; told of every change.
        self._changed = threading.Condition()
        self._recovery = Recovery.begin(time.monotonic())
        self._told: Phase | None = None
        self._ready: EdgeTpuProcess | None = None
        self._started: EdgeTpuProcess | None = None
        self._closing = False
        # The process dies with the thread that started it, so this one thread stays.
        self._keeper = threading.Thread(
            target=self._keep, name="edgetpu-keeper", daemon=True
        )
        self._keeper.start()

    @property
    def state(self) -> ClassifierState:
        """What answers now; may be asked by any thread."""
        with self._changed:
            now = forgive(self._recovery, time.monotonic(), self._settings)
        return ClassifierState(
            Device.EDGETPU if now.phase is Phase.READY else Device.CPU,
            since=now.since,
            reason=now.reason,
            failures=now.failures,
            restarts=max(0, now.starts - 1),
        )

    def scores(self, face: Pixels) -> Mapping[str, float]:
        """Return a score a label, 0 to 1, summing to 1."""
        process = self._ready
        if process is None:
            return self._cpu.scores(face)
        check_face(face, self.input.shape)
        seconds = self._settings.edgetpu_deadline_seconds
        try:
            outputs = process.quantized(
                face, self._cpu.model.classes, time.monotonic() + seconds
            )
        except EOFError:
            self._lose(process, None)
        except TimeoutError:
            self._lose(process, f"no answer within {seconds:g} s")
        except ProcessError as failure:
            self._lose(process, str(failure))
        else:
            return self._cpu.meaning(outputs)
        return self._cpu.scores(face)

    def wait_until_settled(self, seconds: float) -> ClassifierState:
        """Wait until the Edge TPU answers or has failed too often, for so long at most.

        For measurements; a daemon has no reason to wait.
        """
        settled = (Phase.READY, Phase.RESTING, Phase.GIVEN_UP)
        with self._changed:
            self._changed.wait_for(lambda: self._recovery.phase in settled, seconds)
        return self.state

    def close(self) -> None:
        """End the process; the processor answers from now on."""
        with self._changed:
            self._closing = True
            self._recovery = replace(
                self._recovery,
                phase=Phase.GIVEN_UP,
                since=time.monotonic(),
                reason="closed",
            )
            ready, self._ready = self._ready, None
            started = self._started
            self._changed.notify_all()
        if ready is not None:
            ready.dismiss()
            self._keeper.join(_FAREWELL_SECONDS)
        if started is not None:
            started.kill()
        self._keeper.join(_FAREWELL_SECONDS)

    def _lose(self, process: EdgeTpuProcess, reason: str | None) -> None:
        """Ask a process no more.

        Args:
            process: that failed.
            reason: why; None if it has ended, of which the keeper knows more.
        """
        with self._changed:
            if self._ready is not process:
                return  # the keeper saw its end first
            self._ready = None
            # Before the keeper sees its end, which may already be followed by a start.
            if reason is not None:
                self._happened(Failed(reason))
        # Of one that has ended this no longer changes how.
        process.kill()

    def _keep(self) -> None:
        """Start the process whenever it is due, and see it to its end."""
        while self._wait_until_due():
            try:
                process = EdgeTpuProcess(self._command)
            except (OSError, RuntimeError) as lack:
                self._happened(Failed(f"cannot be started ({lack})"))
                continue
            with self._changed:
                self._started = process
                closing = self._closing
            if closing:
                process.kill()
            self._try_out(process)
            end = process.wait()
            with self._changed:
                self._started = self._ready = None
            self._happened(Failed(end))

    def _wait_until_due(self) -> bool:
        """Return True when a start is due, False when there will be none."""
        with self._changed:
            while not self._closing and self._recovery.phase is not Phase.GIVEN_UP:
                now = time.monotonic()
                self._recovery = step(self._recovery, Due(), now, self._settings)
                if self._recovery.phase is Phase.STARTING:
                    return True
                self._changed.wait(self._recovery.due - now)
        return False

    def _try_out(self, process: EdgeTpuProcess) -> None:
        """Trust the process if it passes the self-test in time, else kill it."""
        seconds = self._settings.edgetpu_start_seconds
        try:
            examine(process, self._cpu, time.monotonic() + seconds)
        except EOFError:
            failed = None  # how it ended is more than that it did
        except TimeoutError:
            failed = Failed(f"not ready within {seconds:g} s")
        except ProcessError as failure:
            failed = Failed(str(failure), failure.hopeless)
        except RefusedError as refusal:
            failed = Failed(str(refusal))
        else:
            with self._changed:
                if not self._closing:
                    self._ready = process
                    self._happened(Passed())
            return
        process.kill()
        if failed is not None:
            self._happened(failed)

    def _happened(self, event: Event) -> None:
        """Take a step, and log it if it is a change."""
        with self._changed:
            if self._closing:
                return
            now = time.monotonic()
            old = self._recovery
            self._recovery = new = step(old, event, now, self._settings)
            if new is not old:
                # That the next start fails like the last is no change.
                repeated, self._told = new.phase is self._told, new.phase
                _tell(new, now, logging.DEBUG if repeated else logging.WARNING)
                self._changed.notify_all()


def _tell(new: Recovery, now: float, level: int) -> None:
    """Log where things stand; a failure at a level."""
    if new.phase is Phase.READY:
        _LOGGER.info("Edge TPU: passed its self-test and answers")
        return
    next_start = f", next start in {new.due - now:g} s" if new.due < math.inf else ""
    _LOGGER.log(level, "Edge TPU: %s; the processor answers%s", new.reason, next_start)

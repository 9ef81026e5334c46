"""Commands of the user's own that are run for events."""

import logging
import math
import threading
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from fer_contract.labels import UNCERTAIN
from fer_edge.events import Event, EventType
from fer_edge.options import option
from fer_edge.publishers.hook_process import Finished, run_process
from fer_edge.publishers.queued import Queued

_LOGGER = logging.getLogger(__name__)

_MINUTE = 60.0


@dataclass(frozen=True, slots=True)
class HookSettings:
    """A command that is run for events.

    One event after another: while the command runs, up to 1,000 wait. It gets no
    password from the daemon's environment. What it prints is logged when the daemon is
    run with --verbose; how it ends is logged when it is not as the last time.
    """

    command: tuple[str, ...] = option(
        filled=True, example=("/usr/local/bin/lamp", "--colour")
    )
    """Path of a program, and its arguments. No shell sees them. The event is its
    standard input, a line of JSON."""
    events: tuple[str, ...] = option(
        ("new",), one_of=tuple(kind.value for kind in EventType), filled=True
    )
    """For which types of events it is run."""
    emotions: tuple[str, ...] = option((), example=("happy", "surprise"))
    """For which emotions it is run: labels of the model, or uncertain. Empty is all."""
    timeout_seconds: float = option(10.0, low=0.1, high=3600.0)
    """After so long it is killed, with all that it has started."""
    most_per_minute: int = option(60, low=1, high=6000)
    """How often it is run at most. The events beyond are passed over, and counted in
    the log."""

    def open_publisher(self, name: str) -> Queued:
        """Return what runs the command, which takes its time, behind a queue."""
        hook = Hook(name, self)
        return Queued(name, hook, wants=hook.wants)


def hook_name(index: int) -> str:
    """Name a hook as messages do."""
    return f"hooks[{index}]"


def complaints(hooks: Sequence[HookSettings]) -> list[str]:
    """Say which hooks have no program to run, a line a key."""
    found = []
    for index, hook in enumerate(hooks):
        if not hook.command:  # said already
            continue
        program = Path(hook.command[0])
        complaint = ""
        if not program.is_absolute():
            complaint = "a path from the root, /, is wanted"
        elif not program.is_file():
            complaint = "no such program"
        if complaint:
            found.append(f"{hook_name(index)}.command: '{program}'; {complaint}")
    return found


def unknown_emotions(hooks: Sequence[HookSettings], labels: Sequence[str]) -> list[str]:
    """Say which hooks wait for what the model never tells, a line a label.

    Args:
        hooks: all of them.
        labels: of the model.
    """
    known = (*labels, UNCERTAIN)
    return [
        f"{hook_name(index)}.emotions: {emotion!r}; allowed are {', '.join(known)}"
        for index, hook in enumerate(hooks)
        for emotion in hook.emotions
        if emotion not in known
    ]


class Allowance:
    """So many in any minute, and no more.

    Args:
        most: how many.
    """

    def __init__(self, most: int) -> None:
        self._given: deque[float] = deque(maxlen=most)
        self._most = most

    def take(self, now: float) -> bool:
        """Return whether one more is within it.

        Args:
            now: seconds on a steady clock.
        """
        if len(self._given) == self._most and now - self._given[0] < _MINUTE:
            return False
        self._given.append(now)
        return True


class Hook:
    """Runs a command for each event and waits for its end.

    That takes its time: it belongs behind a queue. How the command ends is logged when
    it is not as the last time.

    Args:
        name: what messages call it.
        settings: the command, and what for.
    """

    def __init__(self, name: str, settings: HookSettings) -> None:
        self._name = name
        self._settings = settings
        self._allowance = Allowance(settings.most_per_minute)
        self._passed_over = 0
        self._told_of_them = -math.inf
        self._failure = ""
        self._closed = threading.Event()

    def wants(self, event: Event) -> bool:
        """Tell whether the command is to be run for an event."""
        emotions = self._settings.emotions
        return event.type.value in self._settings.events and (
            not emotions or event.emotion in emotions
        )

    def publish(self, event: Event) -> None:
        """Run the command, if it has not been run too often."""
        if not self._allowance.take(time.monotonic()):
            self._pass_over(time.monotonic())
            return
        settings = self._settings
        line = f"{event.to_json()}\n".encode()
        try:
            finished = run_process(
                settings.command, line, settings.timeout_seconds, self._closed
            )
        except OSError as failure:
            finished = Finished(f"cannot be run: {failure.strerror}")
        if not self._closed.is_set():
            self._tell(finished)

    def close(self) -> None:
        """Kill the command if it still runs."""
        self._closed.set()

    def _pass_over(self, now: float) -> None:
        self._passed_over += 1
        if now - self._told_of_them >= _MINUTE:
            self._told_of_them = now
            _LOGGER.warning(
                "%s: more than %d events in a minute; passed over so far: %s",
                self._name,
                self._settings.most_per_minute,
                f"{self._passed_over:,}",
            )

    def _tell(self, finished: Finished) -> None:
        for line in finished.lines:
            _LOGGER.info("%s: %s", self._name, line)
        if finished.failure == self._failure:
            return
        self._failure = finished.failure
        program = self._settings.command[0]
        last = ": ".join(["", *finished.lines[-1:]])
        news = f"{self._failure}{last}" if self._failure else "works again"
        _LOGGER.warning("%s: %s: %s", self._name, program, news)

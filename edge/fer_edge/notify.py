"""Words to systemd, which starts the daemon, watches it and shows how it is.

The protocol is sd_notify(3): a datagram of lines to the socket NOTIFY_SOCKET.
"""

import logging
import math
import os
import re
import socket
from collections.abc import Callable, Mapping

from fer_edge.moment import read_clocks
from fer_edge.monitor import Status

_LOGGER = logging.getLogger(__name__)

_STATUS_SECONDS = 2.0
"""How often ``systemctl status`` learns how the daemon is."""

_STALLED_SECONDS = 5.0
"""Without a frame, after which that is what is shown."""

_BEATS = 4
"""Words to the watchdog in the time that it waits, where frames come fast enough."""

_GRACE_SECONDS = 60.0
"""That systemd waits longer than the camera is given: the daemon ends by itself first,
and says why."""


class Notifier:
    """Sends words to systemd, or to nobody where systemd has not started this process.

    Args:
        environment: this process' own if not given.
    """

    def __init__(self, environment: Mapping[str, str] | None = None) -> None:
        environment = os.environ if environment is None else environment
        # An abstract socket's name begins with NUL, which systemd writes as @.
        self._address = re.sub("^@", "\0", environment.get("NOTIFY_SOCKET", ""))
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        # A service manager that does not read must not stop the loop.
        self._socket.setblocking(False)
        self.watchdog_seconds = _watchdog_seconds(environment, os.getpid())
        """How long it may be silent before systemd kills it; infinite without."""

    def tell(self, **words: object) -> None:
        """Send words, as systemd spells them: ``tell(READY=1)``."""
        if not self._address:
            return
        lines = "\n".join(f"{key}={value}" for key, value in words.items())
        try:
            self._socket.sendto(lines.encode(), self._address)
        except OSError as failure:
            # The watchdog's own silence is what systemd acts upon.
            _LOGGER.debug("systemd: %s", failure.strerror)

    def close(self) -> None:
        """Let go of the socket."""
        self._socket.close()


class Supervised:
    """Lets systemd know of the daemon's frames: ready with the first, alive with each.

    What is told comes with processed frames alone, so that a loop that hangs anywhere,
    or a camera that gives nothing, is silent.

    Args:
        notifier: to whom.
        status: tells how the daemon is.
        camera_seconds: how long the daemon itself waits for a camera.
    """

    def __init__(
        self, notifier: Notifier, status: Callable[[], Status], camera_seconds: float
    ) -> None:
        self._notifier, self._status = notifier, status
        self._patience = camera_seconds + _GRACE_SECONDS
        self._ready = False
        self._beaten = self._shown = -math.inf
        # The first frame may take as long as the camera is given.
        notifier.tell(
            EXTEND_TIMEOUT_USEC=_microseconds(self._patience),
            STATUS="waiting for the first frame",
        )

    def see(self, _turn: object) -> None:
        """Take note of a frame that is processed, with its events out."""
        now = read_clocks().seconds
        words: dict[str, object] = {}
        if not self._ready:
            self._ready = True
            words["READY"] = 1
            # Else the daemon would be killed before it can say what it lacks.
            # The last beat may be older than the last frame.
            sure = self._notifier.watchdog_seconds * (1 - 1 / _BEATS)
            if self._patience - _GRACE_SECONDS >= sure:
                words["WATCHDOG_USEC"] = _microseconds(self._patience)
        if now - self._beaten >= self._notifier.watchdog_seconds / _BEATS or words:
            self._beaten = now
            words["WATCHDOG"] = 1
        if words:
            self._notifier.tell(**words)

    def show(self) -> None:
        """Let ``systemctl status`` show how the daemon is, with or without frames."""
        now = read_clocks().seconds
        if self._ready and now - self._shown >= _STATUS_SECONDS:
            self._shown = now
            self._notifier.tell(STATUS=line_of(self._status()))

    def end(self) -> None:
        """Say that the daemon is ending, for whatever reason."""
        self._notifier.tell(STOPPING=1, STATUS="stopping")


def line_of(status: Status) -> str:
    """Put how the daemon is into the line that ``systemctl status`` shows."""
    faces = "1 face" if status.faces == 1 else f"{status.faces} faces"
    stalled = status.frame_age_seconds > _STALLED_SECONDS
    parts = [
        f"no frame for {status.frame_age_seconds:.0f} s"
        if stalled
        else f"{status.frames_per_second:.1f} frames/s",
        faces if status.detecting else "detection off",
        f"{status.about.model} on {status.classifier.device}",
    ]
    if status.broker is not None:
        parts.append(
            "broker connected"
            if status.broker.connected
            else f"no broker ({status.broker.reason or 'connecting'})"
        )
    return ", ".join(parts)


def _watchdog_seconds(environment: Mapping[str, str], process: int) -> float:
    # systemd names the process that it watches: a child that inherits this is not it.
    if environment.get("WATCHDOG_PID", str(process)) != str(process):
        return math.inf
    given = environment.get("WATCHDOG_USEC", "")
    return int(given) / 1e6 if given.isdecimal() and int(given) else math.inf


def _microseconds(seconds: float) -> int:
    return round(seconds * 1e6)

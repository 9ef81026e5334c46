"""What can be switched while the daemon runs, from outside its loop."""

import threading


class Controls:
    """Switches that any thread may turn and read.

    Args:
        detect: whether frames are looked at; else the camera runs idle.
        preview: whether pictures may leave the process.
    """

    def __init__(self, *, detect: bool = True, preview: bool = False) -> None:
        self._detect = threading.Event()
        self._preview = threading.Event()
        self.detect = detect
        self.preview = preview

    @property
    def detect(self) -> bool:
        """Whether frames are looked at."""
        return self._detect.is_set()

    @detect.setter
    def detect(self, wanted: bool) -> None:
        _turn(self._detect, wanted=wanted)

    @property
    def preview(self) -> bool:
        """Whether pictures may leave the process, by the live page."""
        return self._preview.is_set()

    @preview.setter
    def preview(self, wanted: bool) -> None:
        _turn(self._preview, wanted=wanted)


def _turn(switch: threading.Event, *, wanted: bool) -> None:
    if wanted:
        switch.set()
    else:
        switch.clear()

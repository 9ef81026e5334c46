"""What can be switched while the daemon runs, from outside its loop."""

from dataclasses import dataclass


@dataclass(slots=True)
class Controls:
    """Switches that any thread may turn and read: each is replaced whole."""

    detect: bool = True
    """Whether frames are looked at; else the camera runs idle."""
    preview: bool = False
    """Whether pictures may leave the process, by the live page."""

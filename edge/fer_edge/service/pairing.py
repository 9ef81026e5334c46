"""Whether apt's picamera2 and this environment's numpy go together."""

import subprocess
import sys

_SECONDS = 60.0  # an SD card may be slow

_PROBE = """
import importlib.util, sys
if importlib.util.find_spec("picamera2") is None:
    sys.exit(3)
import picamera2
"""


def numpy_mend(python: str | None = None) -> str:
    """Return the command that gives an environment the numpy of Bookworm's picamera2.

    OpenCV from 4.12 on asks for numpy 2, and 4.11 cannot read USB cameras.

    Args:
        python: the environment's interpreter, this one if not given.
    """
    packages = "'numpy<2' 'opencv-python-headless<4.11'"
    return f"{python or sys.executable} -m pip install {packages}"


def picamera_complaint(python: str | None = None) -> str:
    """Say what keeps picamera2 from being imported; empty if nothing does.

    Raspberry Pi OS Bookworm's picamera2 uses extensions that are built for numpy 1, and
    a numpy 2 in the virtual environment hides the one they are built for. Only the
    import itself tells.

    Args:
        python: the environment's interpreter, this one if not given.
    """
    # -P: root imports nothing from whatever folder it stands in.
    command = [python or sys.executable, "-P", "-c", _PROBE]
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=_SECONDS, check=False
        )
    except subprocess.TimeoutExpired:
        return f"picamera2: not imported within {_SECONDS:g} s"
    if done.returncode in (0, 3):
        return ""
    last = (done.stderr.strip().splitlines() or [f"exit {done.returncode}"])[-1]
    mend = f"; {numpy_mend(command[0])}" if "numpy" in done.stderr else ""
    return f"picamera2: cannot be imported ({last}){mend}"

"""USB cameras: a kernel of its own plays them, in a virtual machine."""

import os
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from virtual_machine import Kernel, VirtualMachine, missing

_CASES = Path(__file__).with_name("usb_camera_cases.py")
_SECONDS = 240.0  # a deadline; without other work it takes a fifth


def test_usb_cameras(
    made_once: Callable[[str, Callable[[Path], None]], Path],
    repository: Path,
    tmp_path: Path,
) -> None:
    """Every case of ``usb_camera_cases.py`` is as it says."""
    if lack := missing():
        pytest.skip(lack)
    if shutil.which("v4l2-ctl") is None:
        pytest.skip("apt-get install v4l-utils")
    kernel = Kernel(made_once("kernel", lambda folder: Kernel(folder).fetch()))
    command: list[str | Path] = [
        sys.executable, "-m", "pytest", "--noconftest", "-p", "no:cacheprovider",
        "--rootdir", repository, "-c", repository / "pyproject.toml", _CASES,
    ]  # fmt: skip
    environment = {
        "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
        "PYTHONPATH": os.environ.get("PYTHONPATH", ""),
    }
    camera = "vivid n_devs=1 node_types=1 input_types=0"
    with VirtualMachine(kernel, tmp_path, modules=[camera]) as machine:
        machine.start(command, environment)
        status = machine.wait(_SECONDS)
    assert status == 0, machine.output.read_text()

"""Cameras with a device file: a kernel that plays them, in a virtual machine."""

import os
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from debian_kernel import Kernel
from virtual_machine import VirtualMachine, missing

_CASES = [
    Path(__file__).with_name(name)
    for name in ("vivid_camera_cases.py", "usb_camera_cases.py")
]
_MODULES = [
    "vivid n_devs=1 node_types=1 input_types=0",
    *("dummy_hcd", "gadgetfs", "uvcvideo"),
]
_SECONDS = 300.0  # a deadline; without other work it takes a fifth


def test_device_files(
    made_once: Callable[[str, Callable[[Path], None]], Path],
    repository: Path,
    tmp_path: Path,
) -> None:
    """Every case of both files is as it says."""
    if lack := missing():
        pytest.skip(lack)
    if shutil.which("v4l2-ctl") is None:
        pytest.skip("apt-get install v4l-utils")
    kernel = Kernel(made_once("kernel", lambda folder: Kernel(folder).fetch()))
    command: list[str | Path] = [
        sys.executable, "-m", "pytest", "--noconftest", "-p", "no:cacheprovider",
        "--rootdir", repository, "-c", repository / "pyproject.toml", *_CASES,
    ]  # fmt: skip
    environment = {
        "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
        "PYTHONPATH": os.environ.get("PYTHONPATH", ""),
    }
    with VirtualMachine(kernel, tmp_path, modules=_MODULES) as machine:
        machine.start(command, environment)
        status = machine.wait(_SECONDS)
    assert status == 0, machine.output.read_text()

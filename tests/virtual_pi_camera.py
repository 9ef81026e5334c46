"""libcamera's virtual camera under the picamera2 that a Pi runs, on an x86-64 machine.

Debian 13 has libcamera with its pipeline handler ``virtual``, which plays a picture as
a camera; picamera2 comes from PyPI. What else picamera2 wants of a Pi is made up in
``virtual_pi_camera_site.py``.

Needs root, and from Debian: mmdebstrap.
"""

import json
import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

_HERE = Path(__file__).resolve().parent
_REPOSITORY = _HERE.parent
_PYTHON = "3.13"
_PLATFORMS = ("2_28", "2_27", "2_17")
_WHEELS = (
    "picamera2==0.3.38",
    "numpy",
    "opencv-python-headless<5",
    "piexif",
    "pillow",
    "simplejpeg",
    "videodev2",
)

# Within the root folder.
_PACKAGES = "opt/packages"
_CODE = "opt/code"
_PICTURE = "opt/picture.jpg"

_CAMERA = f"""\
%YAML 1.1
---
"Virtual0":
  supported_formats:
  - {{width: 640, height: 480, frame_rates: [30]}}
  - {{width: 320, height: 240, frame_rates: [30]}}
  frames:
    path: "/{_PICTURE}"
...
"""


def missing() -> str:
    """Say what a virtual camera lacks here and how to get it, or nothing."""
    if platform.machine() != "x86_64":
        return "libcamera's virtual camera is set up on x86-64 only"
    if os.geteuid() != 0:
        return "libcamera's virtual camera needs root: sudo"
    if shutil.which("mmdebstrap") is None:
        return "apt-get install mmdebstrap"
    return ""


class VirtualPiCamera:
    """A folder with Debian's Python and libcamera, picamera2, and one camera.

    Args:
        root: made by ``set_up``.
    """

    def __init__(self, root: Path) -> None:
        self._root = root

    def set_up(self, picture: bytes) -> None:
        """Fetch and unpack everything: half a minute, 400 MB.

        Args:
            picture: what the camera sees, a JPEG.

        Raises:
            CalledProcessError: a step failed; its own words are on standard error.
        """
        _do(
            "mmdebstrap", "--quiet", "--variant=extract",
            "--include=python3,python3-libcamera,libcamera-ipa", "trixie", self._root,
        )  # fmt: skip
        for folder in ("bin", "sbin", "lib", "lib64"):
            link = self._root / folder
            if not link.exists():
                link.symlink_to(f"usr/{folder}")
        _do(
            sys.executable, "-m", "pip", "install", "--quiet", "--no-input",
            "--root-user-action=ignore", "--only-binary=:all:", "--no-deps",
            "--implementation=cp", f"--python-version={_PYTHON}",
            *(f"--platform=manylinux_{part}_x86_64" for part in _PLATFORMS),
            "--platform=manylinux2014_x86_64", f"--target={self._root / _PACKAGES}",
            *_WHEELS,
        )  # fmt: skip
        site = _HERE / "virtual_pi_camera_site.py"
        shutil.copy(site, self._root / _PACKAGES / "sitecustomize.py")
        heap = self._root / "dev" / "dma_heap" / "linux,cma"
        heap.parent.mkdir(parents=True)
        heap.touch()
        camera = self._root / "usr/share/libcamera/pipeline/virtual/virtual.yaml"
        camera.parent.mkdir(parents=True)
        camera.write_text(_CAMERA)
        (self._root / _PICTURE).write_bytes(picture)

    def run(self, script: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run a script with the device's code as it is now."""
        code = self._root / _CODE
        shutil.rmtree(code, ignore_errors=True)
        for package in ("edge/fer_edge", "contract/fer_contract"):
            source = _REPOSITORY / package
            shutil.copytree(source, code / source.name, ignore=_without_models)
        shutil.copy(script, code / script.name)
        return subprocess.run(
            ["chroot", self._root, "/usr/bin/python3", f"/{_CODE}/{script.name}",
             *arguments],
            capture_output=True,
            text=True,
            check=False,
            env={
                "PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LANG": "C.UTF-8",
                "PYTHONPATH": f"/{_PACKAGES}:/{_CODE}",
                "PYTHONDONTWRITEBYTECODE": "1",
            },
        )  # fmt: skip

    def watch(
        self, settings: Mapping[str, Any], how: str = "frames"
    ) -> tuple[list[dict[str, Any]], str]:
        """Return what ``watch_camera.py`` saw, and what stood on standard error."""
        done = self.run(_HERE / "watch_camera.py", json.dumps(settings), how)
        return [json.loads(line) for line in done.stdout.splitlines()], done.stderr


def _without_models(_folder: str, names: list[str]) -> set[str]:
    return {name for name in names if name in ("released", "__pycache__")}


def _do(*command: str | Path) -> None:
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)

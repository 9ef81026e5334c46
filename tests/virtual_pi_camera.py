"""libcamera's virtual cameras under the picamera2 that a Pi runs, on an x86-64 machine.

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
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

_HERE = Path(__file__).resolve().parent
_REPOSITORY = _HERE.parent
_PYTHON = "3.13"
_PLATFORMS = ("2_28", "2_27", "2_17")
_WHEELS = (
    "picamera2==0.3.38",
    "ai-edge-litert",
    "click",
    "flatbuffers",
    "ml_dtypes",
    "numpy",
    "opencv-python-headless<5",
    "piexif",
    "pillow",
    "simplejpeg",
    "typing-extensions",
    "videodev2",
)

# Within the root folder. Every process that tests has the code in a folder of its own.
_PACKAGES = "opt/packages"
_CODE = f"opt/code-{os.getpid()}"

_CAMERA = """\
"Virtual{number}":
  supported_formats:
  - {{width: 640, height: 480, frame_rates: [30]}}
  - {{width: 320, height: 240, frame_rates: [30]}}
  frames:
    path: "/{picture}"
"""

_ENVIRONMENT = {
    "PATH": "/usr/sbin:/usr/bin:/sbin:/bin",
    "LANG": "C.UTF-8",
    "PYTHONPATH": f"/{_PACKAGES}:/{_CODE}",
    "PYTHONDONTWRITEBYTECODE": "1",
}

_PROGRAM = """\
#!/bin/sh
# Called with: run --config FILE
set -eu
cp "$3" {root}/{code}/fer-edge.toml
exec env -i {environment} chroot {root} /usr/bin/python3 \\
  -c 'from fer_edge.cli import main; main()' "$1" "$2" /{code}/fer-edge.toml
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
    """A folder with Debian's Python and libcamera, picamera2, and cameras.

    Args:
        root: made by ``set_up``.
    """

    def __init__(self, root: Path) -> None:
        self._root = root

    def set_up(self, pictures: Sequence[bytes]) -> None:
        """Fetch and unpack everything: half a minute, 400 MB.

        Args:
            pictures: what each camera sees, a JPEG.

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
        cameras = self._root / "usr/share/libcamera/pipeline/virtual/virtual.yaml"
        cameras.parent.mkdir(parents=True)
        lines = ["%YAML 1.1\n---\n"]
        # picamera2 counts from the last name.
        numbers = reversed(range(len(pictures)))
        for number, picture in zip(numbers, pictures, strict=True):
            name = f"opt/picture-{number}.jpg"
            (self._root / name).write_bytes(picture)
            lines.append(_CAMERA.format(number=number, picture=name))
        cameras.write_text("".join(lines) + "...\n")

    def run(self, script: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run a script with the device's code as it is now."""
        shutil.copy(script, self._bring_code() / script.name)
        return subprocess.run(
            ["chroot", self._root, "/usr/bin/python3", f"/{_CODE}/{script.name}",
             *arguments],
            capture_output=True,
            text=True,
            check=False,
            env=_ENVIRONMENT,
        )  # fmt: skip

    def fer_edge(self, program: Path) -> Path:
        """Write a program that starts ``fer-edge run`` in there; return its path.

        The process that it becomes is the daemon, and takes its signals.
        """
        self._bring_code()
        pairs = [f"{key}={value}" for key, value in _ENVIRONMENT.items()]
        program.write_text(
            _PROGRAM.format(root=self._root, code=_CODE, environment=" ".join(pairs))
        )
        program.chmod(0o755)
        return program

    def _bring_code(self) -> Path:
        """Copy the device's code as it is now, the released model within."""
        code = self._root / _CODE
        shutil.rmtree(code, ignore_errors=True)
        for package in ("edge/fer_edge", "contract/fer_contract"):
            source = _REPOSITORY / package
            ignored = shutil.ignore_patterns("__pycache__")
            shutil.copytree(source, code / source.name, ignore=ignored)
        return code

    def watch(
        self, settings: Mapping[str, Any], how: str = "frames"
    ) -> tuple[list[dict[str, Any]], str]:
        """Return what ``watch_camera.py`` saw, and what stood on standard error."""
        done = self.run(_HERE / "watch_camera.py", json.dumps(settings), how)
        return [json.loads(line) for line in done.stdout.splitlines()], done.stderr


def _do(*command: str | Path) -> None:
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)

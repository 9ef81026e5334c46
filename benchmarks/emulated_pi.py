"""A Raspberry Pi's processor and Python on an x86-64 machine, for device code.

QEMU runs the real aarch64 wheels, so outputs are those of a Pi, and a plugin counts the
instructions: the same number to the last digit, run after run, whatever else the
machine is doing. A count is no time, but what makes it grow makes a Pi slower.

Needs root, and from Debian: mmdebstrap, qemu-user, gcc.
"""

import importlib.util
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parent.parent


@dataclass(frozen=True, slots=True)
class Debian:
    """A release of Debian, on which Raspberry Pi OS of the same name is built."""

    number: int
    suite: str
    python: str
    wheels: tuple[str, ...]
    """What is counted. Fixed: another version computes with other instructions."""

    def __str__(self) -> str:
        return f"Debian {self.number}, Python {self.python}"


DEBIAN_12 = Debian(
    12, "bookworm", "3.11", ("numpy==1.26.4", "ai-edge-litert==2.3.0", "click")
)
DEBIAN_13 = Debian(
    13, "trixie", "3.13", ("numpy==2.5.5", "ai-edge-litert==2.3.0", "click")
)

PI_4, PI_5 = "cortex-a72", "cortex-a76"
"""Processors."""

_PLATFORMS = ("2_34", "2_31", "2_28", "2_27", "2_26", "2_24", "2_17")
_PACKAGES = "/opt/packages"
_PIP = "/opt/pip"
_MARK = re.compile(r"^MARK (\d+) (\d+)$", re.MULTILINE)

# LiteRT reads the processor from here, and crashes under QEMU with an x86 one.
_CPUINFO = "".join(
    f"processor\t: {core}\nFeatures\t: fp asimd evtstrm crc32 cpuid\n"
    "CPU implementer\t: 0x41\nCPU architecture: 8\nCPU variant\t: 0x0\n"
    "CPU part\t: 0xd08\nCPU revision\t: 3\n\n"
    for core in range(4)
)


@dataclass(frozen=True, slots=True)
class Finished:
    """What a script on the emulated Pi has said."""

    code: int
    output: str
    complaints: str
    counts: dict[int, int]
    """Instructions up to each mark since the one before, by the mark's number."""


def missing() -> str:
    """Say what an emulated Pi lacks here and how to get it, or nothing."""
    if os.geteuid() != 0:
        return "an emulated Pi needs root: sudo"
    lacking = [
        package
        for package, program in (
            ("mmdebstrap", "mmdebstrap"),
            ("qemu-user", "qemu-aarch64"),
            ("gcc", "gcc"),
        )
        if shutil.which(program) is None
    ]
    return f"apt-get install {' '.join(lacking)}" if lacking else ""


class EmulatedPi:
    """A folder with Debian's Python for aarch64, and the wheels that a device installs.

    Args:
        root: made by ``set_up``.
        debian: of which release.
    """

    def __init__(self, root: Path, debian: Debian = DEBIAN_12) -> None:
        self._root = root
        self._debian = debian
        self._plugin = root / "count_instructions.so"
        # What its Python has compiled is kept beside what was installed.
        self._compiled = root / "compiled"

    def set_up(self) -> None:
        """Fetch and unpack Debian's Python: ten seconds, 120 MB.

        Raises:
            CalledProcessError: a step failed; its own words are on standard error.
        """
        _do(
            "mmdebstrap", "--quiet", "--variant=extract", "--arch=arm64",
            "--include=python3,libstdc++6", self._debian.suite, self._root,
        )  # fmt: skip
        for folder in ("bin", "sbin", "lib"):
            link = self._root / folder
            if not link.exists():
                link.symlink_to(f"usr/{folder}")
        (self._root / "proc").mkdir(exist_ok=True)
        (self._root / "proc" / "cpuinfo").write_text(_CPUINFO)
        source = Path(__file__).with_name("count_instructions.c")
        _do("gcc", "-O2", "-fPIC", "-shared", "-o", self._plugin, source)

    def add_wheels(self) -> None:
        """Fetch and unpack what ``run`` runs with: five seconds, 130 MB.

        Raises:
            CalledProcessError: pip failed; its own words are on standard error.
        """
        self._unpack(f"{self._root}{_PACKAGES}", *self._debian.wheels)

    def install(self, wheel: Path, folder: Path) -> None:
        """Let the Pi's own Python install the device's part, from wheels alone.

        Args:
            wheel: of this project.
            folder: to install into, new.

        Raises:
            CalledProcessError: pip failed; its own words are on standard error.
        """
        self._pip("--no-compile", f"--target={folder}", f"{wheel}[edge]")

    def unpack_picked(self, wheel: Path, folder: Path, *more: str) -> None:
        """Unpack here what the Pi's own Python would install: the same, and faster.

        pip runs on the emulated processor: it evaluates markers and picks wheels as on
        a Pi, which ``--platform`` alone does not.

        Args:
            wheel: of this project.
            folder: to install into, new.
            more: requirements beside the extra ``edge``.

        Raises:
            CalledProcessError: pip failed; its own words are on standard error.
        """
        told = self._pip(
            "--dry-run", "--report=-", "--use-feature=fast-deps", "--ignore-installed",
            f"{wheel}[edge]", *more,
        )  # fmt: skip
        picked = [each["download_info"] for each in json.loads(told)["install"]]
        self._unpack(
            str(folder),
            "--no-deps",
            *(
                f"{one['url']}#sha256={one['archive_info']['hashes']['sha256']}"
                for one in picked
            ),
        )

    def _pip(self, *arguments: str) -> bytes:
        """Run pip's installation there and return what it prints."""
        found = importlib.util.find_spec("pip")
        assert found is not None
        assert found.origin is not None
        pip = Path(f"{self._root}{_PIP}/pip")
        if not pip.exists():
            shutil.copytree(Path(found.origin).parent, pip)
        command = self._python(
            "-m", "pip", "install", "--quiet", "--no-input",
            "--root-user-action=ignore", "--only-binary=:all:", *arguments,
        )  # fmt: skip
        # pip's settings are in the environment: index, certificates, proxy.
        environment = {**os.environ, **self._environment(_PIP)}
        return subprocess.run(
            command, check=True, stdout=subprocess.PIPE, env=environment
        ).stdout

    def fer_edge(
        self, folder: Path, *arguments: str | Path
    ) -> subprocess.CompletedProcess[str]:
        """Run the command that was installed into a folder, on a Pi 4's processor."""
        return subprocess.run(
            self._python(folder / "bin" / "fer-edge", *arguments),
            capture_output=True,
            text=True,
            check=False,
            env=self._environment(str(folder), compiled=True),
        )

    def run(
        self, script: Path, *arguments: str | Path, processor: str = PI_4
    ) -> Finished:
        """Run a script with the device's packages; it marks with ``mark`` below.

        Args:
            script: of Python.
            arguments: its own.
            processor: of a Pi 4 or a Pi 5.
        """
        path = ":".join(
            [_PACKAGES, *(str(REPOSITORY / part) for part in ("edge", "contract"))]
        )
        done = subprocess.run(
            self._python(script, *arguments, processor=processor, counted=True),
            capture_output=True,
            text=True,
            check=False,
            env=self._environment(path),
        )
        return Finished(
            done.returncode,
            done.stdout,
            _MARK.sub("", done.stderr).strip(),
            {int(mark): int(count) for mark, count in _MARK.findall(done.stderr)},
        )

    def _python(
        self, *arguments: str | Path, processor: str = PI_4, counted: bool = False
    ) -> list[str | Path]:
        """Return the command that runs the Pi's Python."""
        python = self._root / "usr" / "bin" / f"python{self._debian.python}"
        plugin: list[str | Path] = ["-plugin", self._plugin] if counted else []
        return [
            # Without randomized addresses every run counts the same.
            "setarch", "x86_64", "-R",
            # QEMU 7.2's default processor computes wrong int8 results.
            "qemu-aarch64", "-cpu", processor,
            *plugin,
            "-L", self._root, python, *arguments,
        ]  # fmt: skip

    def _environment(
        self, python_path: str, *, compiled: bool = False
    ) -> Mapping[str, str]:
        """Return what its Python sees.

        Args:
            python_path: where packages are.
            compiled: keep what it compiles, for its next start; such a start counts
                other instructions than the first.
        """
        kept = (
            # The tests' own environment may say otherwise.
            {"PYTHONPYCACHEPREFIX": str(self._compiled), "PYTHONDONTWRITEBYTECODE": ""}
            if compiled
            else {"PYTHONDONTWRITEBYTECODE": "1"}
        )
        return {
            "PATH": "/usr/bin:/bin", "LANG": "C.UTF-8", "PYTHONPATH": python_path,
            "PYTHONHASHSEED": "0",
            "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", **kept,
        }  # fmt: skip

    def _unpack(self, folder: str, *wanted: str) -> None:
        """Let this machine's pip unpack wheels for the Pi's Python."""
        platforms = [f"--platform=manylinux_{part}_aarch64" for part in _PLATFORMS]
        _do(
            sys.executable, "-m", "pip", "install", "--quiet", "--no-input",
            "--no-compile", "--root-user-action=ignore", "--only-binary=:all:",
            "--implementation=cp", f"--python-version={self._debian.python}",
            *platforms, "--platform=manylinux2014_aarch64", f"--target={folder}",
            *wanted,
        )  # fmt: skip


def build_wheel(folder: Path) -> Path:
    """Build this project's wheel into an empty folder, fetching nothing; return it.

    Raises:
        CalledProcessError: it cannot be built; the reason is on standard error.
    """
    _do(
        sys.executable, "-m", "build", "--wheel", "--no-isolation",
        "--outdir", folder, REPOSITORY,
    )  # fmt: skip
    (wheel,) = folder.glob("*.whl")
    return wheel


def installed_megabytes(folder: Path) -> float:
    """Return what all files below a folder hold."""
    return (
        sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()) / 1e6
    )


def _do(*command: str | Path) -> None:
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)

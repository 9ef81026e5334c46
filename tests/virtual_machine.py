"""A machine that may lose its power, and whose kernel plays cameras: QEMU.

Its files are this very machine's, read-only, so that the code under test runs in it as
it is. One folder can be written, by both sides and under one path. The processor is
QEMU's own, and one: slow, and the same wherever tests run.

Needs an x86-64 machine, root, and from Debian: qemu-system-x86 busybox-static.
"""

import os
import platform
import shlex
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from debian_kernel import DISK_MODULES, Kernel, newest

_PROGRAMS = ("qemu-system-x86_64", "busybox", "setpriv", "apt-get", "dpkg-deb")
_PACKAGES = "qemu-system-x86 busybox-static"

# Half of its start: the kernel tries its ciphers and reads certificates, of which the
# tests of this project use none.
_HASTE = "cryptomgr.notests initcall_blacklist=load_system_certificate_list"

DISK = Path("/mnt")
"""Where the disk is mounted, within."""


def missing() -> str:
    """Say what a virtual machine lacks here and how to get it, or nothing."""
    if platform.machine() != "x86_64":
        return "the virtual machine is set up on x86-64 only"
    if os.geteuid() != 0:
        return "a virtual machine with this machine's files needs root: sudo"
    if not all(shutil.which(program) for program in _PROGRAMS):
        return f"apt-get install {_PACKAGES}"
    if not newest():
        return "its kernel is Debian's, of which apt knows nothing: apt-get update"
    return ""


class VirtualMachine:
    """Runs one command from its start to its end, or to that of its power.

    Args:
        kernel: fetched.
        folder: empty or used before; what can be written within, under its own path.
        modules: to load first, each with its parameters: ``vivid n_devs=1``.
        disk: holds an ext4 file system, mounted at ``DISK``; it stays what it is when
            the power goes.
    """

    def __init__(
        self,
        kernel: Kernel,
        folder: Path,
        *,
        modules: Sequence[str] = (),
        disk: Path | None = None,
    ) -> None:
        self._kernel = kernel
        self._folder = folder.resolve()
        self._modules = modules
        self._disk = disk
        self._process: subprocess.Popen[bytes] | None = None
        self.output = self._folder / "output"
        """What the command has written so far, to standard output and error."""
        self.console = self._folder / "console"
        """What the kernel has to say."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        _kind: type[BaseException] | None,
        _error: BaseException | None,
        _trace: TracebackType | None,
    ) -> None:
        self.cut_power()

    def start(
        self, command: Sequence[str | Path], environment: Mapping[str, str] = {}
    ) -> None:
        """Switch it on and return at once.

        Args:
            command: runs in the folder, as root.
            environment: beside a path, a home and a place for temporary files.
        """
        (self._folder / "status").unlink(missing_ok=True)
        self.output.write_bytes(b"")
        (self._folder / "begin").write_text(self._begin(command, environment))
        disk: tuple[str, ...] = ()
        if self._disk is not None:
            # Writes reach this machine's kernel, which outlives the virtual one's.
            disk = ("-drive", f"file={self._disk},format=raw,if=virtio,cache=writeback")
        self._process = subprocess.Popen(
            [
                # If the tests are killed, it is, too.
                "setpriv", "--pdeathsig", "KILL",
                "qemu-system-x86_64", "-nodefaults", "-no-user-config", "-no-reboot",
                "-display", "none", "-serial", f"file:{self.console}",
                "-machine", "pc", "-cpu", "Nehalem", "-smp", "1", "-m", "1G",
                # Its clock goes by instructions, 4 ns each, so that work takes the same
                # time within, however busy this machine is.
                "-accel", "tcg", "-icount", "shift=2", *disk,
                *_shared("machine", Path("/"), "readonly=on"),
                *_shared("folder", self._folder),
                "-kernel", str(self._kernel.image),
                "-initrd", str(self._kernel.initramfs),
                "-append",
                f"console=ttyS0 quiet panic=-1 mitigations=off {_HASTE} "
                f"fer.folder={self._folder} ",
            ],
            stdin=subprocess.DEVNULL,
        )  # fmt: skip

    def wait(self, seconds: float) -> int:
        """Return the exit status of the command, once the machine is off.

        Raises:
            AssertionError: it is not, by then, or went off without one; with all that
                is known.
        """
        assert self._process is not None
        try:
            self._process.wait(seconds)
            return int((self._folder / "status").read_text())
        except (subprocess.TimeoutExpired, FileNotFoundError) as failure:
            told = [path.read_text(errors="replace") for path in self._tellers()]
            raise AssertionError("\n".join([str(failure), *told])) from failure

    def cut_power(self) -> None:
        """Let it end at once, whatever it does."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    def _tellers(self) -> list[Path]:
        return [path for path in (self.console, self.output) if path.exists()]

    def _begin(
        self, command: Sequence[str | Path], environment: Mapping[str, str]
    ) -> str:
        variables = {
            "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
            "HOME": "/root",
            "LANG": "C.UTF-8",
            "TMPDIR": "/run",
            "PYTHONDONTWRITEBYTECODE": "1",
            **environment,
        }
        given = [f"{name}={value}" for name, value in variables.items()]
        words = shlex.join(["env", "-i", *given, *map(str, command)])
        inner = shlex.quote(f"cd {shlex.quote(str(self._folder))} && exec {words}")
        folder = shlex.quote(f"/root{self._folder}")
        lines = [f"modprobe {module} || fail 'no {module}'" for module in self._modules]
        if self._disk is not None:
            lines += [
                *(f"modprobe {module}" for module in DISK_MODULES),
                f"mount -t ext4 /dev/vda /root{DISK} || fail 'no disk'",
            ]
        return "\n".join(
            [
                *lines,
                f"chroot /root /bin/sh -c {inner} >{folder}/output 2>&1 </dev/null",
                f"echo $? >{folder}/status",
                f"umount /root{DISK} 2>/dev/null",
                "",
            ]
        )


def _shared(tag: str, folder: Path, *more: str) -> list[str]:
    options = ["local", f"id={tag}", f"path={folder}", "security_model=none", *more]
    # Other file systems below the folder may use the same numbers for their files.
    options.append("multidevs=remap")
    return [
        "-fsdev", ",".join(options),
        "-device", f"virtio-9p-pci,fsdev={tag},mount_tag={tag}",
    ]  # fmt: skip

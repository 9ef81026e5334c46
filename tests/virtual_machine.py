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
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

_PROGRAMS = ("qemu-system-x86_64", "busybox", "setpriv", "apt-get", "dpkg-deb")
_PACKAGES = "qemu-system-x86 busybox-static"

# What finds the files of this machine, and what a caller may ask for.
_BUS = ("virtio_pci", "9pnet_virtio", "9p")
_DISK = ("virtio_blk", "crc32c_generic", "ext4")
_CAMERAS = ("vivid", "uvcvideo", "dummy_hcd", "gadgetfs")

DISK = Path("/mnt")
"""Where the disk is mounted, within."""

_INIT = """\
#!/bin/busybox sh
export PATH=/bin
fail() { echo "virtual machine: $1"; poweroff -f; }
/bin/busybox --install -s /bin
mkdir -p /proc /dev /root
mount -t proc proc /proc
mount -t devtmpfs devtmpfs /dev
for module in BUS; do modprobe $module || fail "no module $module"; done
mount -t 9p -o ro,trans=virtio,version=9p2000.L,cache=loose,msize=262144 \
  machine /root || fail "this machine's files are not there"
mount -t proc proc /root/proc
mount -t sysfs sysfs /root/sys
mount -t devtmpfs devtmpfs /root/dev
mount -t tmpfs tmpfs /root/run
folder=$(sed 's/.* fer.folder=//; s/ .*//' /proc/cmdline)
mount -t 9p -o trans=virtio,version=9p2000.L,msize=262144 \
  folder /root$folder || fail "$folder is not there"
. /root$folder/begin
poweroff -f
"""


def missing() -> str:
    """Say what a virtual machine lacks here and how to get it, or nothing."""
    if platform.machine() != "x86_64":
        return "the virtual machine is set up on x86-64 only"
    if os.geteuid() != 0:
        return "a virtual machine with this machine's files needs root: sudo"
    if not all(shutil.which(program) for program in _PROGRAMS):
        return f"apt-get install {_PACKAGES}"
    if not _newest():
        return "its kernel is Debian's, of which apt knows nothing: apt-get update"
    return ""


class Kernel:
    """Debian's kernel, and what it starts with.

    Args:
        folder: made by ``fetch``.
    """

    def __init__(self, folder: Path) -> None:
        self.image = folder / "vmlinuz"
        self.initramfs = folder / "initramfs"

    def fetch(self) -> None:
        """Download the kernel and keep the few parts that are needed: 70 MB, 15 s.

        Raises:
            CalledProcessError: a step failed; its own words are on standard error.
        """
        self.image.parent.mkdir(parents=True)
        with tempfile.TemporaryDirectory() as scratch:
            package = Path(scratch) / "package"
            package.mkdir()
            _do(
                "apt-get", "--quiet=2", "--option=APT::Sandbox::User=root",
                "download", _newest(), folder=package,
            )  # fmt: skip
            tree = Path(scratch) / "tree"
            _do("dpkg-deb", "--extract", *package.glob("*.deb"), tree)
            (image,) = (tree / "boot").glob("vmlinuz-*")
            shutil.move(image, self.image)
            (modules,) = tree.glob("**/lib/modules/*")  # from Debian 13 on in /usr
            _do("busybox", "depmod", "-b", modules.parents[2], modules.name)
            self._pack(modules, Path(scratch) / "start")

    def _pack(self, modules: Path, start: Path) -> None:
        kept = start / "lib/modules" / modules.name
        for needed in _with_dependencies(modules, (*_BUS, *_DISK, *_CAMERAS)):
            (kept / needed).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(modules / needed, kept / needed)
        shutil.copy(modules / "modules.dep", kept)
        (start / "bin").mkdir()
        shutil.copy(shutil.which("busybox") or "", start / "bin/busybox")
        (start / "init").write_text(_INIT.replace("BUS", " ".join(_BUS)))
        (start / "init").chmod(0o755)
        names = "\n".join(str(path.relative_to(start)) for path in start.rglob("*"))
        with self.initramfs.open("wb") as archive:
            subprocess.run(
                ["busybox", "cpio", "-o", "-H", "newc"],
                check=True,
                cwd=start,
                input=names.encode(),
                stdout=archive,
            )


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
                "console=ttyS0 quiet panic=-1 mitigations=off "
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
                *(f"modprobe {module}" for module in _DISK),
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


def _newest() -> str:
    """Return the name of the package that holds the newest kernel, if there is any."""
    told = subprocess.run(
        ["apt-cache", "depends", "linux-image-amd64"],
        capture_output=True,
        text=True,
        check=False,
    ).stdout
    return "".join(told.partition("Depends:")[2].split()[:1])


def _with_dependencies(modules: Path, names: Sequence[str]) -> list[str]:
    """Return the files of some modules, and of those they need."""
    needs = {}
    for line in (modules / "modules.dep").read_text().splitlines():
        file, _, others = line.partition(":")
        needs[Path(file).name.partition(".")[0].replace("-", "_")] = (file, others)
    return sorted(
        {path for name in names for path in [needs[name][0], *needs[name][1].split()]}
    )


def _shared(tag: str, folder: Path, *more: str) -> list[str]:
    options = ["local", f"id={tag}", f"path={folder}", "security_model=none", *more]
    # Other file systems below the folder may use the same numbers for their files.
    options.append("multidevs=remap")
    return [
        "-fsdev", ",".join(options),
        "-device", f"virtio-9p-pci,fsdev={tag},mount_tag={tag}",
    ]  # fmt: skip


def _do(*command: str | Path, folder: Path | None = None) -> None:
    subprocess.run(command, check=True, cwd=folder, stdout=subprocess.DEVNULL)

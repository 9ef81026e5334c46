"""A systemd of its own: this machine's, as process 1 of its own namespaces.

It sees the tree of this machine through an overlay, so that nothing which it writes is
left. Watchdog, limits, users, credentials and sandbox are all enforced.
"""

import functools
import os
import shutil
import signal
import subprocess
import sys
import sysconfig
import time
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

import pytest

from broker import await_that

_SYSTEMD = Path("/lib/systemd/systemd")

_CGROUPS = Path("/sys/fs/cgroup")

PYTHON = Path("/usr/bin/python{}.{}".format(*sys.version_info[:2]))
"""One that every user may run: that of a virtual environment may lie in a home."""

# $1 is an empty folder; the others are seen in it as /opt/seen/1, 2 …, wherever they
# lie and whoever may go there. What is mounted here ends with the namespace.
_INSIDE = r"""
set -e
base=$1
shift
mount --make-rprivate /
mount -t tmpfs -o mode=755 tmpfs "$base"
mkdir "$base/changes" "$base/work" "$base/root"
mount -t overlay overlay \
  -o "lowerdir=/,upperdir=$base/changes,workdir=$base/work" "$base/root"
cd "$base/root"
rm -rf etc/systemd/system/*.wants var/log/journal etc/fer-edge opt/fer-edge
mkdir -p var/log/journal opt/fer-edge
printf '[Unit]\nRequires=basic.target\nAfter=basic.target\nAllowIsolate=yes\n' \
  > etc/systemd/system/box.target
mount --bind . . && cd "$base/root"
number=0
for folder; do
  number=$((number + 1))
  mkdir -p opt/seen/$number
  mount --bind "$folder" opt/seen/$number
done
mount -t proc proc proc
mount -t sysfs -o ro sysfs sys
if [ -e /sys/fs/cgroup/cgroup.controllers ]; then
  mount -t cgroup2 cgroup2 sys/fs/cgroup
else
  mount -t tmpfs -o mode=755 tmpfs sys/fs/cgroup
  for kind in /sys/fs/cgroup/*/; do
    kind=$(basename "$kind")
    mkdir "sys/fs/cgroup/$kind"
    case $kind in
      unified) mount -t cgroup2 cgroup2 sys/fs/cgroup/unified ;;
      systemd) mount -t cgroup -o none,name=systemd cgroup sys/fs/cgroup/systemd ;;
      *) mount -t cgroup -o "$kind" cgroup "sys/fs/cgroup/$kind" ;;
    esac
  done
fi
mount -t tmpfs -o mode=755 tmpfs dev
for node in null zero full random urandom tty; do
  touch dev/$node && mount --bind /dev/$node dev/$node
done
mkdir dev/pts dev/shm
mount -t devpts -o newinstance,ptmxmode=0666,mode=620 devpts dev/pts
ln -s pts/ptmx dev/ptmx
ln -s /proc/self/fd dev/fd
touch dev/console
mount -t tmpfs tmpfs dev/shm
mount -t tmpfs -o mode=755 tmpfs run
mount -t tmpfs tmpfs tmp
mkdir .old
pivot_root . .old
umount -l .old
mount --make-rshared /
exec env -i container=box PATH=/usr/sbin:/usr/bin:/sbin:/bin \
  /lib/systemd/systemd --log-target=journal --unit=box.target
"""

_COMMAND = """#!/opt/fer-edge/bin/python3
from fer_edge.cli import main
main()
"""


class SystemdBox:
    """Boots at the beginning of the block, and is gone at its end.

    fer-edge is in it, in a virtual environment at /opt/fer-edge.

    Args:
        folder: an empty one.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._groups: list[Path] = []
        self._process: subprocess.Popen[bytes] | None = None
        self._first = 0

    def __enter__(self) -> Self:
        base = self._folder / "base"
        base.mkdir()
        self._groups = _own_groups(f"box-{os.getpid()}-{time.monotonic_ns()}")
        join = [f"echo $$ > {group / 'cgroup.procs'}" for group in self._groups]
        spaces = "--pid --mount --uts --ipc --cgroup --fork --kill-child"
        command = f'exec unshare {spaces} bash -c "$0" inside "$@"'
        self._said = (self._folder / "said").open("wb")
        self._process = subprocess.Popen(
            ["bash", "-c", "\n".join([*join, command]), _INSIDE, base, *_seen()],
            stdin=subprocess.DEVNULL,
            stdout=self._said,
            stderr=self._said,
        )
        try:
            await_that(self._is_up, "systemd")
            self._install()
        except BaseException:
            self._close()
            raise
        return self

    def __exit__(
        self,
        _kind: type[BaseException] | None,
        _error: BaseException | None,
        _trace: TracebackType | None,
    ) -> None:
        self._close()

    def run(self, *command: str | Path, entered: str = "") -> str:
        """Run a command as root in it; return what it prints.

        Raises:
            AssertionError: it failed; with all that it printed.
        """
        done = self.attempt(*command, entered=entered)
        assert done.returncode == 0, (command, done.stdout, done.stderr, self.journal())
        return done.stdout

    def attempt(
        self, *command: str | Path, entered: str = ""
    ) -> subprocess.CompletedProcess[str]:
        """Run a command as root in it, which may fail."""
        done = self._enter(command, entered.encode())
        said, complained = done.stdout.decode(), done.stderr.decode()
        return subprocess.CompletedProcess(done.args, done.returncode, said, complained)

    def _enter(
        self, command: Sequence[str | Path], entered: bytes
    ) -> subprocess.CompletedProcess[bytes]:
        within = ["nsenter", f"--target={self._first}", "--all"]
        # PATH and nothing else: this environment's own is none of its business.
        clean = ["env", "-i", "PATH=/usr/sbin:/usr/bin:/sbin:/bin"]
        return subprocess.run(
            [*within, *clean, *command],
            input=entered,
            capture_output=True,
            timeout=300,
            check=False,
        )

    def write(self, path: str, text: str) -> None:
        """Write a file in it."""
        self.run("mkdir", "-p", str(Path(path).parent))
        self.run("tee", path, entered=text)

    def copy(self, source: Path, target: str) -> None:
        """Copy a folder of this machine's into it, for every user to read."""
        self.run("mkdir", "-p", target)
        for path in source.iterdir():
            with path.open("rb") as stream:
                self._enter(["tee", f"{target}/{path.name}"], stream.read())
        self.run("chmod", "-R", "a+rX", target)

    def properties(self, unit: str = "fer-edge.service") -> dict[str, str]:
        """Return what systemd knows of a unit."""
        lines = self.run("systemctl", "show", unit).splitlines()
        return {key: value for key, _, value in (line.partition("=") for line in lines)}

    def journal(self, unit: str = "fer-edge") -> str:
        """Return what a unit has said, and what systemd has said of it."""
        # The journal is later than what it tells of.
        self.attempt("journalctl", "--sync")
        return self.attempt("journalctl", "-o", "cat", "-u", unit).stdout

    def _is_up(self) -> bool:
        assert self._process is not None
        assert self._process.poll() is None, (self._folder / "said").read_text()
        children = Path(f"/proc/{self._process.pid}/task/{self._process.pid}/children")
        found = children.read_text().split()
        if not found:
            return False
        self._first = int(found[0])
        # Before that, the namespaces' first process is still the shell.
        if Path(f"/proc/{self._first}/comm").read_text() != "systemd\n":
            return False
        up = self.attempt("systemctl", "is-active", "box.target")
        return up.stdout.strip() == "active"

    def _install(self) -> None:
        self.run(PYTHON, "-m", "venv", "--without-pip", "/opt/fer-edge")
        source, *packages = (f"/opt/seen/{n}" for n in range(1, len(_seen()) + 1))
        paths = [f"{source}/edge", f"{source}/contract", *packages]
        version = "python{}.{}".format(*sys.version_info[:2])
        self.write(
            f"/opt/fer-edge/lib/{version}/site-packages/sources.pth",
            "\n".join(paths) + "\n",
        )
        self.write("/opt/fer-edge/bin/fer-edge", _COMMAND)
        self.run("chmod", "755", "/opt/fer-edge/bin/fer-edge")

    def _close(self) -> None:
        if self._process is not None:
            # The kernel ends all of its processes with it.
            if self._first:
                os.kill(self._first, signal.SIGKILL)
            else:
                self._process.kill()
            self._process.wait()
            self._said.close()
        for group in self._groups:
            await_that(functools.partial(_is_removed, group), f"{group} empty")


def need_systemd_box() -> None:
    """Skip the test where no systemd can be booted, with the reason."""
    if os.geteuid() != 0:
        pytest.skip("a systemd of its own needs root: sudo make test")
    if not _SYSTEMD.exists():
        pytest.skip("systemd is not there: apt-get install systemd")
    for program in ("unshare", "nsenter"):
        if shutil.which(program) is None:
            pytest.skip(f"{program} is not there: apt-get install util-linux")
    if refusal := _refusal():
        pytest.skip(f"no overlay of / in a namespace: {refusal}; use a virtual machine")
    if not os.access(_CGROUPS, os.W_OK):
        pytest.skip(f"{_CGROUPS} is read-only: start the container with --privileged")
    if not PYTHON.exists():
        pytest.skip(f"{PYTHON} is not there: run the tests with the system's Python")


def _refusal() -> str:
    """Return why this machine's kernel does not let such a thing be; empty if it does.

    Containers may be root and still not mount anything.
    """
    script = (
        "mount --make-rprivate / && mount -t tmpfs tmpfs /mnt && "
        "mkdir /mnt/changes /mnt/work /mnt/root && mount -t overlay overlay "
        "-o lowerdir=/,upperdir=/mnt/changes,workdir=/mnt/work /mnt/root"
    )
    spaces = ("--pid", "--mount", "--uts", "--ipc", "--cgroup", "--fork")
    done = subprocess.run(
        ["unshare", *spaces, "sh", "-c", script],
        capture_output=True,
        text=True,
        check=False,
    )
    return done.stderr.strip() if done.returncode else ""


def _seen() -> list[Path]:
    """Return the repository, and where the packages of this Python lie."""
    return [Path(__file__).parents[1], Path(sysconfig.get_path("purelib"))]


def _own_groups(name: str) -> list[Path]:
    if (_CGROUPS / "cgroup.controllers").exists():
        groups = [_CGROUPS / name]
    else:
        groups = [kind / name for kind in _CGROUPS.iterdir() if kind.is_dir()]
    for group in groups:
        group.mkdir()
        if group.parent.name == "cpuset":
            # A new group has no processors at first.
            for key in ("cpus", "mems"):
                given = (group.parent / f"cpuset.{key}").read_text()
                (group / f"cpuset.{key}").write_text(given)
            (group / "cgroup.clone_children").write_text("1")
    return groups


def _is_removed(group: Path) -> bool:
    """Remove a group and all below; tell whether nothing is left."""
    for folder, _, _ in os.walk(group, topdown=False):
        try:
            Path(folder).rmdir()
        except OSError:  # its last process is not gone yet
            return False
    return True

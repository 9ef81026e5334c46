"""A file system in a file, whose power can be cut. Needs root."""

import fcntl
import struct
import subprocess
import time
from pathlib import Path

_SHUTDOWN = 0x8004587D
"""``FS_IOC_SHUTDOWN`` of Linux, made for tests of file systems."""

_NOT_EVEN_THE_JOURNAL = struct.pack("I", 2)


class LoopDisk:
    """Ext4 on a loop device.

    Args:
        folder: an empty one, for the file and the place where it is mounted.
    """

    def __init__(self, folder: Path) -> None:
        self._image = folder / "image"
        self.folder = folder / "mounted"
        self.folder.mkdir()
        with self._image.open("wb") as image:
            image.truncate(32 * 2**20)
        self._run("mkfs.ext4", "-q", "-F", self._image)

    @property
    def mounted(self) -> bool:
        """Whether it can be used."""
        return self.folder.is_mount()

    def mount(self) -> None:
        """Mount it, whereupon ext4 recovers from what has happened.

        Raises:
            OSError: mounting is not allowed here.
        """
        self._run("mount", "-o", "loop", self._image, self.folder)

    def cut(self) -> None:
        """Let it end as by a power cut: what was not synced is gone.

        From now on it gives errors only.
        """
        with (self.folder / "cut").open("w") as handle:
            fcntl.ioctl(handle, _SHUTDOWN, _NOT_EVEN_THE_JOURNAL)

    def unmount(self) -> None:
        """Take it away, and wait until nobody has a file open on it."""
        self._run("umount", "--lazy", self.folder)
        end = time.monotonic() + 120.0
        while self._run("losetup", "--associated", self._image):
            assert time.monotonic() < end, "waited for 120 s"
            time.sleep(0.01)

    def _run(self, *command: str | Path) -> str:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise OSError(done.stderr.strip())
        return done.stdout

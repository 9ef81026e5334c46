"""Debian's kernel for a virtual machine, and the little that it starts with."""

import lzma
import re
import shutil
import struct
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path

# What finds the files of this machine, and what a caller may ask for.
_BUS = ("virtio_pci", "9pnet_virtio", "9p")
DISK_MODULES = ("virtio_blk", "crc32c_generic", "ext4")
_CAMERAS = ("vivid", "uvcvideo", "dummy_hcd", "gadgetfs")

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


class Kernel:
    """Debian's kernel, and what it starts with.

    Args:
        folder: made by ``fetch``.
    """

    def __init__(self, folder: Path) -> None:
        self.image = folder / "vmlinux"
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
                "download", newest(), folder=package,
            )  # fmt: skip
            tree = Path(scratch) / "tree"
            _do("dpkg-deb", "--extract", *package.glob("*.deb"), tree)
            (image,) = (tree / "boot").glob("vmlinuz-*")
            self.image.write_bytes(_unpacked(image.read_bytes()))
            (modules,) = tree.glob("**/lib/modules/*")  # from Debian 13 on in /usr
            self._pack(modules, Path(scratch) / "start")

    def _pack(self, modules: Path, start: Path) -> None:
        kept = start / "lib/modules" / modules.name
        kept.mkdir(parents=True)
        for needed in _with_dependencies(modules, (*_BUS, *DISK_MODULES, *_CAMERAS)):
            shutil.copy(needed, kept)
        # Of these few alone: of all it takes seconds here, and to read it there, too.
        _do("busybox", "depmod", "-b", start, modules.name)
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


def newest() -> str:
    """Return the name of the package that holds the newest kernel, if there is any."""
    told = subprocess.run(
        ["apt-cache", "depends", "linux-image-amd64"],
        capture_output=True,
        text=True,
        check=False,
    ).stdout
    return "".join(told.partition("Depends:")[2].split()[:1])


def _with_dependencies(modules: Path, names: Sequence[str]) -> set[Path]:
    """Return the files of some modules, and of those they need."""
    files = {
        path.name.partition(".")[0].replace("-", "_"): path
        for path in modules.rglob("*.ko*")
    }
    found: set[Path] = set()
    wanted = list(names)
    while wanted:
        file = files[wanted.pop().replace("-", "_")]
        if file not in found:
            found.add(file)
            wanted += _needs(file)
    return found


def _needs(module: Path) -> list[str]:
    """Return the names of the modules that it says it needs."""
    content = module.read_bytes()
    if module.suffix == ".xz":
        content = lzma.decompress(content)
    told = re.search(rb"\0depends=([^\0]+)\0", content)
    return told[1].decode().split(",") if told else []


def _unpacked(image: bytes) -> bytes:
    """Return a kernel that need not unpack itself, which takes seconds in there.

    What is not packed as Debian packs it stays as it is.
    """
    sectors, (offset, length) = image[0x1F1], struct.unpack_from("<II", image, 0x248)
    begin = (sectors + 1) * 512 + offset
    try:
        # Behind it comes its length.
        return lzma.LZMADecompressor().decompress(image[begin : begin + length])
    except lzma.LZMAError:
        return image


def _do(*command: str | Path, folder: Path | None = None) -> None:
    subprocess.run(command, check=True, cwd=folder, stdout=subprocess.DEVNULL)

"""What a bundle is brought as: a folder or a zip, opened but not yet trusted.

Everything is opened with the rights of whoever gave the command, and copied with those
of the store's owner (``acting_for``), who may not be allowed to read it.
"""

import os
import stat
import zipfile
import zlib
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import IO, BinaryIO

from fer_contract.errors import ManifestError, RefusedError, naming
from fer_contract.manifest import FILE_NAME, BundleManifest
from fer_edge.models.durable import sync_folder


@dataclass(frozen=True, slots=True)
class Limits:
    """How large a bundle may be; a card's disk and memory are small."""

    files: int = 32
    file_bytes: int = 64 << 20
    """Of one file."""
    all_bytes: int = 128 << 20
    """Of all of them, and of a zip as it is."""
    growth: int = 100
    """To how many times its own size a zip may unpack, the first MB aside."""


NORMAL = Limits()


@dataclass(frozen=True, slots=True)
class Member:
    """A file of a bundle, by its own account."""

    name: str
    """A plain file name: of no other folder."""
    open: Callable[[], IO[bytes]]


_FREE_BYTES = 1 << 20

# zipfile reads all of a zip's directory, at 500 bytes an entry.
_ENTRY_MARK = b"PK\1\2"
_MOST_ENTRIES = 1000

# What zipfile and zlib raise of files that are damaged, or made to do damage.
BAD_ZIP = (
    zipfile.BadZipFile,
    zlib.error,
    EOFError,
    NotImplementedError,
    RuntimeError,
    ValueError,
)


def open_source(source: Path, limits: Limits, stack: ExitStack) -> list[Member]:
    """Open a bundle.

    Args:
        source: a folder, or a zip.
        limits: how large it may be.
        stack: closes it.

    Raises:
        FerError: neither, or one that no bundle would be.
        OSError: it cannot be read.
    """
    if source.is_dir():
        return _open_folder(source, limits, stack)
    stream = stack.enter_context(_open_file(source))
    return open_zip(stream, str(source), limits, stack)


def open_zip(
    stream: BinaryIO, origin: str, limits: Limits, stack: ExitStack
) -> list[Member]:
    """Open a zip with a bundle, or with one folder that is a bundle.

    Args:
        stream: the zip.
        origin: what messages call it.
        limits: how large it may be.
        stack: closes it.

    Raises:
        ManifestError: no zip, or damaged.
        RefusedError: a zip that no bundle would be packed in.
    """
    size = stream.seek(0, os.SEEK_END)
    if size > limits.all_bytes:
        raise RefusedError(f"{origin}: {size:,} bytes; allowed {limits.all_bytes:,}")
    if _entries(stream) > _MOST_ENTRIES:
        raise RefusedError(f"{origin}: a zip of far too many files")
    try:
        archive = stack.enter_context(zipfile.ZipFile(stream))
    except BAD_ZIP as mistake:
        raise ManifestError(f"{origin}: not a zip, or damaged") from mistake
    entries = archive.infolist()
    _check_count(len(entries), origin, limits)
    unpacked = sum(entry.file_size for entry in entries)
    allowed = _FREE_BYTES + limits.growth * size
    if unpacked > allowed:
        raise RefusedError(
            f"{origin}: unpacks from {size:,} to {unpacked:,} bytes; "
            f"allowed {allowed:,}"
        )
    top = _only_folder([entry.filename for entry in entries])
    members = []
    for entry in entries:
        if entry.filename == top:
            continue
        if not 0 <= entry.header_offset < size:
            raise ManifestError(f"{origin}: not a zip, or damaged")
        _check_entry(entry, origin)
        name = _plain(entry.orig_filename.removeprefix(top), origin)
        members.append(Member(name, partial(archive.open, entry)))
    return _unique(members, origin)


def _entries(stream: BinaryIO) -> int:
    """Count what is in a zip, and in stored zips within it, without parsing it."""
    stream.seek(0)
    count, end = 0, b""
    while piece := stream.read(1 << 20):
        count += (end + piece).count(_ENTRY_MARK)
        end = piece[1 - len(_ENTRY_MARK) :]
    return count


def _open_folder(source: Path, limits: Limits, stack: ExitStack) -> list[Member]:
    paths = sorted(source.iterdir())
    _check_count(len(paths), str(source), limits)
    members = []
    for path in paths:
        name = _plain(path.name, str(source))
        stream = stack.enter_context(_open_file(path, os.O_NOFOLLOW))
        members.append(Member(name, partial(_same, stream)))
    return members


def _same(stream: BinaryIO) -> BinaryIO:
    return stream


def _open_file(path: Path, more: int = 0) -> BinaryIO:
    """Open a regular file, and nothing that only has a name like one."""
    try:
        # The other end of a pipe is not waited for.
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | more)
    except OSError as failure:
        if path.is_symlink() and more:
            raise RefusedError(f"{path}: a symbolic link, no file") from failure
        raise
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise RefusedError(f"{path}: no regular file")
    return os.fdopen(descriptor, "rb")


def _check_entry(entry: zipfile.ZipInfo, origin: str) -> None:
    """Refuse what is no plain file, by what a zip says of it."""
    where = f"{origin}: {entry.orig_filename!r} in it is"
    mode = entry.external_attr >> 16
    if stat.S_IFMT(mode) not in (0, stat.S_IFREG) or entry.is_dir():
        kind = "a symbolic link" if stat.S_ISLNK(mode) else "no regular file"
        raise RefusedError(f"{where} {kind}")
    if entry.flag_bits & 0x1:
        raise RefusedError(f"{where} encrypted")
    # The others need much memory to be unpacked.
    if entry.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise RefusedError(f"{where} neither stored nor deflated")


def _only_folder(names: list[str]) -> str:
    """Return the one folder that all is in, with its slash, or an empty text."""
    tops = {name.partition("/")[0] for name in names if "/" in name}
    flat = [name for name in names if "/" not in name]
    if len(tops) == 1 and not flat:
        (top,) = tops
        if FILE_NAME.fullmatch(top):
            return f"{top}/"
    return ""


def _plain(name: str, origin: str) -> str:
    if not FILE_NAME.fullmatch(name):
        raise RefusedError(f"{origin}: {name!r} in it is no plain file name")
    return name


def _unique(members: list[Member], origin: str) -> list[Member]:
    names = [member.name for member in members]
    for name in names:
        if names.count(name) > 1:
            raise RefusedError(f"{origin}: {name!r} is in it more than once")
    return members


def _check_count(count: int, origin: str, limits: Limits) -> None:
    if count > limits.files:
        raise RefusedError(f"{origin}: {count:,} files; allowed {limits.files}")


def copy_members(
    members: list[Member], folder: Path, origin: str, limits: Limits
) -> None:
    """Copy a bundle's files, by what they really hold.

    Args:
        members: as opened.
        folder: empty; gets them, readable by all and written to the disk.
        origin: what messages call the bundle.
        limits: how large it may be.

    Raises:
        FerError: too large, or damaged.
        OSError: it cannot be written.
    """
    left = limits.all_bytes
    for member in members:
        path = folder / member.name
        allowed = min(limits.file_bytes, left)
        with naming(path), path.open("xb") as target:
            os.fchmod(target.fileno(), 0o644)
            left -= _copy(member, target, f"{origin}: {member.name}", allowed)
            target.flush()
            os.fsync(target.fileno())
    sync_folder(folder)


def _copy(member: Member, target: BinaryIO, where: str, allowed: int) -> int:
    count = 0
    try:
        source = member.open()
    except BAD_ZIP as mistake:
        raise ManifestError(f"{where}: damaged in the zip ({mistake})") from mistake
    with source:
        while True:
            try:
                piece = source.read(1 << 16)
            except BAD_ZIP as mistake:
                raise ManifestError(f"{where}: damaged in the zip") from mistake
            if not piece:
                return count
            # Golden vectors are a zip, of numpy's; nothing else is to be one.
            is_zip = not count and piece.startswith(b"PK\3\4")
            if is_zip and member.name != BundleManifest.GOLDEN:
                raise RefusedError(f"{where}: a zip within the bundle")
            count += len(piece)
            if count > allowed:
                raise RefusedError(f"{where}: too large; allowed {allowed:,} bytes")
            target.write(piece)

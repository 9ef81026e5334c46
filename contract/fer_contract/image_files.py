"""The files of a zip or folder, and the pixels of an image among them."""

import functools
import os
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import NoReturn

import numpy as np

from fer_contract.errors import DataError
from fer_contract.preprocess import Pixels

SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".bmp", ".webp"})
"""Of the names of images, in lower case."""

_JPEG = b"\xff\xd8"  # how one begins
_MAX_FILE_BYTES = 32 * 1024 * 1024  # a face is 2 KB; more is a mistake or a zip bomb


@dataclass(frozen=True, slots=True)
class StoredFile:
    """A file in a zip or folder, not yet read."""

    path: PurePosixPath
    """In the zip, or below the folder's parent."""
    size: int
    """Bytes, unpacked."""
    read: Callable[[], bytes]

    @property
    def is_image(self) -> bool:
        """Whether its name is that of an image."""
        return self.path.suffix.lower() in SUFFIXES

    def content(self) -> bytes:
        """Read it.

        Raises:
            DataError: why it cannot be read, in a few words.
        """
        if self.size > _MAX_FILE_BYTES:
            raise DataError(f"{self.size} bytes; {_MAX_FILE_BYTES} are allowed")
        try:
            return self.read()
        # zipfile passes on whatever a checksum, a password or a decompressor raises.
        except Exception as mistake:
            raise DataError("damaged, encrypted or not readable") from mistake


def walk(source: Path) -> Iterator[StoredFile]:
    """List the files of a zip or folder.

    Raises:
        DataError: no such file, not a zip, a zip with names that lead out of it, or a
            folder that may not be read.
    """
    if source.is_dir():
        # Unlike rglob it follows links to folders, and says what it may not read.
        for folder, _, names in os.walk(source, onerror=_refuse, followlinks=True):
            for name in names:
                path = Path(folder, name)
                inside = PurePosixPath(source.name, *path.relative_to(source).parts)
                if path.is_file():
                    yield StoredFile(inside, path.stat().st_size, path.read_bytes)
        return
    if not source.is_file():
        raise DataError(f"{source}: no such file or folder")
    try:
        archive = zipfile.ZipFile(source)
    # The latter two for a name that is no UTF-8 and a version of the far future.
    except (zipfile.BadZipFile, ValueError, NotImplementedError) as mistake:
        raise DataError(f"{source}: not a zip, or damaged ({mistake})") from mistake
    for entry in archive.infolist():
        # zipfile itself wants a character in it.
        if not entry.filename:
            raise DataError(f"{source}: not a zip, or damaged (a file without a name)")
        inside = PurePosixPath(entry.filename)
        if inside.is_absolute() or ".." in inside.parts:
            # Nothing is unpacked here, but whoever made this zip wanted harm.
            raise DataError(
                f"{source}: {entry.filename!r} leads out of the zip; names inside it "
                "are wanted"
            )
        if not entry.is_dir() and "__MACOSX" not in inside.parts:
            read = functools.partial(archive.read, entry)
            yield StoredFile(inside, entry.file_size, read)


def _refuse(failure: OSError) -> NoReturn:
    raise DataError(f"{failure.filename}: {failure.strerror}") from failure


def decode(content: bytes) -> Pixels:
    """Decode an image.

    Returns:
        uint8 (H, W) grey or (H, W, 3) BGR, 0-255; alpha is dropped.

    Raises:
        DataError: why it cannot be, in a few words.
    """
    import cv2

    if not content:
        raise DataError("empty")
    if content[:2] == _JPEG:
        if is_cut_off(content):
            raise DataError("cut off")
        if _jpeg_channels(content) == 4:
            # OpenCV takes the inks for light, and some programs store them inverted.
            raise DataError("CMYK; grey or RGB is wanted")
    try:
        image = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_UNCHANGED)
    except cv2.error:
        image = None
    kinds = ((), (3,), (4,))
    if image is not None and image.dtype == np.uint16:
        raise DataError("16 bits a channel; 8 are wanted")
    if image is None or image.dtype != np.uint8 or image.shape[2:] not in kinds:
        raise DataError("damaged, or not an 8-bit image")
    if image.ndim == 3 and image.shape[2] == 4:
        return image[:, :, :3].astype(np.uint8)
    return image.astype(np.uint8, copy=False)


def is_cut_off(content: bytes) -> bool:
    """Tell whether a JPEG breaks off; of other kinds OpenCV itself refuses a part.

    Of a JPEG it fills what is missing with grey and only prints a warning.
    """
    if content[:2] != _JPEG:
        return False
    # The end mark cannot occur in the last scan; a camera may append to the file.
    last_scan = content.rfind(b"\xff\xda")
    return last_scan < 0 or b"\xff\xd9" not in content[last_scan:]


def _jpeg_channels(content: bytes) -> int:
    """Return the number of channels that a JPEG's frame header names; 0 without one.

    Source: ITU-T T.81, table B.1 and section B.2.2.
    """
    place = 2
    while place + 10 <= len(content) and content[place] == 0xFF:
        marker = content[place + 1]
        # SOF0 to SOF15, but for those that are tables: DHT, JPG, DAC.
        if 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC):
            return content[place + 9]
        if marker == 0xFF:  # a fill byte
            place += 1
            continue
        place += 2 + int.from_bytes(content[place + 2 : place + 4], "big")
    return 0

"""Labelled faces from a zip or a folder, as trainer and converter both read them.

The layout is that of the original study, at any depth::

    {train,validation,test}/<label>/<anything>.{jpg,jpeg,png,bmp,webp}

A zip is read where it lies; nothing is unpacked.
"""

import hashlib
import logging
import os
import zipfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import NoReturn

import cv2
import numpy as np
import numpy.typing as npt

from fer_contract.errors import DataError, one_line
from fer_contract.labels import Labels, check_labels
from fer_contract.preprocess import Box, InputSpec, Pixels, crop_face, grey
from fer_contract.quiet import native_messages_to_log

_LOGGER = logging.getLogger(__name__)

SPLITS = ("train", "validation", "test")
_SUFFIXES = {".jpg", ".jpeg", ".png", ".bmp", ".webp"}
_MAX_FILE_BYTES = 32 * 1024 * 1024  # a face is 2 KB; more is a mistake or a zip bomb


@dataclass(frozen=True, slots=True)
class FaceSet:
    """The labelled faces of one split, in memory (20,000 of them are 46 MB)."""

    split: str
    labels: Labels
    faces: Pixels
    """uint8 (N, height, width, 1), 0-255."""
    classes: npt.NDArray[np.int64]
    """(N,), index into ``labels``."""
    names: tuple[str, ...]
    """N paths ``split/label/file``, sorted."""
    digests: tuple[str, ...]
    """N SHA-256 of the files, in lower-case hexadecimal."""

    def __len__(self) -> int:
        return len(self.names)

    @property
    def digest(self) -> str:
        """SHA-256 over all names and files, in lower-case hexadecimal."""
        lines = zip(self.names, self.digests, strict=True)
        text = "".join(f"{digest}  {name}\n" for name, digest in lines)
        # A file name on Linux need not be UTF-8.
        return hashlib.sha256(text.encode(errors="surrogateescape")).hexdigest()

    def take(self, indices: Sequence[int]) -> "FaceSet":
        """Return these faces only, in this order."""
        chosen = np.asarray(indices, dtype=np.int64)
        return FaceSet(
            split=self.split,
            labels=self.labels,
            faces=self.faces[chosen],
            classes=self.classes[chosen],
            names=tuple(self.names[index] for index in indices),
            digests=tuple(self.digests[index] for index in indices),
        )

    def counts(self) -> dict[str, int]:
        """Return the number of faces a label, in the labels' order."""
        totals = np.bincount(self.classes, minlength=len(self.labels))
        return dict(zip(self.labels, totals.tolist(), strict=True))

    def facts(self) -> dict[str, object]:
        """Return what a manifest says of this split."""
        return {"count": len(self), "classes": self.counts(), "digest": self.digest}


@dataclass(frozen=True, slots=True)
class _Item:
    name: str
    label: str
    size: int
    read: Callable[[], bytes]


class FaceData:
    """The labelled faces of a zip or folder, listed; a split is loaded on demand.

    Args:
        source: zip file or directory.
        labels: their order; without it, the names of the folders in alphabetical
            order. Either way they must be those of the ``train`` split, or of the
            split there is.
        spec: what the model takes. Images of another size or in colour are brought
            there by ``crop_face``, and counted.
        skip_unreadable: leave broken images out, with a warning that names them,
            instead of refusing the data.

    Raises:
        DataError: no such file, not a zip, no image in the layout, an empty class, or
            labels that differ between the splits or from those given.
    """

    def __init__(
        self,
        source: Path,
        labels: Sequence[str] | None = None,
        spec: InputSpec | None = None,
        *,
        skip_unreadable: bool = False,
    ) -> None:
        self.source = source
        self.spec = spec or InputSpec()
        self._skip_unreadable = skip_unreadable
        self._items: dict[str, list[_Item]] = {}
        roots = set()
        passed_over: list[str] = []
        for path, size, read in _walk(source):
            if path.name.startswith("."):
                continue
            split, label = path.parts[-3:-1] if len(path.parts) > 2 else ("", "")
            if split in SPLITS and path.suffix.lower() in _SUFFIXES:
                roots.add(path.parts[:-3])
                item = _Item(f"{split}/{label}/{path.name}", label, size, read)
                self._items.setdefault(split, []).append(item)
            elif not set(SPLITS).isdisjoint(path.parts[:-1]):
                passed_over.append(str(path))
        if not self._items:
            raise DataError(
                f"{source}: no image found; wanted: "
                "{train,validation,test}/<label>/*.jpg (or png, bmp, webp)"
            )
        if passed_over:
            _LOGGER.warning(
                "%s: %d files in the splits are no <split>/<label>/<image> and were "
                "passed over: %s",
                source, len(passed_over), _some(sorted(passed_over)),
            )  # fmt: skip
        if len(roots) > 1:
            first, second = sorted("/".join(root) or "." for root in roots)[:2]
            raise DataError(f"{source}: two data sets in it, {first!r} and {second!r}")
        for items in self._items.values():
            items.sort(key=lambda item: item.name)
        self.labels = self._check_labels(labels)

    @property
    def splits(self) -> tuple[str, ...]:
        """The splits there are, in the order train, validation, test."""
        return tuple(split for split in SPLITS if split in self._items)

    def load(self, split: str) -> FaceSet:
        """Read one split into memory.

        Raises:
            DataError: no such split, or images that are empty or cannot be read.
        """
        if split not in self._items:
            raise DataError(
                f"{self.source}: no folder {split!r}; found: {', '.join(self.splits)}"
            )
        faces: list[Pixels] = []
        kept: list[_Item] = []
        broken: list[str] = []
        adapted: dict[str, list[str]] = {}
        digests: list[str] = []
        # libpng and OpenCV print their own view of a damaged image.
        with native_messages_to_log():
            for item in self._items[split]:
                try:
                    content = _content(item)
                    image = _decode(content)
                except DataError as complaint:
                    broken.append(f"{item.name} ({complaint})")
                    continue
                if image.ndim == 3:
                    adapted.setdefault("in colour", []).append(item.name)
                if image.shape[:2] != (self.spec.height, self.spec.width):
                    size = f"not {self.spec.width}x{self.spec.height}"
                    adapted.setdefault(size, []).append(item.name)
                faces.append(self._fit(image))
                kept.append(item)
                digests.append(hashlib.sha256(content).hexdigest())
        self._report(broken, adapted)
        classes = [self.labels.index(item.label) for item in kept]
        for index, label in enumerate(self.labels):
            if index not in classes:
                raise DataError(f"{self.source}: no readable image in {split}/{label}")
        return FaceSet(
            split=split,
            labels=self.labels,
            faces=np.stack(faces),
            classes=np.array(classes, dtype=np.int64),
            names=tuple(item.name for item in kept),
            digests=tuple(digests),
        )

    def _check_labels(self, wanted: Sequence[str] | None) -> Labels:
        """Hold the folders of every split against the labels."""
        found = {
            split: {item.label for item in self._items[split]} for split in self.splits
        }
        names = sorted(found[self.splits[0]]) if wanted is None else list(wanted)
        labels = check_labels(names, f"{self.source}" if wanted is None else "--labels")
        for split, seen in found.items():
            missing = [label for label in labels if label not in seen]
            foreign = sorted(seen.difference(labels))
            if missing:
                raise DataError(f"{self.source}: no image in {split}/{missing[0]}")
            if foreign:
                raise DataError(
                    f"{self.source}: {split}/{foreign[0]} is none of the labels "
                    f"{', '.join(labels)}"
                )
        return labels

    def _fit(self, image: Pixels) -> Pixels:
        if image.shape[:2] == self.spec.shape[:2]:
            return grey(image)
        height, width = image.shape[:2]
        whole = InputSpec(self.spec.height, self.spec.width)
        return crop_face(image, Box(0, 0, width, height), whole)

    def _report(self, broken: list[str], adapted: dict[str, list[str]]) -> None:
        for what, names in adapted.items():
            _LOGGER.warning(
                "%s: %d images are %s and were converted: %s",
                self.source, len(names), what, _some(names),
            )  # fmt: skip
        if broken and not self._skip_unreadable:
            raise DataError(
                f"{self.source}: {len(broken)} images cannot be read: {_some(broken)}; "
                "mend them, or leave them out with --skip-unreadable"
            )
        if broken:
            _LOGGER.warning(
                "%s: %d images cannot be read and were left out: %s",
                self.source, len(broken), _some(broken),
            )  # fmt: skip


def _walk(source: Path) -> Iterator[tuple[PurePosixPath, int, Callable[[], bytes]]]:
    """List the files of a zip or folder: path in it, size in bytes, how to read it."""
    if source.is_dir():
        # Unlike rglob it follows links to folders, and says what it may not read.
        for folder, _, names in os.walk(source, onerror=_refuse, followlinks=True):
            for name in names:
                path = Path(folder, name)
                inside = PurePosixPath(source.name, *path.relative_to(source).parts)
                if path.is_file():
                    yield inside, path.stat().st_size, path.read_bytes
        return
    if not source.is_file():
        raise DataError(f"{source}: no such file or folder")
    try:
        archive = zipfile.ZipFile(source)
    # The latter two for a name that is no UTF-8 and a version of the far future.
    except (zipfile.BadZipFile, ValueError, NotImplementedError) as mistake:
        raise DataError(f"{source}: not a zip, or damaged ({mistake})") from mistake
    for entry in archive.infolist():
        inside = PurePosixPath(entry.filename)
        if not entry.is_dir() and "__MACOSX" not in inside.parts:
            yield inside, entry.file_size, lambda entry=entry: archive.read(entry)  # type: ignore[misc]


def _refuse(failure: OSError) -> NoReturn:
    raise DataError(f"{failure.filename}: {failure.strerror}") from failure


def _content(item: _Item) -> bytes:
    """Read a file, or raise DataError with the reason why it cannot be."""
    if item.size > _MAX_FILE_BYTES:
        raise DataError(f"{item.size} bytes; {_MAX_FILE_BYTES} are allowed")
    try:
        return item.read()
    # zipfile passes on whatever a checksum, a password or a decompressor raises.
    except Exception as mistake:
        raise DataError("damaged, encrypted or not readable") from mistake


def _decode(content: bytes) -> Pixels:
    """Decode an image to uint8 (H, W) grey or (H, W, 3) BGR, or raise DataError."""
    if not content:
        raise DataError("empty")
    # OpenCV fills the missing part of a cut JPEG with grey and only prints a warning.
    # The end mark cannot occur in the last scan; a camera may append to the file.
    if content[:2] == b"\xff\xd8":
        last_scan = content.rfind(b"\xff\xda")
        if last_scan < 0 or b"\xff\xd9" not in content[last_scan:]:
            raise DataError("cut off")
    try:
        image = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_UNCHANGED)
    except cv2.error:
        image = None
    kinds = ((), (3,), (4,))
    if image is None or image.dtype != np.uint8 or image.shape[2:] not in kinds:
        raise DataError("damaged, or not an 8-bit image")
    if image.ndim == 3 and image.shape[2] == 4:
        return image[:, :, :3].astype(np.uint8)
    return image.astype(np.uint8, copy=False)


def _some(names: list[str], most: int = 3) -> str:
    shown = one_line(", ".join(names[:most]))
    return shown if len(names) <= most else f"{shown} and {len(names) - most} more"

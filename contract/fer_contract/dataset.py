"""Labelled faces from a zip or a folder, as trainer and converter both read them.

The layout is that of the original study, at any depth::

    {train,validation,test}/<label>/<anything>.{jpg,jpeg,png,bmp,webp}

A zip is read where it lies; nothing is unpacked.
"""

import hashlib
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from fer_contract.errors import DataError, one_line
from fer_contract.image_files import StoredFile, decode, walk
from fer_contract.labels import Labels, check_labels
from fer_contract.preprocess import InputSpec, Pixels, fit_face
from fer_contract.quiet import native_messages_to_log

_LOGGER = logging.getLogger(__name__)

SPLITS = ("train", "validation", "test")


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


class FaceData:
    """The labelled faces of a zip or folder, listed; a split is loaded on demand.

    Args:
        source: zip file or directory.
        labels: their order; without it, the names of the folders in alphabetical
            order. Either way they must be those of the ``train`` split, or of the
            split there is.
        spec: what the model takes. Images of another size or in colour are brought
            there by ``fit_face``, and counted.
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
        self._files: dict[str, list[StoredFile]] = {}
        roots = set()
        passed_over: list[str] = []
        self._elsewhere: list[str] = []
        for file in walk(source):
            parts = file.path.parts
            if file.path.name.startswith("."):
                continue
            if len(parts) > 2 and parts[-3] in SPLITS and file.is_image:
                roots.add(parts[:-3])
                self._files.setdefault(parts[-3], []).append(file)
                continue
            if file.is_image:
                self._elsewhere.append(str(file.path))
            if not set(SPLITS).isdisjoint(parts[:-1]):
                passed_over.append(str(file.path))
        if not self._files:
            raise DataError(
                f"{source}: no image found; wanted: "
                "{train,validation,test}/<label>/*.jpg (or png, bmp, webp)"
                f"{self._strangers()}"
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
        for files in self._files.values():
            files.sort(key=_name)
        self.labels = self._check_labels(labels)

    @property
    def splits(self) -> tuple[str, ...]:
        """The splits there are, in the order train, validation, test."""
        return tuple(split for split in SPLITS if split in self._files)

    def load(self, split: str) -> FaceSet:
        """Read one split into memory.

        Raises:
            DataError: no such split, or images that are empty or cannot be read.
        """
        if split not in self._files:
            raise DataError(
                f"{self.source}: no folder {split!r}; found: {', '.join(self.splits)}"
                f"{self._strangers()}"
            )
        faces: list[Pixels] = []
        kept: list[StoredFile] = []
        broken: list[str] = []
        adapted: dict[str, list[str]] = {}
        digests: list[str] = []
        # libpng and OpenCV print their own view of a damaged image.
        with native_messages_to_log():
            for file in self._files[split]:
                try:
                    content = file.content()
                    image = decode(content)
                except DataError as complaint:
                    broken.append(f"{_name(file)} ({complaint})")
                    continue
                if image.ndim == 3:
                    adapted.setdefault("in colour", []).append(_name(file))
                if image.shape[:2] != (self.spec.height, self.spec.width):
                    size = f"not {self.spec.width}x{self.spec.height}"
                    adapted.setdefault(size, []).append(_name(file))
                faces.append(fit_face(image, self.spec))
                kept.append(file)
                digests.append(hashlib.sha256(content).hexdigest())
        self._report(broken, adapted)
        classes = [self.labels.index(_label(file)) for file in kept]
        for index, label in enumerate(self.labels):
            if index not in classes:
                raise DataError(f"{self.source}: no readable image in {split}/{label}")
        return FaceSet(
            split=split,
            labels=self.labels,
            faces=np.stack(faces),
            classes=np.array(classes, dtype=np.int64),
            names=tuple(_name(file) for file in kept),
            digests=tuple(digests),
        )

    def _check_labels(self, wanted: Sequence[str] | None) -> Labels:
        """Hold the folders of every split against the labels."""
        found = {
            split: {_label(file) for file in self._files[split]}
            for split in self.splits
        }
        names = sorted(found[self.splits[0]]) if wanted is None else list(wanted)
        labels = check_labels(names, f"{self.source}" if wanted is None else "--labels")
        for split, seen in found.items():
            missing = [label for label in labels if label not in seen]
            foreign = sorted(seen.difference(labels))
            if missing:
                raise DataError(f"{self.source}: no image in {split}/{missing[0]}")
            if foreign and wanted is None:
                raise DataError(
                    f"{self.source}: images in {split}/{foreign[0]}, but none in "
                    f"{self.splits[0]}/{foreign[0]}"
                )
            if foreign:
                raise DataError(
                    f"{self.source}: {split}/{foreign[0]} is none of the labels "
                    f"{', '.join(labels)}"
                )
        return labels

    def _strangers(self) -> str:
        """Say what lies outside the layout: ``val/`` for ``validation/``, say."""
        if not self._elsewhere:
            return ""
        example = one_line(min(self._elsewhere))
        return f"; images elsewhere: {len(self._elsewhere)}, as {example}"

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


def _name(file: StoredFile) -> str:
    """Return ``split/label/file``, whatever lies above."""
    return "/".join(file.path.parts[-3:])


def _label(file: StoredFile) -> str:
    return file.path.parts[-2]


def _some(names: list[str], most: int = 3) -> str:
    shown = one_line(", ".join(names[:most]))
    return shown if len(names) <= most else f"{shown} and {len(names) - most} more"

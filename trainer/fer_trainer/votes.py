"""FER+: ten people's votes an image, as a distribution over the labels.

Source: Barsoum et al. 2016, arXiv 1608.01041. The file is a CSV: ``file`` is the
image's path ``split/label/name``, every further column an emotion and its number of
votes.
"""

import csv
import logging
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from fer_contract.dataset import FaceSet
from fer_contract.errors import DataError
from fer_contract.labels import Labels
from fer_contract.manifest import sha256

_LOGGER = logging.getLogger(__name__)

_KEY = "file"
_NOUNS = {
    "happy": "happiness",
    "sad": "sadness",
    "angry": "anger",
    "surprised": "surprise",
    "disgusted": "disgust",
    "fearful": "fear",
}
"""FER+ names emotions by nouns, data sets by adjectives."""


@dataclass(frozen=True, slots=True)
class Votes:
    """The votes of a CSV file."""

    source: Path
    columns: tuple[str, ...]
    """What could be voted for, in the file's order."""
    table: dict[str, npt.NDArray[np.int64]]
    """Image path ``split/label/name`` -> (len(columns),) votes."""
    digest: str = ""
    """SHA-256 of the file, in lower-case hexadecimal; empty for votes of no file."""

    def facts(self) -> dict[str, str]:
        """Return what a manifest says of them."""
        return {"source": self.source.name, "sha256": self.digest}

    def column_of(self, labels: Labels) -> npt.NDArray[np.int64]:
        """Return the column of each label, (C,).

        Raises:
            DataError: a label that could not be voted for.
        """
        found = []
        for label in labels:
            names = [name for name in (label, _NOUNS.get(label)) if name]
            column = next((name for name in names if name in self.columns), None)
            if column is None:
                raise DataError(
                    f"{self.source}: no column {' or '.join(map(repr, names))} for the "
                    f"label {label!r}; columns are {', '.join(self.columns)}"
                )
            found.append(self.columns.index(column))
        return np.array(found, dtype=np.int64)

    def of(self, faces: FaceSet) -> npt.NDArray[np.int64]:
        """Return the votes for each face, (N, len(columns)); zeros where none are.

        Raises:
            DataError: no face of the split was voted on: the file of other data.
        """
        nothing = np.zeros(len(self.columns), dtype=np.int64)
        counts = np.stack([self.table.get(name, nothing) for name in faces.names])
        without = int((counts.sum(axis=1) == 0).sum())
        if without == len(faces):
            raise DataError(
                f"{self.source}: votes for none of the {len(faces)} faces in "
                f"{faces.split}; its files are named like {next(iter(self.table))!r}, "
                f"the faces like {faces.names[0]!r}"
            )
        return counts

    def check(self, faces: FaceSet) -> None:
        """Say how many faces were not voted on.

        Raises:
            DataError: as ``of`` and ``column_of``.
        """
        self.column_of(faces.labels)
        without = int((self.of(faces).sum(axis=1) == 0).sum())
        if without:
            _LOGGER.warning(
                "%s: no votes for %d of %d faces in %s",
                self.source, without, len(faces), faces.split,
            )  # fmt: skip

    def shares(self, faces: FaceSet) -> npt.NDArray[np.float64]:
        """Return how the votes for the labels divide, (N, C), each row summing to 1.

        Votes for what is no label are left out; a face without any vote for a label
        counts as voted for its own.

        Raises:
            DataError: as ``of`` and ``column_of``.
        """
        counts = self.of(faces)[:, self.column_of(faces.labels)].astype(np.float64)
        own = np.eye(len(faces.labels))[faces.classes]
        total = counts.sum(axis=1, keepdims=True)
        return np.where(total > 0, counts / np.maximum(total, 1), own)


def read_votes(path: Path) -> Votes:
    """Read a file of votes.

    Raises:
        DataError: no such file, not this kind of CSV, or a count that is none.
    """
    try:
        with path.open(newline="", encoding="utf-8") as stream:
            rows = csv.reader(stream, strict=True)
            header = next(rows, [])
            if header[:1] != [_KEY] or len(header) < 2:
                raise DataError(
                    f"{path}: line 1: {','.join(header)[:60]!r}; wanted: "
                    f"{_KEY},<emotion>,<emotion>…"
                )
            if len(set(header)) < len(header):
                raise DataError(f"{path}: line 1: a column is named twice")
            table = {
                row[0]: _counts(row, len(header), f"{path}: line {rows.line_num}")
                for row in rows
                if row
            }
    except FileNotFoundError as missing:
        raise DataError(f"{path}: no such file") from missing
    except (UnicodeDecodeError, csv.Error) as mistake:
        raise DataError(f"{path}: not a CSV file ({mistake})") from mistake
    if not table:
        raise DataError(f"{path}: no votes in it")
    return Votes(path, tuple(header[1:]), table, sha256(path))


def _counts(row: list[str], columns: int, where: str) -> npt.NDArray[np.int64]:
    if len(row) != columns:
        raise DataError(f"{where}: {len(row)} values; {columns} are wanted")
    for text in row[1:]:
        if not text.isascii() or not text.isdigit() or len(text) > 6:
            raise DataError(f"{where}: {text!r}; a number of votes is wanted")
    return np.array([int(text) for text in row[1:]], dtype=np.int64)

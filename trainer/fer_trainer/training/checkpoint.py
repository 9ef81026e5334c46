"""Where a training stands after an epoch, in one file: all of it, or none.

The file is written beside its place and moved there, so that a crash or a full disk
leaves the epoch before. Taken up from it, a training goes on as if it had never
stopped: every variable is in it, the state of dropout's random numbers too.
"""

import io
import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

import numpy as np
import numpy.typing as npt

from fer_contract.errors import FerError
from fer_trainer.recipes import Monitor

Arrays = Sequence[npt.NDArray[Any]]


@dataclass(slots=True)
class Checkpoint:
    """A training after its last whole epoch."""

    identity: Mapping[str, Any]
    """JSON: whatever decides the outcome. With another one cannot go on from here."""
    history: list[dict[str, float]] = field(default_factory=list)
    """Figures an epoch."""
    best_epoch: int = 0
    """Counted from 1; 0 before the first."""
    seconds: float = 0.0
    """Spent so far, interruptions left out."""
    state: Arrays = ()
    """Every variable of network and optimizer, in Keras' order."""
    best: Arrays = ()
    """The weights of the best epoch."""

    def column(self, name: str) -> list[float]:
        """Return one figure of every epoch."""
        return [row[name] for row in self.history]

    def is_best(self, monitor: Monitor) -> bool:
        """Whether the last epoch's figure is the best; the first of equals is."""
        values = self.column(monitor)
        if monitor == Monitor.LOSS:
            values = [-value for value in values]
        return all(values[-1] > value for value in values[:-1])

    def save(self, path: Path) -> None:
        """Write the file.

        Raises:
            OSError: it cannot be; what was there is there still.
        """
        unfinished = path.with_name(f"{path.name}.part")
        try:
            with unfinished.open("wb") as stream:
                self._write(stream)
                stream.flush()
                os.fsync(stream.fileno())
            unfinished.replace(path)
        except OSError as failure:
            unfinished.unlink(missing_ok=True)
            failure.filename = failure.filename or str(path)
            raise

    def content(self) -> bytes:
        """Return what the file would hold."""
        stream = io.BytesIO()
        self._write(stream)
        return stream.getvalue()

    def _write(self, stream: IO[bytes]) -> None:
        facts = {
            "plan": self.identity,
            "history": self.history,
            "best_epoch": self.best_epoch,
            "seconds": self.seconds,
        }
        arrays: dict[str, Any] = {"facts": np.array(json.dumps(facts))}
        for kind, kept in (("state", self.state), ("best", self.best)):
            arrays |= {f"{kind}_{index}": array for index, array in enumerate(kept)}
        np.savez(stream, **arrays)


def load_checkpoint(path: Path) -> Checkpoint:
    """Read a checkpoint.

    Raises:
        FerError: it is none, or damaged.
    """
    return parse_checkpoint(path.read_bytes(), str(path))


def parse_checkpoint(content: bytes, name: str) -> Checkpoint:
    """Read a checkpoint out of a file's content; ``name`` is what errors call it.

    Raises:
        FerError: it is none, or damaged.
    """
    try:
        with np.load(io.BytesIO(content), allow_pickle=False) as stored:
            facts = json.loads(str(stored["facts"]))
            checkpoint = Checkpoint(facts.pop("plan"), **facts)
            checkpoint.state = _numbered(stored, "state")
            checkpoint.best = _numbered(stored, "best")
    # numpy and zipfile pass on whatever a damaged file leads them to.
    except Exception as mistake:
        raise FerError(
            f"{name}: no checkpoint, or damaged; --restart trains from the beginning"
        ) from mistake
    return checkpoint


def _numbered(stored: Any, kind: str) -> Arrays:
    arrays: list[npt.NDArray[Any]] = []
    while f"{kind}_{len(arrays)}" in stored:
        arrays.append(stored[f"{kind}_{len(arrays)}"])
    return arrays

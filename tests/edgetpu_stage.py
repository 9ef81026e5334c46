"""Classifiers whose Edge TPU is another process, which does what a test wants."""

import hashlib
import json
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from fer_edge.classifiers import ModelSettings
from fer_edge.classifiers.cpu import CpuClassifier
from fer_edge.classifiers.edgetpu import EdgeTpuClassifier
from fer_edge.classifiers.edgetpu_child import facts_of

OTHERWISE = bytes([7, 200, 3, 46])
"""What a misbehaving process answers to a face that is not golden."""

GOLDEN_FACES = 6
"""Of the self-test; the next face is the first one of the camera."""

NEVER = 10**9

_CHILD = Path(__file__).with_name("misbehaving_child.py")


@dataclass
class Stage:
    """Makes classifiers whose Edge TPU misbehaves, and closes them in the end."""

    cpu: CpuClassifier
    folder: Path
    made: list[EdgeTpuClassifier] = field(default_factory=list)
    others: frozenset[str] = field(default_factory=lambda: frozenset(_children()))
    """Processes of other tests: a server of theirs, or one that is not waited for."""

    def children(self) -> set[str]:
        """Return the processes that came since this was made, zombies too."""
        return _children() - self.others

    def command(
        self,
        deed: str,
        at: int = 0,
        good_from: int = NEVER,
        steps: int = 0,
        facts: Mapping[str, object] | None = None,
    ) -> list[str]:
        """Return what starts a process that does a deed of ``misbehaving_child.py``.

        Args:
            deed: its name.
            at: the face it is done at, from 1; 0 is the start.
            good_from: which start is the first without it.
            steps: beyond what either kernels give, an output of the first golden face.
            facts: of the model, in the place of the true ones.
        """
        golden = self.cpu.golden
        outputs = golden.outputs.astype(int)
        if steps:
            furthest = max if steps > 0 else min
            either = golden.outputs[0, 0], golden.plain[0, 0]
            outputs[0, 0] = int(furthest(either)) + steps
        known = {
            "facts": {**facts_of(self.cpu.model), **(facts or {})},
            "outputs": {
                hashlib.sha256(face.tobytes()).hexdigest(): bytes(row).hex()
                for face, row in zip(golden.faces, outputs.tolist(), strict=True)
            },
            "otherwise": OTHERWISE.hex(),
        }
        path = self.folder / f"known{len(list(self.folder.iterdir()))}.json"
        path.write_text(json.dumps(known))
        python = [sys.executable, "-I", "-S", str(_CHILD)]
        return [*python, str(path), deed, str(at), str(good_from)]

    def make(self, command: Sequence[str], **settings: float) -> EdgeTpuClassifier:
        """Make a classifier that is patient, and starts again without much pause."""
        wanted: dict[str, float] = {
            "edgetpu_start_seconds": 120.0,
            "edgetpu_deadline_seconds": 120.0,
            "edgetpu_restart_first_seconds": 0.01,
            "edgetpu_restart_longest_seconds": 3600.0,
            "edgetpu_retry_seconds": 3600.0,
            **settings,
        }
        made = EdgeTpuClassifier(self.cpu, ModelSettings(**wanted), command)  # type: ignore[arg-type]
        self.made.append(made)
        return made


def eventually(condition: Callable[[], object]) -> None:
    """Wait until a condition holds; a machine that is too busy for it is broken."""
    end = time.monotonic() + 120.0
    while not condition():
        assert time.monotonic() < end, "waited for 120 s"
        time.sleep(0.01)


def _children() -> set[str]:
    lists = Path("/proc/self/task").glob("*/children")
    return {pid for children in lists for pid in children.read_text().split()}

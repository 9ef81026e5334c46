"""The commands that a model card gives are those that were run."""

import json
import shlex
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

import pytest

from fer_contract.dataset import FaceData
from fer_contract.errors import FerError
from fer_contract.manifest import RunManifest, read_manifest
from fer_trainer.material import Material
from fer_trainer.plan import BEFORE, Plan
from fer_trainer.reproduction import commands
from fer_trainer.training.train import train
from processes import run_command, run_forked


def of_run(run: Path) -> dict[str, Any]:
    """What fer-convert copies into a bundle of a run's manifest."""
    manifest = read_manifest(run, RunManifest)
    return {"preset": manifest.preset, "seed": manifest.seed, **manifest.training}


def test_the_commands_train_the_same_networks_again(
    few_faces: FaceData, tmp_path: Path
) -> None:
    """Teacher and student, options of all kinds: the weights' digests are equal.

    The student goes on from a run of its own preset, which is made again, too.
    """
    data = str(few_faces.source)
    given = [
        f"fer-train run --data {data} --preset base --recipe study --epochs 1 --seed 3 "
        f"--out {tmp_path / 'first'}",
        f"fer-train run --data {data} --preset compact --recipe study --epochs 1 "
        f"--out {tmp_path / 'before'}",
        f"fer-train run --data {data} --preset compact --recipe strong --epochs 2 "
        f"--weights {tmp_path / 'before'} --batch-size 16 --learning-rate 0.004 "
        "--mixup 0 --class-weights --schedule "
        f"constant --drop-leaks --teacher {tmp_path / 'first'} --teacher-share 0.25 "
        f"--out {tmp_path / 'second'}",
    ]
    for line in given:
        done = run_forked(*shlex.split(line))
        assert done.returncode == 0, done.stderr
    lines = commands(of_run(tmp_path / "second"), data, None)
    assert len(lines) == 3
    # The student's comes from a start of its own, with other hashes than a fork's.
    runs: list[Callable[..., CompletedProcess[str]]]
    runs = [run_forked, run_forked, run_command]
    for line, run in zip(lines, runs, strict=True):
        words = [
            str(tmp_path / word) if word in ("RUN", "TEACHER1", "BEFORE") else word
            for word in shlex.split(line)
        ]
        done = run(*words)
        assert done.returncode == 0, done.stderr
    for old, new in (("first", "TEACHER1"), ("before", "BEFORE"), ("second", "RUN")):
        histories = [(tmp_path / run / "history.csv").read_text() for run in (old, new)]
        assert histories[0] == histories[1]


def test_what_is_usual_is_not_said(
    few: Material, planned: Callable[..., Plan], out: Path
) -> None:
    """Epochs and rates of the preset, parts of the recipe: only what differs."""
    plan = planned(epochs=1, batch_size=None, learning_rate=None, seed=0)
    train(few, out, plan, say=lambda _: None)
    assert commands(of_run(out), "FACES.zip", None) == [
        "fer-train run --data FACES.zip --preset base --recipe standard --epochs 1 "
        "--seed 0 --out RUN"
    ]


def test_one_command_for_runs_that_differ_by_chance(
    few: Material, planned: Callable[..., Plan], out: Path
) -> None:
    """Another machine trained the teacher again: its digest differs, not its command.

    Another seed is another command.
    """
    train(few, out, planned(epochs=1), say=lambda _: None)
    plain = json.loads(json.dumps(of_run(out)))
    one, same = ({**plain, "sha256": letter * 64} for letter in "ab")
    other = {**plain, "sha256": "c" * 64, "seed": plain["seed"] + 1}
    before = {**plain, "sha256": "d" * 64, "epochs": 2, "teachers": [same, other]}
    last = {**plain, "teachers": [one], "weights": BEFORE, "run_before": before}
    lines = [shlex.split(line) for line in commands(last, "FACES.zip", None)]
    assert [line[-1] for line in lines] == [
        "TEACHER1",
        "BEFORE-TEACHER2",
        "BEFORE",
        "RUN",
    ]
    *_, middle, end = (" ".join(line) for line in lines)
    assert "--teacher TEACHER1 --teacher BEFORE-TEACHER2" in middle
    assert "--weights BEFORE --seed" in end
    assert "--teacher TEACHER1 --out RUN" in end


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"name": "gone"}, "recipe: 'gone'; allowed are standard"),
        ({"augmentation": {"flip": False}}, "recipe: standard augments otherwise"),
    ],
)
def test_what_no_option_can_ask_for(
    few: Material,
    planned: Callable[..., Plan],
    out: Path,
    change: dict[str, Any],
    complaint: str,
) -> None:
    """A recipe that is no more is named, not silently taken for another."""
    train(few, out, planned(epochs=1), say=lambda _: None)
    training = json.loads(json.dumps(of_run(out)))
    training["recipe"] |= change
    with pytest.raises(FerError, match=complaint):
        commands(training, "FACES.zip", None)

"""A search with Optuna: trials, several machines, a crash, mistakes."""

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import optuna
import pytest
from sqlalchemy.exc import IntegrityError

from fer_contract.dataset import FaceData
from fer_contract.errors import FerError
from fer_trainer.plan import Plan
from fer_trainer.search_space import DEFAULT, Dimension, apply, parse_dimension
from fer_trainer.tune import connect
from processes import Forked, run_command, run_forked

SPACE = ("--search", "learning_rate=0.0005:0.005:log", "--search", "mixup=0:0.4")


def arguments(data: FaceData, out: Path, *more: str) -> list[str | Path]:
    """Return a short search of the base network."""
    return [
        "tune", "--data", data.source, "--out", out, "--preset", "base",
        "--epochs", "2", "--batch-size", "16", *SPACE, *more,
    ]  # fmt: skip


def test_a_search(few_faces: FaceData, out: Path) -> None:
    """Every trial is kept with its settings; the best one is named."""
    done = run_command("fer-train", *arguments(few_faces, out, "--trials", "2"))
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    facts = json.loads((out / "tune.json").read_text())
    assert [trial["state"] for trial in facts["trials"]] == ["complete"] * 2
    for trial in facts["trials"]:
        assert 0.0005 <= trial["settings"]["learning_rate"] <= 0.005
        assert 0 <= trial["settings"]["mixup"] <= 0.4
        manifest = json.loads((out / trial["run"] / "manifest.json").read_text())
        recipe = manifest["training"]["recipe"]
        assert recipe["mixup"] == trial["settings"]["mixup"]
    best = max(facts["trials"], key=lambda trial: trial["value"])
    assert f"best of 2 trials: val_accuracy {best['value']:.4f}" in done.stdout
    assert done.stdout.endswith(f"\nrun: {out / best['run']}\n")
    # A second call goes on with the same study, and draws other settings.
    done = run_forked("fer-train", *arguments(few_faces, out, "--trials", "1"))
    assert done.returncode == 0, done.stderr
    facts = json.loads((out / "tune.json").read_text())
    rates = {trial["settings"]["learning_rate"] for trial in facts["trials"]}
    assert len(rates) == 3


def test_two_machines_share_a_study(few_faces: FaceData, tmp_path: Path) -> None:
    """One database, a directory each: both see all trials, none is drawn twice."""
    storage = f"sqlite:///{tmp_path}/shared.db"
    more = ("--trials", "2", "--storage", storage, "--study", "both")
    machines = [
        Forked("fer-train", *arguments(few_faces, tmp_path / name, *more))
        for name in ("one", "two")
    ]
    try:
        said = [machine.communicate(timeout=300)[1] for machine in machines]
    finally:
        for machine in machines:
            machine.kill()
    assert [machine.returncode for machine in machines] == [0, 0], said
    trials = optuna.load_study(study_name="both", storage=storage).trials
    assert [trial.number for trial in trials] == [0, 1, 2, 3]
    assert len({trial.user_attrs["worker"] for trial in trials}) == 2
    assert len({trial.params["learning_rate"] for trial in trials}) == 4


@pytest.mark.parametrize("failures", [1, 5])
def test_the_database_is_made_by_two(
    failures: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who comes too late to make the tables finds them; a broken database is told."""
    get = optuna.storages.get_storage
    left = [IntegrityError("INSERT", None, Exception("UNIQUE"))] * failures

    def too_late(storage: str) -> Any:
        if left:
            raise left.pop()
        return get(storage)

    monkeypatch.setattr(optuna.storages, "get_storage", too_late)
    monkeypatch.setattr("fer_trainer.tune._PAUSES", (0.0,) * 3)
    url = f"sqlite:///{tmp_path}/study.db"
    if failures == 1:
        assert connect(url).get_all_studies() == []
    else:
        with pytest.raises(IntegrityError):
            connect(url)


def test_killed_in_a_trial(few_faces: FaceData, out: Path) -> None:
    """The next call takes the broken trial up again, in its directory."""
    command = arguments(few_faces, out, "--trials", "1")
    command[command.index("--epochs") + 1] = "200"
    unbuffered = os.environ | {"PYTHONUNBUFFERED": "1"}
    with Forked("fer-train", *command, environment=unbuffered) as process:
        assert any(line.startswith("Epoch 3/") for line in process.stdout)
        process.kill()
    with Forked("fer-train", *command, environment=unbuffered) as process:
        goes_on = next(line for line in process.stdout if "goes on after" in line)
        # What 200 epochs come to is of no interest, and takes a minute.
        epoch = next(line for line in process.stdout if line.startswith("Epoch "))
        process.kill()
    assert "trial-0000: goes on after epoch" in goes_on
    assert int(epoch.split()[1].split("/")[0]) >= 3


def test_a_trial_below_the_median_is_given_up(few_faces: FaceData, out: Path) -> None:
    """A learning rate at which nothing is learnt does not get all of its epochs."""
    out.mkdir()
    storage = f"sqlite:///{out}/study.db"
    study = optuna.create_study(
        study_name="fer-train", storage=storage, direction="maximize"
    )
    for _ in range(5):
        trial = study.ask()
        for epoch in (1, 2):
            trial.report(1.0, epoch)
        study.tell(trial, 1.0)
    done = run_forked("fer-train", *arguments(few_faces, out, "--trials", "1"))
    assert done.returncode == 0, done.stderr
    assert "trial 5: given up" in done.stdout
    assert not (out / "trial-0005").exists()


@pytest.mark.parametrize(
    ("more", "complaint"),
    [
        (("--search", "colour=1:2"), "--search: 'colour'; allowed are preset, learni"),
        (("--search", "mixup=2:1"), "--search: 'mixup=2:1'; wanted: mixup=LOW:HIGH"),
        (("--search", "mixup=0:1:log"), "--search: 'mixup=0:1:log'; wanted: mixup="),
        (("--search", "mixup=a,b"), "--search: 'mixup=a,b'; wanted: mixup=LOW:HIGH"),
        (("--search", "preset=bass"), "--preset: 'bass'; allowed are"),
        (("--storage", "no url"), "--storage: no url; the database cannot be used"),
        (
            ("--storage", "sqlite:////nowhere/at/all.db"),
            "--storage: sqlite:////nowhere/at/all.db; the database cannot be used",
        ),
    ],
)
def test_mistaken_searches(
    few_faces: FaceData, out: Path, more: tuple[str, ...], complaint: str
) -> None:
    """Exit 2 and one line."""
    done = run_forked("fer-train", *arguments(few_faces, out, *more))
    assert done.returncode == 2
    assert done.stderr.startswith(f"fer-train: {complaint}")
    assert done.stderr.count("\n") == 1


def test_dimensions_are_read() -> None:
    """Ranges, logarithmic ones, choices of numbers and of presets."""
    assert parse_dimension("mixup=0:0.4") == Dimension("mixup", 0.0, 0.4)
    assert parse_dimension("learning_rate=1e-4:1e-2:log").log
    assert parse_dimension("batch_size=32,64").choices == (32, 64)
    assert parse_dimension("preset=base,compact").choices == ("base", "compact")
    assert parse_dimension("augmentation.zoom=0:0.3").high == 0.3
    assert len([parse_dimension(text) for text in DEFAULT]) == 4


def test_settings_reach_plan_recipe_and_augmentation(
    planned: Callable[..., Plan],
) -> None:
    """Each at its place; everything else stays."""
    plan = planned()
    changed = apply(
        plan,
        {
            "learning_rate": 0.5,
            "preset": "compact",
            "mixup": 0.1,
            "augmentation.zoom": 0.3,
        },
    )
    assert changed.learning_rate == 0.5
    assert changed.preset.name == "compact"
    assert changed.recipe.mixup == 0.1
    assert changed.recipe.augmentation.zoom == 0.3
    assert changed.recipe.augmentation.flip == plan.recipe.augmentation.flip
    assert changed.epochs == plan.epochs


def test_an_unknown_setting_is_refused() -> None:
    """With all that are allowed."""
    with pytest.raises(FerError, match=r"augmentation\.zoom"):
        parse_dimension("zoom=0:1")

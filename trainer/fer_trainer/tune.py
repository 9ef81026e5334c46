"""Search settings with Optuna, on one machine or on many that share a database."""

import json
import os
import shutil
import time
import uuid
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fer_contract.errors import FerError, first_line
from fer_contract.manifest import MANIFEST_NAME, RunManifest, read_manifest
from fer_trainer.material import Material
from fer_trainer.plan import Plan
from fer_trainer.recipes import Monitor
from fer_trainer.search_space import Dimension, Value, apply
from fer_trainer.training.run_directory import locked
from fer_trainer.training.train import train

TUNE = "tune.json"
_WORKER = "worker"  # a file: who works in this directory, for the others to know
_RUN = "run"
_PAUSES = (0.2, 0.5, 1.0)  # seconds
_WARM_UP = 0.25  # share of the epochs before a trial can be given up


@dataclass(frozen=True, slots=True, kw_only=True)
class Search:
    """What to search, and where the trials are kept."""

    space: Sequence[Dimension]
    trials: int
    """To be finished by this call."""
    storage: str | None = None
    """URL of a database, as SQLAlchemy takes it; a SQLite file in ``out`` if None."""
    study: str = "fer-train"
    """Name of the search in the database."""


@dataclass(frozen=True, slots=True)
class Found:
    """The best trial of all machines."""

    value: float
    """Of the monitored figure."""
    settings: Mapping[str, Value]
    run: str | None
    """Name of its directory, in the ``out`` of the machine that trained it; None of a
    trial that another program has put into the study."""
    facts: Mapping[str, Any]
    """JSON: every trial."""


def tune(
    material: Material,
    out: Path,
    plan: Plan,
    search: Search,
    *,
    say: Callable[[str], None],
) -> Found:
    """Train again and again with settings that look better and better.

    A trial whose validation figure is below the median of the others is given up. A
    trial that a crash broke off is taken up again, from its checkpoint.

    Args:
        material: faces for all trials.
        out: a run directory a trial is made in it, and ``tune.json``.
        plan: what the space does not change.
        search: what is searched.
        say: told what is going on, a line each.

    Returns:
        The best trial of the study, whoever ran it.

    Raises:
        FerError: a database that cannot be used, or no trial that was finished.
        OSError: ``out`` cannot be written.
    """
    import optuna

    out.mkdir(parents=True, exist_ok=True)
    with locked(out):
        worker = _worker(out)
        with _storage_errors(search):
            study = _open(optuna, out, plan, search, worker)
            _take_up_again(study, worker)
        for _ in range(search.trials):
            trial = study.ask()
            settings = {part.name: part.suggest(trial) for part in search.space}
            run = out / trial.user_attrs.get(_RUN, f"trial-{trial.number:04d}")
            trial.set_user_attr(_RUN, run.name)
            trial.set_user_attr(_WORKER, worker)
            shown = ", ".join(f"{name} {_short(v)}" for name, v in settings.items())
            say(f"trial {trial.number}: {shown}")
            try:
                value = _train(material, run, apply(plan, settings), trial, say)
            except optuna.TrialPruned:
                study.tell(trial, state=optuna.trial.TrialState.PRUNED)
                shutil.rmtree(run)
                say(f"trial {trial.number}: given up")
            except FerError as mistake:
                # A loss that is no number is an answer too: not these settings.
                study.tell(trial, state=optuna.trial.TrialState.FAIL)
                say(f"trial {trial.number}: failed ({mistake})")
            else:
                study.tell(trial, value)
                say(f"trial {trial.number}: {plan.recipe.monitor} {value:.4f}")
        found = _summary(optuna, study, search)
    (out / TUNE).write_text(json.dumps(found.facts, indent=2) + "\n")
    return found


def _train(
    material: Material,
    run: Path,
    plan: Plan,
    trial: Any,
    say: Callable[[str], None],
) -> float:
    """Train one trial, or read what it has come to; return the monitored figure."""
    import optuna

    def after_epoch(epoch: int, figures: Mapping[str, float]) -> None:
        trial.report(figures[plan.recipe.monitor], epoch)
        if trial.should_prune():
            raise optuna.TrialPruned

    if (run / MANIFEST_NAME).exists():
        manifest = read_manifest(run, RunManifest)
    else:
        manifest = train(material, run, plan, say=say, after_epoch=after_epoch)
    return float(manifest.training["best_value"])


def _open(optuna: Any, out: Path, plan: Plan, search: Search, worker: str) -> Any:
    """Open the study, or make it."""
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    storage = search.storage or f"sqlite:///{(out / 'study.db').resolve()}"
    lower = plan.recipe.monitor == Monitor.LOSS
    study = optuna.create_study(
        study_name=search.study,
        storage=connect(storage),
        direction="minimize" if lower else "maximize",
        load_if_exists=True,
        pruner=optuna.pruners.MedianPruner(
            n_startup_trials=4, n_warmup_steps=round(_WARM_UP * plan.epochs)
        ),
    )
    # Of several machines, and of a second call, none draws what another drew.
    own = zlib.crc32(worker.encode()) if search.storage else 0
    seed = (plan.seed + len(study.trials) + own) % 2**32
    study.sampler = optuna.samplers.TPESampler(seed=seed)
    return study


def connect(storage: str) -> Any:
    """Connect to the database, and make its tables if it has none.

    Two machines that start a search together both make them, and one is too late.

    Args:
        storage: URL as SQLAlchemy takes it.

    Raises:
        sqlalchemy.exc.SQLAlchemyError: the database cannot be used.
    """
    import optuna
    from sqlalchemy.exc import IntegrityError, OperationalError, ProgrammingError

    for pause in _PAUSES:
        try:
            return optuna.storages.get_storage(storage)
        except (IntegrityError, OperationalError, ProgrammingError):
            time.sleep(pause)
    return optuna.storages.get_storage(storage)


def _take_up_again(study: Any, worker: str) -> None:
    """Queue again what this directory's last process left unfinished."""
    import optuna

    for trial in study.get_trials(deepcopy=False):
        running = trial.state is optuna.trial.TrialState.RUNNING
        if running and trial.user_attrs.get(_WORKER) == worker:
            study.tell(trial.number, state=optuna.trial.TrialState.FAIL)
            study.enqueue_trial(trial.params, user_attrs={_RUN: trial.user_attrs[_RUN]})


def _summary(optuna: Any, study: Any, search: Search) -> Found:
    complete = optuna.trial.TrialState.COMPLETE
    if not study.get_trials(deepcopy=False, states=(complete,)):
        raise FerError(f"--study: {search.study!r} has no trial that was finished")
    trials = [
        {
            "number": trial.number,
            "state": trial.state.name.lower(),
            "value": trial.value,
            "settings": trial.params,
            "run": trial.user_attrs.get(_RUN),
        }
        for trial in study.get_trials(deepcopy=False)
    ]
    best = study.best_trial
    facts = {"study": search.study, "best": best.number, "trials": trials}
    run = best.user_attrs.get(_RUN)
    return Found(float(best.value), dict(best.params), run, facts)


def _worker(out: Path) -> str:
    """Return who works in this directory; the same after a crash."""
    path = out / _WORKER
    if not path.exists():
        unfinished = path.with_name(f"{_WORKER}.part")
        unfinished.write_text(f"{os.uname().nodename}-{uuid.uuid4()}\n")
        unfinished.replace(path)
    return path.read_text().strip()


@contextmanager
def _storage_errors(search: Search) -> Iterator[None]:
    """Turn what a database and its driver raise into one line."""
    import sqlalchemy.exc

    try:
        yield
    except (sqlalchemy.exc.SQLAlchemyError, ImportError, ValueError) as mistake:
        raise FerError(
            f"--storage: {search.storage or 'the SQLite file in --out'}; the database "
            f"cannot be used ({first_line(mistake)})"
        ) from mistake
    except Exception as mistake:
        import optuna

        if not isinstance(mistake, optuna.exceptions.OptunaError):
            raise
        raise FerError(
            f"--storage: {search.storage or 'the SQLite file in --out'}; "
            f"{first_line(mistake)}"
        ) from mistake


def _short(value: Value) -> str:
    return f"{value:.3g}" if isinstance(value, float) else str(value)

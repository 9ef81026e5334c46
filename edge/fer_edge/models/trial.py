"""The daemon's side: which model it starts, and how that went."""

import logging
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self, TypeVar

from fer_contract.errors import FerError, ManifestError, ModelError, RefusedError
from fer_edge.models import RELEASED
from fer_edge.models.probation import (
    MOST_FAILURES,
    Begun,
    Ended,
    Event,
    Failed,
    Lasted,
    Record,
    Run,
    Stage,
    on_probation,
)
from fer_edge.models.runs import is_alive, this_run
from fer_edge.models.signature import check_signature, parse_public_key
from fer_edge.models.store import RELEASED_NAME, Store, default_folder

if TYPE_CHECKING:
    from fer_edge.classifiers import ModelSettings
    from fer_edge.loop import Turn

_LOGGER = logging.getLogger(__name__)

Made = TypeVar("Made")

_AGAIN_SECONDS = 10.0
"""To wait after the store could not be written, before the next attempt."""


@dataclass(frozen=True, slots=True)
class ModelState:
    """Which installed model answers, and whether it is trusted; for the status."""

    name: str
    """In the store; ``released``, or a path where the configuration has one."""
    on_probation: bool = False
    note: str = ""
    """Which model was meant, and why it does not answer; empty where it does."""


class Trial:
    """One run of the daemon with a model; leaving it tells the store how it ended.

    Args:
        bundle: of the model.
        state: for the status.
        store: where the model is installed; None if it is not.
        run: this one.
        seconds: that it has to last.
        record: of the model.
    """

    def __init__(
        self,
        bundle: Path,
        state: ModelState,
        store: Store | None = None,
        run: Run | None = None,
        seconds: float = 0.0,
        record: Record | None = None,
    ) -> None:
        self.bundle = bundle
        self.state = state
        self._store, self._run, self._seconds = store, run, seconds
        # One that had passed and was refused since has that to live down.
        self._unsettled = record is not None and (
            on_probation(record) or record.failures > 0
        )
        self._first: float | None = None
        self._not_before = 0.0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        _kind: type[BaseException] | None,
        error: BaseException | None,
        _traceback: TracebackType | None,
    ) -> None:
        """Write down how a probation ended: a fault of the program's counts against it.

        A camera that is gone, a full disk or a signal does not.
        """
        if not self._unsettled or self._run is None:
            return
        if isinstance(error, Exception) and not isinstance(error, (FerError, OSError)):
            self.refused(f"{type(error).__name__}: {error}")
        else:
            self._tell(Ended(self._run))

    def see(self, turn: "Turn") -> None:
        """Count a frame; a watch of the daemon's loop."""
        if self._unsettled and turn.processed.looked_at:
            self.processed(turn.frame.taken.seconds + turn.age_seconds)

    def processed(self, now: float) -> None:
        """Trust the model once frames have been processed for long enough.

        Args:
            now: seconds of a clock that nobody sets, when one was.
        """
        if not self._unsettled or self._run is None:
            return
        if self._first is None:
            self._first = now
        if now - self._first < self._seconds or now < self._not_before:
            return
        # The loop waits for nobody.
        if self._tell(Lasted(self._run), wait=False):
            self._unsettled = False
            self.state = replace(self.state, on_probation=False)
            _LOGGER.info("model %s: passed its probation", self.state.name)
        else:
            self._not_before = now + _AGAIN_SECONDS

    def refused(self, reason: str) -> None:
        """Count a failure against the model."""
        if self._run is not None:
            self._tell(Failed(self._run, reason))

    def _tell(self, event: Event, *, wait: bool = True) -> bool:
        if self._store is None:
            return False
        try:
            with self._store.lock() if wait else self._store.lock(0.0):
                self._store.happened(self.state.name, event)
        except (OSError, FerError) as failure:
            _LOGGER.warning("model %s: not noted (%s)", self.state.name, failure)
            return False
        return True


def open_model(
    settings: "ModelSettings",
    make: Callable[[Path], Made],
    store: Store | None = None,
) -> tuple[Made, Trial]:
    """Start the model that is wanted, or the last good one if that fails.

    Args:
        settings: ``[model]``.
        make: makes a classifier of a bundle; its self-test is part of that.
        store: of the installed models; this device's if not given.

    Returns:
        What was made, and the trial of the model, to be entered as a context.

    Raises:
        FerError: no model can be used, or no runtime is installed.
    """
    store = store or Store(default_folder())
    key = parse_public_key(settings.public_key) if settings.public_key else None
    refusals: Counter[str] = Counter()
    while True:
        trial = _begin(settings, store, refusals)
        name = trial.state.name
        try:
            if key is not None and name != RELEASED_NAME:
                check_signature(trial.bundle, key)
            return make(trial.bundle), trial
        except (RefusedError, ModelError, ManifestError, OSError) as refusal:
            if settings.bundle or name == RELEASED_NAME:
                raise
            # Twice, since a card may fail to be read once.
            reason = str(refusal).replace(f"{trial.bundle}/", "")
            _LOGGER.warning("model %s: refused: %s", name, reason)
            trial.refused(reason)
            refusals[name] += 1
        except BaseException as failure:
            trial.__exit__(type(failure), failure, None)
            raise


def _begin(settings: "ModelSettings", store: Store, refusals: Counter[str]) -> Trial:
    """Choose a model, and write down that it is about to be loaded."""
    if settings.bundle:
        return Trial(Path(settings.bundle), ModelState(settings.bundle))
    here = this_run()
    active, previous = store.active, store.previous
    chosen, note = None, _old_failure(store, previous)
    for name in filter(None, (active, previous) if active else ()):
        lack = _write_down(store, name, here, refusals[name])
        if not lack:
            chosen = name
            break
        if name == active:
            note = f"{name} {lack}"
    if chosen != active:
        _LOGGER.error("model %s: %s is used", note, chosen or RELEASED_NAME)
        _go_back(store, active, chosen)
    if chosen is None:
        return Trial(RELEASED, ModelState(RELEASED_NAME, note=note))
    record = store.record(chosen)
    state = ModelState(chosen, on_probation(record), note)
    seconds = settings.probation_seconds
    return Trial(store.path(chosen), state, store, here, seconds, record)


def _write_down(store: Store, name: str, here: Run, refusals: int) -> str:
    """Note that a model is about to be loaded; or say why it must not be."""
    record = store.record(name)
    if on_probation(record):
        alive = frozenset(run for run in record.runs if is_alive(run, here))
        try:
            with store.lock():
                record = store.happened(name, Begun(here, alive))
        except (OSError, FerError) as failure:
            # It could kill every start, and none of them would be known.
            return f"is not tried: its start cannot be noted ({failure})"
    if record.stage is Stage.FAILED:
        return f"failed on this device ({record.reason})"
    if refusals >= MOST_FAILURES:
        return "was refused"
    return ""


def _old_failure(store: Store, previous: str | None) -> str:
    """Say what the daemon has returned from, if it has."""
    if previous is None:
        return ""
    record = store.record(previous)
    failed = record.stage is Stage.FAILED
    return f"{previous} failed on this device ({record.reason})" if failed else ""


def _go_back(store: Store, active: str | None, chosen: str | None) -> None:
    """Make the model that stands in for a failed one the active one."""
    if active is None or store.record(active).stage is not Stage.FAILED:
        return
    try:
        with store.lock():
            store.activate(chosen)
    except (OSError, FerError) as failure:
        _LOGGER.warning("model %s: stays active on the disk (%s)", active, failure)

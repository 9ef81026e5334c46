"""Train a preset on labelled faces and leave a run directory."""

import dataclasses
import json
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from fer_contract.manifest import RunManifest, write_manifest
from fer_trainer.backend import versions
from fer_trainer.devices import Devices
from fer_trainer.distributed.distribution import Distribution, start_distribution
from fer_trainer.distributed.hosts import Hosts
from fer_trainer.material import Material
from fer_trainer.plan import BEFORE, Plan
from fer_trainer.training.checkpoint import Checkpoint, parse_checkpoint
from fer_trainer.training.curves import plot_curves
from fer_trainer.training.run_directory import (
    CHECKPOINT,
    CURVES,
    HISTORY,
    METRICS,
    empty,
    opened,
    take_up,
)
from fer_trainer.training.teachers import check_teachers

_ALONE = Hosts()

AfterEpoch = Callable[[int, Mapping[str, float]], None]


def train(
    material: Material,
    out: Path,
    plan: Plan,
    *,
    say: Callable[[str], None],
    restart: bool = False,
    after_epoch: AfterEpoch | None = None,
    hosts: Hosts = _ALONE,
) -> RunManifest:
    """Train, keep the epoch that was best on validation, and describe it.

    Broken off at any moment, the same call goes on after the last whole epoch, and
    ends with the very model that it would have ended with (on a CPU).

    Args:
        material: faces to learn from and to choose by.
        out: run directory; it may hold an unfinished run of the same plan, and
            nothing else.
        plan: how.
        say: told what is going on, a line each.
        restart: begin anew, whatever unfinished run lies there.
        after_epoch: told the epoch, from 1, and its figures, when they are saved.
            Whatever it raises ends the training.
        hosts: that train together; this one is their chief. The others ``assist``.

    Returns:
        The manifest, as written last into ``out``.

    Raises:
        DataError: ``out`` is in use.
        FerError: what lies in ``out`` is of another plan; teachers or weights that do
            not fit; a loss that is no number.
        OSError: ``out`` cannot be written; the last whole epoch is still there.
    """
    with opened(out):
        if restart:
            empty(out)
        identity = _identity(material, plan)
        checkpoint = take_up(out, identity)
        if checkpoint is None:
            empty(out)
            checkpoint = Checkpoint(identity)
        else:
            say(f"{out}: goes on after epoch {len(checkpoint.history)}")
        with start_distribution(hosts, identity) as distribution:
            # It holds everything, so that hosts need no drive that they share.
            distribution.from_chief(checkpoint.content())
            # Not above: they need Keras itself.
            from fer_trainer.training.epoch_end import EpochEnd, has_ended
            from fer_trainer.training.judge import Judge
            from fer_trainer.training.network import Network

            devices = Devices.find()
            say(f"training on {_where(devices, distribution)}")
            network = Network(plan, material, devices)
            with distribution.alone():
                best = network.build()
            if not has_ended(checkpoint, plan):
                judge = Judge(best, material)
                ending = EpochEnd(
                    plan, checkpoint, judge, out, distribution, after_epoch
                )
                _fit(distribution, network, checkpoint, plan, ending, _verbosity())
        best.set_weights(checkpoint.best)
        best.save(out / RunManifest.MODEL)
        facts = devices.facts() | distribution.facts()
        return _describe(material, out, plan, checkpoint, facts)


def assist(
    material: Material, plan: Plan, hosts: Hosts, *, say: Callable[[str], None]
) -> None:
    """Train as one of several hosts, but not the one that keeps the run.

    Raises:
        FerError: the hosts do not find each other, or are about to do other things.
    """
    identity = _identity(material, plan)
    with start_distribution(hosts, identity) as distribution:
        content = distribution.from_chief(b"")
        checkpoint = parse_checkpoint(content, hosts.name(0))
        from fer_trainer.training.epoch_end import Follower, has_ended
        from fer_trainer.training.network import Network

        devices = Devices.find()
        where = _where(devices, distribution)
        say(f"training on {where}; {hosts.name(0)} keeps the run")
        if not has_ended(checkpoint, plan):
            network = Network(plan, material, devices)
            follower = Follower(distribution)
            _fit(distribution, network, checkpoint, plan, follower, verbose=0)


def _where(devices: Devices, distribution: Distribution) -> str:
    """Say in a few words what a training runs on."""
    if distribution.replicas == 1:
        return str(devices)
    return (
        f"{devices}; {distribution.hosts.count} hosts, {distribution.replicas} devices "
        "in all"
    )


def _verbosity() -> int:
    """Return Keras' number for a moving bar, or for a line an epoch off a terminal."""
    if sys.stdout is None:  # Keras writes to it even where it was closed
        return 0
    return 1 if sys.stdout.isatty() else 2


def _identity(material: Material, plan: Plan) -> dict[str, Any]:
    """Return all that decides the outcome, as JSON."""
    student = material.train.labels, material.spec
    facts = {
        "plan": plan.facts() | {"seed": plan.seed},
        "labels": material.train.labels,
        "input": dataclasses.asdict(material.spec),
        "data": material.facts(),
        "teachers": check_teachers(plan.teachers, *student),
    }
    if plan.run_before:  # else trainings under way would be of another plan
        facts["begun with"] = check_teachers([plan.run_before], *student, "--weights")
    document: dict[str, Any] = json.loads(json.dumps(facts))
    return document


def _run_before(identity: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return of the run that it began with what ``teachers`` has of a teacher."""
    if identity["plan"]["weights"] != BEFORE:
        return None
    (before,) = identity["begun with"]
    facts: dict[str, Any] = before
    return facts


def _fit(
    distribution: Distribution,
    network: Any,
    checkpoint: Checkpoint,
    plan: Plan,
    callback: Any,
    verbose: int,
) -> None:
    """Train to the end."""
    from fer_trainer.training.interruption import BetweenBatches

    with distribution.scope():
        trainee = network.compile(checkpoint)
    done = len(checkpoint.history)
    between_batches = BetweenBatches()
    with between_batches.listening():
        distribution.fit(
            trainee,
            network.batches(epoch=done),
            initial_epoch=done,
            epochs=plan.epochs,
            verbose=verbose,
            callbacks=[callback, between_batches],
        )


def _describe(
    material: Material,
    out: Path,
    plan: Plan,
    checkpoint: Checkpoint,
    devices: dict[str, Any],
) -> RunManifest:
    """Measure the saved model, and write everything that is said of it."""
    from fer_trainer.evaluation import measure, predict

    plot_curves(checkpoint.history, checkpoint.best_epoch, out / CURVES)
    # Of the file, not of the network in memory: that is what goes on.
    probabilities = predict(out / RunManifest.MODEL, material.validation)
    metrics = measure(probabilities, material.validation, material.votes).facts()
    (out / METRICS).write_text(json.dumps(metrics, indent=2) + "\n")
    manifest = RunManifest(
        labels=material.train.labels,
        input=material.spec,
        preset=plan.preset.name,
        seed=plan.seed,
        data=checkpoint.identity["data"],
        training={
            **checkpoint.identity["plan"],
            "teachers": checkpoint.identity["teachers"],
            "run_before": _run_before(checkpoint.identity),
            "devices": devices,
            "parameters": sum(array.size for array in checkpoint.best),
            "epochs_trained": len(checkpoint.history),
            "best_epoch": checkpoint.best_epoch,
            "best_value": checkpoint.column(plan.recipe.monitor)[
                checkpoint.best_epoch - 1
            ],
            "seconds": round(checkpoint.seconds),
            "validation": metrics,
        },
        versions=versions(),
    )
    files = (RunManifest.MODEL, HISTORY, METRICS)
    written = write_manifest(out, manifest, files)
    (out / CHECKPOINT).unlink()
    return written

"""``fer-train``: the command of the workstation."""

import click

from fer_contract import __version__
from fer_contract.command import log_to_terminal, require_extra, run
from fer_trainer.commands.bench import bench_command
from fer_trainer.commands.card import card_command
from fer_trainer.commands.compare import compare_command
from fer_trainer.commands.crossval import crossval_command
from fer_trainer.commands.evaluate import evaluate_command
from fer_trainer.commands.explore import explore_command
from fer_trainer.commands.presets import presets_command
from fer_trainer.commands.run import run_command
from fer_trainer.commands.synth import synth_command
from fer_trainer.commands.tune import tune_command
from fer_trainer.commands.weights import weights_command

_MODULES = ("keras", "cv2", "matplotlib", "jinja2", "tensorboard", "optuna")


@click.group(name="fer-train", context_settings={"show_default": True})
@click.option("-v", "--verbose", is_flag=True, help="Print what happens inside.")
@click.version_option(__version__)
def cli(*, verbose: bool) -> None:
    """Train compact emotion networks on labelled faces.

    \b
    Examples:
      fer-train synth --out faces
      fer-train run --data faces --preset compact --out RUN
      fer-train evaluate RUN --data faces

    For the completion of commands, options and presets, put this into ~/.bashrc:

    \b
      eval "$(_FER_TRAIN_COMPLETE=bash_source fer-train)"
    """
    log_to_terminal(verbose=verbose)
    # Asked of every command: half a trainer on a device helps no one.
    require_extra("train", _MODULES)


_COMMANDS = (
    synth_command,
    explore_command,
    presets_command,
    run_command,
    evaluate_command,
    card_command,
    compare_command,
    crossval_command,
    tune_command,
    bench_command,
    weights_command,
)

for _command in _COMMANDS:
    cli.add_command(_command)


def main() -> None:
    """Run the command; the entry point."""
    run(cli)

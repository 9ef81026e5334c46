"""``fer-train weights``: a run's weights in a small file, to train further from."""

from pathlib import Path

import click

from fer_contract.errors import DataError, naming
from fer_trainer.commands.options import PATH


@click.command("weights")
@click.argument("run", type=PATH)
@click.option("-o", "--out", type=PATH, required=True, help="File to make, .npz")
def weights_command(*, run: Path, out: Path) -> None:
    """Keep the weights of a finished run in one file, for fer-train run --weights.

    It takes the run itself as well, which is many times as large.

    \b
    Example:
      fer-train weights RUN -o own.npz
      fer-train run --preset compact --weights own.npz --data MORE.zip --out RUN2
    """
    from fer_contract.manifest import RunManifest, read_manifest
    from fer_trainer.backend import start_keras
    from fer_trainer.presets import find_preset
    from fer_trainer.presets.stored import pack

    manifest = read_manifest(run, RunManifest)
    if find_preset(manifest.preset).load_pretrained is None:
        raise DataError(f"{run}: a network of {manifest.preset}, which takes none")
    if out.exists():
        raise DataError(f"{out}: already there; name a new file")
    model = start_keras().saving.load_model(run / RunManifest.MODEL, compile=False)
    with naming(out):
        out.write_bytes(pack(model.get_weights()))
    click.echo(f"weights: {out} ({out.stat().st_size / 1000:,.0f} KB)")

"""How many aarch64 instructions a face costs, exactly.

sudo .venv/bin/python benchmarks/instructions.py BUNDLE
"""

import tempfile
from pathlib import Path

import click

from emulated_pi import EmulatedPi, missing
from on_the_pi import CLASSIFY, CROP, FLOAT


@click.command()
@click.argument("bundles", nargs=-1, required=True, type=click.Path(path_type=Path))
def main(bundles: tuple[Path, ...]) -> None:
    """Check and count each of BUNDLES on a Pi 4's and a Pi 5's processor."""
    if lack := missing():
        raise click.ClickException(lack)
    with tempfile.TemporaryDirectory() as folder:
        pi = EmulatedPi(Path(folder) / "pi")
        pi.set_up()
        pi.add_wheels()
        for bundle in bundles:
            for processor in ("cortex-a72", "cortex-a76"):
                script = Path(__file__).with_name("on_the_pi.py")
                done = pi.run(script, bundle.resolve(), processor=processor)
                if done.code:
                    raise click.ClickException(f"{bundle}: {done.complaints}")
                parts = {"a face": CLASSIFY, "cutting it": CROP, "in float32": FLOAT}
                counts = ", ".join(
                    f"{name} {done.counts[mark] / 1e6:.2f}"
                    for name, mark in parts.items()
                    if mark in done.counts
                )
                click.echo(
                    f"{processor}: million instructions: {counts}; "
                    f"{done.output.strip()}"
                )


if __name__ == "__main__":
    main()

"""What the device's part takes on Debian 12 and 13 for aarch64; a Markdown table.

sudo .venv/bin/python benchmarks/debians.py

Seconds are of a processor of this machine, on which a Pi's is emulated: for comparison
with each other, not with a Pi.
"""

import resource
import tempfile
from pathlib import Path

import click

from emulated_pi import (
    DEBIAN_12,
    DEBIAN_13,
    PI_4,
    PI_5,
    REPOSITORY,
    Debian,
    EmulatedPi,
    build_wheel,
    installed_megabytes,
    missing,
)
from on_the_pi import CLASSIFY

_EDGE = REPOSITORY / "edge" / "fer_edge"


def row(debian: Debian, wheel: Path, folder: Path) -> list[str]:
    """Install, run and count on one release; return a line of the table."""
    pi = EmulatedPi(folder / debian.suite, debian)
    pi.set_up()
    pi.add_wheels()
    installed = folder / f"installed-{debian.suite}"
    begun = _processor_seconds()
    pi.install(wheel, installed)
    after_install = _processor_seconds()
    replayed = pi.fer_edge(installed, "replay", _EDGE / "drawn.jpg")
    if replayed.returncode:
        raise click.ClickException(f"{debian}: {replayed.stderr}")
    after_replay = _processor_seconds()
    script = REPOSITORY / "benchmarks" / "on_the_pi.py"
    counts = []
    for processor in (PI_4, PI_5):
        done = pi.run(script, _EDGE / "released", processor=processor)
        if done.code:
            raise click.ClickException(f"{debian}: {done.complaints}")
        counts.append(f"{done.counts[CLASSIFY] / 1e6:.2f}")
    return [
        str(debian),
        f"{installed_megabytes(installed):.0f}",
        *counts,
        f"{after_install - begun:.0f}",
        f"{after_replay - after_install:.0f}",
    ]


def _processor_seconds() -> float:
    """Return what ended children have used."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


@click.command()
def main() -> None:
    """Print the table."""
    if lack := missing():
        raise click.ClickException(lack)
    head = [
        "system", "installed, MB", "million instructions a face, Pi 4", "Pi 5",
        "to install, s", "to replay 20 frames, s",
    ]  # fmt: skip
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        wheel = build_wheel(folder / "wheel")
        for cells in (head, ["---"] * len(head)):
            click.echo(f"| {' | '.join(cells)} |")
        for debian in (DEBIAN_12, DEBIAN_13):
            click.echo(f"| {' | '.join(row(debian, wheel, folder))} |")


if __name__ == "__main__":
    main()

"""What the doctor looks at in tests: a machine made of files, a configuration."""

import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from fer_edge.cameras.drawn import Drawn
from fer_edge.doctor.asking import World
from fer_edge.doctor.checks import Case
from fer_edge.doctor.unit import Unit, read_unit

NOBODY = 65534

RUNNING = {
    "LoadState": "loaded",
    "ActiveState": "active",
    "SubState": "running",
    "Result": "success",
    "MainPID": "77",
    "NRestarts": "0",
    "UnitFileState": "enabled",
    "User": "fer-edge",
}
"""What systemd tells of a service that is well."""

MakeCase = Callable[..., Case]


@dataclass(frozen=True)
class Machine:
    """A folder that looks like a machine, with programs of its own."""

    world: World

    def has(self, path: str, text: str) -> None:
        """Put a file there."""
        there = self.world.path(path)
        there.parent.mkdir(parents=True, exist_ok=True)
        there.write_text(f"{text}\n")

    def answers(self, program: str, text: str, code: int = 0) -> None:
        """Put a program there that prints a text, whatever it is asked."""
        self.does(program, f"cat <<'END'\n{text}\nEND\nexit {code}")

    def does(self, program: str, script: str) -> None:
        """Put a program there."""
        path = Path(self.world.programs.partition(":")[0], program)
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(0o755)

    def unit(self, facts: Mapping[str, str]) -> Unit:
        """Have systemd know the service; return what the doctor learns of it."""
        lines = "\n".join(f"{key}={value}" for key, value in facts.items())
        self.answers("systemctl", lines)
        return read_unit(self.world)


def write_configuration(folder: Path, text: str = "") -> Path:
    """Write a configuration that is good but for what a text says.

    Args:
        folder: for the file.
        text: sections; one without a camera looks at a picture.
    """
    if "[camera]" not in text:
        picture = Path(shutil.copyfile(Drawn.PATH, folder / "face.jpg"))
        text = f'[camera]\nsource = "{picture}"\n{text}'
    path = folder / "fer-edge.toml"
    path.write_text(f'{text}\n[law]\npurpose = "testing"\n')
    return path


def given(unit: Unit, **facts: str) -> Unit:
    """Return a unit of which more is known."""
    return replace(unit, facts={**unit.facts, **facts})

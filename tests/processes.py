"""The three commands, run as a user runs them."""

import subprocess
import sys
from pathlib import Path


def run_command(
    name: str, *arguments: str | Path, cwd: Path | None = None
) -> subprocess.CompletedProcess[str]:
    """Run ``fer-train``, ``fer-convert`` or ``fer-edge`` and return what it did."""
    program = Path(sys.executable).parent / name
    return subprocess.run(
        [program, *arguments], capture_output=True, text=True, check=False, cwd=cwd
    )

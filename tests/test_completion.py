"""What bash offers when the tabulator is pressed, for each of the three commands."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

# Loads what the command prints for bash, types words, and prints what is offered.
_PRESS = """
eval "$("$1" </dev/null)"
shift
COMP_WORDS=("$@") COMP_CWORD=$(($# - 1)) COMP_LINE="$*"
function=$(complete -p "$1" | sed 's/.* -F \\([^ ]*\\) .*/\\1/')
"$function" "$1" "${COMP_WORDS[COMP_CWORD]}"
printf '%s\\n' "${COMPREPLY[@]}"
"""


def offered(folder: Path, *words: str) -> list[str]:
    """Press the tabulator behind the last word, in a folder."""
    bash = shutil.which("bash")
    if bash is None:
        pytest.skip("bash is missing: apt-get install bash")
    programs = Path(sys.executable).parent
    variable = f"_{words[0].upper().replace('-', '_')}_COMPLETE"
    script = folder / "load"
    script.write_text(f"#!/bin/sh\n{variable}=bash_source exec {words[0]}\n")
    script.chmod(0o755)
    done = subprocess.run(
        [bash, "--norc", "-c", _PRESS, "bash", script, *words],
        capture_output=True,
        text=True,
        check=False,
        cwd=folder,
        env={**os.environ, "PATH": f"{programs}:{os.environ['PATH']}"},
    )
    assert done.stderr == ""
    return done.stdout.split()


@pytest.mark.parametrize(
    ("line", "wanted"),
    [
        ("fer-edge mod", "models"),
        ("fer-edge models use ", "released"),
        ("fer-edge schema c", "configuration"),
        ("fer-convert --calib", "--calibration-faces"),
        ("fer-convert RUN --pixels 0", "0..255 0..1"),
        ("fer-train run --recipe re", "release refine"),
        ("fer-train tune --preset comp", "compact complex"),
        ("fer-train compare --preset vgg", "vgg16-frozen vgg16-finetuned"),
    ],
)
def test_words(tmp_path: Path, line: str, wanted: str) -> None:
    """Commands, options, choices and names are offered."""
    assert offered(tmp_path, *line.split(" ")) == wanted.split()


@pytest.mark.parametrize(
    "words",
    ["fer-edge replay", "fer-edge bench --out", "fer-train run --data", "fer-convert"],
)
def test_files(words: str) -> None:
    """Where a file is wanted, bash is left to offer its own."""
    # It says so by compopt, which only answers where a tabulator was really pressed.
    assert _asked(f"{words} ").stdout == "file,\n"


def test_a_store_that_cannot_be_read(tmp_path: Path) -> None:
    """No more than the names is missing."""
    (tmp_path / "models").write_text("no folder")
    found = _asked("fer-edge models use ", STATE_DIRECTORY=str(tmp_path))
    assert (found.stderr, found.returncode) == ("", 0)


@pytest.mark.parametrize(
    "words", ["fer-train run --preset c", "fer-train run --recipe s", "fer-convert -"]
)
def test_without_waiting(words: str) -> None:
    """What takes seconds to import is not imported."""
    found = _asked(words, "-X", "importtime")
    imported = {line.rpartition("|")[2].strip() for line in found.stderr.splitlines()}
    assert "fer_contract" in imported
    assert imported.isdisjoint({"tensorflow", "keras", "ai_edge_litert", "matplotlib"})


def _asked(
    words: str, *flags: str, **environment: str
) -> subprocess.CompletedProcess[str]:
    """Ask a command what to offer, as its script for bash does."""
    name = words.split()[0]
    return subprocess.run(
        [sys.executable, *flags, Path(sys.executable).parent / name],
        capture_output=True,
        text=True,
        check=False,
        env={
            **os.environ,
            f"_{name.upper().replace('-', '_')}_COMPLETE": "bash_complete",
            "COMP_WORDS": words.replace(" ", "\n"),
            "COMP_CWORD": str(words.count(" ")),
            **environment,
        },
    )

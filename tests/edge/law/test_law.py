"""What a daemon may be run for, and what is refused."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from fer_edge.law import GROUNDS, PURPOSES, LawSettings, complaints
from processes import run_command

_NAMED = "EU AI Act, Article 5(1)(f)"

Configure = Callable[[str], Path]


@pytest.fixture
def configure(tmp_path: Path) -> Configure:
    """Write a configuration that lacks nothing but what the law asks for."""

    def write(law: str) -> Path:
        path = tmp_path / "fer-edge.toml"
        path.write_text(f'[camera]\nsource = "/dev/video7"\n[law]\n{law}')
        return path

    return write


@pytest.mark.parametrize(
    "purpose", [one for one in PURPOSES if one not in ("workplace", "education")]
)
def test_purpose(purpose: str) -> None:
    """Anywhere else it is enough to say what emotions are read for."""
    assert complaints(LawSettings(purpose=purpose)) == []


@pytest.mark.parametrize("ground", GROUNDS)
@pytest.mark.parametrize("purpose", ["workplace", "education"])
def test_ground(purpose: str, ground: str) -> None:
    """Medical and safety reasons are good ones, where a document shows them."""
    settings = LawSettings(purpose, ground, reference="risk assessment 7")
    assert complaints(settings) == []


@pytest.mark.parametrize("purpose", ["workplace", "education"])
@pytest.mark.parametrize(
    ("rest", "key"),
    [
        ({}, "law.purpose"),
        ({"reference": "risk assessment 7"}, "law.purpose"),
        ({"ground": "safety"}, "law.reference"),
        ({"ground": "medical", "reference": " \n"}, "law.reference"),
    ],
    ids=["nothing", "no ground", "no document", "blank document"],
)
def test_without_a_reason(purpose: str, rest: dict[str, Any], key: str) -> None:
    """At work and in education it is refused in one line, with the article."""
    (complaint,) = complaints(LawSettings(purpose, **rest))
    assert complaint.startswith(f"{key}: ")
    assert _NAMED in complaint


@pytest.mark.parametrize("command", [("run", "--config"), ("check",)])
@pytest.mark.parametrize(
    ("law", "line", "complaint"),
    [
        (
            "",
            3,
            "law.purpose: missing; say what emotions are read for: "
            + ", ".join(PURPOSES),
        ),
        (
            'purpose = "marketing"\n',
            4,
            f"law.purpose: 'marketing'; allowed are {', '.join(PURPOSES)}",
        ),
        (
            'purpose = "workplace"\n',
            4,
            "law.purpose: 'workplace'; emotions may not be inferred there "
            f"({_NAMED}), but for medical or safety reasons: "
            'law.ground = "medical" or "safety" declares one',
        ),
        (
            'purpose = "education"\nground = "safety"\nreference = ""\n',
            6,
            "law.reference: ''; the document is wanted that shows the safety reason, "
            f"without which emotions may not be inferred there ({_NAMED})",
        ),
    ],
    ids=["no purpose", "unknown purpose", "no ground", "no document"],
)
def test_refusal(
    configure: Configure, command: tuple[str, ...], law: str, line: int, complaint: str
) -> None:
    """Told in one line with its place, before any camera is opened."""
    path = configure(law)
    done = run_command("fer-edge", *command, path)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == f"fer-edge: {path}:{line}: {complaint}\n"


def test_recording(tmp_path: Path, repository: Path) -> None:
    """To look at one needs no purpose: nobody is watched."""
    path = tmp_path / "fer-edge.toml"
    path.write_text("[episodes]\nupdate_seconds = 1.0\n")
    picture = repository / "edge" / "fer_edge" / "drawn.jpg"
    done = run_command("fer-edge", "replay", picture, "--config", path)
    assert done.returncode == 0, done.stderr

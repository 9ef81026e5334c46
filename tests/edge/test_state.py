"""The folder for what must outlast the program."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from fer_edge.state import state_directory

_SYSTEM = "/var/lib/fer-edge"


@pytest.mark.parametrize(
    ("environment", "user", "expected"),
    [
        ({"STATE_DIRECTORY": "/run/a", "HOME": "/home/ada"}, 1000, "/run/a"),
        ({"STATE_DIRECTORY": "/run/a"}, 0, "/run/a"),
        ({"STATE_DIRECTORY": "/run/a:/run/b"}, 0, "/run/a"),
        ({"STATE_DIRECTORY": ""}, 0, _SYSTEM),
        ({"HOME": "/root", "XDG_DATA_HOME": "/root/data"}, 0, _SYSTEM),
        ({"HOME": "/home/ada"}, 1000, "/home/ada/.local/share/fer-edge"),
        (
            {"HOME": "/home/ada", "XDG_DATA_HOME": "/data"},
            1000,
            "/data/fer-edge",
        ),
        (
            {"HOME": "/home/ada", "XDG_DATA_HOME": "data"},
            1000,
            "/home/ada/.local/share/fer-edge",
        ),
        ({}, 1000, _SYSTEM),
    ],
    ids=[
        "service",
        "service of root",
        "several",
        "empty",
        "root",
        "user",
        "user with XDG",
        "relative XDG",
        "nobody's home",
    ],
)
def test_whose_folder(environment: Mapping[str, str], user: int, expected: str) -> None:
    """Systemd's word comes first, then the system's folder for root, then XDG."""
    assert state_directory(environment, user) == Path(expected)


def test_own_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Without arguments it is this process that is asked."""
    monkeypatch.setenv("STATE_DIRECTORY", str(tmp_path))
    assert state_directory() == tmp_path

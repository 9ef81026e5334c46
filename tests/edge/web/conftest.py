"""What the tests of the web server share: servers that end with the test."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from fer_edge.monitor import Status
from web_served import TOKEN, Served, make_status

Serve = Callable[..., Served]


@pytest.fixture
def serve() -> Iterator[Serve]:
    """Start a server with settings and a status that differ from the usual ones."""
    begun: list[Served] = []

    def start(status: Status | None = None, **settings: Any) -> Served:
        begun.append(Served(status or make_status(), **settings))
        return begun[-1]

    yield start
    for served in begun:
        served.web.close()
        assert not served.web.is_alive


@pytest.fixture
def token_file(tmp_path: Path) -> str:
    """Holds ``TOKEN``."""
    path = tmp_path / "token"
    path.write_text(f"{TOKEN}\n")
    path.chmod(0o600)
    return str(path)

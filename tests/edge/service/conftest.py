"""What the tests of the service share."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from network_camera import NetworkCamera
from systemd_box import SystemdBox, need_systemd_box


@pytest.fixture(scope="package")
def box(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SystemdBox]:
    """A systemd with fer-edge, for all tests one after another."""
    need_systemd_box()
    with SystemdBox(tmp_path_factory.mktemp("box")) as box:
        yield box


@pytest.fixture
def camera(repository: Path) -> Iterator[NetworkCamera]:
    """One in front of which is a face."""
    with NetworkCamera() as camera:
        camera.picture = (repository / "edge/fer_edge/drawn.jpg").read_bytes()
        yield camera

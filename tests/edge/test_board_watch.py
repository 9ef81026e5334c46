"""What the log says of a board that is slowed down; time is given."""

from functools import partial
from pathlib import Path

import pytest

from fer_edge.board import read_throttling
from fer_edge.board_watch import BoardWatch


@pytest.fixture
def told(tmp_path: Path) -> Path:
    """Where a Raspberry Pi's kernel tells it."""
    path = tmp_path / "devices/platform/soc/soc:firmware/get_throttled"
    path.parent.mkdir(parents=True)
    path.write_text("0")
    return path


@pytest.fixture
def watch(tmp_path: Path, told: Path) -> BoardWatch:
    """Of that board."""
    assert told.exists()
    return BoardWatch(partial(read_throttling, tmp_path))


def test_board_that_is_slowed_down_by_turns(
    watch: BoardWatch, told: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Each reason is told once, and its end when it has been well for long."""
    for second in range(0, 1000, 5):
        hot = 100 <= second < 500 and second % 20 < 10
        told.write_text(f"{4 * hot + (second == 300):x}")
        watch.look(float(second))
    assert caplog.messages == [
        "board: slowed down: throttled",
        "board: slowed down: under_voltage",
        "board: not slowed down any more",
    ]
    assert watch.slowed_by == ()


def test_board_that_is_slowed_down(watch: BoardWatch, told: Path) -> None:
    """It is so until that is over."""
    told.write_text("5")
    watch.look(0.0)
    told.write_text("0")
    watch.look(20.0)
    assert watch.slowed_by == ("throttled", "under_voltage")
    watch.look(400.0)
    assert not watch.slowed_by


def test_board_that_does_not_tell(
    watch: BoardWatch, told: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """There is nothing to say."""
    told.unlink()
    watch.look(0.0)
    assert (watch.slowed_by, caplog.messages) == ((), [])

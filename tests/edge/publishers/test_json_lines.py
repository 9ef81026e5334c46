"""Events as lines of JSON: on a stream, and in a file that others rename."""

import errno
import json
import os
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from fer_edge.errors import ConfigurationError
from fer_edge.events import Event
from fer_edge.publishers import Publisher
from fer_edge.publishers.json_lines import (
    JsonLines,
    JsonLinesSettings,
    LinesFile,
)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Of a file that is not there yet."""
    return tmp_path / "events.jsonl"


@pytest.fixture
def file(path: Path) -> Iterator[LinesFile]:
    """Writes to it."""
    lines = LinesFile(path)
    yield lines
    lines.close()


def _numbers(path: Path) -> list[int]:
    """The ``seq`` of each event of a file, every line of which must be one."""
    text = path.read_text()
    assert text.endswith("\n")
    return [json.loads(line)["seq"] for line in text.splitlines()]


def _fill(lines: Publisher, event: Event) -> int:
    """Publish until the disk is full; return the ``seq`` that did not fit."""
    for seq in range(1, 10_000):
        try:
            lines.publish(replace(event, seq=seq))
        except OSError as failure:
            if failure.errno != errno.ENOSPC:
                raise
            return seq
    raise AssertionError("the disk is not full")


def test_lines(path: Path, event: Event) -> None:
    """Each event is a line that can be read at once, and the stream stays open."""
    with path.open("w") as stream:
        lines = JsonLines(stream)
        for count in (1, 2):
            lines.publish(event)
            written = path.read_text().splitlines(keepends=True)
            assert written == [event.to_json() + "\n"] * count
        lines.close()
        assert not stream.closed
    assert json.loads(written[1])["emotion"] == "happy"


def test_nowhere() -> None:
    """An empty path is nowhere."""
    assert JsonLinesSettings("").open_publisher("json_lines") is None


def test_file(path: Path, event: Event) -> None:
    """A path is a file that is appended to, made for its owner and group."""
    for seq in (1, 2):
        lines = JsonLinesSettings(str(path)).open_publisher("json_lines")
        assert lines is not None
        lines.publish(replace(event, seq=seq))
        lines.close()
    assert _numbers(path) == [1, 2]
    mode = path.stat().st_mode & 0o777
    assert mode & 0o600 == 0o600
    assert mode & ~0o640 == 0


def test_rotation(path: Path, file: LinesFile, event: Event) -> None:
    """After it was renamed or removed, the next event begins a new file."""
    file.publish(replace(event, seq=1))
    old = path.rename(path.with_suffix(".1"))
    file.publish(replace(event, seq=2))
    file.publish(replace(event, seq=3))
    assert (_numbers(old), _numbers(path)) == ([1], [2, 3])
    path.unlink()
    file.publish(replace(event, seq=4))
    assert _numbers(path) == [4]
    # logrotate's "create" has the new one there at once, its "copytruncate" the old.
    path.rename(path.with_suffix(".2"))
    path.touch()
    file.publish(replace(event, seq=5))
    assert _numbers(path) == [5]
    os.truncate(path, 0)
    file.publish(replace(event, seq=6))
    assert _numbers(path) == [6]


def test_rotation_leaves_no_file_open(
    path: Path, file: LinesFile, event: Event
) -> None:
    """A file that was rotated away is let go of, so that its room can be freed."""
    for seq in range(1, 6):
        file.publish(replace(event, seq=seq))
        path.unlink()
    opened = [link.resolve().name for link in Path("/proc/self/fd").iterdir()]
    assert sum(name.startswith(path.name) for name in opened) == 1


def test_folder_that_is_gone(tmp_path: Path, event: Event) -> None:
    """Without its folder nothing is written; once that is back, it is."""
    folder = tmp_path / "disk"
    folder.mkdir()
    path = folder / "events.jsonl"
    lines = LinesFile(path)
    moved = folder.rename(tmp_path / "gone")
    for _ in range(2):
        with pytest.raises(FileNotFoundError):
            lines.publish(event)
    moved.rename(folder)
    lines.publish(event)
    lines.close()
    assert _numbers(path) == [1]


def test_half_a_line(path: Path, event: Event) -> None:
    """What a power cut has left of a line is ended before the next one."""
    path.write_text('{"type":"ne')
    lines = LinesFile(path)
    lines.publish(event)
    lines.close()
    torn, whole = path.read_text().splitlines()
    assert torn == '{"type":"ne'
    assert json.loads(whole)["seq"] == 1


def test_full_disk(full_disk: Path, event: Event) -> None:
    """What does not fit is not written by half, and what comes later is whole."""
    path, ballast = full_disk / "events.jsonl", full_disk / "ballast"
    ballast.write_bytes(bytes(250 * 1024))
    with closing(LinesFile(path)) as lines:
        seq = _fill(lines, event)
        assert seq > 1
        assert _numbers(path) == list(range(1, seq))
        ballast.unlink()
        lines.publish(replace(event, seq=seq))
    assert _numbers(path) == list(range(1, seq + 1))


def test_stream_on_a_full_disk(full_disk: Path, event: Event) -> None:
    """The same holds for standard output that was redirected to a file."""
    path, ballast = full_disk / "events.jsonl", full_disk / "ballast"
    ballast.write_bytes(bytes(250 * 1024))
    with path.open("w") as stream:
        lines = JsonLines(stream)
        seq = _fill(lines, event)
        ballast.unlink()
        lines.publish(replace(event, seq=seq))
    assert _numbers(path) == list(range(1, seq + 1))


def test_start_on_a_full_disk(full_disk: Path, event: Event) -> None:
    """It is no reason not to start: there may be room later."""
    for number in range(10_000):  # until there is no room for a name either
        try:
            (full_disk / f"{number}").write_bytes(bytes(65536))
        except OSError:
            break
    with closing(LinesFile(full_disk / "events.jsonl")) as lines:
        with pytest.raises(OSError, match="No space left on device"):
            lines.publish(event)
        (full_disk / "0").unlink()
        lines.publish(event)
    assert _numbers(full_disk / "events.jsonl") == [1]


def test_stream_that_takes_half_a_line(event: Event) -> None:
    """A pipe cannot be taken back from: the half is ended before the next line."""
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    with open(reader, "rb") as told, open(writer, "w") as stream:  # noqa: PTH123
        lines = JsonLines(stream)
        long = replace(event, camera="x" * 5000)  # more than is written as a whole
        sent = 0
        with pytest.raises(BlockingIOError):  # noqa: PT012
            while True:
                lines.publish(long)
                sent += 1
        room = len(told.read1(1 << 20))
        assert room % (len(long.to_json()) + 1) != 0
        lines.publish(event)
        assert told.read1(1 << 20) == f"\n{event.to_json()}\n".encode()
    assert sent > 0


@pytest.mark.parametrize(
    ("name", "reason"),
    [("missing/events.jsonl", "No such file or directory"), ("", "Is a directory")],
)
def test_file_that_cannot_be_opened(tmp_path: Path, name: str, reason: str) -> None:
    """At the start it is a mistake of the configuration."""
    path = tmp_path / name
    with pytest.raises(ConfigurationError) as caught:
        LinesFile(path)
    assert str(caught.value) == f"json_lines.path: {path}: {reason}"


def test_named_pipe_without_a_reader(tmp_path: Path, event: Event) -> None:
    """Nobody waits for one."""
    path = tmp_path / "pipe"
    os.mkfifo(path)
    lines = LinesFile(path)
    lines.publish(event)
    lines.close()

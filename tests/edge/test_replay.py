"""Recorded cameras: videos, pictures and folders, whole and damaged."""

import contextlib
import os
import struct
import zlib
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path

import cv2
import numpy as np
import pytest

from fer_contract.errors import one_line
from fer_contract.preprocess import Pixels
from fer_edge.cameras import Camera, EndOfFrames, Frame
from fer_edge.cameras.replay import open_replay
from fer_edge.errors import CameraError

WriteVideo = Callable[[Path, Iterable[Pixels], float], Path]

_START = datetime(2024, 1, 1, 23, 59, 59, tzinfo=UTC)


def _blocks(count: int) -> list[Pixels]:
    """Frames of 64x48, each with a brightness of its own."""
    return [np.full((48, 64, 3), 5 * index, np.uint8) for index in range(count)]


def _read(camera: Camera) -> list[Frame]:
    frames = list(_until_the_end(camera))
    _check_ended(camera)
    camera.close()
    return frames


def _until_the_end(camera: Camera) -> Iterator[Frame]:
    with contextlib.suppress(EndOfFrames):
        while True:
            frame = camera.read(0.0)
            assert frame is not None
            yield frame


def _check_ended(camera: Camera) -> None:
    with pytest.raises(EndOfFrames):
        camera.read(0.0)


def _save(path: Path, brightness: int) -> Path:
    assert cv2.imwrite(str(path), np.full((48, 64, 3), brightness, np.uint8))
    return path


def _complaint(source: Path) -> str:
    """Return what is said of a source that cannot be shown."""
    with pytest.raises(CameraError) as caught:
        _read(open_replay(source, _START))
    return str(caught.value)


@pytest.mark.parametrize("frames_per_second", [5.0, 10.0, 30.0])
def test_video(
    tmp_path: Path, write_video: WriteVideo, frames_per_second: float
) -> None:
    """All frames come, in order, at the times that their rate gives them."""
    path = write_video(tmp_path / "a.avi", _blocks(40), frames_per_second)
    frames = _read(open_replay(path, _START))
    assert [frame.pixels.shape for frame in frames] == [(48, 64, 3)] * 40
    assert {frame.pixels.dtype.name for frame in frames} == {"uint8"}
    brightness = [float(frame.pixels.mean()) for frame in frames]
    assert brightness == pytest.approx([5.0 * index for index in range(40)], abs=2.0)
    seconds = [frame.taken.seconds for frame in frames]
    # The container holds times in whole milliseconds or finer.
    wanted = [index / frames_per_second for index in range(40)]
    assert seconds == pytest.approx(wanted, abs=0.001)
    for frame in frames:
        assert frame.taken.at == _START + timedelta(seconds=frame.taken.seconds)


@pytest.mark.parametrize("share", [0.2, 0.5, 0.9, 0.99])
def test_truncated_video(
    tmp_path: Path,
    write_video: WriteVideo,
    share: float,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Of a video that breaks off, the frames before the break come, and a warning."""
    path = write_video(tmp_path / "a.avi", _blocks(40), 10.0)
    whole = path.read_bytes()
    path.write_bytes(whole[: int(share * len(whole))])
    frames = _read(open_replay(path, _START))
    assert 40 * share - 12 < len(frames) <= 40
    if len(frames) < 40:
        (warning,) = caplog.messages
        assert warning.startswith(f"{path}: ended after {len(frames)} of ")
    assert all(
        before.taken.seconds < frame.taken.seconds for before, frame in pairwise(frames)
    )


@pytest.mark.parametrize(
    "content",
    [b"", b"RIFF", b"no video at all\n" * 99, bytes(range(256)) * 200],
    ids=["empty", "beginning", "text", "bytes"],
)
def test_garbage_video(tmp_path: Path, content: bytes) -> None:
    """What is no video is named in one line."""
    path = tmp_path / "a.avi"
    path.write_bytes(content)
    assert _complaint(path) == f"{path}: not a video, damaged, or of unknown coding"


def test_video_without_a_frame(tmp_path: Path, write_video: WriteVideo) -> None:
    """A video that breaks off before its first frame is an error, not a short one."""
    path = write_video(tmp_path / "a.avi", _blocks(40), 10.0)
    whole = path.read_bytes()
    path.write_bytes(whole[: whole.index(b"movi") + 4])
    complaint = _complaint(path)
    assert complaint.startswith(f"{path}: ")
    assert len(complaint.splitlines()) == 1


def test_damaged_frames(tmp_path: Path, write_video: WriteVideo) -> None:
    """What can be read of a damaged video is shown; time never runs backwards."""
    path = write_video(tmp_path / "a.avi", _blocks(40), 10.0)
    spoilt = bytearray(path.read_bytes())
    middle = len(spoilt) // 2
    spoilt[middle : middle + 3000] = np.random.default_rng(0).bytes(3000)
    path.write_bytes(spoilt)
    camera = open_replay(path, _START)
    frames = list(_until_the_end(camera))
    assert len(frames) > 10
    for before, frame in pairwise(frames):
        assert before.taken.seconds <= frame.taken.seconds


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".JPEG", ".bmp", ".webp"])
def test_picture(tmp_path: Path, suffix: str) -> None:
    """A picture is shown for two seconds, ten times a second."""
    frames = _read(open_replay(_save(tmp_path / f"a{suffix}", 100), _START))
    assert [frame.taken.seconds for frame in frames] == pytest.approx(
        [0.1 * index for index in range(20)]
    )
    assert {round(float(frame.pixels.mean())) for frame in frames} == {100}


def test_folder(tmp_path: Path) -> None:
    """Pictures come by name, with a pause between; other files are passed over."""
    for index in (4, 0, 7, 2, 5, 1, 6, 3):
        _save(tmp_path / f"{index}{('.png', '.PNG')[index % 2]}", 20 * index)
    _save(tmp_path / ".hidden.png", 200)
    (tmp_path / "notes.txt").write_text("no picture")
    (tmp_path / "folder.png").mkdir()
    frames = _read(open_replay(tmp_path, _START))
    shown = [round(float(frame.pixels.mean())) for frame in frames]
    assert shown == [20 * index for index in range(8) for _ in range(20)]
    begun = [frame.taken.seconds for frame in frames[::20]]
    assert begun == pytest.approx([7.0 * index for index in range(8)])
    assert frames[-1].taken.at == _START + timedelta(seconds=50.9)


def test_empty_folder(tmp_path: Path) -> None:
    """A folder without a picture is named, and what would be one."""
    (tmp_path / "notes.txt").write_text("no picture")
    assert _complaint(tmp_path) == (
        f"{tmp_path}: no picture in this folder (.bmp, .jpeg, .jpg, .png, .webp)"
    )


def _encoded(suffix: str) -> bytes:
    pixels = np.random.default_rng(0).integers(0, 256, (48, 64, 3), np.uint8)
    there, content = cv2.imencode(suffix, pixels)
    assert there
    return content.tobytes()


def _png_of(side: int) -> bytes:
    """A PNG that says it has so many rows and columns, and has none."""
    header = b"IHDR" + struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    checked = header + struct.pack(">I", zlib.crc32(header))
    return b"\x89PNG\r\n\x1a\n" + struct.pack(">I", len(header) - 4) + checked


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"no picture",
        *(_encoded(suffix)[:-2000] for suffix in (".png", ".jpg", ".bmp", ".webp")),
        _png_of(100_000),
    ],
    ids=["empty", "text", "cut PNG", "cut JPEG", "cut BMP", "cut WebP", "vast"],
)
def test_broken_picture(
    tmp_path: Path, content: bytes, capfd: pytest.CaptureFixture[str]
) -> None:
    """A picture that cannot be decoded is named, after the good ones before it.

    So is one that breaks off: half a face must not be judged.
    """
    _save(tmp_path / "a.png", 40)
    broken = tmp_path / "b.png"
    broken.write_bytes(content)
    camera = open_replay(tmp_path, _START)
    for _ in range(20):
        camera.read(0.0)
    with pytest.raises(CameraError) as caught:
        camera.read(0.0)
    assert str(caught.value) == f"{broken}: not a picture, damaged, or too large"
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize(
    ("channels", "depth"),
    [(1, np.uint8), (1, np.uint16), (3, np.uint16), (4, np.uint8), (4, np.uint16)],
)
def test_picture_of_another_kind(
    tmp_path: Path, channels: int, depth: type[np.generic]
) -> None:
    """Grey, with transparency, or of 16 bits: shown as any other, as bright."""
    one = 257 if depth is np.uint16 else 1
    pixels = np.full((48, 64, channels), 100 * one, depth)
    path = tmp_path / "a.png"
    assert cv2.imwrite(str(path), pixels)
    for frame in _read(open_replay(path, _START)):
        assert frame.pixels.dtype == np.uint8
        assert frame.pixels.shape == (48, 64, 3)
        assert (frame.pixels == 100).all()


@pytest.mark.parametrize("name", ["a.avi", "a.png", "a", "folder/a.avi"])
def test_missing_path(tmp_path: Path, name: str) -> None:
    """A path where nothing is, is named."""
    path = tmp_path / name
    assert _complaint(path) == f"{path}: no such file or folder"


def test_neither_file_nor_folder(tmp_path: Path) -> None:
    """A pipe is not waited for."""
    path = tmp_path / "a.avi"
    os.mkfifo(path)
    assert _complaint(path) == f"{path}: no such file or folder"


@pytest.mark.parametrize("within", [True, False], ids=["file", "folder"])
def test_name_that_is_not_utf8(
    tmp_path: Path, write_video: WriteVideo, within: bool
) -> None:
    """That of a video is told in one line before OpenCV sees it; a picture is shown."""
    folder = tmp_path / ("plain" if within else os.fsdecode(b"f\xff"))
    folder.mkdir()
    name = os.fsdecode(b"v\xff") if within else "v"
    video = write_video(tmp_path / "a.avi", _blocks(3), 10.0)
    path = video.rename(folder / f"{name}.avi")
    wanted = f"{path}: the name is not UTF-8, which OpenCV needs"
    assert _complaint(path) == one_line(wanted)
    _save(tmp_path / "a.png", 40).rename(folder / f"{name}.png")
    assert len(_read(open_replay(folder, _START))) == 20


def test_close_before_the_end(tmp_path: Path, write_video: WriteVideo) -> None:
    """A recording that was closed shows no more."""
    camera = open_replay(_save(tmp_path / "a.png", 40), _START)
    camera.read(0.0)
    camera.close()
    _check_ended(camera)
    video = open_replay(write_video(tmp_path / "a.avi", _blocks(3), 10.0), _START)
    video.read(0.0)
    video.close()
    _check_ended(video)

"""Pictures of any kind become upright frames."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fer_edge.cameras.pixels import Picture, View, upright
from fer_edge.errors import CameraError

_PLAIN = View()


def _coloured() -> Picture:
    """uint8 (2, 3, 3): every value is another."""
    return np.arange(18, dtype=np.uint8).reshape(2, 3, 3)


def test_bgr() -> None:
    """A frame that is already as it should be is passed on, not copied."""
    picture = _coloured()
    assert upright(picture, _PLAIN) is picture


@pytest.mark.parametrize("shape", [(4, 5), (4, 5, 1)])
def test_grey_picture(shape: tuple[int, ...]) -> None:
    """Grey becomes three equal channels."""
    picture = np.arange(20, dtype=np.uint8).reshape(shape)
    frame = upright(picture, _PLAIN)
    assert frame.shape == (4, 5, 3)
    for channel in range(3):
        assert np.array_equal(frame[..., channel], picture.reshape(4, 5))


def test_bgra() -> None:
    """Transparency is dropped, colours stay."""
    picture = np.arange(24, dtype=np.uint8).reshape(2, 3, 4)
    assert np.array_equal(upright(picture, _PLAIN), picture[..., :3])


@pytest.mark.parametrize("shape", [(2, 2), (2, 2, 3), (2, 2, 4)])
def test_16_bits(shape: tuple[int, ...]) -> None:
    """Of 16 bits the upper 8 are kept."""
    picture = np.full(shape, 0x7FFF, np.uint16)
    frame = upright(picture, _PLAIN)
    assert (frame.dtype.name, frame.shape) == ("uint8", (2, 2, 3))
    assert np.array_equal(frame, np.full((2, 2, 3), 0x7F))


@pytest.mark.parametrize(
    ("picture", "seen"),
    [
        (np.zeros((2, 2, 3), np.float32), "float32 (2, 2, 3)"),
        (np.zeros((2, 2, 3), np.int32), "int32 (2, 2, 3)"),
        (np.zeros((2, 2, 3), np.bool_), "bool (2, 2, 3)"),
        (np.zeros((2, 2, 2), np.uint8), "uint8 (2, 2, 2)"),
        (np.zeros((2, 2, 3, 1), np.uint8), "uint8 (2, 2, 3, 1)"),
        (np.zeros(8, np.uint8), "uint8 (8,)"),
        (np.zeros((0, 2, 3), np.uint8), "uint8 (0, 2, 3)"),
    ],
)
def test_no_picture(picture: Picture, seen: str) -> None:
    """What is no picture is refused, with the shape it has and those it may have."""
    with pytest.raises(CameraError) as caught:
        upright(picture, _PLAIN)
    assert str(caught.value) == (
        f"camera: a picture of {seen}; wanted is uint8 or uint16 "
        "(H, W) or (H, W, 1, 3 or 4)"
    )


@pytest.mark.parametrize(
    ("rotation", "flip", "expected"),
    [
        (0, "none", [[1, 2, 3], [4, 5, 6]]),
        (90, "none", [[4, 1], [5, 2], [6, 3]]),
        (180, "none", [[6, 5, 4], [3, 2, 1]]),
        (270, "none", [[3, 6], [2, 5], [1, 4]]),
        (0, "horizontal", [[3, 2, 1], [6, 5, 4]]),
        (0, "vertical", [[4, 5, 6], [1, 2, 3]]),
        (0, "both", [[6, 5, 4], [3, 2, 1]]),
        (90, "horizontal", [[1, 4], [2, 5], [3, 6]]),
        (90, "vertical", [[6, 3], [5, 2], [4, 1]]),
    ],
)
def test_mounting(rotation: int, flip: str, expected: list[list[int]]) -> None:
    """A camera on its side or before a mirror gives upright frames."""
    picture = np.array([[1, 2, 3], [4, 5, 6]], np.uint8)
    frame = upright(picture, View(rotation, flip))
    assert frame[..., 0].tolist() == expected


def test_grey_view() -> None:
    """Colours become the brightness that crops are made of."""
    green = np.zeros((2, 2, 3), np.uint8)
    green[..., 1] = 100
    frame = upright(green, View(grey=True))
    assert np.array_equal(frame, np.full((2, 2, 3), 59))  # 0.587 of it


@given(
    height=st.integers(1, 5),
    width=st.integers(1, 5),
    channels=st.sampled_from([None, 1, 3, 4]),
    dtype=st.sampled_from([np.uint8, np.uint16]),
    rotation=st.sampled_from([0, 90, 180, 270]),
    flip=st.sampled_from(["none", "horizontal", "vertical", "both"]),
    grey=st.booleans(),
    reverse=st.booleans(),
)
def test_any_picture(
    height: int,
    width: int,
    channels: int | None,
    dtype: Any,
    rotation: int,
    flip: str,
    grey: bool,
    reverse: bool,
) -> None:
    """Whatever comes, in whatever memory order: uint8 (H, W, 3), contiguous."""
    shape = (height, width) if channels is None else (height, width, channels)
    picture = np.zeros(shape, dtype)
    if reverse:
        picture = picture[::-1, ::-1]
    frame = upright(picture, View(rotation, flip, grey))
    on_its_side = rotation in (90, 270)
    assert frame.shape == ((width, height, 3) if on_its_side else (height, width, 3))
    assert frame.dtype == np.uint8
    assert frame.flags.c_contiguous

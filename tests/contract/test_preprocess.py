"""The pixels of a face: the same on every machine, and what OpenCV would say."""

import hashlib

import cv2
import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fer_contract.errors import ManifestError
from fer_contract.preprocess import Box, InputSpec, crop_face

Frame = npt.NDArray[np.uint8]

_SPEC = InputSpec()
_places = st.floats(-1e9, 1e9)
_sizes = st.floats(1e-3, 1e9)


def _drawn() -> Frame:
    """Draw 90x120 BGR by a formula in whole numbers."""
    rows, columns, channels = np.mgrid[0:90, 0:120, 0:3]
    wave = rows * columns + 7 * rows + 13 * columns + 31 * channels * (rows + 2)
    return np.asarray(wave % 256, dtype=np.uint8)


def _noise(seed: int, *shape: int) -> Frame:
    return np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)


def _smooth(height: int, width: int) -> Frame:
    """Draw soft shapes, where interpolation methods agree."""
    rows, columns = np.mgrid[0:height, 0:width]
    waves = np.sin(rows / 9.0) * np.cos(columns / 7.0)
    return np.asarray(np.rint(127.5 + 120.0 * waves), dtype=np.uint8)


def _worst(first: Frame, second: Frame) -> int:
    assert first.shape == second.shape
    return int(np.abs(first.astype(int) - second.astype(int)).max())


def _whole(frame: Frame) -> Box:
    return Box(0, 0, frame.shape[1], frame.shape[0])


@pytest.mark.parametrize(
    ("box", "spec", "digest"),
    [
        # The golden vectors of this package: a change here breaks every bundle.
        pytest.param(
            Box(20, 10, 48, 48),
            _SPEC,
            "69056dd9792b135915c494b4c7cdf5a75f93450c7ec282fdfc172b1a0789696f",
            id="same size",
        ),
        pytest.param(
            Box(3.5, 2.25, 70.75, 81.125),
            _SPEC,
            "de79b253c0da0d4743dbf348a912871730f5ac36ff96722d1ffdc2595e906e3f",
            id="shrunk",
        ),
        pytest.param(
            Box(60.3, 40.7, 17.9, 13.2),
            _SPEC,
            "9b8e310beed1f5b3316766b7c64ba1ff1f0906a4e57cb7e041f47fc7d53af8b7",
            id="enlarged",
        ),
        pytest.param(
            Box(-20.5, -7.5, 60, 60),
            _SPEC,
            "464f3be6184b27006585de56318addb0e45d0c3b436b6c3d1fc157199c7d65b5",
            id="over upper left",
        ),
        pytest.param(
            Box(95.5, 60.25, 55.5, 70),
            _SPEC,
            "769a2f90017c4dfd9a5b95669cb5b2f62585cc9f50a4ede607e9f88f2558946c",
            id="over lower right",
        ),
        pytest.param(
            Box(0, 0, 120, 90),
            _SPEC,
            "8f5de0a875971fd4b1aca828c48308e16ebb8cac4a91848b731f87116ca259d3",
            id="whole frame",
        ),
        pytest.param(
            Box(31, 17, 40, 50),
            InputSpec(margin=0.15),
            "af43f945bbf1808f03b0d4d09ee8198a83ae931d82b8a82ed566b510067053b3",
            id="margin",
        ),
        pytest.param(
            Box(12.5, 9.5, 66, 60),
            InputSpec(32, 64),
            "5a7c675bcd9006697d3007f55598bd5115b9869e7c0cfb4db6afc48d660fe9d2",
            id="input not square",
        ),
    ],
)
def test_golden_pixels(box: Box, spec: InputSpec, digest: str) -> None:
    """A drawn frame gives the very bytes that it gave when bundles were made."""
    face = crop_face(_drawn(), box, spec)

    assert digest == hashlib.sha256(face.tobytes()).hexdigest()


def test_golden_pixels_to_read() -> None:
    """A drawn frame gives the very values that it gave when bundles were made."""
    face = crop_face(_drawn(), Box(3.5, 2.25, 70.75, 81.125), InputSpec(8, 8))

    expected = [
        [127, 128, 128, 126, 125, 130, 127, 127],
        [124, 125, 129, 126, 125, 129, 131, 127],
    ]
    assert expected == face[:2, :, 0].tolist()


def test_mean_by_hand() -> None:
    """Four pixels an output pixel become their mean, halves rounded up."""
    frame = np.zeros((16, 16), np.uint8)
    frame[0:2, 0:4] = [[1, 2, 10, 20], [3, 4, 30, 43]]
    frame[0, 4] = 2

    face = crop_face(frame, _whole(frame), InputSpec(8, 8))

    # 10 / 4 = 2.5, 103 / 4 = 25.75, 2 / 4 = 0.5
    assert face[0, :4, 0].tolist() == [3, 26, 1, 0]
    assert int(face[1:].max()) == 0


@given(x=st.integers(0, 72), y=st.integers(0, 42))
def test_box_of_exactly_the_inputs_size(x: int, y: int) -> None:
    """Nothing is resampled: the pixels are the frame's own."""
    frame = _noise(1, 90, 120)

    face = crop_face(frame, Box(x, y, 48, 48), _SPEC)

    assert np.array_equal(frame[y : y + 48, x : x + 48], face[:, :, 0])


@given(
    value=st.integers(0, 255),
    channels=st.sampled_from([(), (1,), (3,)]),
    box=st.builds(Box, _places, _places, _sizes, _sizes),
    margin=st.floats(0, 1),
)
def test_constant_frame(
    value: int, channels: tuple[int, ...], box: Box, margin: float
) -> None:
    """One value everywhere stays that value, wherever the box and whatever its size."""
    frame = np.full((30, 40, *channels), value, np.uint8)

    face = crop_face(frame, box, InputSpec(16, 24, margin))

    assert np.array_equal(np.full((16, 24, 1), value), face)


@given(
    height=st.integers(1, 5),
    width=st.integers(1, 5),
    box=st.builds(Box, *[st.floats(-8, 8)] * 2, *[st.floats(0.1, 20)] * 2),
)
def test_tiny_frame(height: int, width: int, box: Box) -> None:
    """A frame of a few pixels gives a face within the frame's own values."""
    frame = _noise(2, height, width)

    face = crop_face(frame, box, InputSpec(8, 8))

    assert face.shape == (8, 8, 1)
    assert frame.min() <= face.min()
    assert face.max() <= frame.max()


@pytest.mark.parametrize("ratio", [2, 3, 4, 5, 8])
def test_shrunk_by_a_whole_number(ratio: int) -> None:
    """A block becomes one pixel, as OpenCV's INTER_AREA within one level."""
    frame = _noise(ratio, 48 * ratio, 48 * ratio)

    face = crop_face(frame, _whole(frame), _SPEC)

    wanted = cv2.resize(frame, (48, 48), interpolation=cv2.INTER_AREA)
    assert _worst(wanted.astype(np.uint8), face[:, :, 0]) <= 1


@pytest.mark.parametrize("side", [49, 61, 77, 100, 131, 200, 333])
def test_shrunk_by_a_fraction(side: int) -> None:
    """Shares of pixels count as in OpenCV's INTER_AREA, within one level."""
    frame = _noise(side, side, side)

    face = crop_face(frame, _whole(frame), _SPEC)

    wanted = cv2.resize(frame, (48, 48), interpolation=cv2.INTER_AREA)
    assert _worst(wanted.astype(np.uint8), face[:, :, 0]) <= 1


@pytest.mark.parametrize("side", [12, 16, 24, 31, 47])
def test_enlarged(side: int) -> None:
    """A small face is interpolated as by OpenCV's INTER_LINEAR, within one level."""
    frame = _smooth(side, side)

    face = crop_face(frame, _whole(frame), _SPEC)

    wanted = cv2.resize(frame, (48, 48), interpolation=cv2.INTER_LINEAR)
    inner = slice(4, 44)
    assert _worst(wanted.astype(np.uint8)[inner, inner], face[inner, inner, 0]) <= 1


@given(x=st.integers(-60, 60), y=st.integers(-60, 60), side=st.integers(8, 90))
def test_box_over_the_border(x: int, y: int, side: int) -> None:
    """Beyond the frame its border is repeated, as a frame padded with edges has it."""
    frame = _noise(3, 40, 50)
    padded = np.pad(frame, 200, mode="edge")

    face = crop_face(frame, Box(x, y, side, side), InputSpec(12, 12))

    wanted = crop_face(padded, Box(x + 200, y + 200, side, side), InputSpec(12, 12))
    assert np.array_equal(wanted, face)


def test_grey_of_a_colour_frame() -> None:
    """Grey is OpenCV's BGR2GRAY within one level."""
    frame = _noise(4, 256, 256, 3)

    face = crop_face(frame, _whole(frame), InputSpec(256, 256))

    wanted = cv2.cvtColor(frame, cv2.COLOR_BGR2GRAY)
    assert _worst(wanted.astype(np.uint8), face[:, :, 0]) <= 1


@pytest.mark.parametrize(
    ("bgr", "grey"),
    [((255, 0, 0), 29), ((0, 255, 0), 150), ((0, 0, 255), 76), ((255, 255, 255), 255)],
    ids=["blue", "green", "red", "white"],
)
def test_grey_of_pure_colours(bgr: tuple[int, int, int], grey: int) -> None:
    """The channels are blue, green, red, with the shares of BT.601."""
    frame = np.full((8, 8, 3), bgr, np.uint8)

    face = crop_face(frame, _whole(frame), InputSpec(8, 8))

    assert grey == int(face.max())
    assert grey == int(face.min())


@given(box=st.builds(Box, *[st.floats(-30, 60)] * 2, *[st.floats(1, 90)] * 2))
def test_one_frame_in_three_shapes(box: Box) -> None:
    """Grey, grey with a channel axis and equal colours give the same face."""
    frame = _noise(5, 40, 50)

    face = crop_face(frame, box, _SPEC)

    assert np.array_equal(face, crop_face(frame[:, :, np.newaxis], box, _SPEC))
    assert np.array_equal(face, crop_face(np.stack([frame] * 3, axis=2), box, _SPEC))


def test_frame_seen_through_a_view() -> None:
    """A frame that is no contiguous piece of memory gives the same face."""
    frame = _drawn()
    box = Box(10.5, 20.25, 60, 50)

    assert np.array_equal(
        crop_face(np.ascontiguousarray(frame[:, ::-1]), box, _SPEC),
        crop_face(frame[:, ::-1], box, _SPEC),
    )


def test_frame_left_as_it_was() -> None:
    """The frame is only read."""
    frame = _drawn()
    frame.flags.writeable = False

    face = crop_face(frame, Box(10, 20, 48, 48), _SPEC)

    assert np.array_equal(_drawn(), frame)
    assert not np.shares_memory(frame, face)


def test_margin() -> None:
    """A margin of 0.1 adds a tenth of the side on each of the four sides."""
    frame = _noise(6, 90, 120)

    face = crop_face(frame, Box(30, 20, 40, 40), InputSpec(margin=0.1))

    assert np.array_equal(frame[16:64, 26:74], face[:, :, 0])


@pytest.mark.parametrize(
    "box", [Box(30, 20, 48, 20), Box(44, 6, 20, 48)], ids=["wide", "high"]
)
def test_box_that_is_not_square(box: Box) -> None:
    """The square on the longer side, around the same centre, is cut out."""
    frame = _noise(7, 90, 120)

    face = crop_face(frame, box, _SPEC)

    assert np.array_equal(frame[6:54, 30:78], face[:, :, 0])


@given(
    x=st.integers(-40, 100),
    y=st.integers(-40, 80),
    width=st.integers(2, 120),
    height=st.integers(2, 120),
)
def test_mirrored_frame(x: int, y: int, width: int, height: int) -> None:
    """A mirrored box in a mirrored frame gives the mirrored face, within rounding."""
    frame = _noise(8, 60, 80)

    face = crop_face(frame, Box(x, y, width, height), InputSpec(16, 16))

    across = Box(80 - x - width, y, width, height)
    down = Box(x, 60 - y - height, width, height)
    assert (
        _worst(face, crop_face(frame[:, ::-1], across, InputSpec(16, 16))[:, ::-1]) <= 1
    )
    assert _worst(face, crop_face(frame[::-1], down, InputSpec(16, 16))[::-1]) <= 1


@given(x=st.integers(-4, 4), y=st.integers(-4, 4), ratio=st.integers(1, 5))
def test_mirrored_frame_without_shares_of_pixels(x: int, y: int, ratio: int) -> None:
    """Where every output pixel is a block of whole ones, mirroring is exact."""
    frame = _noise(9, 60, 60)
    side = 8 * ratio

    face = crop_face(frame, Box(x, y, side, side), InputSpec(8, 8))

    mirrored = crop_face(
        frame[:, ::-1], Box(60 - x - side, y, side, side), InputSpec(8, 8)
    )
    assert _worst(face, mirrored[:, ::-1]) == 0


def test_box_in_single_precision() -> None:
    """A detector's float32 counts as the number it is, with any version of numpy."""
    frame = _noise(10, 60, 6000)
    single = np.array([5000.1, 7.7, 33.3, 41.9], np.float32)

    face = crop_face(frame, Box(*single), InputSpec(margin=0.13))

    exact = Box(*single.tolist())
    assert np.array_equal(crop_face(frame, exact, InputSpec(margin=0.13)), face)


@pytest.mark.parametrize(
    ("frame", "seen"),
    [
        (np.zeros((48, 48), np.float32), "float32 (48, 48)"),
        (np.zeros((48, 48), np.int8), "int8 (48, 48)"),
        (np.zeros(48, np.uint8), "uint8 (48,)"),
        (np.zeros((1, 48, 48, 3), np.uint8), "uint8 (1, 48, 48, 3)"),
        (np.zeros((48, 48, 2), np.uint8), "uint8 (48, 48, 2)"),
        (np.zeros((48, 48, 4), np.uint8), "uint8 (48, 48, 4)"),
        (np.zeros((0, 48), np.uint8), "uint8 (0, 48)"),
        (np.zeros((48, 0, 3), np.uint8), "uint8 (48, 0, 3)"),
    ],
)
def test_frame_of_another_kind(frame: npt.NDArray[np.generic], seen: str) -> None:
    """The error shows dtype and shape of the frame."""
    with pytest.raises(ValueError, match="wanted") as caught:
        crop_face(frame, Box(0, 0, 8, 8), _SPEC)

    assert str(caught.value).startswith(f"frame is {seen};")


@pytest.mark.parametrize(
    "box",
    [
        Box(0, 0, 0, 8),
        Box(0, 0, 8, 0),
        Box(0, 0, -8, 8),
        Box(float("nan"), 0, 8, 8),
        Box(0, float("inf"), 8, 8),
        Box(0, 0, float("nan"), 8),
        Box(0, 0, 8, float("nan")),
        Box(0, 0, float("inf"), 8),
        Box(1.7e308, 0, 1.7e308, 8),
    ],
)
def test_box_that_is_none(box: Box) -> None:
    """An empty, endless or undefined box is shown in the error."""
    with pytest.raises(
        ValueError, match="finite numbers and a positive size"
    ) as caught:
        crop_face(np.zeros((8, 8), np.uint8), box, _SPEC)

    assert str(caught.value).startswith(f"{box};")


@pytest.mark.parametrize(
    "box",
    [
        Box(1e300, -1e300, 1, 1),
        Box(0, 0, 1e300, 1),
        Box(0, 0, 5e-324, 5e-324),
        Box(2**53, 2**53, 48, 48),
    ],
)
def test_box_of_absurd_numbers(box: Box) -> None:
    """Finite numbers give a face without a warning, however large or small."""
    frame = np.full((30, 40), 77, np.uint8)

    assert np.array_equal(np.full((48, 48, 1), 77), crop_face(frame, box, _SPEC))


@pytest.mark.parametrize("margin", [0, 0.0, 1, 1.0, 0.3])
@pytest.mark.parametrize("side", [8, 48, 1024])
def test_spec_within_its_limits(side: int, margin: float) -> None:
    """Sides of 8 to 1024 pixels and margins of 0 to 1 are taken."""
    spec = InputSpec(side, 48, margin)

    assert (side, 48, 1) == spec.shape


@pytest.mark.parametrize("name", ["height", "width"])
@pytest.mark.parametrize("side", [7, 0, -48, 1025, 48.0, True, "48", None])
def test_spec_with_a_side_beyond_its_limits(name: str, side: object) -> None:
    """The error names the field, the value and what is allowed."""
    sides: dict[str, object] = {name: side}

    with pytest.raises(ManifestError) as caught:
        InputSpec(**sides)  # type: ignore[arg-type]

    wanted = f"input.{name}: {side!r}; allowed are whole numbers 8 to 1024"
    assert wanted == str(caught.value)


@pytest.mark.parametrize("margin", [-0.1, 1.1, float("nan"), float("inf"), True, "0"])
def test_spec_with_a_margin_beyond_its_limits(margin: float) -> None:
    """The error names the field, the value and what is allowed."""
    with pytest.raises(ManifestError) as caught:
        InputSpec(margin=margin)

    wanted = f"input.margin: {margin!r}; allowed is a number 0 to 1"
    assert wanted == str(caught.value)

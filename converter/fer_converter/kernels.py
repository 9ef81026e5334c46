"""How the weights of a layer lie in a ``.tflite`` file, and which inputs they meet."""

import numpy as np
import numpy.typing as npt

from fer_contract.metrics import Numbers
from fer_converter.tflite_file import Operator

WEIGHTED = frozenset({"CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED"})
"""Operators with a kernel, their second input."""

_SAME = 0
"""Padding, as the schema numbers it: 0 round the map, so that none of it is lost."""


class Kernel:
    """The weights of one operator, as groups of filters.

    A group of G has O filters of D weights each, which all meet the same D inputs: a
    dense layer is one group, a depthwise convolution one for each channel.

    Args:
        operator: one of ``WEIGHTED``, its kernel a constant.
    """

    def __init__(self, operator: Operator) -> None:
        self._operator = operator
        self._shape = operator.inputs[1].shape
        channels = operator.inputs[0].shape[-1]
        # Depthwise (1, height, width, filters); else (filters, height, width, depth),
        # of a dense layer (filters, depth).
        self._depthwise = operator.name == "DEPTHWISE_CONV_2D"
        self._taps = self._shape[1:3] if len(self._shape) == 4 else (1, 1)
        self._depth = 1 if self._depthwise else self._shape[-1]
        filters = self._shape[3] if self._depthwise else self._shape[0]
        dense = len(self._shape) == 2
        self.groups = 1 if dense else channels // self._depth
        self.filters = filters // self.groups
        self.weights = self._taps[0] * self._taps[1] * self._depth

    def grouped(self, kernel: npt.NDArray[np.generic]) -> Numbers:
        """Bring a kernel from the order of the file into (G, O, D)."""
        values = kernel.astype(np.float64)
        if self._depthwise:
            parts = values.reshape(self.weights, self.groups, self.filters)
            return parts.transpose(1, 2, 0)
        return values.reshape(self.groups, self.filters, self.weights)

    def in_order(self, grouped: Numbers) -> Numbers:
        """Bring (G, O, D) into the order of the file."""
        parts = grouped.transpose(2, 0, 1) if self._depthwise else grouped
        return parts.reshape(self._shape)

    def met(self, inputs: Numbers, places: int, draw: np.random.Generator) -> Numbers:
        """Return what the weights are multiplied with, at some places: (R, G, D).

        Args:
            inputs: the operator's first input, of one face.
            places: so many of a map, or all if it has fewer.
            draw: chooses them.
        """
        if len(self._shape) == 2:
            return inputs.reshape(-1, 1, self.weights)
        windows = self._windows(inputs[0])  # (height, width, channels, *taps)
        height, width = windows.shape[:2]
        spots = draw.choice(height * width, min(places, height * width), replace=False)
        rows = windows[spots // width, spots % width].transpose(0, 2, 3, 1)
        rows = rows.reshape(len(spots), *self._taps, self.groups, self._depth)
        grouped: Numbers = rows.transpose(0, 3, 1, 2, 4)
        return grouped.reshape(len(spots), self.groups, self.weights)

    def _windows(self, maps: Numbers) -> Numbers:
        """Return every window that the kernel is laid on, without copying any."""
        options = self._operator.options
        steps = (options.strideH, options.strideW)
        apart = (options.dilationHFactor, options.dilationWFactor)
        spans = [
            (tap - 1) * gap + 1 for tap, gap in zip(self._taps, apart, strict=True)
        ]
        if options.padding == _SAME:
            margins = [
                _margin(length, step, span)
                for length, step, span in zip(maps.shape[:2], steps, spans, strict=True)
            ]
            maps = np.pad(maps, (*margins, (0, 0)))
        every = np.lib.stride_tricks.sliding_window_view(maps, spans, axis=(0, 1))
        windows: Numbers = every[:: steps[0], :: steps[1], :, :: apart[0], :: apart[1]]
        return windows


def _margin(length: int, step: int, span: int) -> tuple[int, int]:
    """Return how many zeros TensorFlow puts before and behind: more behind if odd."""
    outputs = -(-length // step)
    missing = max(0, (outputs - 1) * step + span - length)
    return missing // 2, missing - missing // 2

"""Tells whether bytes hold a picture, in whatever form that is."""

import re
from collections.abc import Iterable

import cv2
import numpy as np

from fer_contract.preprocess import Pixels

_BLOCK = 16
"""Bytes of a frame that are looked for: too many to be met by chance."""
_LEAST_VALUES = 6
"""Different ones in a block; a flat wall looks like an empty page of a database."""
_WINDOW = 1024
"""Bytes; the model's smallest view of a face has more."""
_MOST_BINARY = 0.3

_MARKS = {
    "JPEG": re.compile(rb"\xff\xd8\xff[\xc0-\xfe]"),
    "PNG": re.compile(rb"\x89PNG\r\n"),
    "WebP or AVI": re.compile(rb"RIFF....(?:WEBP|AVI )", re.DOTALL),
    "base64 or hexadecimal": re.compile(rb"[A-Za-z0-9+/_-]{200}"),
    "list of numbers": re.compile(rb"(?:\d{1,3}[,;\s\[\]]+){100}"),
}
_TEXT = np.zeros(256, bool)
_TEXT[[0, *b"\t\r\n", *range(0x20, 0x7F)]] = True


class PixelSigns:
    """What gives a picture away.

    Args:
        frames: uint8 (H, W, 3), BGR; pieces of them, as they are or in grey, are signs
            beside the general ones.
    """

    def __init__(self, frames: Iterable[Pixels]) -> None:
        self._blocks: set[bytes] = set()
        for frame in frames:
            for pixels in (frame, cv2.cvtColor(frame, cv2.COLOR_BGR2GRAY)):
                flat = np.ascontiguousarray(pixels).tobytes()
                self._blocks.update(
                    block
                    for start in range(0, len(flat) - _BLOCK, _BLOCK)
                    if len(set(block := flat[start : start + _BLOCK])) >= _LEAST_VALUES
                )

    def of(self, content: bytes) -> set[str]:
        """Return the signs that there are in some bytes; none in text and events."""
        found = {name for name, mark in _MARKS.items() if mark.search(content)}
        if any(
            content[start : start + _BLOCK] in self._blocks
            for start in range(len(content) - _BLOCK + 1)
        ):
            found.add("piece of a frame")
        binary = ~_TEXT[np.frombuffer(content, np.uint8)]
        if len(binary) >= _WINDOW:
            sums = np.concatenate([[0], np.cumsum(binary)])
            if (sums[_WINDOW:] - sums[:-_WINDOW]).max() > _MOST_BINARY * _WINDOW:
                found.add("much that is no text")
        return found

"""The device: camera frames in, emotion events out.

::

    camera ─► detector ─► tracker ─► crop_face ─► classifier ─► episodes ─► publishers

In a script of one's own, for pictures (``BUNDLE`` may be left out, for the model that
came with the package)::

    import cv2
    from fer_edge import Recognizer

    with Recognizer("BUNDLE") as recognizer:
        frame = cv2.imread("party.jpg")
        for face in recognizer.recognize(frame):
            print(face.box, face.emotion, face.scores)

All that is importable from here by name is the public interface; what lies in the
modules may change. A video, in which faces are followed and scores smoothed, is for
``fer-edge replay``, a camera for ``fer-edge run``: both print events, as JSON.
"""

from typing import TYPE_CHECKING

from fer_contract import __version__

if TYPE_CHECKING:
    from fer_contract.errors import FerError
    from fer_contract.preprocess import Box
    from fer_edge.recognition import RecognizedFace, Recognizer

__all__ = ["Box", "FerError", "RecognizedFace", "Recognizer", "__version__"]

# Imported when first asked for: each module of the device, the Edge TPU's process and
# `fer-edge --help` among them, passes through here and needs no numpy for it.
_HOMES = {
    "Box": "fer_contract.preprocess",
    "FerError": "fer_contract.errors",
    "RecognizedFace": "fer_edge.recognition",
    "Recognizer": "fer_edge.recognition",
}


def __getattr__(name: str) -> object:
    """Import a public name when it is first asked for."""
    from importlib import import_module

    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    found: object = getattr(import_module(_HOMES[name]), name)
    globals()[name] = found
    return found


def __dir__() -> list[str]:
    """List the public names, imported or not."""
    return sorted({*globals(), *_HOMES})

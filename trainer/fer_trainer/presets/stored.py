"""Weights of a whole network, to train it further: a run's, or from one small file.

In the file kernels are kept in 16 bits, which moves a score by a thousandth or so; what
is small and may be large in value, as the variance of a batch norm, stays in 32.
"""

import io
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from fer_contract.errors import FerError
from fer_contract.manifest import RunManifest, read_manifest
from fer_trainer.presets.preset import Faces

if TYPE_CHECKING:
    import keras

RELEASED = "released"

_FOLDER = Path(__file__).parent


def pack(weights: list[npt.NDArray[Any]]) -> bytes:
    """Return a file of weights, in Keras' order."""
    arrays: dict[str, Any] = {
        f"{index:03}": array.astype(np.float16 if array.ndim > 1 else np.float32)
        for index, array in enumerate(weights)
    }
    stream = io.BytesIO()
    np.savez_compressed(stream, **arrays)
    return stream.getvalue()


def unpack(path: Path) -> list[npt.NDArray[np.float32]]:
    """Read a file of weights.

    Raises:
        FerError: no such file, or not one of ``pack``.
    """
    if not path.is_file():
        raise FerError(f"--weights: {path}; no such file")
    try:
        # From memory: numpy leaves a file that is no zip open.
        with np.load(io.BytesIO(path.read_bytes()), allow_pickle=False) as stored:
            return [stored[name].astype(np.float32) for name in sorted(stored.files)]
    # numpy and zipfile pass on whatever a damaged file leads them to.
    except Exception as mistake:
        raise FerError(
            f"--weights: {path}; no weights of fer-train, or damaged"
        ) from mistake


def is_whole(source: str) -> bool:
    """Tell whether weights to begin with are of a whole network, head and all."""
    return source == RELEASED or source.endswith(".npz") or Path(source).is_dir()


def stored_weights(preset: str) -> "Callable[[keras.Model, str, Faces], None]":
    """Return what fills a preset's network: with ``released``, a run's or a file's.

    The dense layer at the end stays fresh where it has another number of classes.
    """

    def load(model: "keras.Model", source: str, _: Faces) -> None:
        arrays = _arrays(preset, source)
        own = model.get_weights()
        if len(arrays) == len(own) and arrays[-1].shape != own[-1].shape:
            arrays[-2:] = own[-2:]
        if [array.shape for array in arrays] != [array.shape for array in own]:
            raise FerError(
                f"--weights: {source}; weights of another network than {preset}"
            )
        model.set_weights(arrays)

    return load


def _arrays(preset: str, source: str) -> list[npt.NDArray[np.float32]]:
    path = _released(preset) if source == RELEASED else Path(source)
    if not path.is_dir():
        return unpack(path)
    import keras

    trained = read_manifest(path, RunManifest).preset
    if trained != preset:
        raise FerError(f"--weights: {source}; a run of {trained}, not of {preset}")
    run = keras.saving.load_model(path / RunManifest.MODEL, compile=False)
    weights: list[npt.NDArray[np.float32]] = run.get_weights()
    return weights


def _released(preset: str) -> Path:
    path = _FOLDER / f"{preset}.npz"
    if not path.is_file():
        known = ", ".join(sorted(other.stem for other in _FOLDER.glob("*.npz")))
        raise FerError(f"--weights: {RELEASED}; those are {known}'s, not {preset}'s")
    return path

"""Zips from outside, drawn to do harm, and what reads them: pictures and bundles.

Each function that ends in ``_read`` gets something drawn and an empty folder, and
returns whether it was taken; what else it does than return or raise ``FerError`` is a
mistake, as is any file that it leaves.
"""

import functools
import hashlib
import io
import json
import stat
import warnings
import zipfile
from contextlib import ExitStack
from dataclasses import fields
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from hypothesis import strategies as st

from fer_contract.dataset import SPLITS, FaceData
from fer_contract.manifest import MANIFEST_NAME, BundleManifest
from fer_edge.classifiers.cpu import CpuClassifier
from fer_edge.models import RELEASED
from fer_edge.models.examining import examine
from fer_edge.models.sources import NORMAL, copy_members, open_source

Changes = list[tuple[float, int, bytes]]
Entries = list[tuple[str, bytes, int, int]]
"""Name, content, method and mode of the files of a zip."""

CHANGES: st.SearchStrategy[Changes] = st.lists(
    st.tuples(st.floats(0, 1), st.integers(0, 40), st.binary(max_size=12)), max_size=4
)
_MODES = st.sampled_from(
    [0, stat.S_IFREG | 0o600, stat.S_IFLNK | 0o777, stat.S_IFIFO, 0xFFFF]
)
_METHODS = st.sampled_from([zipfile.ZIP_DEFLATED, zipfile.ZIP_STORED, zipfile.ZIP_LZMA])


def changed(content: bytes, changes: Changes) -> bytes:
    """Replace pieces of a content: where (0 to 1), how many bytes, by which others."""
    for where, length, piece in changes:
        at = round(where * len(content))
        content = content[:at] + piece + content[at + length :]
    return content


def _zip(entries: Entries) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of two files by one name, which are wanted
        for name, content, method, mode in entries:
            entry = zipfile.ZipInfo(name or "x")
            entry.compress_type, entry.external_attr = method, mode << 16
            archive.writestr(entry, content)
    return stream.getvalue()


# ------------------------------------------------------------------ labelled faces


@functools.cache
def _pictures() -> list[bytes]:
    """Small ones of every kind that is read."""
    rng = np.random.default_rng(0)
    colour = rng.integers(0, 256, (12, 9, 3), np.uint8)
    pictures = [
        cv2.imencode(suffix, pixels)[1].tobytes()
        for pixels in (colour, colour[:, :, 0])
        for suffix in (".jpg", ".png", ".bmp", ".webp")
    ]
    deep = cv2.imencode(".png", colour.astype(np.uint16) * 257)[1].tobytes()
    return [*pictures, deep, b"", b"\xff\xd8", b"P6 9999999 9999999 255\n"]


_LABELS = st.sampled_from(["happy", "sad", "..", "", "UPPER", "ä" * 40, "uncertain"])
_IMAGE_NAMES = st.builds(
    lambda *parts: "/".join(parts),
    st.sampled_from([*SPLITS, "a/train", "/train", "../train", ".", "other"]),
    _LABELS | st.text(max_size=5),
    st.text(max_size=5).map(lambda stem: f"{stem}.jpg") | st.text(max_size=5),
)
_IMAGE_ENTRIES = st.lists(
    st.tuples(
        _IMAGE_NAMES,
        st.builds(changed, st.deferred(lambda: st.sampled_from(_pictures())), CHANGES),
        _METHODS,
        _MODES,
    ),
    max_size=6,
)


@st.composite
def images(draw: st.DrawFn) -> tuple[bytes, bool]:
    """Draw a zip with pictures, and whether what is broken is to be left out."""
    entries = draw(_IMAGE_ENTRIES)
    if draw(st.booleans()):
        # So that more than the first check is reached.
        entries += [
            (f"{split}/{label}/{index}.jpg", content, zipfile.ZIP_STORED, 0)
            for split in ("train", "validation")
            for label in ("happy", "sad")
            for index, content in enumerate(_pictures()[:2])
        ]
    return changed(_zip(entries), draw(CHANGES)), draw(st.booleans())


def images_read(drawn: tuple[bytes, bool], folder: Path) -> bool:
    """Read labelled faces, all splits of them."""
    content, skip = drawn
    path = folder / "faces.zip"
    path.write_bytes(content)
    try:
        data = FaceData(path, skip_unreadable=skip)
        for split in data.splits:
            loaded = data.load(split)
            assert loaded.faces.shape == (len(loaded), *data.spec.shape)
    finally:
        path.unlink()
    return True


# ------------------------------------------------------------------------- bundles

_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner)
    ),
    max_leaves=6,
)
_KEYS = [part.name for part in fields(BundleManifest)] + ["schema", "kind", "digest"]
_MANIFEST_CHANGES = st.dictionaries(
    st.sampled_from(_KEYS) | st.text(max_size=5), _JSON, max_size=2
)
_FILE_CHANGES = st.dictionaries(
    st.sampled_from([BundleManifest.GOLDEN, MANIFEST_NAME]), CHANGES
)
_STRANGERS = st.lists(
    st.tuples(
        st.text(max_size=6) | st.sampled_from(["../x", "/tmp/x", "a/b", "MANIFEST"]),
        st.binary(max_size=40),
        _METHODS,
        _MODES,
    ),
    max_size=2,
)


@functools.cache
def _released() -> dict[str, bytes]:
    return {
        name: (RELEASED / name).read_bytes()
        for name in (BundleManifest.MODEL, BundleManifest.GOLDEN, MANIFEST_NAME)
    }


def _bundle_files(
    model: bytes, golden: bytes, more: dict[str, Any]
) -> dict[str, bytes]:
    """Return files whose digests are right, as a bundle's maker can have them."""
    files = {BundleManifest.MODEL: model, BundleManifest.GOLDEN: golden}
    document = json.loads(_released()[MANIFEST_NAME])
    del document["digest"]
    document["files"] = {
        name: hashlib.sha256(content).hexdigest() for name, content in files.items()
    }
    document.update(more)
    text = json.dumps(document, sort_keys=True, separators=(",", ":"))
    if "digest" not in more:
        document["digest"] = hashlib.sha256(text.encode()).hexdigest()
    return {**files, MANIFEST_NAME: json.dumps(document).encode()}


@st.composite
def bundles(draw: st.DrawFn) -> bytes:
    """Draw the zip of a bundle; its model is whole, or the process could die of it."""
    golden = draw(_FILE_CHANGES)
    files = _bundle_files(
        _released()[BundleManifest.MODEL],
        changed(
            _released()[BundleManifest.GOLDEN], golden.get(BundleManifest.GOLDEN, [])
        ),
        draw(_MANIFEST_CHANGES),
    )
    files[MANIFEST_NAME] = changed(files[MANIFEST_NAME], golden.get(MANIFEST_NAME, []))
    entries = [(name, text, zipfile.ZIP_STORED, 0) for name, text in files.items()]
    content = _zip(entries + draw(_STRANGERS))
    return changed(content, draw(CHANGES)) if draw(st.booleans()) else content


def bundles_read(drawn: bytes, folder: Path) -> bool:
    """Unpack a bundle and open it, as ``fer-edge models install`` does."""
    path, out = folder / "bundle.zip", folder / "out"
    path.write_bytes(drawn)
    out.mkdir()
    try:
        with ExitStack() as stack:
            copy_members(open_source(path, NORMAL, stack), out, "bundle.zip", NORMAL)
        CpuClassifier(out).close()
    finally:
        path.unlink()
        for file in out.iterdir():
            file.unlink()
        out.rmdir()
    return True


def models() -> st.SearchStrategy[Changes]:
    """Draw what is changed in a model, whose digests are then made right again."""
    return CHANGES


def models_read(drawn: Changes, folder: Path) -> bool:
    """Examine a bundle whose model was changed; its process may die of it."""
    files = _bundle_files(
        changed(_released()[BundleManifest.MODEL], drawn),
        _released()[BundleManifest.GOLDEN],
        {},
    )
    try:
        for name, content in files.items():
            (folder / name).write_bytes(content)
        examine(folder, "bundle")
    finally:
        for name in files:
            (folder / name).unlink(missing_ok=True)
    return True

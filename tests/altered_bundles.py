"""Ways to alter a bundle so that its digests are right, as its maker could."""

import dataclasses
import hashlib
import json
import shutil
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from fer_contract.golden import Golden
from fer_contract.manifest import (
    MANIFEST_NAME,
    BundleManifest,
    read_manifest,
    sha256,
    write_manifest,
)
from fer_edge.models import RELEASED


def released_as(name: str, folder: Path) -> Path:
    """Copy the released bundle into a folder, under another name."""
    bundle = Path(shutil.copytree(RELEASED, folder / name))
    manifest = read_manifest(bundle, BundleManifest)
    write_manifest(bundle, dataclasses.replace(manifest, name=name), manifest.files)
    return bundle


def change_manifest(bundle: Path, **changes: Any) -> None:
    """Change keys of a manifest, and renew all digests; nothing else is checked."""
    path = bundle / MANIFEST_NAME
    document = json.loads(path.read_text(encoding="utf-8"))
    del document["digest"]
    document["files"] = {name: sha256(bundle / name) for name in document["files"]}
    document.update(changes)
    text = json.dumps(document, sort_keys=True, separators=(",", ":"))
    document["digest"] = hashlib.sha256(text.encode()).hexdigest()
    path.write_text(json.dumps(document), encoding="utf-8")


def give_wrong_golden_outputs(bundle: Path) -> None:
    """Have a bundle promise other outputs than its model gives."""
    path = bundle / BundleManifest.GOLDEN
    golden = Golden.load(path)
    outputs, plain = (np.flip(each, axis=1) for each in (golden.outputs, golden.plain))
    dataclasses.replace(golden, outputs=outputs, plain=plain).save(path)
    change_manifest(bundle)


def give_crashing_model(bundle: Path) -> None:
    """Give a model's input a zero point that no table of 256 holds.

    LiteRT's verifier lets it pass, and its quantizer reads far outside of its memory.
    """
    schema = pytest.importorskip("ai_edge_litert.schema_py_generated")
    path = bundle / BundleManifest.MODEL
    content = bytearray(path.read_bytes())
    graph = schema.Model.GetRootAs(bytes(content), 0).Subgraphs(0)
    table = graph.Tensors(graph.Inputs(0)).Quantization()._tab
    zero_point = table.Vector(table.Offset(10))  # its slot in schema.fbs
    struct.pack_into("<q", content, zero_point, 0xFF000000)
    path.write_bytes(content)
    change_manifest(bundle)

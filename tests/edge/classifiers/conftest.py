"""What the tests of classifiers share: the released model, and an Edge TPU's stage."""

import hashlib
import json
import resource
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edgetpu_stage import Stage
from fer_contract.manifest import sha256
from fer_contract.preprocess import Pixels
from fer_edge.classifiers.cpu import CpuClassifier
from fer_edge.models import RELEASED


@pytest.fixture(scope="session")
def bundle() -> Path:
    """The released model, for which nothing has to be trained."""
    return RELEASED


@pytest.fixture(scope="session")
def classifier(bundle: Path) -> CpuClassifier:
    """The released model on the processor."""
    return CpuClassifier(bundle)


@pytest.fixture(scope="session")
def face() -> Pixels:
    """A face that is not golden."""
    return np.random.default_rng(5).integers(0, 256, (48, 48, 1), dtype=np.uint8)


@pytest.fixture
def stage(classifier: CpuClassifier, tmp_path: Path) -> Iterator[Stage]:
    """Where an Edge TPU misbehaves, and leaves no core files behind."""
    limits = resource.getrlimit(resource.RLIMIT_CORE)
    resource.setrlimit(resource.RLIMIT_CORE, (0, limits[1]))
    folder = tmp_path / "stage"
    folder.mkdir()
    stage = Stage(classifier, folder)
    yield stage
    for made in stage.made:
        made.close()
    resource.setrlimit(resource.RLIMIT_CORE, limits)


@pytest.fixture(scope="session")
def edit_manifest() -> Callable[..., None]:
    """Change a manifest and renew all digests, as a forger would.

    ``edit_manifest(bundle, "a file to be listed", key="new value")``
    """

    def edit(bundle: Path, *files: str, **changes: object) -> None:
        path = bundle / "manifest.json"
        document: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        document.update(changes)
        names = {*document["files"], *files}
        document["files"] = {name: sha256(bundle / name) for name in names}
        del document["digest"]
        text = json.dumps(document, sort_keys=True, separators=(",", ":"))
        document["digest"] = hashlib.sha256(text.encode()).hexdigest()
        path.write_text(json.dumps(document), encoding="utf-8")

    return edit

"""The model card of a bundle: what it is, what it can do, what it is not for.

After Mitchell et al. 2019, arXiv 1810.03993. Every figure in it is measured while it is
written, or read from the bundle; ``card.json`` has them all.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from fer_contract.errors import ManifestError
from fer_contract.intervals import wilson
from fer_contract.manifest import BundleManifest
from fer_trainer.evaluation.measure import Evaluation
from fer_trainer.evaluation.pictures import robustness_picture
from fer_trainer.evaluation.robustness import Curve
from fer_trainer.pages import templates

CARD, JSON, PICTURE = BundleManifest.COMPANIONS


def card_facts(
    bundle: Path,
    manifest: BundleManifest,
    evaluation: Evaluation,
    curves: tuple[Curve, ...],
    last_look: Evaluation | None,
) -> dict[str, Any]:
    """Collect all figures of a card.

    Args:
        bundle: directory, with the report of the conversion in it.
        manifest: its own.
        evaluation: of the int8 model on the faces that it was chosen by.
        curves: of ``robustness``, on the same faces.
        last_look: on ``test``, or None.

    Raises:
        ManifestError: no report in the bundle, or a damaged one.
    """
    path = bundle / BundleManifest.REPORT
    try:
        report = json.loads(path.read_text(encoding="utf-8"))
        int8 = next(part for part in report["kinds"] if part["kind"] == "int8")
        chip = report["edgetpu"]
        facts = {
            "model": manifest.name,
            "model_sha256": manifest.files[manifest.MODEL],
            "bytes": int8["bytes"],
            "multiplications": report["multiplications"],
            "operators": int8["operators"],
            "edgetpu_operators": sum(
                row["count"] for row in chip["table"] if row["maps"]
            ),
            "agreement": int8["agreement"],
        }
    except (OSError, ValueError, KeyError, TypeError, StopIteration) as mistake:
        raise ManifestError(
            f"{path}: no report of fer-convert ({type(mistake).__name__})"
        ) from mistake
    facts["validation"] = evaluation.facts()
    facts["robustness"] = {part.disturbance.name: part.facts() for part in curves}
    facts["test"] = last_look.facts() if last_look else None
    return facts


def write_card(
    facts: Mapping[str, Any],
    manifest: BundleManifest,
    curves: tuple[Curve, ...],
    directory: Path,
    *,
    data_licence: str,
    commands: list[str],
) -> None:
    """Write the card, its figures and its picture.

    Args:
        facts: of ``card_facts``.
        manifest: of the bundle.
        curves: to draw.
        directory: that is there.
        data_licence: what may be done with the training data, a sentence or two.
        commands: that train the model again.

    Raises:
        OSError: it cannot be written.
    """
    environment = templates(html=False)
    environment.globals["recalls"] = _recalls
    page = environment.get_template(CARD).render(
        facts=facts,
        manifest=manifest,
        data_licence=data_licence,
        commands=commands,
        picture=PICTURE,
    )
    (directory / PICTURE).write_bytes(robustness_picture(curves))
    (directory / CARD).write_text(page, encoding="utf-8")
    text = json.dumps(facts, indent=2, allow_nan=False) + "\n"
    (directory / JSON).write_text(text, encoding="utf-8")


def _recalls(figures: Mapping[str, Any], labels: tuple[str, ...]) -> dict[str, str]:
    """Return the recall of each label with its interval, as text."""
    rows = {}
    for index, label in enumerate(labels):
        row = figures["confusion"][index]
        right, faces = row[index], sum(row)
        if not faces:
            rows[label] = "-"
            continue
        low, high = wilson(right, faces)
        rows[label] = f"{right / faces:.1%} ({low:.1%} to {high:.1%}) of {faces:,}"
    return rows

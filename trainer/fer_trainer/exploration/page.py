"""What ``fer-train explore`` leaves on disk: figures, and a page to look at."""

import io
import json
from pathlib import Path

import numpy as np

from fer_trainer.augment import augment
from fer_trainer.exploration.duplicates import Group
from fer_trainer.exploration.explore import Exploration
from fer_trainer.pages import check_place, render_page
from fer_trainer.recipes import Augmentation
from fer_trainer.sheets import contact_sheet

JSON = "explore.json"
PAGE = "explore.html"
FILES = (JSON, PAGE)

_COLUMNS = 12
_GROUPS = 24
_DISPUTED = 36
_VERSIONS = 11


def write_exploration(
    found: Exploration, augmentation: Augmentation, recipe: str, seed: int, out: Path
) -> None:
    """Write ``explore.json`` and ``explore.html``; the page needs no other file.

    Args:
        found: what was found.
        augmentation: shown on some faces, so that one sees what is trained on.
        recipe: its name.
        seed: chooses the faces shown.
        out: made if it is not there.

    Raises:
        DataError: ``out`` holds something else.
        OSError: it cannot be written.
    """
    check_place(out, FILES)
    out.mkdir(parents=True, exist_ok=True)
    facts = found.facts()
    (out / JSON).write_text(json.dumps(facts, indent=2, allow_nan=False) + "\n")
    rng = np.random.default_rng(seed)
    pictures: dict[str, bytes | None] = {"counts": _counts(found)}
    for label in found.parts[0].labels:
        pictures[f"sample {label}"] = _sample(found, label, rng)
    pictures["augmented"] = _augmented(found, augmentation, rng)
    pictures["leaks"] = _groups(found, found.leaks)
    pictures["contradictions"] = _groups(found, found.contradictions)
    near = [group for group in found.duplicates.groups if not group.exact]
    pictures["near"] = _groups(found, near)
    pictures["disputed"] = _disputed(found)
    page = render_page(PAGE, {**facts, "recipe": recipe}, pictures)
    (out / PAGE).write_text(page, encoding="utf-8", errors="surrogateescape")


def _counts(found: Exploration) -> bytes:
    """Draw the number of faces a class and split."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    labels = found.parts[0].labels
    figure = Figure(figsize=(8, 3.5), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots()
    width = 0.8 / len(found.parts)
    for index, part in enumerate(found.parts):
        places = np.arange(len(labels)) + (index - (len(found.parts) - 1) / 2) * width
        bars = axes.bar(places, list(part.counts().values()), width, label=part.split)
        axes.bar_label(bars, fmt="{:,.0f}", fontsize=8)
    axes.set_xticks(range(len(labels)), labels)
    axes.set(ylabel="faces")
    axes.margins(y=0.12)
    axes.legend()
    page = io.BytesIO()
    figure.savefig(page, format="png", dpi=110)
    return page.getvalue()


def _sample(found: Exploration, label: str, rng: np.random.Generator) -> bytes:
    """Draw two rows of one class, of the first split."""
    part = found.parts[0]
    places = np.flatnonzero(part.classes == part.labels.index(label))
    chosen = rng.permutation(places)[: 2 * _COLUMNS]
    return contact_sheet(part.faces[chosen], columns=_COLUMNS)


def _augmented(
    found: Exploration, augmentation: Augmentation, rng: np.random.Generator
) -> bytes:
    """Draw a face a row, as stored and in versions that a training sees."""
    part = found.parts[0]
    rows = []
    for index in range(len(part.labels)):
        for place in rng.permutation(np.flatnonzero(part.classes == index))[:2]:
            face = part.faces[place][np.newaxis]
            versions = augment(np.repeat(face, _VERSIONS, axis=0), augmentation, rng)
            rows.append(np.concatenate([face, versions]))
    return contact_sheet(np.concatenate(rows), columns=1 + _VERSIONS)


def _groups(found: Exploration, groups: list[Group]) -> bytes | None:
    """Draw the first two faces of some groups, side by side."""
    shown = groups[:: max(1, len(groups) // _GROUPS)][:_GROUPS]
    if not shown:
        return None
    faces, captions = [], []
    for group in shown:
        # Of a leak the two splits; of a contradiction the two labels.
        second = next(
            (
                place
                for place, member in enumerate(group.members)
                if (member.part, member.label)
                != (group.members[0].part, group.members[0].label)
            ),
            1,
        )
        for place in (0, second):
            member = group.members[place]
            faces.append(found.face(group, place))
            captions.append(f"{found.parts[member.part].split}\n{member.label}")
    return contact_sheet(np.stack(faces), captions, columns=_COLUMNS)


def _disputed(found: Exploration) -> bytes | None:
    """Draw faces whose label hardly anyone voted for."""
    faces = found.disputed(_DISPUTED)
    if not faces or found.votes is None:
        return None
    shares = {part.split: found.votes.shares(part) for part in found.parts}
    captions = []
    for part, index, _ in faces:
        voted = shares[part.split][index]
        most = part.labels[int(voted.argmax())]
        captions.append(f"{part.labels[part.classes[index]]}\n{most} {voted.max():.0%}")
    pixels = np.stack([part.faces[index] for part, index, _ in faces])
    return contact_sheet(pixels, captions, columns=_COLUMNS)

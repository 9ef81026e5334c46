"""What the network is to answer for each training face, and how much it counts."""

import numpy as np
import numpy.typing as npt

from fer_contract.dataset import FaceSet
from fer_trainer.recipes import Recipe

Targets = npt.NDArray[np.float32]


def make_targets(
    faces: FaceSet, vote_shares: npt.NDArray[np.float64] | None, recipe: Recipe
) -> Targets:
    """Return a distribution over the labels for each face.

    Args:
        faces: labelled.
        vote_shares: (N, C) of ``Votes.shares``, or None.
        recipe: its ``votes_share`` and ``label_smoothing`` count.

    Returns:
        float32 (N, C), each row summing to 1: label and votes mixed, then smoothed.
    """
    classes = len(faces.labels)
    targets = np.eye(classes)[faces.classes]
    if vote_shares is not None:
        targets += recipe.votes_share * (vote_shares - targets)
    targets += recipe.label_smoothing * (1 / classes - targets)
    return targets.astype(np.float32)


def make_weights(faces: FaceSet, recipe: Recipe) -> Targets:
    """Return how much each face's loss counts, float32 (N,), 1 on average.

    With class weights every class counts alike: N / (C * faces of the class).
    """
    if not recipe.class_weights:
        return np.ones(len(faces), dtype=np.float32)
    counts = np.bincount(faces.classes, minlength=len(faces.labels))
    weights = len(faces) / (len(faces.labels) * counts)
    return weights[faces.classes].astype(np.float32)

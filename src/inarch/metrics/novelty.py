"""Out-of-distribution (OOD) scores: the distance of a photo's features to those of the training set.

The distance to the k-th nearest neighbour, features scaled to length 1: Sun et al. 2022, *Out-of-Distribution
Detection with Deep Nearest Neighbors*, arXiv 2204.06507.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

NEIGHBOURS = 5
"""The k."""

Features = NDArray[np.floating[Any]]


def known_rows(n: int, seed: int, *, most: int = 2000) -> NDArray[np.int64]:
    """The rows of the training photos to keep as neighbours: all of ``n``, or the ``most`` drawn from them."""
    return np.sort(np.random.default_rng(seed).permutation(n)[:most])


def directions(features: Features) -> NDArray[np.float16]:
    """Each row scaled to length 1, (n, d)."""
    rows = features.astype(np.float32)
    return (rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-12)).astype(np.float16)


def ood_scores(
    features: Features,
    known: Features,
    groups: NDArray[np.int64] | None = None,
    known_groups: NDArray[np.int64] | None = None,
) -> NDArray[np.float64]:
    """1 minus the cosine similarity to the `NEIGHBOURS`-th nearest training photo, (n,): 0 to 2.

    Args:
        features: of the photos to score, (n, d).
        known: `directions` of the training photos, (m, d).
        groups: of the photos to score, (n,).
        known_groups: of the training photos, (m,); a photo is not compared with its own group.
    """
    chunk = 1000  # photos whose distances are in memory at once
    compared = np.asarray(known, dtype=np.float32)
    found = [np.zeros(0)]
    for at in range(0, len(features), chunk):
        likeness = directions(features[at : at + chunk]).astype(np.float32) @ compared.T
        if groups is not None and known_groups is not None:
            likeness[groups[at : at + chunk, None] == known_groups] = -1.0
        place = max(0, len(known) - NEIGHBOURS)
        found.append(1.0 - np.partition(likeness, place, axis=1)[:, place].astype(np.float64))
    return np.concatenate(found)

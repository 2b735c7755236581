"""Near-duplicates: photos that look the same although their files differ.

Found are copies that were saved again, resized, cropped a little, or made brighter or darker. First every photo is
compared with every other as a tiny picture, whole and in five crops; the likeliest partners of each are then laid over
each other exactly (`inarch.data.alignment`). Twins agree in brightness and, what sky above land does not, in fine
structure. How well depends on the set: of photos of one kind, such as digits, even strangers agree in much.
"""

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from inarch.data.alignment import Floats, align_pairs, correlate_detail
from inarch.storage.parallel import map_in_order

LOOK = 64
"""Pixels a side at which photos are looked at."""
COARSE = 8
"""Pixels a side of the tiny pictures."""
ZOOM = 0.93
CROPS = (
    (0.0, 0.0, 1.0),
    (0.0, 0.0, ZOOM),
    (0.0, 1 - ZOOM, ZOOM),
    (1 - ZOOM, 0.0, ZOOM),
    (1 - ZOOM, 1 - ZOOM, ZOOM),
    ((1 - ZOOM) / 2, (1 - ZOOM) / 2, ZOOM),
)
"""What of a photo may be all that its twin shows: left, top, width."""
PARTNERS, LIKELY = 8, 0.7
"""For each photo at most so many are laid over it, and only those whose tiny pictures correlate so well."""
PROMISING = 0.8
"""What a pair must reach at half the resolution to be looked at closely."""
ROUGH_STEPS, CLOSE_STEPS = 5, 3
SMALLEST, LARGEST = 0.8, 1.1
"""How wide the part may be that a twin shows."""
ALIKE = 0.9
"""What brightness must correlate for a pair to be twins."""
LENIENT, STRICT = 0.55, 0.95
"""What fine structure must correlate: in a set of all kinds of photos, and in one of a single kind."""
ALL_KINDS, ONE_KIND = 0.58, 0.72
"""Of which of the two a set is: see `threshold_of`."""
STRANGERS = 1000
"""So many photos, compared with each other, tell it."""
BLOCK, PAIRS = 512, 256
WORKERS = 2


class Pair(NamedTuple):
    """Two photos that were laid over each other; ``first`` is the smaller index."""

    first: int
    second: int
    likeness: float
    """The correlation of their brightness, from -1 to 1."""
    detail: float
    """That of their fine structure; 0 where the other is too low to look."""


def brightness(images: NDArray[np.uint8]) -> Floats:
    """Luma (ITU-R BT.601) of RGB (n, side, side, 3): (n, side, side), 0 to 255."""
    return images.astype(np.float32) @ np.array([0.299, 0.587, 0.114], dtype=np.float32)


def find_near_duplicates(looks: Floats, on_progress: Callable[[int, int], None]) -> list[Pair]:
    """Pairs of near-duplicates.

    Args:
        looks: brightness of photos of different files, (n, LOOK, LOOK).
        on_progress: called with photos done and photos to do.
    """
    enough = threshold_of(looks)
    return [
        pair for pair in find_likeliest_pairs(looks, on_progress) if pair.likeness >= ALIKE and pair.detail >= enough
    ]


def threshold_of(looks: Floats) -> float:
    """What fine structure must correlate for a pair to be twins.

    By how alike strangers are in this set: the 95th percentile of the correlations of tiny pictures, all with all, of
    which twins are a vanishing part. Up to ALL_KINDS the threshold is LENIENT, from ONE_KIND on STRICT, and straight in
    between.

    Args:
        looks: brightness of photos, (n, LOOK, LOOK).
    """
    if len(looks) < 2:
        return LENIENT
    tiny = _shrink_crops(looks[:: -(-len(looks) // STRANGERS)], *CROPS[0])
    alike = float(np.quantile((tiny @ tiny.T)[np.triu_indices(len(tiny), 1)], 0.95)) if len(tiny) > 1 else 0.0
    return float(np.interp(alike, (ALL_KINDS, ONE_KIND), (LENIENT, STRICT)))


def find_likeliest_pairs(looks: Floats, on_progress: Callable[[int, int], None]) -> list[Pair]:
    """The likeliest partners of every photo, laid over each other; each pair once.

    Args:
        looks: brightness of photos, (n, LOOK, LOOK).
        on_progress: called with photos done and photos to do.
    """
    tiny = np.stack([_shrink_crops(looks, *crop) for crop in CROPS])
    starts = range(0, len(looks), BLOCK)
    found: dict[tuple[int, int], tuple[float, float]] = {}
    with threadpool_limits(1, user_api="blas"):
        for start, likely in zip(
            starts, map_in_order(partial(_partners_of, looks, tiny), starts, WORKERS), strict=True
        ):
            for one, other, *scores in likely:
                key = (min(one, other), max(one, other))
                found[key] = max(found.get(key, (-1.0, 0.0)), (scores[0], scores[1]))
            on_progress(min(start + BLOCK, len(looks)), len(looks))
    return [Pair(*key, *scores) for key, scores in sorted(found.items())]


def _partners_of(looks: Floats, tiny: Floats, start: int) -> list[tuple[int, int, float, float]]:
    """The likeliest partners of `BLOCK` photos: a photo, its partner, and what `_likeness` says of the two."""
    rows = np.arange(start, min(start + BLOCK, len(looks)))
    scores, crops = np.full((len(rows), len(looks)), -1, dtype=np.float32), np.zeros((len(rows), len(looks)), np.uint8)
    for number, crop in enumerate(tiny):
        seen = crop[rows] @ tiny[0].T
        crops[seen > scores] = number
        np.maximum(scores, seen, out=scores)
    scores[np.arange(len(rows)), rows] = -1
    count = min(PARTNERS, len(looks) - 1)
    near = np.argpartition(-scores, count - 1, axis=1)[:, :count] if count else np.zeros((len(rows), 0), np.int64)
    at, place = np.nonzero(np.take_along_axis(scores, near, 1) >= LIKELY)
    others = near[at, place]
    boxes = np.array(CROPS, dtype=np.float32)[crops[at, others]]
    partners: list[tuple[int, int, float, float]] = []
    for part in (slice(begin, begin + PAIRS) for begin in range(0, len(at), PAIRS)):
        one, other = rows[at[part]], others[part]
        likeness, details = _likeness(looks[one], looks[other], boxes[part])
        partners += zip(one.tolist(), other.tolist(), likeness.tolist(), details.tolist(), strict=True)
    return partners


def _likeness(first: Floats, second: Floats, boxes: Floats) -> tuple[Floats, Floats]:
    """How brightness and fine structure of each pair correlate: the former rough where it is not promising."""
    half, quarter = _halve(second), _halve(_halve(second))
    scores, boxes = align_pairs(_halve(first), quarter, boxes, ROUGH_STEPS)
    rest = np.flatnonzero(scores < PROMISING)
    if len(rest):  # textures repeat: from another start, another optimum is found
        middle = np.tile(np.array(CROPS[-1], dtype=np.float32), (len(rest), 1))
        scores[rest], boxes[rest] = align_pairs(_halve(first[rest]), quarter[rest], middle, ROUGH_STEPS)
    close = np.flatnonzero(scores >= PROMISING)
    details = np.zeros_like(scores)
    if len(close):
        scores[close], boxes[close] = align_pairs(first[close], half[close], boxes[close], CLOSE_STEPS)
        details[close] = correlate_detail(first[close], half[close], boxes[close])
    scores[(boxes[:, 2] < SMALLEST) | (boxes[:, 2] > LARGEST)] = 0
    return scores, details


def _halve(images: Floats) -> Floats:
    n, side = images.shape[:2]
    return images.reshape(n, side // 2, 2, side // 2, 2).mean((2, 4))


def _shrink_crops(looks: Floats, left: float, top: float, width: float) -> Floats:
    """The part of each photo as a row of COARSE x COARSE numbers, of mean 0 and length 1; of length 0 if it is flat."""
    shrunk = _fields(top, width) @ looks @ _fields(left, width).T
    rows = shrunk.reshape(len(looks), COARSE**2)
    rows = rows - rows.mean(1, keepdims=True)
    return rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1.0)


def _fields(start: float, width: float) -> Floats:
    """(COARSE, LOOK): the means of COARSE equal fields of the part, whose edges may cut through pixels."""
    edges = (start + width * np.arange(COARSE + 1) / COARSE) * LOOK
    pixels = np.arange(LOOK)
    covered = np.minimum(edges[1:, None], pixels + 1) - np.maximum(edges[:-1, None], pixels)
    return (np.clip(covered, 0, 1) * COARSE / (width * LOOK)).astype(np.float32)

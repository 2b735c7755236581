"""Near-duplicates: photos that look the same although their files differ.

The search finds copies that were saved again, resized, cropped a little, or made brighter or darker. First every photo
is compared with every other as a tiny image, whole and in five crops; the most similar candidates of each are then
aligned (`inarch.data.alignment`). Near-duplicates agree in brightness and in fine structure. Its accuracy depends on
the
dataset: in photos of one kind, such as digits, unrelated photos are similar too.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from inarch.data.alignment import Floats, align_pairs, correlate_detail
from inarch.storage.parallel import map_in_order

LOOK = 64
"""Side of the images that are compared, in pixels."""


@dataclass(frozen=True, kw_only=True)
class DuplicateSearch:
    """When two photos count as near-duplicates; `benchmarks.duplicates` measures it."""

    coarse: int = 8
    """Side of the tiny images, in pixels."""
    zoom: float = 0.93
    """Width of the crops that are compared besides the whole photo."""
    block: int = 512
    """The photos whose tiny images are compared at once."""
    pairs: int = 256
    """The pairs that are aligned at once."""
    partners: int = 8
    """The most photos that are aligned with each photo."""
    likely: float = 0.7
    """The least correlation of tiny pictures for an alignment."""
    promising: float = 0.8
    """The least correlation of brightness at half the resolution for an alignment at the full one."""
    rough_steps: int = 5
    """The steps of the alignment at half the resolution."""
    close_steps: int = 3
    """The steps of the alignment at the full resolution."""
    smallest: float = 0.8
    """The least width of the part of a photo that its near-duplicate shows."""
    largest: float = 1.1
    """The greatest width of it."""
    alike: float = 0.9
    """The least correlation of brightness of near-duplicates."""
    lenient: float = 0.55
    """The least correlation of fine structure in a set of all kinds of photos."""
    strict: float = 0.95
    """The same in a set of a single kind."""
    all_kinds: float = 0.58
    """The similarity of unrelated photos up to which a set is one of all kinds; see `threshold_of`."""
    one_kind: float = 0.72
    """The same from which on a set is one of a single kind."""
    compared: int = 1000
    """The photos whose correlations tell which of the two a set is."""

    @property
    def crops(self) -> tuple[tuple[float, float, float], ...]:
        """The parts of a photo that a near-duplicate may show: left, top, width; the whole comes first."""
        zoom, rest = self.zoom, 1 - self.zoom
        corners = [(left, top, zoom) for left in (0.0, rest) for top in (0.0, rest)]
        return ((0.0, 0.0, 1.0), *corners, (rest / 2, rest / 2, zoom))


USUAL = DuplicateSearch()


class Pair(NamedTuple):
    """Two aligned photos; ``first`` is the smaller index."""

    first: int
    second: int
    likeness: float
    """The correlation of their brightness, from -1 to 1."""
    detail: float
    """The correlation of their fine structure; 0 if that of brightness is too low."""


def brightness(images: NDArray[np.uint8]) -> Floats:
    """Luma (ITU-R BT.601) of RGB (n, side, side, 3): (n, side, side), 0 to 255."""
    return images.astype(np.float32) @ np.array([0.299, 0.587, 0.114], dtype=np.float32)


def find_near_duplicates(
    looks: Floats, on_progress: Callable[[int, int], None], search: DuplicateSearch = USUAL
) -> list[Pair]:
    """Pairs of near-duplicates.

    Args:
        looks: brightness of photos of different files, (n, LOOK, LOOK).
        on_progress: called with photos done and photos to do.
    """
    enough = threshold_of(looks, search)
    return [
        pair
        for pair in find_likeliest_pairs(looks, on_progress, search)
        if pair.likeness >= search.alike and pair.detail >= enough
    ]


def threshold_of(looks: Floats, search: DuplicateSearch = USUAL) -> float:
    """The least correlation of fine structure of a near-duplicate.

    It depends on the similarity of unrelated photos in this dataset: the 95th percentile of the correlations of all
    pairs of tiny images, of which near-duplicates are a negligible part. Up to ``all_kinds`` the threshold is
    ``lenient``, from ``one_kind`` on ``strict``, and linear in between.

    Args:
        looks: brightness of photos, (n, LOOK, LOOK).
        search: the two thresholds, and the measures between which the threshold rises.
    """
    if len(looks) < 2:
        return search.lenient
    tiny = _shrink_crops(looks[:: -(-len(looks) // search.compared)], search.crops[0], search.coarse)
    alike = float(np.quantile((tiny @ tiny.T)[np.triu_indices(len(tiny), 1)], 0.95)) if len(tiny) > 1 else 0.0
    return float(np.interp(alike, (search.all_kinds, search.one_kind), (search.lenient, search.strict)))


def find_likeliest_pairs(
    looks: Floats, on_progress: Callable[[int, int], None], search: DuplicateSearch = USUAL
) -> list[Pair]:
    """The most similar candidates of every photo, aligned with it; each pair once.

    Args:
        looks: brightness of photos, (n, LOOK, LOOK).
        on_progress: called with photos done and photos to do.
    """
    tiny = np.stack([_shrink_crops(looks, crop, search.coarse) for crop in search.crops])
    starts = range(0, len(looks), search.block)
    found: dict[tuple[int, int], tuple[float, float]] = {}
    with threadpool_limits(1, user_api="blas"):
        for start, likely in zip(
            starts, map_in_order(partial(_partners_of, looks, tiny, search), starts, workers=2), strict=True
        ):
            for one, other, *scores in likely:
                key = (min(one, other), max(one, other))
                found[key] = max(found.get(key, (-1.0, 0.0)), (scores[0], scores[1]))
            on_progress(min(start + search.block, len(looks)), len(looks))
    return [Pair(*key, *scores) for key, scores in sorted(found.items())]


def _partners_of(
    looks: Floats, tiny: Floats, search: DuplicateSearch, start: int
) -> list[tuple[int, int, float, float]]:
    """The candidates of a block of photos: a photo, its candidate, and the result of `_likeness`."""
    rows = np.arange(start, min(start + search.block, len(looks)))
    scores, crops = np.full((len(rows), len(looks)), -1, dtype=np.float32), np.zeros((len(rows), len(looks)), np.uint8)
    for number, crop in enumerate(tiny):
        seen = crop[rows] @ tiny[0].T
        crops[seen > scores] = number
        np.maximum(scores, seen, out=scores)
    scores[np.arange(len(rows)), rows] = -1
    count = min(search.partners, len(looks) - 1)
    near = np.argpartition(-scores, count - 1, axis=1)[:, :count] if count else np.zeros((len(rows), 0), np.int64)
    at, place = np.nonzero(np.take_along_axis(scores, near, 1) >= search.likely)
    others = near[at, place]
    boxes = np.array(search.crops, dtype=np.float32)[crops[at, others]]
    partners: list[tuple[int, int, float, float]] = []
    for part in (slice(begin, begin + search.pairs) for begin in range(0, len(at), search.pairs)):
        one, other = rows[at[part]], others[part]
        likeness, details = _likeness(looks[one], looks[other], boxes[part], search)
        partners += zip(one.tolist(), other.tolist(), likeness.tolist(), details.tolist(), strict=True)
    return partners


def _likeness(first: Floats, second: Floats, boxes: Floats, search: DuplicateSearch) -> tuple[Floats, Floats]:
    """The correlations of brightness and fine structure of each pair; the former is rough if it is low."""
    half, quarter = _halve(second), _halve(_halve(second))
    scores, boxes = align_pairs(_halve(first), quarter, boxes, search.rough_steps)
    rest = np.flatnonzero(scores < search.promising)
    if len(rest):  # textures repeat: another start finds another optimum
        middle = np.tile(np.array(search.crops[-1], dtype=np.float32), (len(rest), 1))
        scores[rest], boxes[rest] = align_pairs(_halve(first[rest]), quarter[rest], middle, search.rough_steps)
    close = np.flatnonzero(scores >= search.promising)
    details = np.zeros_like(scores)
    if len(close):
        scores[close], boxes[close] = align_pairs(first[close], half[close], boxes[close], search.close_steps)
        details[close] = correlate_detail(first[close], half[close], boxes[close])
    scores[(boxes[:, 2] < search.smallest) | (boxes[:, 2] > search.largest)] = 0
    return scores, details


def _halve(images: Floats) -> Floats:
    n, side = images.shape[:2]
    return images.reshape(n, side // 2, 2, side // 2, 2).mean((2, 4))


def _shrink_crops(looks: Floats, crop: tuple[float, float, float], coarse: int) -> Floats:
    """The part of each photo as a row of coarse x coarse numbers, of mean 0 and length 1; of length 0 if constant."""
    left, top, width = crop
    shrunk = _fields(top, width, coarse) @ looks @ _fields(left, width, coarse).T
    rows = shrunk.reshape(len(looks), coarse**2)
    rows = rows - rows.mean(1, keepdims=True)
    return rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1.0)


def _fields(start: float, width: float, coarse: int) -> Floats:
    """(coarse, LOOK): the means of ``coarse`` equal fields of the part, whose edges may cut through pixels."""
    edges = (start + width * np.arange(coarse + 1) / coarse) * LOOK
    pixels = np.arange(LOOK)
    covered = np.minimum(edges[1:, None], pixels + 1) - np.maximum(edges[:-1, None], pixels)
    return (np.clip(covered, 0, 1) * coarse / (width * LOOK)).astype(np.float32)

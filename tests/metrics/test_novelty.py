"""Distances to what was learned from, held against scikit-learn's."""

import numpy as np
import pytest
import torch
from sklearn.neighbors import NearestNeighbors

from inarch.metrics.novelty import NEIGHBOURS, directions, known_rows, ood_scores
from tolerance import assert_same_computation

IN_16_BITS = {"terms": 2, "magnitude": 1.0, "dtype": torch.float16}
"""Both directions of a cosine are rounded once; their products are summed in 32 bits."""


@pytest.fixture
def draw() -> np.random.Generator:
    return np.random.default_rng(0)


def test_it_is_the_distance_to_the_kth_neighbour(draw: np.random.Generator) -> None:
    """By scikit-learn, to the precision of 16 bits, for more photos than are compared at once."""
    known, photos = draw.normal(size=(50, 16)), draw.normal(size=(1003, 16))
    nearest = NearestNeighbors(n_neighbors=NEIGHBOURS, metric="cosine").fit(known)
    expected = nearest.kneighbors(photos)[0][:, -1]
    assert_same_computation(ood_scores(photos, directions(known)), expected, **IN_16_BITS)


def test_how_long_features_are_does_not_matter(draw: np.random.Generator) -> None:
    """Features of nothing but zeros have no direction, and are like nothing."""
    known, photos = draw.normal(size=(30, 8)), draw.normal(size=(5, 8))
    plain = ood_scores(photos, directions(known))
    assert_same_computation(ood_scores(photos * 7, directions(known * 3)), plain, **IN_16_BITS)
    assert ood_scores(np.zeros((1, 8)), directions(known)) == pytest.approx(1.0)


def test_none_is_compared_with_its_own_group(draw: np.random.Generator) -> None:
    """Ten shots of one thing are not familiar because there are ten: they are as far off as if each were alone."""
    groups = np.repeat(np.arange(20), 10)
    shots = np.repeat(draw.normal(size=(20, 12)), 10, axis=0) + 0.01 * draw.normal(size=(200, 12))
    known = directions(shots)
    assert ood_scores(shots, known).max() < 0.01
    apart = ood_scores(shots, known, groups, groups)
    others = [ood_scores(shots[[row]], known[groups != groups[row]])[0] for row in range(200)]
    assert_same_computation(apart, others, terms=shots.shape[1], magnitude=1.0, dtype=torch.float32)
    assert apart.min() > 0.05


def test_fewer_than_k_are_enough(draw: np.random.Generator) -> None:
    """The farthest of them counts."""
    known = draw.normal(size=(2, 6))
    photo = draw.normal(size=(1, 6))
    each = [ood_scores(photo, directions(known[[row]]))[0] for row in range(2)]
    found = ood_scores(photo, directions(known))[0]
    assert_same_computation(found, max(each), terms=known.shape[1], magnitude=1.0, dtype=torch.float32)


def test_of_many_photos_a_part_is_kept() -> None:
    """Each row once, and the same for the same seed."""
    rows = known_rows(10_000, 3)
    assert len(set(rows.tolist())) == 2000
    assert (rows == known_rows(10_000, 3)).all()
    assert known_rows(7, 3).tolist() == list(range(7))

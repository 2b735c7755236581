"""What a leak is worth: nothing where there is none to have, much where copies are all that can be learned."""

from dataclasses import replace

import numpy as np
import pytest

from inarch.commands.train.leakage import measure_leakage
from inarch.data.labels import PhotoLabels
from inarch.errors import PhotosError

PAIRS = 60


def pairs(*, signal):
    """Features of photos that come in pairs of near-duplicates, and tell as much of the class as ``signal`` says."""
    draw = np.random.default_rng(0)
    labels = np.repeat(np.arange(PAIRS) % 2, 2)
    own = np.repeat(draw.normal(size=(PAIRS, 80)), 2, axis=0) + 0.05 * draw.normal(size=(2 * PAIRS, 80))
    own[:, 0] += signal * labels
    return own.astype(np.float32), PhotoLabels(labels.astype(np.int64), np.repeat(np.arange(PAIRS), 2), 2)


def test_copies_on_both_sides_look_like_knowledge():
    """Labels that nothing tells are guessed; with the twin at hand they are remembered."""
    measured = measure_leakage(*pairs(signal=0.0), seed=0)
    assert measured.grouped == 2 * PAIRS
    assert measured.apart.value < 0.7
    assert measured.tax.low > 0.05
    assert measured.tax.value == pytest.approx(measured.parted.value - measured.apart.value, abs=0.01)
    assert measured.tax.n == PAIRS


def test_what_can_be_learned_needs_no_leak():
    """Classes far apart are told either way."""
    measured = measure_leakage(*pairs(signal=40.0), seed=0)
    assert measured.tax.low <= 0 <= measured.tax.high
    assert measured.apart.value > 0.95


def test_where_nothing_belongs_together_there_is_nothing_to_measure():
    """Nor where a class is a single group."""
    features, photos = pairs(signal=1.0)
    with pytest.raises(PhotosError, match="No two photos belong together"):
        measure_leakage(features, replace(photos, groups=np.arange(len(photos))), seed=0)
    one = replace(photos, groups=np.where(photos.labels == 1, PAIRS, photos.groups))
    with pytest.raises(PhotosError, match="two photos that do not belong together"):
        measure_leakage(features, one, seed=0)

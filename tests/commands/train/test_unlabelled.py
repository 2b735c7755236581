"""Self-training on drawn features: what it learns from, what it gains, and that nobody is taken in by it."""

from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from inarch.commands.train.unlabelled import LabelledFeatures, select_confident_rows, self_train_probe
from inarch.data.folds import folds
from inarch.data.labels import PhotoLabels
from inarch.transfer.linear import Probe, fit_probe

CLASSES, WIDTH = 3, 20


def clouds(n: int, seed: int, *, apart: float = 2.0) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Photos around one centre for each class: (n, WIDTH), and their classes."""
    draw = np.random.default_rng(seed)
    labels = np.arange(n) % CLASSES
    centres = apart * np.eye(CLASSES, WIDTH)
    return (centres[labels] + draw.normal(size=(n, WIDTH))).astype(np.float32), labels


def learned(n: int, seed: int, *, apart: float = 2.0) -> tuple[LabelledFeatures, Probe]:
    """Labelled photos and the probe of them."""
    features, labels = clouds(n, seed, apart=apart)
    photos = PhotoLabels(labels, np.arange(n), CLASSES)
    fit = fit_probe(features[None], photos, seed=0)
    return LabelledFeatures(features[None], photos, fit.strength, "none"), fit


def test_the_surest_of_every_class_are_taken() -> None:
    """A share of each class, one at least; however sure the others are."""
    logits = np.array([[5.0, 0], [4, 0], [3, 0], [2, 0], [0, 0.2], [0, 0.1]])
    assert select_confident_rows(logits, 0.5).tolist() == [0, 1, 4]
    assert select_confident_rows(logits, 0.1).tolist() == [0, 4]
    assert select_confident_rows(logits, 1.0).tolist() == list(range(6))
    assert select_confident_rows(logits[:0], 0.5).tolist() == []


@pytest.mark.slow
def test_many_photos_without_labels_help_where_classes_stand_apart() -> None:
    """Twelve labels and six hundred photos without, over ten draws."""
    gains = []
    for seed in range(10):
        labelled, fit = learned(12, seed)
        trained = self_train_probe(labelled, clouds(600, 100 + seed)[0], fit, seed=0)
        features, labels = clouds(600, 200 + seed)
        right = [float((each.logits(features).argmax(1) == labels).mean()) for each in (fit, trained)]
        gains.append(right[1] - right[0])
    assert np.median(gains) > 0.03
    assert sum(gain > 0 for gain in gains) >= 8


def test_held_out_logits_come_from_fits_that_had_not_seen_the_photo() -> None:
    """Another label for a photo does not change its own held-out answer, though it changes the fit."""
    labelled, fit = learned(30, 0, apart=1.0)
    more, _ = clouds(60, 1, apart=1.0)
    before = self_train_probe(labelled, more, fit, seed=0)
    assert np.array_equal(before.held_out_rows, fit.held_out_rows)
    moved = 0.5 * np.eye(1, 30, 7, dtype=np.float32)[0][:, None]
    after = self_train_probe(replace(labelled, views=labelled.views + moved), more, fit, seed=0)
    own = after.held_out[7] - before.held_out[7]
    by_hand = 0.5 * _fold_weight(labelled, more, fit, 7).sum(1)
    assert own == pytest.approx(by_hand, abs=2e-3)  # a fit is as exact as its descent


def _fold_weight(labelled: LabelledFeatures, more: NDArray[np.float32], fit: Probe, row: int) -> NDArray[np.float32]:
    """The weights, (classes, d), of the fit that did not see ``row``."""
    photos = labelled.photos
    (seen,) = [seen for seen, held in folds(photos.labels, k=5, seed=0, groups=photos.groups) if row in held]
    return labelled.self_trained(seen, more).weight


def test_the_same_photos_give_the_same_fit() -> None:
    """Nothing is drawn."""
    labelled, fit = learned(30, 3)
    more, _ = clouds(90, 4)
    once, again = (self_train_probe(labelled, more, fit, seed=0) for _ in range(2))
    assert np.array_equal(once.weight, again.weight)
    assert once.strength == pytest.approx(fit.strength)

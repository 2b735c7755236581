"""The learning curve against classes whose error is known, and its forecast against what came."""

import numpy as np
import pytest
from numpy.typing import NDArray

from inarch.commands.train import learning_curve as learning
from inarch.commands.train.learning_curve import CurveFit, learning_curve
from inarch.data.labels import PhotoLabels
from inarch.transfer.class_weighting import unweighted
from inarch.transfer.linear import fit_at, fit_probe
from tolerance import assert_same_computation

CLASSES, WIDTH, STRENGTH = 3, 30, 0.03
CENTRES = np.random.default_rng(7).normal(size=(CLASSES, WIDTH)) * 0.45


def drawn(n: int, seed: int) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Clouds that overlap."""
    generator = np.random.default_rng(seed)
    labels = np.arange(n) % CLASSES
    return (CENTRES[labels] + generator.normal(size=(n, WIDTH))).astype(np.float32), labels


def curve_of(n: int, seed: int = 0, groups: NDArray[np.int64] | None = None) -> learning.LearningCurve | None:
    features, labels = drawn(n, seed)
    units = np.arange(n) if groups is None else groups
    return learning_curve(features, PhotoLabels(labels, units, CLASSES), CurveFit(STRENGTH), seed=seed)


def test_more_photos_and_the_same_judges() -> None:
    """An eighth, a quarter, a half and all of four fifths; each judged on every photo; accuracy as on new photos."""
    curve = curve_of(480)
    assert [point.photos for point in curve.points] == pytest.approx([48, 96, 192, 384], abs=3)
    assert {point.accuracy.n for point in curve.points} == {480}
    assert curve.photos == 480
    features, labels = drawn(6000, seed=99)
    for point in curve.points:
        accuracies = []
        for seed in range(5):
            mine = drawn(point.photos, seed=1000 + seed)
            fit = fit_at(*mine, STRENGTH, unweighted(CLASSES))
            accuracies.append((fit.logits(features).argmax(1) == labels).mean())
        assert point.accuracy.value == pytest.approx(np.mean(accuracies), abs=0.05)


@pytest.mark.slow
def test_the_forecast_holds_what_came() -> None:
    """The true gain of twice the photos, measured on 6,000 new ones, lies in the interval 17 times of 20 at least."""
    features, labels = drawn(6000, seed=99)
    inside = 0
    for seed in range(20):
        accuracies = []
        for n in (120, 240):
            fit = fit_at(*(each[:n] for each in drawn(240, seed=seed)), STRENGTH, unweighted(CLASSES))
            accuracies.append((fit.logits(features).argmax(1) == labels).mean())
        mine, own = (each[:120] for each in drawn(240, seed=seed))
        curve = learning_curve(mine, PhotoLabels(own, np.arange(120), CLASSES), CurveFit(STRENGTH), seed=seed)
        inside += curve.doubled.low <= accuracies[1] - accuracies[0] <= curve.doubled.high
    assert inside >= 17


def test_features_without_a_signal_promise_nothing() -> None:
    """Labels that nothing explains: no gain that is told apart from none."""
    generator = np.random.default_rng(0)
    features = generator.normal(size=(300, WIDTH)).astype(np.float32)
    labels = generator.permutation(np.arange(300) % CLASSES)
    curve = learning_curve(features, PhotoLabels(labels, np.arange(300), CLASSES), CurveFit(STRENGTH), seed=0)
    assert curve.doubled.low <= 0
    assert curve.doubled.value < 0.04


def test_too_few_photos_have_no_curve() -> None:
    """Fewer than the folds, or fewer than three photos of a class in a part, leave fewer than three points."""
    assert curve_of(CLASSES * 4) is None
    assert curve_of(CLASSES * 9) is None
    assert len(curve_of(CLASSES * 12).points) == 3
    assert curve_of(CLASSES * 12, groups=np.arange(CLASSES * 12) % 6) is None


def test_parts_lie_within_one_another_and_hold_every_class() -> None:
    """The ranks of each class are 0, 1/n, 2/n …; photos of one group follow one another."""
    labels = np.array([0] * 12 + [1] * 5)
    groups = np.array([0, 0, 0, 1, 1, 1, 2, 2, 2, 3, 3, 3, 4, 5, 6, 7, 8])
    ranks = learning._ranks(labels, groups, np.random.default_rng(0))
    for label, n in ((0, 12), (1, 5)):
        assert_same_computation(sorted(ranks[labels == label]), np.arange(n) / n, terms=2)
    in_turn = groups[:12][np.argsort(ranks[:12])]
    assert (np.diff(in_turn) != 0).sum() == 3


def test_a_fit_at_a_penalty_is_that_of_the_search() -> None:
    """The path from strong to weak penalties ends where a fit from nothing does."""
    features, labels = drawn(90, seed=3)
    found = fit_probe(features[None], PhotoLabels(labels, np.arange(90), CLASSES), seed=0)
    again = fit_at(features, labels, found.strength, unweighted(CLASSES))
    assert again.logits(features) == pytest.approx(found.logits(features), abs=0.05)


def test_photos_of_one_group_count_once() -> None:
    """Ten copies of every photo say no more than one: the intervals are as wide, not a third as wide."""
    features, labels = drawn(60, seed=0)
    copies, of_copies, groups = (np.repeat(each, 10, axis=0) for each in (features, labels, np.arange(60)))
    grouped = learning_curve(copies, PhotoLabels(of_copies, groups, CLASSES), CurveFit(STRENGTH), seed=0)
    alone = curve_of(60)
    assert grouped.points[-1].accuracy.n == 60
    widths = [each.doubled.high - each.doubled.low for each in (grouped, alone)]
    assert widths[0] > 0.6 * widths[1]

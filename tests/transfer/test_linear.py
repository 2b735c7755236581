"""The linear probe against scikit-learn, and against the ways in which cross-validation can fool itself."""

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression

from inarch.commands.train.strategies.probe import choose_best_stage
from inarch.data.labels import PhotoLabels
from inarch.errors import PhotosError
from inarch.metrics.softmax import softmax
from inarch.transfer.class_weighting import class_weighting_of, unweighted
from inarch.transfer.linear import Probe, choose_shortest_stage, fit_at, fit_probe, held_out_losses
from inarch.transfer.recipes import ProbeRecipe

Floats = NDArray[np.float32]
Labels = NDArray[np.int64]


def blobs(classes: int, *, n: int = 120, noise: float = 1.0, seed: int = 0) -> tuple[Floats, Labels]:
    """Features (1, n, 12) that scatter around a centre for each class, and their labels."""
    draw = np.random.default_rng(seed)
    labels = np.arange(n) % classes
    centres = draw.normal(size=(classes, 12))
    features = centres[labels] + noise * draw.normal(size=(n, 12))
    return features[None].astype(np.float32), labels


def fitted(features: Floats, labels: Labels, *, seed: int = 0) -> Probe:
    """A probe of photos that are each a group of their own."""
    photos = PhotoLabels(labels, np.arange(len(labels)), int(labels.max()) + 1)
    return fit_probe(features, photos, seed=seed)


@pytest.mark.parametrize("classes", [2, 3, 5])
def test_probabilities_are_those_of_scikit_learn(classes: int) -> None:
    """At the penalty that was chosen, an independent fit on scaled features says the same, as near as ours descends."""
    features, labels = blobs(classes)
    probe = fitted(features, labels)
    plain = features[0].astype(np.float64)
    scaled = (plain - plain.mean(0)) / (plain - plain.mean(0)).std()
    oracle = LogisticRegression(C=1 / (probe.strength * len(labels)), tol=1e-8, max_iter=10_000).fit(scaled, labels)
    assert softmax(probe.logits(features[0])) == pytest.approx(oracle.predict_proba(scaled), abs=0.01)


def test_the_unit_of_the_features_does_not_matter() -> None:
    """Features a thousand times larger give the same answers, as near as a fit descends."""
    features, labels = blobs(3)
    small, large = fitted(features, labels), fitted(features * 1000, labels)
    assert small.strength == large.strength
    assert large.logits(features[0] * 1000) == pytest.approx(small.logits(features[0]), abs=0.02)


def test_held_out_answers_come_from_fits_that_did_not_see_the_photo() -> None:
    """On labels that mean nothing, training photos can be learned by heart, held-out ones cannot."""
    draw = np.random.default_rng(0)
    features = draw.normal(size=(1, 100, 300)).astype(np.float32)
    labels = draw.permutation(np.arange(100) % 2)
    probe = fitted(features, labels)
    assert 0.3 < (probe.held_out.argmax(1) == labels).mean() < 0.7


def test_copies_do_not_help_each_other() -> None:
    """Five copies of a photo are one group: with meaningless labels, held-out accuracy stays at chance."""
    draw = np.random.default_rng(1)
    features = np.repeat(draw.normal(size=(1, 40, 200)), 5, axis=1).astype(np.float32)
    labels = np.repeat(draw.permutation(np.arange(40) % 2), 5)
    groups = np.repeat(np.arange(40), 5)
    apart = fit_probe(features, PhotoLabels(labels, groups, 2), seed=0)
    leaking = fitted(features, labels)
    assert (apart.held_out.argmax(1) == labels).mean() < 0.75
    assert (leaking.held_out.argmax(1) == labels).mean() == 1.0


def test_the_penalty_is_the_one_with_the_least_held_out_loss() -> None:
    """Strong penalties first, the best one kept, and no more tried than needed."""
    features, labels = blobs(3, noise=3.0)
    probe = fitted(features, labels)
    tried = dict(probe.searched)
    assert list(tried) == list(ProbeRecipe().strengths[: len(tried)])
    assert probe.strength == min(tried, key=tried.__getitem__)


def test_more_views_are_learned_from_but_judged_by_the_plain_photo() -> None:
    """A second view that is noise for every photo changes the fit; the held-out answers stay one for each photo."""
    features, labels = blobs(3)
    noisy = np.concatenate([features, np.random.default_rng(0).normal(size=features.shape).astype(np.float32)])
    probe = fitted(noisy, labels)
    assert probe.held_out.shape == (len(labels), 3)
    assert not np.allclose(probe.weight, fitted(features, labels).weight)


def test_a_class_with_one_photo_is_named() -> None:
    """Nothing can be held out of one photo."""
    features, labels = blobs(2)
    with pytest.raises(PhotosError, match="class number 2 has 1"):
        fitted(features, np.where(np.arange(120) == 7, 2, labels))


def judged(loss: Floats) -> Probe:
    """A probe whose held-out answers on class 0 cost ``loss``."""
    logits = np.stack([np.zeros(len(loss)), np.log(np.expm1(loss))], axis=1)
    nothing = np.zeros((2, 1), np.float32)
    return Probe(nothing, np.zeros(2, np.float32), 1.0, (), logits, np.arange(len(loss)))


def test_the_net_ends_early_only_where_that_costs_nothing_measurable() -> None:
    """Within one standard error of the best stage the first one is taken; beyond it, the best."""
    draw = np.random.default_rng(0)
    base = draw.uniform(0.1, 0.9, 400).astype(np.float32)
    wobble = draw.normal(size=400).astype(np.float32) * 0.05
    labels = np.zeros(400, dtype=np.int64)
    last, even = judged(base), class_weighting_of("none", labels, 2)
    assert choose_shortest_stage({"stage3": judged(base + np.abs(wobble)), "stage4": last}, labels, even) == "stage4"
    assert (
        choose_shortest_stage({"stage3": judged(base + wobble - wobble.mean() + 1e-4), "stage4": last}, labels, even)
        == "stage3"
    )
    assert choose_shortest_stage({"stage3": last, "stage4": judged(base + 0.1)}, labels, even) == "stage3"
    one = {"stage3": judged(base + 0.1), "stage4": last}
    assert choose_best_stage({**one, "stage3+stage4": judged(base - 1e-6)}, labels, even) == "stage3+stage4"
    assert choose_best_stage({**one, "stage3+stage4": judged(base + 1e-6)}, labels, even) == "stage4"


def test_a_photo_that_counts_three_times_is_as_good_as_three_photos() -> None:
    """The same features with two sets of labels, one of which counts three times what the other does."""
    (features,), labels = blobs(3, n=60)
    other = np.random.default_rng(1).permutation(labels)
    both, said = np.concatenate([features, features]), np.concatenate([labels, other])
    weighted = fit_at(both, said, 0.1, unweighted(3), np.repeat([1.5, 0.5], 60))
    copied = fit_at(np.concatenate([features] * 4), np.concatenate([labels, labels, labels, other]), 0.1, unweighted(3))
    assert weighted.logits(features) == pytest.approx(copied.logits(features), abs=0.02)  # as near as a fit descends
    plain = fit_at(both, said, 0.1, unweighted(3))
    assert np.abs(plain.logits(features) - copied.logits(features)).max() > 0.2


def test_a_weight_of_two_is_a_photo_there_twice() -> None:
    """In the fit, in the choice of the strength and in the losses that stages are chosen by."""
    features, labels = blobs(3, n=90, noise=2.0)
    weights = np.where(np.arange(90) % 2, 4.0, 2.0) / 3
    units = np.arange(90)
    copies = np.repeat(units, np.where(units % 2, 2, 1))
    weighted = fit_probe(features, PhotoLabels(labels, units, 3, weights), seed=0)
    copied = fit_probe(features[:, copies], PhotoLabels(labels[copies], units[copies], 3), seed=0)
    assert weighted.strength == copied.strength
    assert softmax(weighted.logits(features[0])) == pytest.approx(softmax(copied.logits(features[0])), abs=0.02)
    even = unweighted(3)
    mine = held_out_losses({"": weighted}, labels, even, weights)[""].mean()
    plain = fit_probe(features, PhotoLabels(labels, units, 3), seed=0)
    assert mine == pytest.approx(float((weights * held_out_losses({"": weighted}, labels, even)[""]).mean()))
    assert np.abs(weighted.weight - plain.weight).max() > 0.01

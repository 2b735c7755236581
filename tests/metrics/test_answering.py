"""When to answer: promises are kept as often as promised, whatever the classifier is like."""

from collections.abc import Callable
from fractions import Fraction
from math import ceil, comb

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binom

from inarch.errors import UserError
from inarch.metrics.answering import (
    KEPT,
    RULE,
    Evidence,
    binomial_tail,
    is_close,
    is_out_of_distribution,
    least_probability,
    rule_for,
    size_of_set,
    upper_bound,
)
from inarch.metrics.coverage import measure_coverage
from tolerance import assert_same_computation

KNOWN = np.zeros((1, 1), np.float16)


def evidence(confidence: np.ndarray, correct: np.ndarray, novelty: np.ndarray | None = None) -> Evidence:
    alike = np.zeros(len(confidence)) if novelty is None else novelty
    return Evidence(confidence, correct, confidence, alike, KNOWN)


@given(st.integers(1, 400), st.data(), st.floats(0.01, 0.99))
def test_chance_is_the_exact_sum(n: int, data: st.DataObject, share: float) -> None:
    """The upper tail of the binomial distribution in rational numbers, its end points included."""
    right = data.draw(st.integers(0, n))
    logarithms = n * np.log(n) - n * np.log(min(share, 1 - share))  # of n! and of n-th powers, which are subtracted
    p, whole = share.as_integer_ratio()
    counted = sum(comb(n, k) * p**k * (whole - p) ** (n - k) for k in range(right, n + 1))
    expected = float(Fraction(counted, whole**n))
    assert_same_computation(binomial_tail(right, n, share), expected, terms=n, condition=1 + logarithms)


def honest(confidence: np.ndarray) -> np.ndarray:
    """Right as often as it says."""
    return confidence


def boastful(confidence: np.ndarray) -> np.ndarray:
    """Always surer than it should be."""
    return 0.5 + 0.48 * (confidence - 0.5) / 0.5


def perverse(confidence: np.ndarray) -> np.ndarray:
    """Most wrong where it is surest: no order to rely on."""
    return np.where(confidence > 0.9, 0.94, 0.96)


@pytest.mark.parametrize("right", [honest, boastful, perverse])
@pytest.mark.parametrize("target_accuracy", [0.8, 0.95])
def test_a_promise_is_broken_one_time_in_twenty_at_most(
    right: Callable[[np.ndarray], np.ndarray], target_accuracy: float
) -> None:
    """Over 300 drawings of 500 held-out photos; what the bound is truly worth is integrated, not drawn."""
    draw = np.random.default_rng(0)
    everyone = np.linspace(0.5, 1, 20_001)[:-1]
    broken = promises = 0
    for _ in range(300):
        confidence = draw.uniform(0.5, 1, 500)
        rule = rule_for(evidence(confidence, draw.random(500) < right(confidence)), target_accuracy)
        if rule.promised and rule.confidence is not None:
            promises += 1
            broken += right(everyone[everyone > rule.confidence]).mean() < target_accuracy
    assert broken <= binom.ppf(0.999, 300, RULE.luck)
    if right is honest and target_accuracy == 0.8:
        assert promises > 250


def test_an_honest_classifier_answers_most_of_what_it_could() -> None:
    """Drawn from 5,000 photos, a promise of 80 % costs little: a bound of 60 % confidence would keep it exactly."""
    draw = np.random.default_rng(0)
    confidence = draw.uniform(0.5, 1, 5000)
    rule = rule_for(evidence(confidence, draw.random(5000) < confidence), 0.8)
    assert rule.promised
    assert rule.confidence is not None
    assert 0.6 <= rule.confidence < 0.68


@pytest.mark.parametrize("n", [10, 59, 116, 117, 200])
def test_flawless_photos_promise_once_they_are_enough(n: int) -> None:
    """0.95^n has to fall below the level of one test: 117 photos."""
    rule = rule_for(evidence(np.linspace(0.6, 0.9, n), np.ones(n, bool)))
    assert rule.promised == (0.95**n <= RULE.luck / RULE.steps)
    assert rule.coverage.value == 1


def test_a_classifier_that_is_never_right_answers_nothing() -> None:
    """And coverage is 0, whatever the confidence."""
    rule = rule_for(evidence(np.linspace(0.6, 1.0, 300), np.zeros(300, bool)))
    assert (rule.confidence, rule.promised, rule.coverage.value) == (None, False, 0)
    assert is_close(rule, 1.0)


def test_equal_confidences_are_answered_together_or_not_at_all() -> None:
    """The bound is exclusive, so no tie is parted: what is counted is what is answered."""
    confidence = np.repeat([0.9, 0.8, 0.7], 100)
    correct = np.repeat([True, True, False], 100)
    rule = rule_for(evidence(confidence, correct))
    given = np.array([not is_close(rule, each) for each in confidence.tolist()])
    assert rule.coverage.value == given.mean() == pytest.approx(2 / 3)


@given(st.integers(0, 1000))
def test_a_higher_goal_answers_no_more(seed: int) -> None:
    """As long as both are promised."""
    draw = np.random.default_rng(seed)
    confidence = draw.uniform(0.5, 1, 400)
    given = evidence(confidence, draw.random(400) < confidence)
    rules = [rule for target_accuracy in (0.55, 0.7, 0.8, 0.9) if (rule := rule_for(given, target_accuracy)).promised]
    coverages = [rule.coverage.value for rule in rules]
    assert coverages == sorted(coverages, reverse=True)


def test_photos_unlike_the_others_have_no_part_in_the_promise() -> None:
    """What novelty keeps back is not answered, however sure: its mistakes do not count against the confidence."""
    n = 400
    strange = np.arange(n) < 0.04 * n
    confidence = np.where(strange, 0.99, 0.8)
    rule = rule_for(evidence(confidence, ~strange, np.where(strange, 1.0, 0.1) + np.arange(n) * 1e-6))
    assert rule.promised
    assert 0.1 < rule.novelty < 1
    assert not is_out_of_distribution(rule, rule.novelty)
    assert rule.coverage.value == ceil((n + 1) * KEPT) / n


def test_a_bound_keeps_the_share_of_those_to_come() -> None:
    """Drawn again and again, a new value is below the bound as often as promised, and not much oftener."""
    draw = np.random.default_rng(0)
    kept = [float(draw.normal()) <= upper_bound(draw.normal(size=99), 0.9) for _ in range(4000)]
    assert np.mean(kept) == pytest.approx(0.9, abs=0.015)
    assert upper_bound(np.array([3.0, 1.0, 2.0]), 0.99) == 3.0


def test_sets_hold_the_truth_as_often_as_asked() -> None:
    """Of classifiers that are badly calibrated, too; no set is empty."""
    draw, hits, sizes = np.random.default_rng(0), [], []
    for _ in range(400):
        probabilities = draw.dirichlet(np.ones(6), 100) ** 3
        probabilities /= probabilities.sum(1, keepdims=True)
        labels = (draw.random((100, 1)) > draw.dirichlet(np.ones(6), 100).cumsum(1)[:, :-1]).sum(1)
        truth = probabilities[np.arange(100), labels]
        least = least_probability(evidence(truth[1:], truth[1:] > 0), 0.9)
        size = size_of_set(probabilities[0], least)
        sizes.append(size)
        hits.append(labels[0] in np.argsort(-probabilities[0])[:size])
    assert np.mean(hits) == pytest.approx(0.9, abs=0.045)
    assert min(sizes) >= 1


def test_too_few_photos_make_sets_of_every_class() -> None:
    """Nine photos cannot hold out for 95 %."""
    few = evidence(np.full(9, 0.7), np.ones(9, bool))
    assert size_of_set(np.array([0.9, 0.1, 0.0]), least_probability(few, 0.95)) == 3
    assert size_of_set(np.array([0.9, 0.1, 0.0]), least_probability(few, 0.9)) == 1


@pytest.mark.parametrize("share", [0.0, 1.0, 95.0, -0.1, float("nan")])
def test_a_goal_is_a_share(share: float) -> None:
    """Percent are refused, not read as certainty."""
    given = evidence(np.full(9, 0.7), np.ones(9, bool))
    with pytest.raises(UserError, match=r"target accuracy is a share between 0 and 1, such as 0\.95"):
        rule_for(given, share)
    with pytest.raises(UserError, match="coverage is a share"):
        least_probability(given, share)


def test_what_a_rule_comes_to_is_counted_photo_by_photo() -> None:
    """By hand: ten photos, two of them unlike, three too close; a photo that is both counts as unlike."""
    rule = rule_for(evidence(np.linspace(0.55, 0.95, 300), np.ones(300, bool)))
    bound = 0.7
    rule = type(rule)(rule.target_accuracy, bound, 0.5, True, rule.n, rule.coverage)
    confidence = np.array([0.9, 0.8, 0.95, 0.6, 0.65, 0.7, 0.99, 0.6, 0.75, 0.85])
    novelty = np.array([0.1, 0.1, 0.1, 0.1, 0.1, 0.1, 0.9, 0.9, 0.5, 0.1])
    correct = np.array([1, 1, 0, 1, 0, 0, 1, 0, 1, 1], dtype=bool)
    found = measure_coverage(rule, confidence, correct, novelty)
    assert (found.unlike, found.close, found.coverage.value) == (2, 3, 0.5)
    assert found.accuracy is not None
    assert found.accuracy.value == 4 / 5
    assert found.curve[-1].coverage == 0.8
    assert found.curve[-1].accuracy.value == 5 / 8
    assert found.curve[0].accuracy.value == 0  # the most confident familiar photo is wrong

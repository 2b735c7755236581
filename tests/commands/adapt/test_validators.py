"""Scores of answers without labels."""

import numpy as np
import pytest
from scipy.stats import entropy

from inarch.commands.adapt.validators import (
    VALIDATORS,
    agreement,
    certainty,
    information,
    neighbourhood_density,
)
from tolerance import assert_same_computation


def _answers(n: int, classes: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).dirichlet(np.full(classes, 0.4), n)


def test_information_and_certainty_are_differences_of_entropies() -> None:
    """By SciPy's entropy."""
    answers = _answers(40, 5)
    whole, each = entropy(answers.mean(0)), entropy(answers, axis=1).mean()
    assert_same_computation(information(answers), whole - each, terms=answers.size, magnitude=whole)
    assert_same_computation(certainty(answers), -each, terms=answers.size)


def test_sure_answers_of_every_class_tell_most_and_one_answer_for_all_tells_nothing() -> None:
    """The logarithm of the number of classes is the most."""
    every, one = np.tile(np.eye(4), (6, 1)), np.tile(np.eye(4)[2], (24, 1))
    assert information(every) == pytest.approx(np.log(4))
    assert information(one) == pytest.approx(0)
    assert information(np.full((24, 4), 0.25)) == pytest.approx(0)
    assert certainty(every) == certainty(one) == pytest.approx(0)


def test_a_neighbourhood_is_as_dense_as_there_are_others_like_it() -> None:
    """Two groups of six sure answers: each photo has five neighbours, all alike, to the sixth decimal."""
    assert neighbourhood_density(np.repeat(np.eye(3)[:2], 6, axis=0)) == pytest.approx(np.log(5), abs=1e-6)
    assert neighbourhood_density(np.tile(np.eye(3)[0], (9, 1))) == pytest.approx(np.log(8))
    assert neighbourhood_density(np.eye(3)[:1]) == 0


@pytest.mark.parametrize("name", VALIDATORS)
def test_neither_the_order_of_photos_nor_that_of_classes_matters(name: str) -> None:
    """Every validator."""
    draw = np.random.default_rng(1)
    photos, classes = draw.permutation(60), draw.permutation(4)
    several = [_answers(60, 4, seed) for seed in range(3)]
    own, *rivals = (answers[photos][:, classes] for answers in several)
    turned, plain = VALIDATORS[name](own, rivals), VALIDATORS[name](several[0], several[1:])
    assert_same_computation(turned, plain, terms=own.size, magnitude=np.log(len(own)))


def test_agreement_is_the_mean_share_of_like_answers() -> None:
    """However sure the answers are."""
    own, rivals = np.eye(2)[[0, 0, 1, 1]], [np.eye(2)[[0, 0, 1, 0]], 0.2 + 0.6 * np.eye(2)[[1, 1, 1, 1]]]
    assert agreement(own, rivals) == pytest.approx((0.75 + 0.5) / 2)
    assert agreement(own, []) == 0

"""Choosing by a few labels of the target: what they prove is taken, and what they do not prove changes nothing."""

import numpy as np

from inarch.commands.adapt.judging import choose_by_labels
from inarch.commands.adapt.selection import NONE

CLASSES = 4


def drawn(n: int, share: float, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Logits that are right on about such a share of n photos, and the labels."""
    labels = np.arange(n) % CLASSES
    draw = np.random.default_rng(seed)
    answers = np.where(draw.random(n) < share, labels, (labels + draw.integers(1, CLASSES, n)) % CLASSES)
    return 3 * np.eye(CLASSES)[answers] + draw.normal(size=(n, CLASSES)), labels


def chosen(shares: dict[str, float], n: int, unlabelled: str = NONE, seed: int = 0):
    logits = {name: drawn(n, share, 10 * seed + at)[0] for at, (name, share) in enumerate(shares.items())}
    return choose_by_labels(logits, drawn(n, 1, 0)[1], np.arange(n), unlabelled_choice=unlabelled)


def test_what_labels_prove_is_taken() -> None:
    """With many photos, the best; its sentence says by how much."""
    choice = chosen({NONE: 0.5, "mcc": 0.7, "head": 0.95}, 200)
    assert choice.name == "head"
    assert choice.against["head"].verdict == "better"
    assert "head was selected: it is better (+" in choice.why
    assert choice.accuracies[NONE].n == 200


def test_where_labels_prove_nothing_the_choice_without_them_stays() -> None:
    """Be it the net as it was or not."""
    for unlabelled in (NONE, "mcc"):
        choice = chosen({NONE: 0.8, "mcc": 0.8, "head": 0.8}, 12, unlabelled)
        assert choice.name == unlabelled
    assert "as without labels" in choice.why


def test_where_adapting_hurt_the_net_stays_as_it_was_and_it_is_said() -> None:
    """Although that is not what was chosen without labels."""
    choice = chosen({NONE: 0.95, "mcc": 0.3, "head": 0.3}, 100, "mcc")
    assert choice.name == NONE
    assert choice.against["mcc"].verdict == "worse"
    assert choice.why.startswith("adaptation hurt")


def test_candidates_that_are_alike_are_rarely_told_apart() -> None:
    """Two rivals, 40 draws: the net as it was stays in most of them, as the level of 5 % of each test asks."""
    stays = sum(chosen({NONE: 0.7, "mcc": 0.7, "head": 0.7}, 40, seed=seed).name == NONE for seed in range(1, 41))
    assert stays >= 33


def test_a_cheaper_candidate_is_taken_where_one_standard_error_cannot_tell() -> None:
    """The same answers but for a little noise: the first of them."""
    labels = np.arange(100) % CLASSES
    draw = np.random.default_rng(0)
    good = 4 * np.eye(CLASSES)[labels] + draw.normal(size=(100, CLASSES))
    logits = {NONE: draw.normal(size=(100, CLASSES)), "head": good, "tune": good + draw.normal(size=good.shape) / 50}
    assert choose_by_labels(logits, labels, np.arange(100), unlabelled_choice=NONE).name == "head"
    logits["tune"] = 8 * np.eye(CLASSES)[labels] + 0.0
    assert choose_by_labels(logits, labels, np.arange(100), unlabelled_choice=NONE).name == "tune"


def test_copies_prove_nothing() -> None:
    """Ten copies of each photo in one group: as undecided as the photos themselves."""
    logits = {NONE: drawn(12, 0.4, 1)[0], "head": drawn(12, 0.9, 2)[0]}
    labels = np.arange(12) % CLASSES
    alone = choose_by_labels(logits, labels, np.arange(12), unlabelled_choice=NONE)
    copied = choose_by_labels(
        {name: np.repeat(each, 10, axis=0) for name, each in logits.items()},
        np.repeat(labels, 10),
        np.repeat(np.arange(12), 10),
        unlabelled_choice=NONE,
    )
    assert copied.against["head"].p == alone.against["head"].p
    assert copied.against["head"].gain.n == 12

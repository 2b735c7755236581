"""Confident learning, held against the definition in the paper and against labels that were changed on purpose."""

import numpy as np
import pytest

from inarch.commands.doctor.confident_learning import find_label_errors, joint_of
from inarch.errors import UserError
from tolerance import assert_same_computation


def drawn(n, classes, *, wrong, seed):
    """Probabilities of a good classifier, labels of which some are wrong, and which those are."""
    draw = np.random.default_rng(seed)
    true = np.arange(n) % classes
    logits = draw.normal(size=(n, classes)) + 4 * np.eye(classes)[true]
    probabilities = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    changed = draw.permutation(n)[:wrong]
    labels = true.copy()
    labels[changed] = (labels[changed] + draw.integers(1, classes, wrong)) % classes
    return probabilities, labels, set(changed.tolist())


@pytest.mark.parametrize("classes", [2, 5])
def test_the_joint_is_the_one_of_the_paper(classes):
    """Counted photo by photo, as equations 1 to 3 say."""
    probabilities, labels, _ = drawn(300, classes, wrong=30, seed=classes)
    thresholds = [np.mean([p[j] for p, y in zip(probabilities, labels, strict=True) if y == j]) for j in range(classes)]
    counts = np.zeros((classes, classes))
    for p, y in zip(probabilities, labels, strict=True):
        sure = [j for j in range(classes) if p[j] >= thresholds[j]]
        if sure:
            counts[y, max(sure, key=lambda j: p[j])] += 1
    expected = counts / counts.sum(1, keepdims=True) * np.bincount(labels)[:, None]
    assert_same_computation(joint_of(probabilities, labels), expected, terms=len(labels))


def test_changed_labels_are_doubted_and_the_right_class_is_suggested():
    """Most of them, and hardly any other; the surest first."""
    probabilities, labels, changed = drawn(1000, 4, wrong=50, seed=0)
    doubted = find_label_errors(probabilities, labels)
    assert len({each.row for each in doubted} & changed) >= 0.85 * len(changed)
    assert sum(each.row in changed for each in doubted[:20]) == 20
    assert all(each.suggested == each.row % 4 for each in doubted[:20])
    assert all(each.label == labels[each.row] != each.suggested for each in doubted)
    margins = [each.margin for each in doubted]
    assert margins == sorted(margins, reverse=True)
    assert min(margins) > 0


def test_sound_labels_of_a_sure_classifier_are_not_doubted():
    """Not one."""
    probabilities, labels, _ = drawn(400, 4, wrong=0, seed=1)
    assert not find_label_errors(np.eye(4)[labels] * 0.9 + 0.025, labels)
    assert len(find_label_errors(probabilities, labels)) < 12


def test_what_has_no_answer_is_refused():
    """Labels for other photos, or a class without any."""
    with pytest.raises(UserError, match="3 rows of 2 classes and 2 labels of 2"):
        find_label_errors(np.full((3, 2), 0.5), np.array([0, 1]))
    with pytest.raises(UserError, match="2 labels of 1"):
        find_label_errors(np.full((2, 2), 0.5), np.array([0, 0]))


@pytest.mark.parametrize("seed", range(3))
def test_cleanlab_agrees(seed):
    """Where it is installed: both ways of pruning together doubt nearly the same photos."""
    filters = pytest.importorskip("cleanlab.filter", reason="cleanlab is not installed")
    probabilities, labels, _ = drawn(600, 4, wrong=40, seed=seed)
    theirs = set(np.flatnonzero(filters.find_label_issues(labels, probabilities, filter_by="both")).tolist())
    ours = {each.row for each in find_label_errors(probabilities, labels)}
    assert len(ours & theirs) >= 0.85 * len(ours | theirs)

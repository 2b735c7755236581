"""An evaluation against scikit-learn, and at its edges."""

import numpy as np
import pytest
from sklearn.metrics import balanced_accuracy_score, confusion_matrix, precision_score, recall_score

from inarch.errors import UserError, WorkError
from inarch.metrics.classification import JudgedPhotos, evaluate
from inarch.metrics.records import Evaluation
from inarch.metrics.softmax import softmax
from tolerance import assert_same_computation

NAMES = ("ant", "bee", "wasp", "moth")


def evaluated(probabilities: np.ndarray, labels: np.ndarray, seed: int = 0) -> Evaluation:
    """An evaluation whose photos are called 0.jpg, 1.jpg, …"""
    paths = [f"{row}.jpg" for row in range(len(labels))]
    names = NAMES[: probabilities.shape[1]]
    return evaluate(probabilities, JudgedPhotos(labels, paths, names, "test"), seed=seed)


@pytest.fixture(scope="module")
def random_case() -> tuple[np.ndarray, np.ndarray]:
    """200 photos of three classes, one of four columns never a label; a fair share of mistakes."""
    generator = np.random.default_rng(8)
    labels = generator.integers(3, size=200)
    logits = generator.normal(0, 1.5, size=(200, 4)) + 2 * np.eye(4)[labels]
    return softmax(logits), labels


def test_figures_are_scikit_learns(random_case: tuple[np.ndarray, np.ndarray]) -> None:
    """Confusion, accuracy, recall, precision and balanced accuracy agree where both define them."""
    probabilities, labels = random_case
    predictions = probabilities.argmax(axis=1)
    measured = evaluated(probabilities, labels)
    assert np.array_equal(measured.confusion, confusion_matrix(labels, predictions, labels=range(4)))
    assert measured.accuracy.value == (predictions == labels).mean()
    recalls = recall_score(labels, predictions, labels=range(3), average=None)
    assert_same_computation([score.recall.value for score in measured.per_class[:3]], recalls, terms=2)
    precisions = precision_score(labels, predictions, labels=range(4), average=None)
    assert_same_computation([score.precision.value for score in measured.per_class], precisions, terms=2)
    seen = predictions < 3
    assert_same_computation(measured.balanced_accuracy.value, np.mean(recalls), terms=4)
    balanced = evaluated(probabilities[seen], labels[seen]).balanced_accuracy.value
    assert_same_computation(balanced, balanced_accuracy_score(labels[seen], predictions[seen]), terms=4)


def test_a_class_without_photos_has_no_recall(random_case: tuple[np.ndarray, np.ndarray]) -> None:
    """None, not 0: nothing was measured."""
    assert evaluated(*random_case).per_class[3].recall is None


def test_mistakes_are_the_worst_first(random_case: tuple[np.ndarray, np.ndarray]) -> None:
    """At most 24, every one wrong, none left out that was more confident."""
    probabilities, labels = random_case
    measured = evaluated(probabilities, labels)
    confidences = [mistake.confidence for mistake in measured.mistakes]
    wrong = probabilities.argmax(axis=1) != labels
    assert len(confidences) == 24 < wrong.sum()
    assert confidences == sorted(probabilities.max(axis=1)[wrong], reverse=True)[:24]
    for mistake in measured.mistakes:
        row = int(mistake.path.removesuffix(".jpg"))
        assert mistake.label == labels[row] != mistake.predicted == probabilities[row].argmax()


def test_the_same_seed_gives_the_same_evaluation(random_case: tuple[np.ndarray, np.ndarray]) -> None:
    """Every figure; another seed moves the bootstrap's interval alone."""
    assert evaluated(*random_case) == evaluated(*random_case)
    assert evaluated(*random_case).calibration_error != evaluated(*random_case, seed=1).calibration_error


def test_a_perfect_predictor_keeps_its_doubt() -> None:
    """100 % of 8 photos is not certainty, for balanced accuracy neither."""
    labels = np.array([0, 1] * 4)
    measured = evaluated(np.eye(2)[labels], labels)
    assert measured.accuracy.value == measured.balanced_accuracy.value == 1
    assert max(measured.accuracy.low, measured.balanced_accuracy.low) < 0.9
    assert measured.mistakes == ()
    assert measured.log_loss == 0


def test_a_hopeless_predictor_is_measured_too() -> None:
    """Always wrong, and sure of it: every figure is finite and says so."""
    labels = np.array([0, 1] * 4)
    measured = evaluated(np.eye(2)[1 - labels], labels)
    assert measured.accuracy.value == measured.balanced_accuracy.value == 0
    assert measured.calibration_error.value == 1
    assert np.isfinite(measured.log_loss)
    assert len(measured.mistakes) == 8


def test_one_answer_for_everything_leaves_the_others_without_precision() -> None:
    """A class that was never the answer has no share of right answers."""
    measured = evaluated(np.tile([0.9, 0.1], (6, 1)), np.array([0, 1] * 3))
    assert measured.per_class[1].precision is None
    assert measured.per_class[1].recall.value == 0


def test_what_does_not_fit_is_refused() -> None:
    """Each message says what was given."""
    half = np.full((2, 2), 0.5)
    labels = np.array([0, 1])
    with pytest.raises(UserError, match="at least 1"):
        evaluated(np.zeros((0, 2)), np.zeros(0, dtype=np.int64))
    with pytest.raises(UserError, match="2 labels but 1 paths"):
        evaluate(half, JudgedPhotos(labels, ("x",), ("a", "b"), "test"))
    with pytest.raises(UserError, match="2 columns, but 3 classes"):
        evaluate(half, JudgedPhotos(labels, ("x", "y"), ("a", "b", "c"), "test"))
    with pytest.raises(UserError, match="pass logits through softmax"):
        evaluated(np.array([[3.0, -1.0], [0.5, 0.5]]), labels)
    with pytest.raises(WorkError, match="1 of 4 probabilities are NaN"):
        evaluated(np.array([[np.nan, 1.0], [0.5, 0.5]]), labels)

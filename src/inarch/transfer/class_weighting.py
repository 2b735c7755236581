"""The treatments of class imbalance; one function for each, and one table of them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from inarch.errors import UnknownNameError
from inarch.metrics.losses import log_losses
from inarch.metrics.softmax import softmax
from inarch.metrics.temperature import fit_temperature

PhotoWeights = NDArray[np.float64]
"""How much each photo counts, (n,), in addition to its class."""
Counts = NDArray[np.int64] | NDArray[np.float64]
"""The photos of each class, or the sums of their weights, (classes,)."""
LEAST_COUNT = 0.5
"""The count of a class without photos, which keeps its weight and its logit finite."""


@dataclass(frozen=True)
class ClassWeighting:
    """The weight of a photo of each class, (classes,) each, and the final shift of its logit."""

    learned: NDArray[np.float64]
    """Weights in the training loss; the photos' mean is 1."""
    judged: NDArray[np.float64]
    """Weights in the validation figures by which settings and strategies are chosen; the photos' mean is 1."""
    shift: NDArray[np.float32]
    """Subtracted from the logits of the finished classifier, once a temperature has calibrated them."""

    def temperature(
        self, logits: NDArray[np.float64], labels: NDArray[np.int64], weights: PhotoWeights | None = None
    ) -> float:
        """The temperature of the logits of validation photos, weighted as in training."""
        return fit_temperature(logits, labels, _times(self.learned[labels], weights))

    def answers(
        self, logits: NDArray[np.float64], labels: NDArray[np.int64], weights: PhotoWeights | None = None
    ) -> NDArray[np.float64]:
        """The shifted logits of validation photos, (n, classes), as the finished classifier computes them."""
        return logits - self.temperature(logits, labels, weights) * self.shift if self.shift.any() else logits

    def losses(
        self, answers: NDArray[np.float64], labels: NDArray[np.int64], weights: PhotoWeights | None = None
    ) -> NDArray[np.float64]:
        """The weighted log loss of each photo, (n,)."""
        return _times(self.judged[labels], weights) * log_losses(softmax(answers), labels)


def _times(of_classes: NDArray[np.float64], weights: PhotoWeights | None) -> NDArray[np.float64]:
    return of_classes if weights is None else of_classes * weights


def uniform_weighting(counts: Counts) -> ClassWeighting:
    """Every photo has the same weight: a class with more photos is predicted more often."""
    ones = np.ones(len(counts))
    return ClassWeighting(learned=ones, judged=ones, shift=np.zeros(len(counts), np.float32))


def unweighted(classes: int) -> ClassWeighting:
    """The same, whatever the classes' sizes."""
    return uniform_weighting(np.zeros(classes, dtype=np.int64))


def loss_weighting(counts: Counts) -> ClassWeighting:
    """Every class has the same weight in the training loss, whatever its number of photos."""
    weights = _inverse_frequency_weights(counts)
    return ClassWeighting(learned=weights, judged=weights, shift=np.zeros(len(counts), np.float32))


def logit_adjustment(counts: Counts) -> ClassWeighting:
    """Train on the photos unweighted; then subtract the log prior of its class from each logit.

    Logit adjustment (Menon et al. 2021, arXiv 2007.07314, section 4.1): the prediction follows the likelihood of the
    photo, not the class frequencies.
    """
    present = np.maximum(counts, LEAST_COUNT)
    shift = np.log(len(counts) * present / present.sum())
    return ClassWeighting(
        learned=np.ones(len(counts)), judged=_inverse_frequency_weights(counts), shift=shift.astype(np.float32)
    )


def _inverse_frequency_weights(counts: Counts) -> NDArray[np.float64]:
    present = np.maximum(counts, LEAST_COUNT)
    return counts.sum() / ((counts > 0).sum() * present)


WEIGHTINGS: Mapping[str, Callable[[Counts], ClassWeighting]] = MappingProxyType(
    {"none": uniform_weighting, "loss": loss_weighting, "logit-adjustment": logit_adjustment}
)


def class_weighting_of(
    kind: str, labels: NDArray[np.int64], classes: int, weights: PhotoWeights | None = None
) -> ClassWeighting:
    """The class weighting called ``kind`` for photos with these labels, each counted by its weight if it has one.

    Raises:
        UnknownNameError: there is none; the message offers the nearest name.
    """
    if kind not in WEIGHTINGS:
        raise UnknownNameError("class weighting", kind, WEIGHTINGS)
    return WEIGHTINGS[kind](np.bincount(labels, weights, minlength=classes))

"""What is done about classes of different size; one function for each kind, and one table of them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from inarch.errors import UnknownNameError
from inarch.metrics.calibration import fit_temperature
from inarch.metrics.losses import log_losses
from inarch.metrics.softmax import softmax

LEAST_COUNT = 0.5
"""A class without photos counts as half a one: its weight and its logit stay finite."""


@dataclass(frozen=True)
class ClassWeighting:
    """How much a photo of each class counts, (classes,) each, and what its logit loses in the end."""

    learned: NDArray[np.float64]
    """In the loss that is minimised; the photos' mean is 1."""
    judged: NDArray[np.float64]
    """In the figures by which settings and strategies are chosen; the photos' mean is 1."""
    shift: NDArray[np.float32]
    """What is taken from the logits of the finished classifier, once a temperature has made them calibrated."""

    def temperature(self, logits: NDArray[np.float64], labels: NDArray[np.int64]) -> float:
        """By what the logits are divided, found on photos that were not learned from; they count as when learned."""
        return fit_temperature(logits, labels, self.learned[labels])

    def answers(self, logits: NDArray[np.float64], labels: NDArray[np.int64]) -> NDArray[np.float64]:
        """Logits of photos that were not learned from, (n, classes), as those of the finished classifier."""
        return logits - self.temperature(logits, labels) * self.shift if self.shift.any() else logits

    def losses(self, answers: NDArray[np.float64], labels: NDArray[np.int64]) -> NDArray[np.float64]:
        """The log loss of each photo, (n,), times what the photo counts."""
        return self.judged[labels] * log_losses(softmax(answers), labels)


def uniform_weighting(counts: NDArray[np.int64]) -> ClassWeighting:
    """Every photo counts alike: a class with more photos is the more probable answer."""
    ones = np.ones(len(counts))
    return ClassWeighting(learned=ones, judged=ones, shift=np.zeros(len(counts), np.float32))


def loss_weighting(counts: NDArray[np.int64]) -> ClassWeighting:
    """Every class counts alike in what is minimised, however many photos it has."""
    weights = _inverse_frequency_weights(counts)
    return ClassWeighting(learned=weights, judged=weights, shift=np.zeros(len(counts), np.float32))


def logit_adjustment(counts: NDArray[np.int64]) -> ClassWeighting:
    """Learned from the photos as they are; then each logit loses the logarithm of its class's share.

    Logit adjustment (Menon et al. 2021, arXiv 2007.07314, section 4.1): the answer is the class that the photo speaks
    for, not the one that is frequent.
    """
    present = np.maximum(counts, LEAST_COUNT)
    shift = np.log(len(counts) * present / present.sum())
    return ClassWeighting(
        learned=np.ones(len(counts)), judged=_inverse_frequency_weights(counts), shift=shift.astype(np.float32)
    )


def _inverse_frequency_weights(counts: NDArray[np.int64]) -> NDArray[np.float64]:
    present = np.maximum(counts, LEAST_COUNT)
    return counts.sum() / ((counts > 0).sum() * present)


CLASS_WEIGHTINGS: Mapping[str, Callable[[NDArray[np.int64]], ClassWeighting]] = MappingProxyType(
    {"none": uniform_weighting, "loss": loss_weighting, "logit-adjustment": logit_adjustment}
)


def class_weighting_of(kind: str, labels: NDArray[np.int64], classes: int) -> ClassWeighting:
    """The class weighting called ``kind`` for photos with these labels.

    Raises:
        UnknownNameError: there is none; offers the nearest one.
    """
    if kind not in CLASS_WEIGHTINGS:
        raise UnknownNameError("class weighting", kind, CLASS_WEIGHTINGS)
    return CLASS_WEIGHTINGS[kind](np.bincount(labels, minlength=classes))

"""Estimates of a classifier's quality on unlabelled photos; higher is better.

No validator sees a label, so none is reliable: Musgrave et al. 2021 (arXiv 2111.15672) found that selection by such
scores costs more accuracy than the choice between methods.
"""

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from inarch.metrics.arrays import Probabilities
from inarch.metrics.losses import SMALLEST

Validator = Callable[[Probabilities, Sequence[Probabilities]], float]
"""Takes the probabilities of one classifier and those of its rivals on the same photos."""


def agreement(probabilities: Probabilities, rivals: Sequence[Probabilities]) -> float:
    """The fraction of photos that a rival predicts alike, averaged over the rivals.

    Correct classifiers must agree; independent errors do not (Platanios et al. 2014, *Estimating accuracy from
    unlabeled data*). Two classifiers agree with each other equally: it takes three.
    """
    answers = probabilities.argmax(1)
    return float(np.mean([(answers == rival.argmax(1)).mean() for rival in rivals])) if rivals else 0.0


def information(probabilities: Probabilities, rivals: Sequence[Probabilities] = ()) -> float:
    """The mutual information of photo and prediction, in nats: entropy of the mean minus mean entropy.

    High if every prediction is confident and all classes are predicted equally often (Bridle et al. 1991; Shi and Sha
    2012). It assumes about equally frequent classes.
    """
    return float(_entropies(probabilities.mean(0, keepdims=True))[0] - _entropies(probabilities).mean())


def certainty(probabilities: Probabilities, rivals: Sequence[Probabilities] = ()) -> float:
    """Minus the mean entropy of the predictions, in nats. A constant confident model maximises it."""
    return -float(_entropies(probabilities).mean())


def neighbourhood_density(probabilities: Probabilities, rivals: Sequence[Probabilities] = ()) -> float:
    """The number of similar predictions: the mean entropy of soft neighbourhoods, in nats.

    Saito et al. 2021, arXiv 2108.10860. A constant model maximises it. Of more than 500 photos, some are taken at even
    steps in the given order: there are as many similarities as pairs of photos.
    """
    most, temperature = 500, 0.05  # of the similarities (Saito et al. 2021, section 3.2)
    shown = probabilities[np.linspace(0, len(probabilities) - 1, min(len(probabilities), most)).astype(int)]
    if len(shown) < 2:
        return 0.0
    unit = shown / np.linalg.norm(shown, axis=1, keepdims=True)
    similar = np.exp((unit @ unit.T - 1) / temperature)
    np.fill_diagonal(similar, 0)
    return float(_entropies(similar / similar.sum(1, keepdims=True)).mean())


def _entropies(probabilities: NDArray[np.float64]) -> NDArray[np.float64]:
    """Entropy along the last axis, in nats."""
    return np.asarray(-(probabilities * np.log(np.maximum(probabilities, SMALLEST))).sum(-1))


VALIDATORS: Mapping[str, Validator] = MappingProxyType(
    {"agreement": agreement, "information": information, "certainty": certainty, "density": neighbourhood_density}
)

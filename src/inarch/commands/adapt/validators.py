"""How good a classifier is on photos without labels: guesses, of which higher is better.

None of them sees a label, so none can be sure: Musgrave et al. 2021 (arXiv 2111.15672) found that the choice by such
guesses costs more than the choice between methods.
"""

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from inarch.metrics.arrays import Probabilities
from inarch.metrics.losses import SMALLEST

NEIGHBOURHOOD = 0.05
"""Temperature of the similarities (Saito et al. 2021, section 3.2)."""
MOST_NEIGHBOURS = 500
"""Soft neighbourhoods are of so many photos at most: there are as many similarities as pairs of photos."""

Validator = Callable[[Probabilities, Sequence[Probabilities]], float]
"""Takes the answers of one classifier and those of its rivals on the same photos."""


def agreement(probabilities: Probabilities, rivals: Sequence[Probabilities]) -> float:
    """The share of photos that a rival answers alike, averaged over the rivals.

    Classifiers that are right must agree; those that are wrong in ways of their own do not (Platanios et al. 2014,
    *Estimating accuracy from unlabeled data*). Of two alone, each agrees with the other as much: it takes three.
    """
    answers = probabilities.argmax(1)
    return float(np.mean([(answers == rival.argmax(1)).mean() for rival in rivals])) if rivals else 0.0


def information(probabilities: Probabilities, rivals: Sequence[Probabilities] = ()) -> float:
    """What an answer tells about a photo, in nats: entropy of the mean answer minus mean entropy of the answers.

    High where every answer is sure and all classes are used alike (Bridle et al. 1991; Shi and Sha 2012). It supposes
    that the classes really are about equally frequent.
    """
    return float(_entropies(probabilities.mean(0, keepdims=True))[0] - _entropies(probabilities).mean())


def certainty(probabilities: Probabilities, rivals: Sequence[Probabilities] = ()) -> float:
    """Minus the mean entropy of the answers, in nats. A net that always gives the same sure answer is best by it."""
    return -float(_entropies(probabilities).mean())


def neighbourhood_density(probabilities: Probabilities, rivals: Sequence[Probabilities] = ()) -> float:
    """How many others each answer resembles: the mean entropy of soft neighbourhoods, in nats (Saito et al. 2021,
    arXiv 2108.10860). A net that always gives the same answer is best by it. Of more than `MOST_NEIGHBOURS` photos some
    are taken, evenly in the order given."""
    shown = probabilities[np.linspace(0, len(probabilities) - 1, min(len(probabilities), MOST_NEIGHBOURS)).astype(int)]
    if len(shown) < 2:
        return 0.0
    unit = shown / np.linalg.norm(shown, axis=1, keepdims=True)
    similar = np.exp((unit @ unit.T - 1) / NEIGHBOURHOOD)
    np.fill_diagonal(similar, 0)
    return float(_entropies(similar / similar.sum(1, keepdims=True)).mean())


def _entropies(probabilities: NDArray[np.float64]) -> NDArray[np.float64]:
    """Entropy along the last axis, in nats."""
    return np.asarray(-(probabilities * np.log(np.maximum(probabilities, SMALLEST))).sum(-1))


VALIDATORS: Mapping[str, Validator] = MappingProxyType(
    {"agreement": agreement, "information": information, "certainty": certainty, "density": neighbourhood_density}
)

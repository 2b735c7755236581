"""The evidence for an abstention rule: out-of-fold predictions and OOD scores of training photos.

Photos of one group count once: ten shots of one bee are not ten photos.
"""

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from inarch.metrics.accuracy import is_correct
from inarch.metrics.answering import Evidence
from inarch.metrics.novelty import Features, directions, known_rows, ood_scores
from inarch.metrics.softmax import softmax
from inarch.transfer.run import TrainingRun


@dataclass(frozen=True)
class HeldOutAnswers:
    """Predictions of training photos by fits that had not seen them."""

    places: NDArray[np.int64]
    """Their places in ``run.train``, (n,)."""
    logits: NDArray[np.float64]
    """Not yet adjusted for class imbalance, (n, classes)."""
    features: Features
    """The input of that fit's last layer, (n, d)."""
    seen: NDArray[np.int64]
    """The places of the reference photos for OOD scores, (m,); a photo is not compared with its own group."""
    seen_features: Features
    """Their features, (m, d)."""


def evidence_of(run: TrainingRun, held_out: HeldOutAnswers, temperature: float, learned: Features) -> Evidence:
    """The evidence for a classifier.

    Args:
        run: the run.
        held_out: validation photos with their predictions.
        temperature: of the logits.
        learned: the inputs of the finished classifier's last layer for its training photos.
    """
    groups = run.learned.groups
    _, once = np.unique(groups[held_out.places], return_index=True)
    places = held_out.places[once]
    labels = run.learned.labels[places]
    probabilities = softmax(held_out.logits[once] - temperature * run.weighting.shift, temperature)
    compared = known_rows(len(held_out.seen), run.options.seed)
    return Evidence(
        confidence=probabilities.max(1),
        correct=is_correct(probabilities, labels),
        truth=probabilities[np.arange(len(labels)), labels],
        novelty=ood_scores(
            held_out.features[once],
            directions(held_out.seen_features[compared]),
            groups[places],
            groups[held_out.seen[compared]],
        ),
        known=directions(learned[known_rows(len(learned), run.options.seed)]),
    )


@torch.no_grad()
def logits_from(head: nn.Module, features: NDArray[np.float64]) -> NDArray[np.float64]:
    """The logits (n, classes) of a head's last layer for the features (n, d) that enter it."""
    *_, last = head.children()
    logits: NDArray[np.float64] = last(torch.from_numpy(features).float()).double().numpy()
    return logits

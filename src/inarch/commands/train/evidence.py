"""What a rule for answering is chosen by: answers of fits that had not seen the photo, and how unlike the others it is.

Photos that belong together count once: ten shots of one bee are no ten photos.
"""

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from inarch.metrics.answering import Evidence
from inarch.metrics.novelty import Features, directions, known_rows, ood_scores
from inarch.metrics.softmax import softmax
from inarch.transfer.run import TrainingRun


@dataclass(frozen=True)
class HeldOutAnswers:
    """Training photos as a fit that had not seen them answers them."""

    places: NDArray[np.int64]
    """In ``job.train``, (n,)."""
    logits: NDArray[np.float64]
    """Not yet adjusted for class imbalance, (n, classes)."""
    features: Features
    """What the last layer of that fit read, (n, d)."""
    seen: NDArray[np.int64]
    """The places of photos to compare with, (m,); where they are the same photos, none is compared with its own group.
    """
    seen_features: Features
    """(m, d)"""


def evidence_of(job: TrainingRun, held_out: HeldOutAnswers, temperature: float, learned: Features) -> Evidence:
    """The evidence for a classifier.

    Args:
        job: the run.
        held_out: photos that were not learned from.
        temperature: of the logits.
        learned: what the last layer of the finished classifier reads for the photos that it learned from.
    """
    groups = job.groups[job.train]
    _, once = np.unique(groups[held_out.places], return_index=True)
    places = held_out.places[once]
    labels = job.labels[job.train][places]
    probabilities = softmax(held_out.logits[once] - temperature * job.weighting.shift, temperature)
    compared = known_rows(len(held_out.seen), job.seed)
    return Evidence(
        confidence=probabilities.max(1),
        correct=probabilities.argmax(1) == labels,
        truth=probabilities[np.arange(len(labels)), labels],
        novelty=ood_scores(
            held_out.features[once],
            directions(held_out.seen_features[compared]),
            groups[places],
            groups[held_out.seen[compared]],
        ),
        known=directions(learned[known_rows(len(learned), job.seed)]),
    )


@torch.no_grad()
def logits_from(head: nn.Module, features: NDArray[np.float64]) -> NDArray[np.float64]:
    """What the last layer of a head makes of features (n, d) that the rest of the head has computed: (n, classes)."""
    *_, last = head.children()
    logits: NDArray[np.float64] = last(torch.from_numpy(features).float()).double().numpy()
    return logits

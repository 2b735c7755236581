"""Adapting with some labels of the target: they join those of the source, and the net learns from both.

What is learned is measured on the labelled photos themselves, fold by fold, so that it can be compared with ways of
adapting that know no labels. The target's share of what is minimised is what counts: as single photos, a few of the
target would drown among those of the source (the baseline "Weighted" of Daumé 2007, arXiv 0907.1815, section 2).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits
from torch import Tensor, nn

from inarch.commands.adapt import training
from inarch.commands.adapt.methods import head_obstacle
from inarch.commands.adapt.problem import (
    FEWEST_PHOTOS,
    AdaptationProblem,
    AdaptedModel,
    Domain,
    TrainableTail,
    compute_logits,
)
from inarch.commands.adapt.training import (
    AdaptationSchedule,
    CompanionBatches,
    adopt_domain_statistics,
    features_of,
    tail_tensor_names,
    train_on_both_domains,
)
from inarch.data.split import Fold, loose_folds
from inarch.metrics.calibration import fit_temperature
from inarch.metrics.losses import log_losses
from inarch.metrics.softmax import softmax
from inarch.models import norms_of
from inarch.transfer.linear import Probe, fit_at

FOLDS, TUNED_FOLDS = 5, 3
"""Of the labelled target photos; training is dearer than a linear fit."""
SHARES = (0.1, 0.3, 0.5, 0.7, 0.9)
"""Of what the head minimises, tried for the target photos."""
STRENGTHS = (0.1, 0.01, 0.001)
"""Penalties per photo that are tried with each."""
SEARCH_PHOTOS, MOST_PHOTOS = 1000, 4000
"""Of the source, beside which the share and the penalty are searched, and from which the head then learns: both are
relative to how many there are, so they carry over, and memory and time stay bounded."""
UPDATES = 200
"""Of a tail, on as many source photos as target photos."""


@dataclass(frozen=True)
class LabelledTarget:
    """Photos of the target whose labels may be learned from."""

    domain: Domain
    labels: NDArray[np.int64]
    groups: NDArray[np.int64]
    """What is held out together."""

    def folds(self, k: int, seed: int) -> list[Fold]:
        """See `loose_folds`: a class that is not learned from here has photos in the source."""
        return loose_folds(self.labels, self.groups, k=k, seed=seed)


@dataclass(frozen=True)
class SupervisedModel:
    """What learning from labels made of a task's net."""

    adapted: AdaptedModel
    held_out: NDArray[np.float64]
    """Logits of each labelled photo, by a fit that had not seen its label: (n, classes)."""


def fit_head(task: AdaptationProblem, labelled: LabelledTarget) -> SupervisedModel:
    """The head learns anew on the features of both domains.

    The target's share and the penalty are those with the least cross-validated log loss on the target photos. The
    photos of each fold are answered with what was best on the other folds, so that the choice does not flatter them.
    """
    moving = task.moving().eval()
    source, target = (features_of(moving, task, each) for each in (task.source, labelled.domain))

    def heads(most: int) -> _HeadFits:
        rows = task.seen[:: -(-len(task.seen) // most)]
        return _HeadFits(source[rows], task.labels[rows], target, labelled.labels, task.classes)

    folds = labelled.folds(FOLDS, task.seed)
    grid = [(share, strength) for share in SHARES for strength in STRENGTHS]
    with threadpool_limits(1, user_api="blas"):
        tried = heads(SEARCH_PHOTOS)
        logits = np.stack([tried.held_out(folds, *each) for each in grid])
        losses = np.stack([log_losses(softmax(each), labelled.labels) for each in logits])
        held_out = np.empty_like(logits[0])
        for seen, held in folds:
            held_out[held] = logits[losses[:, seen].mean(1).argmin(), held]
        share, strength = grid[int(losses.mean(1).argmin())]
        fit = heads(MOST_PHOTOS).of(np.arange(len(labelled.labels)), share, strength)
    moving.set_head(fit.weight, fit.bias)
    return SupervisedModel(
        AdaptedModel(
            task.whole(moving),
            _temperature(task, held_out, labelled),
            f"target photos are {share:.0%} of the loss, penalty {strength:g}",
            fit.logits(features_of(moving, task, task.target)),
            frozenset({"head.linear.weight", "head.linear.bias"}),
        ),
        held_out,
    )


@dataclass(frozen=True)
class _HeadFits:
    """Linear fits of source features and of some target features."""

    source: NDArray[np.float32]
    source_labels: NDArray[np.int64]
    target: NDArray[np.float32]
    target_labels: NDArray[np.int64]
    classes: int

    def of(self, seen: NDArray[np.int64], share: float, strength: float) -> Probe:
        """Of those target photos, which make up ``share`` of what is minimised."""
        counts = np.array([len(self.source), len(seen)])
        each = np.array([1 - share, share]) * counts.sum() / counts
        return fit_at(
            np.concatenate([self.source, self.target[seen]]),
            np.concatenate([self.source_labels, self.target_labels[seen]]),
            strength,
            classes=self.classes,
            weights=np.repeat(each, counts),
        )

    def held_out(self, folds: list[Fold], share: float, strength: float) -> NDArray[np.float64]:
        """Logits of each target photo by the fit that did not see it."""
        logits = np.empty((len(self.target), self.classes))
        for seen, held in folds:
            logits[held] = self.of(seen, share, strength).logits(self.target[held])
        return logits


def tune_tail(task: AdaptationProblem, labelled: LabelledTarget) -> SupervisedModel:
    """What moves learns from batches that are half of the source and half of the labelled target photos."""
    folds = labelled.folds(TUNED_FOLDS, task.seed)
    seconds = training.SHARE * task.seconds / (len(folds) + 1)
    held_out = np.empty((len(labelled.labels), task.classes))
    for seen, held in folds:
        held_out[held] = compute_logits(_train_tail(task, labelled, seen, seconds)[0], task, labelled.domain, held)
    moving, settings = _train_tail(task, labelled, np.arange(len(labelled.labels)), seconds)
    return SupervisedModel(
        AdaptedModel(
            task.whole(moving),
            _temperature(task, held_out, labelled),
            settings,
            compute_logits(moving, task, task.target),
            tail_tensor_names(task),
        ),
        held_out,
    )


def _train_tail(
    task: AdaptationProblem, labelled: LabelledTarget, rows: NDArray[np.int64], seconds: float
) -> tuple[TrainableTail, str]:
    """From the bundle's weights, with averaged weights in the end and, where it has any, target statistics."""
    moving = task.moving()
    beside = CompanionBatches(labelled.domain, rows, labelled.labels)
    config = replace(training.ADAPTING, batch_size=training.ADAPTING.batch_size // 2)
    settings = train_on_both_domains(
        task, moving, AdaptationSchedule("tune", tune_loss, beside, UPDATES, seconds, config)
    )
    if norms_of(moving):
        adopt_domain_statistics(moving, task, task.target, np.arange(len(task.target)))
    return moving, settings


def tune_loss(moving: nn.Module, inputs: tuple[Tensor, Tensor, float], labels: Tensor) -> tuple[Tensor, Tensor]:
    """The domains pass one after the other, so that each is normalised by its own statistics."""
    source, target, _ = inputs
    logits = torch.cat([moving(source), moving(target)])
    return F.cross_entropy(logits, labels), logits


def _temperature(task: AdaptationProblem, held_out: NDArray[np.float64], labelled: LabelledTarget) -> float:
    """What fits target photos whose labels had not been seen; never below the task's own, for they are few."""
    return max(task.temperature, fit_temperature(held_out, labelled.labels))


def tuning_obstacle(task: AdaptationProblem) -> str:
    """Why a tail cannot be tuned; empty where it can."""
    if norms_of(task.moving()) and len(task.target) < FEWEST_PHOTOS:
        return f"statistics of {len(task.target)} target photos are chance; it takes {FEWEST_PHOTOS}"
    return head_obstacle(task)


class LabelledMethod(NamedTuple):
    """A way of learning from labels of the target, and what may stand in its way."""

    learn: Callable[[AdaptationProblem, LabelledTarget], SupervisedModel]
    obstacle: Callable[[AdaptationProblem], str]


LABELLED_METHODS: Mapping[str, LabelledMethod] = MappingProxyType(
    {"head": LabelledMethod(fit_head, head_obstacle), "tune": LabelledMethod(tune_tail, tuning_obstacle)}
)

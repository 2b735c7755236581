"""Adaptation with some target labels: the labelled target photos join the source photos in training.

The result is cross-validated on the labelled photos themselves, so that it can be compared with unsupervised methods.
The target's fraction of the loss is a hyperparameter: as single photos, a few target photos would have no weight among
those of the source (the baseline "Weighted" of Daumé 2007, arXiv 0907.1815, section 2).
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
from inarch.data.folds import Fold, loose_folds
from inarch.metrics.losses import log_losses
from inarch.metrics.softmax import softmax
from inarch.metrics.temperature import fit_temperature
from inarch.models import norms_of
from inarch.transfer.class_weighting import unweighted
from inarch.transfer.linear import Probe, fit_at


@dataclass(frozen=True)
class LabelledTarget:
    """Labelled target photos for training."""

    domain: Domain
    labels: NDArray[np.int64]
    groups: NDArray[np.int64]
    """The group of each photo; a group stays in one fold."""

    def folds(self, k: int, seed: int) -> list[Fold]:
        """See `loose_folds`: a class that is absent from a fold's target photos has photos in the source."""
        return loose_folds(self.labels, self.groups, k=k, seed=seed)


@dataclass(frozen=True)
class SupervisedModel:
    """The model of a method that trains on target labels."""

    adapted: AdaptedModel
    held_out: NDArray[np.float64]
    """Out-of-fold logits of the labelled photos, (n, classes)."""


def fit_head(task: AdaptationProblem, labelled: LabelledTarget) -> SupervisedModel:
    """Refit the head to the features of both domains.

    The target's fraction and the strength minimise the cross-validated log loss on the target photos. The photos of
    each fold are predicted with the best values of the other folds, so that the search does not bias their logits.
    """
    recipe, moving = task.recipe, task.moving().eval()
    source, target = (features_of(moving, task, each) for each in (task.source, labelled.domain))

    def heads(most: int) -> _HeadFits:
        rows = task.seen[:: -(-len(task.seen) // most)]
        return _HeadFits(source[rows], task.labels[rows], target, labelled.labels, task.classes)

    folds = labelled.folds(task.recipe.folds, task.seed)
    grid = [(share, strength) for share in recipe.head_shares for strength in recipe.head_strengths]
    with threadpool_limits(1, user_api="blas"):
        tried = heads(recipe.search_photos)
        logits = np.stack([tried.held_out(folds, *each) for each in grid])
        losses = np.stack([log_losses(softmax(each), labelled.labels) for each in logits])
        held_out = np.empty_like(logits[0])
        for seen, held in folds:
            held_out[held] = logits[losses[:, seen].mean(1).argmin(), held]
        share, strength = grid[int(losses.mean(1).argmin())]
        fit = heads(recipe.head_photos).of(np.arange(len(labelled.labels)), share, strength)
    moving.set_head(fit.weight, fit.bias)
    return SupervisedModel(
        AdaptedModel(
            task.whole(moving),
            _temperature(task, held_out, labelled),
            f"target photos are {share:.0%} of the loss, L2 strength {strength:g}",
            fit.logits(features_of(moving, task, task.target)),
            frozenset({"head.linear.weight", "head.linear.bias"}),
        ),
        held_out,
    )


@dataclass(frozen=True)
class _HeadFits:
    """Linear fits to source features and some target features."""

    source: NDArray[np.float32]
    source_labels: NDArray[np.int64]
    target: NDArray[np.float32]
    target_labels: NDArray[np.int64]
    classes: int

    def of(self, seen: NDArray[np.int64], share: float, strength: float) -> Probe:
        """The fit to those target photos, which make up ``share`` of the loss."""
        counts = np.array([len(self.source), len(seen)])
        each = np.array([1 - share, share]) * counts.sum() / counts
        labels = np.concatenate([self.source_labels, self.target_labels[seen]])
        return fit_at(
            np.concatenate([self.source, self.target[seen]]),
            labels,
            strength,
            unweighted(self.classes),
            np.repeat(each, counts),
        )

    def held_out(self, folds: list[Fold], share: float, strength: float) -> NDArray[np.float64]:
        """Out-of-fold logits of each target photo."""
        logits = np.empty((len(self.target), self.classes))
        for seen, held in folds:
            logits[held] = self.of(seen, share, strength).logits(self.target[held])
        return logits


def tune_tail(task: AdaptationProblem, labelled: LabelledTarget) -> SupervisedModel:
    """Fine-tune the tail on batches that are half source photos and half labelled target photos."""
    folds = labelled.folds(task.recipe.tuned_folds, task.seed)
    seconds = task.recipe.share * task.seconds / (len(folds) + 1)
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
    """From the bundle's weights, with weight averaging and, if it has batch normalisation, target statistics."""
    moving = task.moving()
    beside = CompanionBatches(labelled.domain, rows, labelled.labels)
    recipe = task.recipe
    config = replace(recipe.config, batch_size=recipe.config.batch_size // 2)
    schedule = AdaptationSchedule("tune", tune_loss, beside, recipe.tuned_updates, seconds, config)
    settings = train_on_both_domains(task, moving, schedule)
    if norms_of(moving):
        adopt_domain_statistics(moving, task, task.target, np.arange(len(task.target)))
    return moving, settings


def tune_loss(moving: nn.Module, inputs: tuple[Tensor, Tensor, float], labels: Tensor) -> tuple[Tensor, Tensor]:
    """The mean cross-entropy; the domains pass one after the other, each normalised by its own statistics."""
    source, target, _ = inputs
    logits = torch.cat([moving(source), moving(target)])
    return F.cross_entropy(logits, labels), logits


def _temperature(task: AdaptationProblem, held_out: NDArray[np.float64], labelled: LabelledTarget) -> float:
    """The temperature of the out-of-fold target photos; never below the bundle's own, because they are few."""
    return max(task.temperature, fit_temperature(held_out, labelled.labels))


def tuning_obstacle(task: AdaptationProblem) -> str:
    """The reason why a tail cannot be tuned; empty if it can."""
    if norms_of(task.moving()) and len(task.target) < FEWEST_PHOTOS:
        return f"batch statistics of {len(task.target)} target photos are too noisy; it takes {FEWEST_PHOTOS}"
    return head_obstacle(task)


class LabelledMethod(NamedTuple):
    """A method that trains on target labels, and its possible obstacle."""

    learn: Callable[[AdaptationProblem, LabelledTarget], SupervisedModel]
    obstacle: Callable[[AdaptationProblem], str]


LABELLED_METHODS: Mapping[str, LabelledMethod] = MappingProxyType(
    {"head": LabelledMethod(fit_head, head_obstacle), "tune": LabelledMethod(tune_tail, tuning_obstacle)}
)

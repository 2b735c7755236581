"""The ways of adapting: one function each, and one table of them."""

import copy
from collections.abc import Callable, Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import NamedTuple, cast

import numpy as np
import torch.nn.functional as F
from torch import Tensor, nn

from inarch.commands.adapt import training
from inarch.commands.adapt.alignment import align_features
from inarch.commands.adapt.losses import class_confusion, domain_confusion, reversal_factor
from inarch.commands.adapt.problem import (
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
from inarch.metrics.calibration import fit_temperature
from inarch.models import norms_of
from inarch.training.losses import Loss
from inarch.training.seeds import global_draws
from inarch.transfer.linear import fit_probe

CRITIC_WIDTH = 256
CALIBRATING = 2000
"""Temperatures are fitted on so many held-out source photos at most."""


def adabn(task: AdaptationProblem) -> AdaptedModel:
    """Adaptive batch normalisation, in every layer of the net."""
    model = copy.deepcopy(task.model).eval()
    whole = replace(task, cut=None, source=_drop_maps(task.source), target=_drop_maps(task.target))
    names = [f"{at}.{name}" for at, module in model.named_modules() for name, _ in module.named_buffers(recurse=False)]
    adopt_domain_statistics(model, whole, whole.target, np.arange(len(whole.target)))
    return AdaptedModel(
        model,
        task.temperature,  # of source photos seen through source statistics, as for the methods that train
        f"statistics of {len(norms_of(model))} layers",
        compute_logits(model, whole, whole.target),
        frozenset(names),
    )


def coral(task: AdaptationProblem) -> AdaptedModel:
    """The head learns anew, on source features that look like the target's."""
    moving = task.moving().eval()
    source, target = (features_of(moving, task, domain) for domain in (task.source, task.target))
    fit = fit_probe(
        align_features(source, target)[None],
        task.labels,
        task.groups,
        classes=task.classes,
        seed=task.seed,
        class_weighting="none",
    )
    moving.set_head(fit.weight, fit.bias)
    unseen = np.isin(fit.held_out_rows, task.held)
    temperature = fit_temperature(fit.held_out[unseen], task.labels[fit.held_out_rows[unseen]])
    return AdaptedModel(
        task.whole(moving),
        max(task.temperature, temperature),
        f"penalty {fit.strength:g} per photo",
        fit.logits(target),
        frozenset({"head.linear.weight", "head.linear.bias"}),
    )


def mcc(task: AdaptationProblem) -> AdaptedModel:
    """Minimum class confusion on target photos, beside the labels of source photos."""
    return _train_tail(task, task.moving(), mcc_loss, "mcc")


def mcc_loss(moving: nn.Module, inputs: tuple[Tensor, Tensor, float], labels: Tensor) -> tuple[Tensor, Tensor]:
    """The domains pass one after the other, so that each is normalised by its own statistics."""
    source, target, _ = inputs
    logits = moving(source)
    return F.cross_entropy(logits, labels) + class_confusion(moving(target)), logits


def dann(task: AdaptationProblem) -> AdaptedModel:
    """Domain-adversarial training: features by which a critic cannot tell the domains apart."""
    moving = task.moving()
    channels = moving.linear.in_features
    with global_draws(task.seed, "critic"):
        moving.critic = nn.Sequential(
            nn.LayerNorm(channels, elementwise_affine=False),  # features have a scale of their own in every net
            nn.Linear(channels, CRITIC_WIDTH),
            nn.ReLU(),
            nn.Linear(CRITIC_WIDTH, CRITIC_WIDTH),
            nn.ReLU(),
            nn.Linear(CRITIC_WIDTH, 1),
        )
    return _train_tail(task, moving, dann_loss, "dann")


def dann_loss(moving: nn.Module, inputs: tuple[Tensor, Tensor, float], labels: Tensor) -> tuple[Tensor, Tensor]:
    """As `mcc_loss`, with the critic's confusion."""
    source, target, progress = inputs
    net = cast(TrainableTail, moving)
    features = net.features(source)
    logits: Tensor = net.linear(features)
    confusion = domain_confusion(net.critic, features, net.features(target), reversal_factor(progress))
    return F.cross_entropy(logits, labels) + confusion, logits


def statistics_obstacle(task: AdaptationProblem) -> str:
    """Why statistics cannot be adopted; empty where they can."""
    lacks = "the net has no batch normalisation, or it is folded into the weights: there are no statistics to adopt"
    return "" if norms_of(task.model) else lacks


def head_obstacle(task: AdaptationProblem) -> str:
    """Why the head cannot learn anew; empty where it can."""
    kept = (
        f"the bundle was trained with the class weighting {task.class_weighting!r}, which training its head anew would "
        "undo"
    )
    return "" if task.class_weighting == "none" else kept


class UnsupervisedMethod(NamedTuple):
    """A way of adapting, and what may stand in its way."""

    adapt: Callable[[AdaptationProblem], AdaptedModel]
    obstacle: Callable[[AdaptationProblem], str]


METHODS: Mapping[str, UnsupervisedMethod] = MappingProxyType(
    {
        "adabn": UnsupervisedMethod(adabn, statistics_obstacle),
        "coral": UnsupervisedMethod(coral, head_obstacle),
        "mcc": UnsupervisedMethod(mcc, head_obstacle),
        "dann": UnsupervisedMethod(dann, head_obstacle),
    }
)


def _train_tail(task: AdaptationProblem, moving: TrainableTail, loss: Loss, name: str) -> AdaptedModel:
    """Train what moves on both domains; it ends with averaged weights and, where it has any, target statistics."""
    unlabelled = CompanionBatches(task.target, np.arange(len(task.target)))
    course = AdaptationSchedule(name, loss, unlabelled, updates=training.UPDATES, seconds=training.SHARE * task.seconds)
    settings = train_on_both_domains(task, moving, course)
    temperature = _temperature(task, moving)
    if norms_of(moving):
        adopt_domain_statistics(moving, task, task.target, np.arange(len(task.target)))
    return AdaptedModel(
        task.whole(moving), temperature, settings, compute_logits(moving, task, task.target), tail_tensor_names(task)
    )


def _temperature(task: AdaptationProblem, net: nn.Module) -> float:
    """What fits held-out source photos, seen through source statistics; the net keeps these.

    Never below the task's own: the net may have learned from those photos before.
    """
    held = task.held[:: -(-len(task.held) // CALIBRATING)]
    if norms_of(net):
        adopt_domain_statistics(net, task, task.source, task.seen)
    return max(task.temperature, fit_temperature(compute_logits(net, task, task.source, held), task.labels[held]))


def _drop_maps(domain: Domain) -> Domain:
    return Domain(domain.pixels, None)

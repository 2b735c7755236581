"""The unsupervised adaptation methods: one function each, and one table of them."""

import copy
from collections.abc import Callable, Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import NamedTuple, cast

import numpy as np
import torch.nn.functional as F
from torch import Tensor, nn

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
from inarch.data.labels import PhotoLabels
from inarch.metrics.temperature import fit_temperature
from inarch.models import norms_of
from inarch.training.losses import Loss
from inarch.training.seeds import global_draws
from inarch.transfer.linear import fit_probe


def adabn(task: AdaptationProblem) -> AdaptedModel:
    """Adaptive batch normalisation, in every layer of the model."""
    model = copy.deepcopy(task.model).eval()
    whole = replace(task, cut=None, source=_drop_maps(task.source), target=_drop_maps(task.target))
    names = [f"{at}.{name}" for at, module in model.named_modules() for name, _ in module.named_buffers(recurse=False)]
    adopt_domain_statistics(model, whole, whole.target, np.arange(len(whole.target)))
    return AdaptedModel(
        model,
        task.temperature,  # of source photos under source statistics, as for the methods that train
        f"statistics of {len(norms_of(model))} layers",
        compute_logits(model, whole, whole.target),
        frozenset(names),
    )


def coral(task: AdaptationProblem) -> AdaptedModel:
    """Refit the head to source features that are aligned with the target's."""
    moving = task.moving().eval()
    source, target = (features_of(moving, task, domain) for domain in (task.source, task.target))
    fit = fit_probe(
        align_features(source, target)[None], PhotoLabels(task.labels, task.groups, task.classes), seed=task.seed
    )
    moving.set_head(fit.weight, fit.bias)
    unseen = np.isin(fit.held_out_rows, task.held)
    temperature = fit_temperature(fit.held_out[unseen], task.labels[fit.held_out_rows[unseen]])
    return AdaptedModel(
        task.whole(moving),
        max(task.temperature, temperature),
        f"L2 strength {fit.strength:g} per photo",
        fit.logits(target),
        frozenset({"head.linear.weight", "head.linear.bias"}),
    )


def mcc(task: AdaptationProblem) -> AdaptedModel:
    """Minimum class confusion on target photos, added to the loss on source photos."""
    return _train_tail(task, task.moving(), mcc_loss, "mcc")


def mcc_loss(moving: nn.Module, inputs: tuple[Tensor, Tensor, float], labels: Tensor) -> tuple[Tensor, Tensor]:
    """The loss; the domains pass one after the other, each normalised by its own statistics."""
    source, target, _ = inputs
    logits = moving(source)
    return F.cross_entropy(logits, labels) + class_confusion(moving(target)), logits


def dann(task: AdaptationProblem) -> AdaptedModel:
    """Domain-adversarial training: features by which a critic cannot distinguish the domains."""
    moving = task.moving()
    channels, width = moving.linear.in_features, task.recipe.critic_width
    with global_draws(task.seed, "critic"):
        moving.critic = nn.Sequential(
            nn.LayerNorm(channels, elementwise_affine=False),  # the scale of features differs between models
            nn.Linear(channels, width),
            nn.ReLU(),
            nn.Linear(width, width),
            nn.ReLU(),
            nn.Linear(width, 1),
        )
    return _train_tail(task, moving, dann_loss, "dann")


def dann_loss(moving: nn.Module, inputs: tuple[Tensor, Tensor, float], labels: Tensor) -> tuple[Tensor, Tensor]:
    """As `mcc_loss`, with the critic's confusion instead."""
    source, target, progress = inputs
    model = cast(TrainableTail, moving)
    features = model.features(source)
    logits: Tensor = model.linear(features)
    confusion = domain_confusion(model.critic, features, model.features(target), reversal_factor(progress))
    return F.cross_entropy(logits, labels) + confusion, logits


def statistics_obstacle(task: AdaptationProblem) -> str:
    """The reason why statistics cannot be replaced; empty if they can."""
    lacks = "the model has no batch normalisation, or it is folded into the weights"
    return "" if norms_of(task.model) else lacks


def head_obstacle(task: AdaptationProblem) -> str:
    """The reason why the head cannot be refitted; empty if it can."""
    kept = (
        f"the bundle was trained with the class weighting {task.class_weighting!r}, which training its head anew would "
        "undo"
    )
    return "" if task.class_weighting == "none" else kept


class UnsupervisedMethod(NamedTuple):
    """An unsupervised adaptation method, and its possible obstacle."""

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
    """Train the tail on both domains, with weight averaging and, if it has batch normalisation, target statistics."""
    unlabelled = CompanionBatches(task.target, np.arange(len(task.target)))
    recipe = task.recipe
    schedule = AdaptationSchedule(name, loss, unlabelled, recipe.updates, recipe.share * task.seconds, recipe.config)
    settings = train_on_both_domains(task, moving, schedule)
    temperature = _temperature(task, moving)
    if norms_of(moving):
        adopt_domain_statistics(moving, task, task.target, np.arange(len(task.target)))
    return AdaptedModel(
        task.whole(moving), temperature, settings, compute_logits(moving, task, task.target), tail_tensor_names(task)
    )


def _temperature(task: AdaptationProblem, model: nn.Module) -> float:
    """The temperature of validation photos of the source, under source statistics; the model keeps these.

    Never below the bundle's own, because the model may have been trained on those photos.
    """
    held = task.held[:: -(-len(task.held) // task.recipe.calibrating)]
    if norms_of(model):
        adopt_domain_statistics(model, task, task.source, task.seen)
    return max(task.temperature, fit_temperature(compute_logits(model, task, task.source, held), task.labels[held]))


def _drop_maps(domain: Domain) -> Domain:
    return Domain(domain.pixels, None)

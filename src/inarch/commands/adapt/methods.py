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
from inarch.commands.adapt.alignment import aligned
from inarch.commands.adapt.losses import class_confusion, domain_confusion, reversal_at
from inarch.commands.adapt.task import (
    Adapted,
    Domain,
    Moving,
    Task,
    computed,
)
from inarch.commands.adapt.training import (
    Beside,
    Course,
    adopt,
    features_of,
    names_behind_the_cut,
    train_beside,
)
from inarch.metrics.calibration import fit_temperature
from inarch.models import norms_of
from inarch.training.losses import Loss
from inarch.training.seeds import global_draws
from inarch.transfer.linear import fit_probe

CRITIC_WIDTH = 256
CALIBRATING = 2000
"""Temperatures are fitted on so many held-out source photos at most."""


def adabn(task: Task) -> Adapted:
    """Adaptive batch normalisation, in every layer of the net."""
    model = copy.deepcopy(task.model).eval()
    whole = replace(task, cut=None, source=_pixels(task.source), target=_pixels(task.target))
    names = [f"{at}.{name}" for at, module in model.named_modules() for name, _ in module.named_buffers(recurse=False)]
    adopt(model, whole, whole.target, np.arange(len(whole.target)))
    return Adapted(
        model,
        task.temperature,  # of source photos seen through source statistics, as for the methods that train
        f"statistics of {len(norms_of(model))} layers",
        computed(model, whole, whole.target),
        frozenset(names),
    )


def coral(task: Task) -> Adapted:
    """The head learns anew, on source features that look like the target's."""
    moving = task.moving().eval()
    source, target = (features_of(moving, task, domain) for domain in (task.source, task.target))
    fit = fit_probe(
        aligned(source, target)[None], task.labels, task.groups, classes=task.classes, seed=task.seed, balance="none"
    )
    moving.set_head(fit.weight, fit.bias)
    unseen = np.isin(fit.held_out_rows, task.held)
    temperature = fit_temperature(fit.held_out[unseen], task.labels[fit.held_out_rows[unseen]])
    return Adapted(
        task.whole(moving),
        max(task.temperature, temperature),
        f"penalty {fit.strength:g} per photo",
        fit.logits(target),
        frozenset({"head.linear.weight", "head.linear.bias"}),
    )


def mcc(task: Task) -> Adapted:
    """Minimum class confusion on target photos, beside the labels of source photos."""
    return _trained(task, task.moving(), mcc_loss, "mcc")


def mcc_loss(moving: nn.Module, inputs: tuple[Tensor, Tensor, float], labels: Tensor) -> tuple[Tensor, Tensor]:
    """The domains pass one after the other, so that each is normalised by its own statistics."""
    source, target, _ = inputs
    logits = moving(source)
    return F.cross_entropy(logits, labels) + class_confusion(moving(target)), logits


def dann(task: Task) -> Adapted:
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
    return _trained(task, moving, dann_loss, "dann")


def dann_loss(moving: nn.Module, inputs: tuple[Tensor, Tensor, float], labels: Tensor) -> tuple[Tensor, Tensor]:
    """As `mcc_loss`, with the critic's confusion."""
    source, target, progress = inputs
    net = cast(Moving, moving)
    features = net.features(source)
    logits: Tensor = net.linear(features)
    confusion = domain_confusion(net.critic, features, net.features(target), reversal_at(progress))
    return F.cross_entropy(logits, labels) + confusion, logits


def no_norms(task: Task) -> str:
    """Why statistics cannot be adopted; empty where they can."""
    lacks = "the net has no batch normalisation, or it is folded into the weights: there are no statistics to adopt"
    return "" if norms_of(task.model) else lacks


def balanced(task: Task) -> str:
    """Why the head cannot learn anew; empty where it can."""
    kept = f"the bundle was trained with the balance {task.balance!r}, which training its head anew would undo"
    return "" if task.balance == "none" else kept


class Method(NamedTuple):
    """A way of adapting, and what may stand in its way."""

    adapt: Callable[[Task], Adapted]
    obstacle: Callable[[Task], str]


METHODS: Mapping[str, Method] = MappingProxyType(
    {
        "adabn": Method(adabn, no_norms),
        "coral": Method(coral, balanced),
        "mcc": Method(mcc, balanced),
        "dann": Method(dann, balanced),
    }
)


def _trained(task: Task, moving: Moving, loss: Loss, name: str) -> Adapted:
    """Train what moves on both domains; it ends with averaged weights and, where it has any, target statistics."""
    unlabelled = Beside(task.target, np.arange(len(task.target)))
    course = Course(name, loss, unlabelled, updates=training.UPDATES, seconds=training.SHARE * task.seconds)
    settings = train_beside(task, moving, course)
    temperature = _temperature(task, moving)
    if norms_of(moving):
        adopt(moving, task, task.target, np.arange(len(task.target)))
    return Adapted(
        task.whole(moving), temperature, settings, computed(moving, task, task.target), names_behind_the_cut(task)
    )


def _temperature(task: Task, net: nn.Module) -> float:
    """What fits held-out source photos, seen through source statistics; the net keeps these.

    Never below the task's own: the net may have learned from those photos before.
    """
    held = task.held[:: -(-len(task.held) // CALIBRATING)]
    if norms_of(net):
        adopt(net, task, task.source, task.seen)
    return max(task.temperature, fit_temperature(computed(net, task, task.source, held), task.labels[held]))


def _pixels(domain: Domain) -> Domain:
    return Domain(domain.pixels, None)

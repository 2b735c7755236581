"""The ways of adapting: one function each, and one table of them."""

import copy
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from types import MappingProxyType
from typing import NamedTuple, cast

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn

from inarch.metrics.calibration import fit_temperature
from inarch.nets import evaluating
from inarch.training.budget import TimePlan, step_seconds
from inarch.training.config import TrainingConfig
from inarch.training.loop import Batch, Run, Source
from inarch.training.losses import Loss
from inarch.training.seeds import generator, global_draws
from inarch.transfer.adaptation.alignment import aligned
from inarch.transfer.adaptation.losses import class_confusion, domain_confusion, reversal_at
from inarch.transfer.adaptation.statistics import adopt_statistics, norms_of
from inarch.transfer.adaptation.task import Adapted, Domain, Moving, Task, computed
from inarch.transfer.linear import fit_probe

ADAPTING = TrainingConfig(
    epochs=1, batch_size=64, optimiser="adamw", lr=3e-4, weight_decay=0.01, label_smoothing=0.0, ema_decay=0.99
)
UPDATES, FEWEST_UPDATES = 600, 30
"""How many updates a method takes where there is time, and how few are no adaptation."""
SHARE = 0.8
"""Of a method's time goes into training; the rest is for statistics and answers."""
CRITIC_WIDTH = 256
CALIBRATING, COUNTED = 2000, 4000
"""Temperatures are fitted on so many held-out source photos at most, statistics taken of so many photos."""
EPOCH = 30
"""Updates between two looks at the clock, at most: an epoch of a large source takes longer than it may."""


def adabn(task: Task) -> Adapted:
    """Adaptive batch normalisation, in every layer of the net."""
    model = copy.deepcopy(task.model).eval()
    whole = replace(task, cut=None, source=_pixels(task.source), target=_pixels(task.target))
    names = [f"{at}.{name}" for at, module in model.named_modules() for name, _ in module.named_buffers(recurse=False)]
    _adopt(model, whole, whole.target, np.arange(len(whole.target)))
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
    source, target = (_features(moving, task, domain) for domain in (task.source, task.target))
    fit = fit_probe(
        aligned(source, target)[None], task.labels, task.groups, classes=task.classes, seed=task.seed, balance="none"
    )
    with torch.no_grad():
        moving.linear.weight.copy_(torch.from_numpy(fit.weight))
        moving.linear.bias.copy_(torch.from_numpy(fit.bias))
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
    source = Source(min(len(task.seen), EPOCH * ADAPTING.batch_size), partial(_batch, task, lambda: 1))
    seconds = SHARE * task.seconds
    config = _config(task, moving, source, loss, seconds)
    run = Run(moving, config)
    source = replace(source, batch=partial(_batch, task, lambda: run.config.epochs))
    fewest = -(-min(UPDATES, FEWEST_UPDATES) // source.steps(config))
    plan = TimePlan(seconds, most=config.epochs, fewest=fewest)
    for epoch in run.epochs(source, loss):
        task.progress(name, epoch.number, run.config.epochs)
        plan.look(run)
    temperature = _temperature(task, moving)
    if norms_of(moving):
        _adopt(moving, task, task.target, np.arange(len(task.target)))
    return Adapted(
        task.whole(moving),
        temperature,
        f"{source.steps(config) * len(run.history)} updates, {config.optimiser} {config.lr:g}",
        computed(moving, task, task.target),
        _names(task),
    )


def _batch(task: Task, epochs: Callable[[], int], indices: Tensor, epoch: int) -> Batch:
    """Source photos and as many target photos, drawn anew, and how far training has come, from 0 to 1."""
    first = int(indices[0])
    order = torch.randperm(len(task.seen), generator=generator(task.seed, "source", epoch))
    rows = task.seen[order[indices].numpy()]
    chosen = torch.randperm(len(task.target), generator=generator(task.seed, "target", epoch, first))[: len(rows)]
    source = task.inputs(task.source, rows, generator(task.seed, "augment source", epoch, first))
    target = task.inputs(task.target, chosen.numpy(), generator(task.seed, "augment target", epoch, first))
    return (source, target, (epoch - 1) / epochs()), torch.from_numpy(task.labels[rows])


def _config(task: Task, moving: Moving, source: Source, loss: Loss, within: float) -> TrainingConfig:
    """As many epochs as make up the updates, or as the time allows, by timing one update here and now."""
    config = replace(ADAPTING, seed=task.seed)
    trial = copy.deepcopy(moving).to(memory_format=torch.channels_last).train()

    def step() -> None:
        inputs, labels = source.batch(torch.arange(min(config.batch_size, source.examples)), 0)
        with global_draws(task.seed, "timing"):
            loss(trial, inputs, labels)[0].backward()

    updates = min(UPDATES, max(FEWEST_UPDATES, int(within / step_seconds(step))))
    return replace(config, epochs=max(1, round(updates / source.steps(config))))


def _temperature(task: Task, net: nn.Module) -> float:
    """What fits held-out source photos, seen through source statistics; the net keeps these.

    Never below the task's own: the net may have learned from those photos before.
    """
    held = task.held[:: -(-len(task.held) // CALIBRATING)]
    if norms_of(net):
        _adopt(net, task, task.source, task.seen)
    return max(task.temperature, fit_temperature(computed(net, task, task.source, held), task.labels[held]))


def _adopt(net: nn.Module, task: Task, domain: Domain, rows: NDArray[np.int64]) -> None:
    """Take over the statistics of some of these photos, shuffled: photos of one class often stand side by side."""
    order = torch.randperm(len(rows), generator=generator(task.seed, "statistics"))[:COUNTED].numpy()
    adopt_statistics(net, task.batches(domain, rows[order]))


@torch.no_grad()
def _features(moving: Moving, task: Task, domain: Domain) -> NDArray[np.float32]:
    """(n, d), in evaluation mode."""
    with evaluating(moving):
        return np.concatenate([moving.features(batch).numpy() for batch in task.batches(domain)])


def _pixels(domain: Domain) -> Domain:
    return Domain(domain.pixels, None)


def _names(task: Task) -> frozenset[str]:
    """The tensors of the task's net that stand behind its cut."""
    moving = task.moving()
    parts = {"backbone": moving.body, "head": moving.head}
    return frozenset(
        f"{part}.{name}"
        for part, module in parts.items()
        for name, _ in [*module.named_parameters(), *module.named_buffers()]
    )

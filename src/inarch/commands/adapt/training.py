"""Training what moves on source photos, each batch of them beside as many photos of the target."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from inarch.commands.adapt.problem import AdaptationProblem, Domain, TrainableTail
from inarch.commands.adapt.statistics import adopt_statistics
from inarch.models import evaluating
from inarch.training.budget import TimePlan, update_seconds
from inarch.training.config import TrainingConfig
from inarch.training.loop import Batch, ExampleSource, Run
from inarch.training.losses import Loss
from inarch.training.seeds import generator

ADAPTING = TrainingConfig(
    epochs=1, batch_size=64, optimiser="adamw", lr=3e-4, weight_decay=0.01, label_smoothing=0.0, ema_decay=0.99
)
UPDATES, FEWEST_UPDATES = 600, 30
"""How many updates a method takes where there is time, and how few are no adaptation."""
SHARE = 0.8
"""Of a method's time goes into training; the rest is for statistics and answers."""
COUNTED = 4000
"""Statistics are taken of so many photos at most."""
EPOCH = 30
"""Updates between two looks at the clock, at most: an epoch of a large source takes longer than it may."""


@dataclass(frozen=True)
class CompanionBatches:
    """What the source photos of each batch are seen beside."""

    domain: Domain
    rows: NDArray[np.int64]
    """Which of its photos; drawn with replacement where they are fewer than a batch takes."""
    labels: NDArray[np.int64] | None = None
    """Of the domain's photos, where they may be learned from: they then follow those of the source photos."""


@dataclass(frozen=True)
class AdaptationSchedule:
    """How `train_on_both_domains` learns."""

    name: str
    loss: Loss
    beside: CompanionBatches
    updates: int
    """Where there is time."""
    seconds: float
    """What it may take."""
    config: TrainingConfig = ADAPTING


def train_on_both_domains(task: AdaptationProblem, moving: TrainableTail, course: AdaptationSchedule) -> str:
    """Train ``moving`` in place; it ends with averaged weights. Returns what was done, in words.

    The loss is handed (source inputs, target inputs, how far training has come from 0 to 1) and the labels.
    """
    examples = min(len(task.seen), EPOCH * course.config.batch_size)
    timed = ExampleSource(examples, partial(_batch, task, course.beside, lambda: 1))
    config = _plan_epochs(task, moving, timed, course)
    run = Run(moving, config)
    source = replace(timed, batch=partial(_batch, task, course.beside, lambda: run.config.epochs))
    fewest = -(-min(course.updates, FEWEST_UPDATES) // source.steps(config))
    plan = TimePlan(course.seconds, most=config.epochs, fewest=fewest)
    for epoch in run.epochs(source, course.loss):
        task.progress(course.name, epoch.number, run.config.epochs)
        plan.look(run)
    return f"{source.steps(config) * len(run.history)} updates, {config.optimiser} {config.lr:g}"


def _batch(
    task: AdaptationProblem, beside: CompanionBatches, epochs: Callable[[], int], indices: Tensor, epoch: int
) -> Batch:
    """Source photos and as many others, drawn anew."""
    first = int(indices[0])
    order = torch.randperm(len(task.seen), generator=generator(task.seed, "source", epoch))
    rows = task.seen[order[indices].numpy()]
    draw = generator(task.seed, "target", epoch, first)
    if len(rows) <= len(beside.rows):
        chosen = torch.randperm(len(beside.rows), generator=draw)[: len(rows)]
    else:
        chosen = torch.randint(len(beside.rows), (len(rows),), generator=draw)
    others = beside.rows[chosen.numpy()]
    source = task.inputs(task.source, rows, generator(task.seed, "augment source", epoch, first))
    target = task.inputs(beside.domain, others, generator(task.seed, "augment target", epoch, first))
    labels = task.labels[rows] if beside.labels is None else np.concatenate([task.labels[rows], beside.labels[others]])
    return (source, target, (epoch - 1) / epochs()), torch.from_numpy(labels)


def _plan_epochs(
    task: AdaptationProblem, moving: TrainableTail, source: ExampleSource, course: AdaptationSchedule
) -> TrainingConfig:
    """As many epochs as make up the updates, or as the time allows, by timing one update here and now."""
    config = replace(course.config, seed=task.seed)
    rows = torch.arange(min(config.batch_size, source.examples))
    taken = update_seconds(moving, config, partial(source.batch, rows, 0), course.loss)
    updates = min(course.updates, max(FEWEST_UPDATES, int(course.seconds / taken)))
    return replace(config, epochs=max(1, round(updates / source.steps(config))))


def adopt_domain_statistics(net: nn.Module, task: AdaptationProblem, domain: Domain, rows: NDArray[np.int64]) -> None:
    """Take over the statistics of some of these photos, shuffled: photos of one class often stand side by side."""
    order = torch.randperm(len(rows), generator=generator(task.seed, "statistics"))[:COUNTED].numpy()
    adopt_statistics(net, task.batches(domain, rows[order]))


@torch.no_grad()
def features_of(moving: TrainableTail, task: AdaptationProblem, domain: Domain) -> NDArray[np.float32]:
    """What the last linear layer takes, (n, d), in evaluation mode."""
    with evaluating(moving):
        return np.concatenate([moving.features(batch).numpy() for batch in task.batches(domain)])


def tail_tensor_names(task: AdaptationProblem) -> frozenset[str]:
    """The tensors of the task's net that move where everything behind its cut does."""
    moving = task.moving()
    parts = {"backbone": moving.body, "head": moving.head}
    return frozenset(
        f"{part}.{name}"
        for part, module in parts.items()
        for name, _ in [*module.named_parameters(), *module.named_buffers()]
    )

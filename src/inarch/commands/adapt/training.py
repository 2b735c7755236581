"""Training the tail on source photos, each batch of them together with as many target photos."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from inarch.commands.adapt.problem import AdaptationProblem, Domain, TrainableTail
from inarch.training.budget import TimePlan, update_seconds
from inarch.training.config import TrainingConfig
from inarch.training.inference import predict_batches
from inarch.training.loop import Batch, ExampleSource, Run
from inarch.training.losses import Loss
from inarch.training.seeds import generator
from inarch.training.statistics import adopt_statistics


@dataclass(frozen=True)
class CompanionBatches:
    """The photos that accompany the source photos of each batch."""

    domain: Domain
    rows: NDArray[np.int64]
    """Which of the domain's photos; drawn with replacement if they are fewer than a batch takes."""
    labels: NDArray[np.int64] | None = None
    """The labels of the domain's photos, if they are used for training: they then follow those of the source photos."""


@dataclass(frozen=True)
class AdaptationSchedule:
    """How `train_on_both_domains` trains."""

    name: str
    loss: Loss
    beside: CompanionBatches
    updates: int
    """The updates if there is time."""
    seconds: float
    """The seconds available."""
    config: TrainingConfig


def train_on_both_domains(task: AdaptationProblem, moving: TrainableTail, schedule: AdaptationSchedule) -> str:
    """Train ``moving`` in place, with weight averaging, on the device of the configuration. Returns a description.

    The loss takes (source inputs, target inputs, progress from 0 to 1) and the labels.
    """
    examples = min(len(task.seen), task.recipe.epoch_updates * schedule.config.batch_size)
    timed = ExampleSource(examples, partial(_batch, task, schedule.beside, lambda: 1))
    config = _plan_epochs(task, moving, timed, schedule)
    run = Run(moving, config)
    source = replace(timed, batch=partial(_batch, task, schedule.beside, lambda: run.config.epochs))
    fewest = -(-min(schedule.updates, task.recipe.fewest_updates) // source.steps(config))
    plan = TimePlan(schedule.seconds, most=config.epochs, fewest=fewest)
    for epoch in run.epochs(source, schedule.loss):
        task.progress(schedule.name, epoch.number, run.config.epochs)
        plan.look(run)
    moving.cpu()
    return f"{source.steps(config) * len(run.history)} updates, {config.optimiser} {config.lr:g}"


def _batch(
    task: AdaptationProblem, beside: CompanionBatches, epochs: Callable[[], int], indices: Tensor, epoch: int
) -> Batch:
    """Source photos and as many others, drawn in every epoch."""
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
    task: AdaptationProblem, moving: TrainableTail, source: ExampleSource, schedule: AdaptationSchedule
) -> TrainingConfig:
    """As many epochs as make up the updates, or as the time allows, by timing one update on this machine."""
    config = replace(schedule.config, seed=task.seed)
    rows = torch.arange(min(config.batch_size, source.examples))
    taken = update_seconds(moving, config, partial(source.batch, rows, 0), schedule.loss)
    updates = min(schedule.updates, max(task.recipe.fewest_updates, int(schedule.seconds / taken)))
    return replace(config, epochs=max(1, round(updates / source.steps(config))))


def adopt_domain_statistics(model: nn.Module, task: AdaptationProblem, domain: Domain, rows: NDArray[np.int64]) -> None:
    """Take over the statistics of a shuffled sample of these photos, because folders list photos class by class."""
    order = torch.randperm(len(rows), generator=generator(task.seed, "statistics"))[: task.recipe.counted].numpy()
    adopt_statistics(model, task.batches(domain, rows[order]))


def features_of(moving: TrainableTail, task: AdaptationProblem, domain: Domain) -> NDArray[np.float32]:
    """The input of the last linear layer, (n, d), in evaluation mode."""
    return predict_batches(moving, task.batches(domain), moving.features).numpy()


def tail_tensor_names(task: AdaptationProblem) -> frozenset[str]:
    """The tensors of the model after the cut, which the tail holds."""
    moving = task.moving()
    parts = {"backbone": moving.body, "head": moving.head}
    return frozenset(
        f"{part}.{name}"
        for part, module in parts.items()
        for name, _ in [*module.named_parameters(), *module.named_buffers()]
    )

"""Training the tail of a net on the cached maps of its frozen prefix."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from inarch.models import evaluating
from inarch.storage.cache import Rows
from inarch.training.budget import TimePlan
from inarch.training.config import TrainingConfig
from inarch.training.loop import Batch, Epoch, ExampleSource, Run
from inarch.training.losses import cross_entropy
from inarch.transfer.run import TrainingRun

FEWEST_EPOCHS = 3
"""Of a tail, however little time there is."""


def is_fair_trial(epochs: int) -> bool:
    """Whether fine-tuning has time for more than the fewest epochs: with those alone it would lose for lack of time."""
    return epochs > FEWEST_EPOCHS


@dataclass(frozen=True)
class CachedFeatureMaps:
    """Cached maps (one entry per view) of the photos with ``labels``."""

    views: tuple[Rows, ...]
    labels: NDArray[np.int64]

    def source(self, rows: NDArray[np.int64]) -> ExampleSource:
        """Batches of ``rows``; each epoch sees the next view."""

        def batch(indices: Tensor, epoch: int) -> Batch:
            chosen = rows[indices.numpy()]
            maps = self.views[epoch % len(self.views)][chosen]
            return torch.from_numpy(maps).float(), torch.from_numpy(self.labels[chosen])

        return ExampleSource(len(rows), batch)


def train_tail(
    job: TrainingRun,
    model: nn.Module,
    source: ExampleSource,
    config: TrainingConfig,
    checkpoint: Path | None,
    *,
    seconds: float = math.inf,
) -> list[Epoch]:
    """Train ``model`` (a tail and its head) on maps; it ends with the averaged weights.

    Of the config's epochs fewer are run, but never fewer than `FEWEST_EPOCHS`, where they would take more than
    ``seconds``.
    """
    run = Run(model, config, checkpoint)
    if job.resume:
        run.resume()
    plan = TimePlan(seconds, most=max(config.epochs, run.config.epochs), fewest=FEWEST_EPOCHS)
    for _ in run_tail_epochs(job, run, source):
        plan.look(run)
    run.discard()
    return run.history


def run_tail_epochs(job: TrainingRun, run: Run, source: ExampleSource) -> Iterator[Epoch]:
    """The run's epochs by the loss of fine-tuning, while the job hears how far it is."""
    weights = torch.from_numpy(job.weighting.learned).float()
    loss = partial(cross_entropy, smoothing=run.config.label_smoothing, class_weights=weights)
    for epoch in run.epochs(source, loss):
        job.progress("fine-tune", epoch.number, run.config.epochs)
        yield epoch


@torch.no_grad()
def logits_of(model: nn.Module, maps: Rows, rows: NDArray[np.int64], *, batch: int = 32) -> NDArray[np.float64]:
    """Logits of ``model`` on cached maps, in evaluation mode: (n, classes); or what else it puts out."""
    with evaluating(model):
        parts = [
            model(torch.from_numpy(maps[rows[at : at + batch]]).float()).double().numpy()
            for at in range(0, len(rows), batch)
        ]
    return np.concatenate(parts)

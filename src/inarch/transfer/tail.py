"""Training the tail of a model on the cached feature maps of its frozen prefix."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from inarch.storage.cache import Rows
from inarch.training.budget import TimePlan
from inarch.training.inference import predict_batches
from inarch.training.loop import Batch, Epoch, ExampleSource, Run
from inarch.training.losses import cross_entropy
from inarch.transfer.run import TrainingRun


@dataclass(frozen=True)
class CachedFeatureMaps:
    """Cached feature maps (one entry per view) of the photos with ``labels``."""

    views: tuple[Rows, ...]
    labels: NDArray[np.int64]

    def source(self, rows: NDArray[np.int64]) -> ExampleSource:
        """Batches of ``rows``; each epoch uses the next view."""

        def batch(indices: Tensor, epoch: int) -> Batch:
            chosen = rows[indices.numpy()]
            maps = self.views[epoch % len(self.views)][chosen]
            return torch.from_numpy(maps).float(), torch.from_numpy(self.labels[chosen])

        return ExampleSource(len(rows), batch)


@dataclass(frozen=True)
class EpochLimits:
    """How long a fit may go on."""

    seconds: float = math.inf
    fewest: int = 1
    """Epochs whatever their duration."""
    most: int = 0
    """Epochs if there turns out to be time for more than were planned."""


def train_tail(run: TrainingRun, fit: Run, source: ExampleSource, *, seconds: float = math.inf) -> list[Epoch]:
    """Train the model of ``fit`` (a tail and its head) on maps; it ends with the averaged weights.

    Of its epochs fewer are run, but never fewer than the run's recipe says, where they would take more than
    ``seconds``.
    """
    history = finetune_epochs(run, fit, source, EpochLimits(seconds, run.options.recipes.finetune.fewest_epochs))
    fit.discard()
    return history


def finetune_epochs(run: TrainingRun, fit: Run, source: ExampleSource, limits: EpochLimits) -> list[Epoch]:
    """Train the model of ``fit`` by the loss of fine-tuning; it ends with the averaged weights.

    Its checkpoint stays: what a run decides by it is decided again when the run is resumed.
    """
    if run.options.resume:
        fit.resume()
    plan = TimePlan(limits.seconds, most=max(limits.most, fit.config.epochs), fewest=limits.fewest)
    for _ in run_tail_epochs(run, fit, source):
        plan.look(fit)
    return fit.history


def run_tail_epochs(run: TrainingRun, fit: Run, source: ExampleSource) -> Iterator[Epoch]:
    """Its epochs by the loss of fine-tuning, while the run hears how far they are."""
    weights = torch.from_numpy(run.weighting.learned).float()
    loss = partial(cross_entropy, smoothing=fit.config.label_smoothing, class_weights=weights)
    for epoch in fit.epochs(source, loss):
        run.progress("fine-tune", epoch.number, fit.config.epochs)
        yield epoch


def logits_of(model: nn.Module, maps: Rows, rows: NDArray[np.int64], *, batch: int = 32) -> NDArray[np.float64]:
    """Logits of ``model`` on cached maps, in evaluation mode: (n, classes); or what else it puts out."""
    batches = (torch.from_numpy(maps[rows[at : at + batch]]).float() for at in range(0, len(rows), batch))
    return predict_batches(model, batches).double().numpy()

"""The training loop: a generator, so that logging, progress bars and early stops are ordinary code around it."""

import copy
import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn, optim
from torch.optim.swa_utils import AveragedModel

from inarch import clock
from inarch.errors import WorkError
from inarch.models import norms_of
from inarch.models.fast.frozen_norm import frozen_norms_on_weights
from inarch.models.shapes import Labels
from inarch.storage.serialisation import from_data, to_data
from inarch.training.average import average_model
from inarch.training.checkpoint import load_checkpoint, save_checkpoint
from inarch.training.config import TrainingConfig
from inarch.training.device import autocast, to_device
from inarch.training.losses import Loss
from inarch.training.memory import is_out_of_memory, keeping_memory
from inarch.training.optimisation import SHARE, learning_rate_at, optimisers
from inarch.training.seeds import generator, global_draws
from inarch.training.watching import StageMonitor, StageState

Batch = tuple[Any, Labels]
"""The loss's arguments besides the model: inputs (a tensor, unless the loss says otherwise) and labels."""


@dataclass(frozen=True)
class Step:
    """One optimiser update."""

    loss: float
    correct: int
    images: int


@dataclass(frozen=True)
class Epoch:
    """One pass over the training photos."""

    number: int
    """From 1."""
    loss: float
    accuracy: float
    """Accuracy on the training images as augmented, in training mode."""
    seconds: float
    stages: tuple[StageState, ...] = ()
    """The magnitudes by stage, if the model has stages; older checkpoints lack them."""


@dataclass(frozen=True)
class ExampleSource:
    """The origin of batches: ``batch(indices, epoch)`` gives inputs and labels of those training examples."""

    examples: int
    batch: Callable[[Tensor, int], Batch]

    def epoch(self, number: int, config: TrainingConfig) -> Iterator[Batch]:
        """Batches in a new order each epoch; a last batch of one joins the one before (statistics need two)."""
        order = torch.randperm(self.examples, generator=generator(config.seed, "order", number))
        cuts = range(config.batch_size, config.batch_size * self.steps(config), config.batch_size)
        return (self.batch(part, number) for part in order.tensor_split(tuple(cuts)))

    def steps(self, config: TrainingConfig) -> int:
        """Batches per epoch."""
        whole, rest = divmod(self.examples, config.batch_size)
        return max(1, whole + (rest > 1))


def train_steps(
    model: nn.Module,
    batches: Iterable[Batch],
    optimisers: Sequence[optim.Optimizer],
    loss_of: Loss,
    rates: Iterable[float],
) -> Iterator[Step]:
    """One update per batch, each at the next of the learning rates ``rates``, times the share of a parameter group.

    A batch that the memory cannot hold is divided into parts, whose gradients are added: the same update, unless
    normalisation reads statistics of the batch. The batches after it are divided alike.

    Raises:
        WorkError: the loss is no longer a finite number.
    """
    parts = 1
    for (inputs, labels), rate in zip(batches, rates, strict=True):
        for group in (group for optimiser in optimisers for group in optimiser.param_groups):
            group["lr"] = rate * group.get(SHARE, 1.0)
        step, parts = _add_gradients(model, (inputs, labels), optimisers, loss_of, parts)
        if not math.isfinite(step.loss):
            raise WorkError(f"The loss became {step.loss}; a lower learning rate than {rate:.3g} may help.")
        for optimiser in optimisers:
            optimiser.step()
        yield step


def _add_gradients(
    model: nn.Module, batch: Batch, optimisers: Sequence[optim.Optimizer], loss_of: Loss, parts: int
) -> tuple[Step, int]:
    """The gradients of a batch, computed in that many parts or, where the memory is too small for those, in more.

    Raises:
        WorkError: the memory is too small for a single image.
    """
    inputs, labels = batch
    while True:
        for optimiser in optimisers:
            optimiser.zero_grad(set_to_none=True)
        try:
            losses, right = 0.0, 0
            for some, own in _divide(inputs, labels, parts):
                loss, logits = loss_of(model, some, own)
                share = len(own) / len(labels)
                if torch.isfinite(loss):
                    (loss if share == 1 else share * loss).backward()
                losses += share * loss.item()
                right += int((logits.argmax(1) == own).sum())
            return Step(losses, right, len(labels)), parts
        except RuntimeError as error:
            if not is_out_of_memory(error):
                raise
            if parts >= len(labels) or not isinstance(inputs, Tensor):
                raise WorkError(
                    "There is too little memory for a training step, even with one image at a time: choose smaller "
                    "images (--image-size), freeze more of the model (--freeze-until), or free some memory."
                ) from error
            parts = min(2 * parts, len(labels))


def _divide(inputs: Any, labels: Labels, parts: int) -> Iterable[Batch]:
    parts = min(parts, len(labels))  # the last batch of an epoch may be smaller
    if parts == 1:
        return [(inputs, labels)]
    return zip(inputs.tensor_split(parts), labels.tensor_split(parts), strict=True)


def in_precision(loss_of: Loss, precision: str, device: torch.device) -> Loss:
    """The same loss, computed in a precision of `TrainingConfig`."""

    def loss(model: nn.Module, inputs: Any, labels: Labels) -> tuple[Tensor, Tensor]:
        with autocast(device, precision):
            return loss_of(model, inputs, labels)

    return loss


class Run:
    """The state of one training run, as checkpoints hold it.

    Args:
        model: trained in place, on the device of ``config``; it holds the averaged weights after the last epoch, or
            when the caller stops.
        config: the hyperparameters.
        checkpoint: the file to save to after every epoch; None saves nothing.
    """

    def __init__(self, model: nn.Module, config: TrainingConfig, checkpoint: Path | None = None) -> None:
        self.device = torch.device(config.device)
        self.model = model.to(memory_format=torch.channels_last).to(self.device)
        self._config = config
        self.optimisers = optimisers(model, config)
        self.average: AveragedModel | None = average_model(model, config.ema_decay) if config.ema_decay else None
        self.checkpoint = checkpoint
        self.history: list[Epoch] = []
        self.watch = StageMonitor(model)
        self._left: Mapping[str, Tensor] | None = None
        """The weights from which a run that was left early goes on: the model holds the averaged ones."""

    @property
    def config(self) -> TrainingConfig:
        """The hyperparameters; see `reschedule` and `resume` for what may change."""
        return self._config

    def reschedule(self, epochs: int) -> None:
        """Change how many epochs there are in all; from the next one on the rate's course is drawn over so many."""
        self._config = replace(self._config, epochs=epochs)

    def epochs(self, source: ExampleSource, loss_of: Loss) -> Iterator[Epoch]:
        """Train epoch by epoch, from the checkpoint if `resume` found one.

        `reschedule` may change their number in between. A caller that stops early has the averaged weights in the
        model too; another call continues from the last ones.
        """
        if self._left is not None:
            self.model.load_state_dict(self._left)
            self._left = None
        steps = source.steps(self.config)
        while len(self.history) < self.config.epochs:
            number = len(self.history) + 1
            began = clock.seconds()
            first = (number - 1) * steps
            rates = (learning_rate_at(first + step, steps * self.config.epochs, self.config) for step in range(steps))
            batches = self.watch.watching(source.epoch(number, self.config), steps)
            with global_draws(self.config.seed, "dropout", number), keeping_memory():
                done = self.updates(batches, loss_of, rates)
            images = sum(step.images for step in done)
            loss = sum(step.loss * step.images for step in done) / images
            correct = sum(step.correct for step in done)
            self.history.append(Epoch(number, loss, correct / images, clock.seconds() - began, self.watch.states()))
            self.save()
            try:
                yield self.history[-1]
            except GeneratorExit:
                self._left = copy.deepcopy(self.model.state_dict())
                self._take_average()
                raise
        self._take_average()

    def _take_average(self) -> None:
        if self.average is not None:
            self.model.load_state_dict(self.average.module.state_dict())

    def updates(self, batches: Iterable[Batch], loss_of: Loss, rates: Iterable[float]) -> list[Step]:
        """One update per batch, each followed by an update of the average; belongs to no epoch by itself."""
        self._begin()
        loss_of = in_precision(loss_of, self.config.precision, self.device)
        there = (to_device(batch, self.device) for batch in batches)
        with frozen_norms_on_weights(self.model):
            return [self._averaging(step) for step in train_steps(self.model, there, self.optimisers, loss_of, rates)]

    def _begin(self) -> None:
        """Training mode, except for norms that keep their statistics."""
        self.model.train()
        if self.config.keeps_statistics:
            for norm in norms_of(self.model):
                norm.eval()

    def move(self) -> None:
        """Move the weights along their gradients, and the average after them: an update without its gradients."""
        for optimiser in self.optimisers:
            optimiser.step()
        self._follow()

    def _averaging(self, step: Step) -> Step:
        self._follow()
        return step

    def _follow(self) -> None:
        if self.average is not None:
            self.average.update_parameters(self.model)

    def save(self) -> None:
        """Write the checkpoint, if there is a file for it."""
        if self.checkpoint is not None:
            save_checkpoint(self.checkpoint, self._state())

    def _state(self) -> dict[str, Any]:
        return {
            "config": to_data(self.config),
            "model": self.model.state_dict(),
            "optimisers": [each.state_dict() for each in self.optimisers],
            "average": None if self.average is None else self.average.state_dict(),
            "history": to_data(self.history),
        }

    def resume(self) -> int:
        """Resume from the checkpoint, if there is an intact one of this run; returns the epochs that are done.

        The total number of epochs is taken from the checkpoint, because the learning-rate schedule depends on it. A
        checkpoint of another model or another config is ignored.
        """
        state = None if self.checkpoint is None else load_checkpoint(self.checkpoint)
        if state is not None and self._is_own(state):
            self._config = replace(from_data(TrainingConfig, state["config"]), device=self.config.device)
            self.model.load_state_dict(state["model"])
            for each, saved in zip(self.optimisers, state["optimisers"], strict=True):
                each.load_state_dict(saved)
            if self.average is not None:
                self.average.load_state_dict(state["average"])
            self.history = [from_data(Epoch, each) for each in state["history"]]
        return len(self.history)

    def _is_own(self, state: dict[str, Any]) -> bool:
        """Whether a checkpoint belongs to a run like this one, whatever its number of epochs and its device."""
        if state.keys() != self._state().keys():
            return False
        free = {name: state["config"].get(name) for name in ("epochs", "device")}
        same_config = state["config"] == {**to_data(self.config), **free}
        return same_config and _shapes(state["model"]) == _shapes(self.model.state_dict())

    def discard(self) -> None:
        """Remove the checkpoint: the run is over."""
        if self.checkpoint is not None:
            self.checkpoint.unlink(missing_ok=True)


def _shapes(state: Mapping[str, Tensor]) -> dict[str, torch.Size]:
    return {name: tensor.shape for name, tensor in state.items()}

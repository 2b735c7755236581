"""The training loop: a generator, so that logging, progress bars and early stops are ordinary code around it."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn, optim
from torch.optim.swa_utils import AveragedModel

from inarch import clock
from inarch.errors import WorkError
from inarch.models import norms_of
from inarch.models.shapes import Labels
from inarch.training.average import average_model
from inarch.training.checkpoint import load_checkpoint, save_checkpoint
from inarch.training.config import TrainingConfig
from inarch.training.losses import Loss
from inarch.training.memory import keeping_memory
from inarch.training.optimisation import learning_rate_at, optimisers
from inarch.training.seeds import generator, global_draws
from inarch.training.watching import StageMonitor, StageState

Batch = tuple[Any, Labels]
"""What the loss takes beside the model: inputs (a tensor, unless the loss says otherwise) and labels."""


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
    """Of the training photos as they were seen: augmented, in training mode."""
    seconds: float
    stages: tuple[StageState, ...] = ()
    """Of a net that has any; older checkpoints do not say."""


@dataclass(frozen=True)
class ExampleSource:
    """Where batches come from: ``batch(indices, epoch)`` gives inputs and labels of those training examples."""

    examples: int
    batch: Callable[[Tensor, int], Batch]

    def epoch(self, number: int, config: TrainingConfig) -> Iterator[Batch]:
        """Batches in a new order each epoch; a last batch of one joins its neighbour (batch statistics need two)."""
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
    *,
    precision: str = "float32",
) -> Iterator[Step]:
    """One update per batch, each at the next of ``rates``; ``precision`` as in `TrainingConfig`.

    Raises:
        WorkError: the loss is no longer a finite number.
    """
    for (inputs, labels), rate in zip(batches, rates, strict=True):
        for optimiser in optimisers:
            for group in optimiser.param_groups:
                group["lr"] = rate
            optimiser.zero_grad(set_to_none=True)
        with torch.autocast("cpu", torch.bfloat16, enabled=precision == "bfloat16"):
            loss, logits = loss_of(model, inputs, labels)
        if not torch.isfinite(loss):
            raise WorkError(f"The loss became {loss.item()}; a lower learning rate than {rate:.3g} may help.")
        loss.backward()
        for optimiser in optimisers:
            optimiser.step()
        yield Step(loss.item(), int((logits.argmax(1) == labels).sum()), len(labels))


class Run:
    """The state of one training run: everything that a checkpoint has to hold.

    Args:
        model: trained in place; after the last epoch it holds the averaged weights.
        config: how to train it.
        checkpoint: where to save after every epoch; None saves nothing.
    """

    def __init__(self, model: nn.Module, config: TrainingConfig, checkpoint: Path | None = None) -> None:
        self.model = model.to(memory_format=torch.channels_last)
        self.config = config
        self.optimisers = optimisers(model, config)
        self.average: AveragedModel | None = average_model(model, config.ema_decay) if config.ema_decay else None
        self.checkpoint = checkpoint
        self.history: list[Epoch] = []
        self.watch = StageMonitor(model)

    def epochs(self, source: ExampleSource, loss_of: Loss) -> Iterator[Epoch]:
        """Train epoch by epoch, from where a checkpoint left off if `resume` found one.

        How many there are may be changed in between (see `inarch.training.budget`).
        """
        steps = source.steps(self.config)
        while len(self.history) < self.config.epochs:
            number = len(self.history) + 1
            began = clock.seconds()
            first = (number - 1) * steps
            rates = (learning_rate_at(first + step, steps * self.config.epochs, self.config) for step in range(steps))
            with global_draws(self.config.seed, "dropout", number), keeping_memory(), self.watch.watching():
                done = self.updates(source.epoch(number, self.config), loss_of, rates)
            images = sum(step.images for step in done)
            loss = sum(step.loss * step.images for step in done) / images
            correct = sum(step.correct for step in done)
            self.history.append(Epoch(number, loss, correct / images, clock.seconds() - began, self.watch.states()))
            self.save()
            yield self.history[-1]
        if self.average is not None:
            self.model.load_state_dict(self.average.module.state_dict())

    def updates(self, batches: Iterable[Batch], loss_of: Loss, rates: Iterable[float]) -> list[Step]:
        """One update per batch, the average of the weights moved after each; belongs to no epoch by itself."""
        self._begin()
        precision = self.config.precision
        return [
            self._averaging(step)
            for step in train_steps(self.model, batches, self.optimisers, loss_of, rates, precision=precision)
        ]

    def _begin(self) -> None:
        """Training mode, but for norms that keep their statistics."""
        self.model.train()
        if self.config.keeps_statistics:
            for norm in norms_of(self.model):
                norm.eval()

    def _averaging(self, step: Step) -> Step:
        if self.average is not None:
            self.average.update_parameters(self.model)
        return step

    def save(self) -> None:
        """Write the checkpoint, if there is a place for one."""
        if self.checkpoint is not None:
            save_checkpoint(self.checkpoint, self._state())

    def _state(self) -> dict[str, Any]:
        return {
            "config": asdict(self.config),
            "model": self.model.state_dict(),
            "optimisers": [each.state_dict() for each in self.optimisers],
            "average": None if self.average is None else self.average.state_dict(),
            "history": [{**vars(epoch), "stages": [tuple(each) for each in epoch.stages]} for epoch in self.history],
        }

    def resume(self) -> int:
        """Go on from the checkpoint, if a whole one of this run is there; returns the epochs that are already done.

        How many epochs there are in all is the checkpoint's to say: the rate's course depends on it. A checkpoint of
        another net or another config counts as none.
        """
        state = None if self.checkpoint is None else load_checkpoint(self.checkpoint)
        if state is not None and self._is_own(state):
            self.config = TrainingConfig(**state["config"])
            self.model.load_state_dict(state["model"])
            for each, saved in zip(self.optimisers, state["optimisers"], strict=True):
                each.load_state_dict(saved)
            if self.average is not None:
                self.average.load_state_dict(state["average"])
            self.history = [_epoch(**epoch) for epoch in state["history"]]
        return len(self.history)

    def _is_own(self, state: dict[str, Any]) -> bool:
        """Whether a checkpoint is of a run like this one, but for the number of epochs."""
        if state.keys() != self._state().keys():
            return False
        epochs = state["config"].get("epochs")
        same_config = state["config"] == {**asdict(self.config), "epochs": epochs}
        return same_config and _shapes(state["model"]) == _shapes(self.model.state_dict())

    def discard(self) -> None:
        """Remove the checkpoint: the run is over."""
        if self.checkpoint is not None:
            self.checkpoint.unlink(missing_ok=True)


def _epoch(*, stages: Sequence[tuple[str, float, float]] = (), **rest: Any) -> Epoch:
    """An epoch as a checkpoint holds it."""
    return Epoch(**rest, stages=tuple(StageState(*each) for each in stages))


def _shapes(state: Mapping[str, Tensor]) -> dict[str, torch.Size]:
    return {name: tensor.shape for name, tensor in state.items()}

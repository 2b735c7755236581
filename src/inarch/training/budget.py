"""Time budgets: the number of epochs is adjusted after each epoch."""

import copy
import statistics
from collections.abc import Callable

from torch import nn

from inarch.clock import seconds as run_seconds
from inarch.training.config import TrainingConfig
from inarch.training.loop import Batch, Run
from inarch.training.losses import Loss
from inarch.training.memory import keeping_memory
from inarch.training.seeds import global_draws

REMEMBERED = 3
"""The mean of this many last epochs is the current duration, which varies on a shared machine."""
SETTLING = 2
"""Epochs after which the plan may still grow; the first is slow, because caches are cold."""
SLOW = 1.0
"""Seconds of a step from which on one is timed, and not two."""
SHORTEST = 1e-6
"""The least duration in seconds, because a clock may not have advanced."""


def step_seconds(step: Callable[[], object], clock: Callable[[], float] = run_seconds) -> float:
    """The duration of one step on this machine, with memory as in training; the first, slower step does not count.

    Args:
        step: a training step.
        clock: seconds, to be replaced by tests.
    """
    with keeping_memory():
        first = clock()
        step()
        began = clock()
        counted = 1 if began - first > SLOW else 2
        for _ in range(counted):
            step()
        return (clock() - began) / counted


def update_seconds(
    model: nn.Module, config: TrainingConfig, batch: Callable[[], Batch], loss_of: Loss, *, parts: float = 1.0
) -> float:
    """The duration of one update of ``model`` on this machine, including its batch; done on a copy.

    The optimiser and the average of the weights take time too: on feature maps of 8 x 8, half as much as the gradient.
    They take it once, whatever the batch.

    Args:
        model: to be trained.
        config: how.
        batch: makes a batch, or one of that many ``parts`` of it.
        loss_of: the loss.
        parts: the images of a whole batch, in those of ``batch``.
    """
    run = Run(copy.deepcopy(model), config)
    with global_draws(config.seed, "timing"):
        taken = step_seconds(lambda: run.updates([batch()], loss_of, [config.lr]))
        moved = 0.0 if parts == 1 else min(taken, step_seconds(run.move))
    return parts * (taken - moved) + moved


def affordable_epochs(seconds: float, epoch_seconds: float, *, most: int, fewest: int) -> int:
    """As many epochs as fit into the time, within the bounds; ``most`` has precedence."""
    return min(most, max(fewest, int(seconds / epoch_seconds)))


class TimePlan:
    """A time budget from now on, and the bounds for the number of epochs.

    After the first two epochs the plan, which is based on a few timed steps, is revised in both directions. From then
    on it is only shortened, because a learning rate that has begun to fall should not rise again. The learning-rate
    schedule spans the current number of epochs, so that it ends at zero whenever the run does.

    Args:
        seconds: the time available.
        most: epochs if there is time.
        fewest: epochs whatever their duration.
        clock: seconds, to be replaced by tests.
    """

    def __init__(self, seconds: float, *, most: int, fewest: int, clock: Callable[[], float] = run_seconds) -> None:
        self._clock, self._most, self._fewest = clock, most, min(fewest, most)
        self._looked = clock()
        self._ends = self._looked + seconds
        self._taken: list[float] = []

    def look(self, run: Run) -> None:
        """To be called after every epoch, before the next begins."""
        now = self._clock()
        self._taken.append(now - self._looked)
        self._looked = now
        done, planned = len(run.history), run.config.epochs
        typical = max(statistics.mean(self._taken[-REMEMBERED:]), SHORTEST)
        room = int(min(max(0.0, (self._ends - now) / typical), self._most))
        fitting = max(self._fewest, done + 1, min(self._most, done + room))
        if done < planned and (fitting < planned or (fitting > planned and done <= SETTLING)):
            run.reschedule(fitting)
            run.save()

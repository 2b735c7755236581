"""Keeping a run to its time: how many epochs fit is looked at again after each of them."""

import copy
import statistics
from collections.abc import Callable
from dataclasses import replace

from torch import nn

from inarch.clock import seconds as run_seconds
from inarch.training.config import TrainingConfig
from inarch.training.loop import Batch, Run
from inarch.training.losses import Loss
from inarch.training.memory import keeping_memory
from inarch.training.seeds import global_draws

REMEMBERED = 3
"""The mean of the last so many epochs says how long one takes now: on a shared machine that changes."""
SETTLING = 2
"""Epochs after which the plan may still grow; the first is slow, as files and memory are new to it."""
SLOW = 1.0
"""Seconds of a step from which on one is timed, and not two."""
SHORTEST = 1e-6
"""Seconds; a clock may not have moved."""


def step_seconds(step: Callable[[], object], clock: Callable[[], float] = run_seconds) -> float:
    """What one step takes here and now, in memory as in training; the first is slower and does not count.

    Args:
        step: a training step.
        clock: seconds, to be passed by tests.
    """
    with keeping_memory():
        first = clock()
        step()
        began = clock()
        counted = 1 if began - first > SLOW else 2
        for _ in range(counted):
            step()
        return (clock() - began) / counted


def update_seconds(model: nn.Module, config: TrainingConfig, batch: Callable[[], Batch], loss_of: Loss) -> float:
    """What one update of ``model`` takes here and now, with the making of its batch; done on a copy.

    The optimiser and the average of the weights take time too: on maps of 8 x 8, half as long as the gradient.
    """
    run = Run(copy.deepcopy(model), config)
    with global_draws(config.seed, "timing"):
        return step_seconds(lambda: run.updates([batch()], loss_of, [config.lr]))


def affordable_epochs(seconds: float, epoch_seconds: float, *, most: int, fewest: int) -> int:
    """As many epochs as fit into the time, within the bounds; ``most`` is the firmer one."""
    return min(most, max(fewest, int(seconds / epoch_seconds)))


class TimePlan:
    """So many seconds from now, and the bounds within which the number of epochs may move.

    After the first two epochs the plan, which a few single steps were timed for, is made anew, longer or shorter. From
    then on it is only shortened: a rate that has begun to fall should not rise again. The course of the rate is drawn
    over the epochs that there are now, so that it ends at zero whenever the run does.

    Args:
        seconds: what the run may take.
        most: epochs, where there is time.
        fewest: epochs, whatever they take.
        clock: seconds, to be passed by tests.
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
            run.config = replace(run.config, epochs=fitting)
            run.save()

"""A run keeps to its time whatever the machine does meanwhile."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import nn

from inarch.training import budget
from inarch.training.budget import TimePlan, step_seconds, update_seconds
from inarch.training.config import TrainingConfig
from inarch.training.loop import ExampleSource, Run
from inarch.training.losses import cross_entropy

Net = Callable[..., nn.Sequential]


class Clock:
    """Moves when it is told to."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


def _run(
    net: nn.Module, source: ExampleSource, epochs: int, seconds: float, takes: Callable[[int], float], most: int
) -> Run:
    """Train, each epoch taking as long as ``takes`` says."""
    clock = Clock()
    run = Run(net, TrainingConfig(epochs=epochs, batch_size=5, ema_decay=0.0))
    plan = TimePlan(seconds, most=most, fewest=3, clock=clock)
    for epoch in run.epochs(source, cross_entropy):
        clock.now += takes(epoch.number)
        plan.look(run)
    return run


@pytest.mark.parametrize(
    ("planned", "takes", "most", "run"),
    [
        (10, lambda number: 10.0, 60, 10),  # as planned
        (10, lambda number: 40.0, 60, 3),  # four times slower than thought: the fewest, though they take longer
        (10, lambda number: 20.0, 60, 5),  # twice slower
        (10, lambda number: 5.0, 60, 20),  # twice faster: more
        (10, lambda number: 5.0, 12, 12),  # but not more than are wanted
        (10, lambda number: 10.0 if number < 5 else 30.0, 60, 6),  # another program begins
        (10, lambda number: 10.0 if number < 5 else 1.0, 60, 10),  # it ends: the falling rate does not rise again
        (10, lambda number: 0.0, 20, 20),
    ],
)
def test_the_epochs_that_fit(
    small_net: Net, source: ExampleSource, planned: int, takes: Callable[[int], float], most: int, run: int
) -> None:
    """In 100 seconds, of which each epoch takes some."""
    assert len(_run(small_net(), source, planned, 100.0, takes, most).history) == run


def test_the_rate_still_ends_at_zero(small_net: Net, source: ExampleSource) -> None:
    """A shortened run ends with as low a rate as an unbroken one."""
    run = _run(small_net(), source, 10, 100.0, lambda number: 20.0, 60)
    steps = source.steps(run.config)
    (last,) = {group["lr"] for group in run.optimisers[0].param_groups}
    assert len(run.history) == run.config.epochs == 5
    assert last < run.config.lr * 3 / (5 * steps)


def test_time_without_end_changes_nothing(small_net: Net, source: ExampleSource) -> None:
    """An infinite budget is one, too."""
    assert len(_run(small_net(), source, 4, float("inf"), lambda number: 1e9, 4).history) == 4


@pytest.mark.parametrize(("first", "later", "steps"), [(0.9, 0.5, 3), (3.0, 2.0, 2)])
def test_a_step_is_timed_after_the_first(first: float, later: float, steps: int) -> None:
    """Twice where it is short, once where that takes long."""
    now, taken = [0.0], []

    def step() -> None:
        taken.append(later if taken else first)
        now[0] += taken[-1]

    assert step_seconds(step, clock=lambda: now[0]) == pytest.approx(later)
    assert len(taken) == steps


def test_a_timed_update_is_a_whole_update_of_a_copy(monkeypatch: pytest.MonkeyPatch) -> None:
    """Weights and their average move in it, and those of the net that was given stay; so do the draws of others."""
    timed: list[Run] = []

    def once(step: Callable[[], object]) -> float:
        step()
        return 0.5

    class Kept(Run):
        def __init__(self, *args: Any) -> None:
            super().__init__(*args)
            timed.append(self)

    monkeypatch.setattr(budget, "step_seconds", once)
    monkeypatch.setattr(budget, "Run", Kept)
    model = nn.Sequential(nn.Flatten(), nn.Linear(12, 3), nn.Dropout())
    drawn = torch.get_rng_state()
    before = model[1].weight.detach().clone()
    config = TrainingConfig(epochs=1, optimiser="adamw", lr=0.1, ema_decay=0.9)
    batch = torch.ones(8, 3, 2, 2), torch.zeros(8, dtype=torch.long)
    assert update_seconds(model, config, lambda: batch, cross_entropy) == 0.5
    assert torch.equal(torch.get_rng_state(), drawn)
    (run,) = timed
    assert run.average is not None
    assert torch.equal(model[1].weight, before)
    assert not torch.equal(run.model[1].weight, before)  # type: ignore[index]
    assert int(run.average.n_averaged) == 1


def test_the_optimiser_counts_once_whatever_part_of_a_batch_is_timed(monkeypatch: pytest.MonkeyPatch) -> None:
    """A quarter of a batch in 0.5 s, of which the optimiser takes 0.1: the batch takes 1.7 s, not 2."""
    seconds = iter((0.5, 0.1))

    def timed(step: Callable[[], object]) -> float:
        step()
        return next(seconds)

    monkeypatch.setattr(budget, "step_seconds", timed)
    model = nn.Sequential(nn.Flatten(), nn.Linear(12, 3))
    batch = torch.ones(8, 3, 2, 2), torch.zeros(8, dtype=torch.long)
    config = TrainingConfig(epochs=1, batch_size=32)
    assert update_seconds(model, config, lambda: batch, cross_entropy, parts=4.0) == pytest.approx(1.7)

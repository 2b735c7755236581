"""The running average of the weights against its closed form."""

import torch
from torch import nn

from inarch.training.average import average_model
from tolerance import assert_same_computation


def followed(decay: float, values: list[float]) -> nn.BatchNorm2d:
    """The average of a norm whose weight and running mean took ``values`` one after the other."""
    norm = nn.BatchNorm2d(2)
    average = average_model(norm, decay)
    for count, value in enumerate(values):
        norm.weight.data.fill_(value)
        norm.running_mean.fill_(10 * value)
        norm.num_batches_tracked.fill_(count)
        average.update_parameters(norm)
    return average.module


def test_constant_decay_is_the_exponential_average() -> None:
    """avg_n = d^n w_0 + (1 - d) sum d^(n-k) w_k, for parameters and for statistics.

    A decay of 0.1 is below the early ramp's start (2 / 11), so that it is constant throughout.
    """
    values, decay = [3.0, -1.0, 4.0, 1.0, -5.0], 0.1
    n = len(values) - 1
    expected = decay**n * values[0] + (1 - decay) * sum(decay ** (n - k) * values[k] for k in range(1, n + 1))
    module = followed(decay, values)
    assert_same_computation(module.weight, torch.full((2,), expected), terms=3 * n, magnitude=5.0)
    assert_same_computation(module.running_mean, torch.full((2,), 10 * expected), terms=3 * n, magnitude=50.0)


def test_integers_are_copied() -> None:
    """Counters cannot be averaged: the last value stands."""
    assert followed(0.99, [1.0, 2.0, 3.0]).num_batches_tracked.item() == 2


def test_decay_starts_low() -> None:
    """A short run must not end on its random start: updates weigh (1 + t) / (10 + t) until that exceeds the decay."""
    average = 0.0
    values = [0.0] + [1.0] * 5
    for t, value in enumerate(values[1:], start=1):
        rate = (1 + t) / (10 + t)
        average = rate * average + (1 - rate) * value
    assert_same_computation(followed(0.999, values).weight, torch.full((2,), average), terms=3 * len(values))
    assert average > 0.99


def test_the_model_itself_is_not_moved() -> None:
    """The average is a copy."""
    norm = nn.BatchNorm2d(2)
    average = average_model(norm, 0.5)
    average.update_parameters(norm)
    average.module.weight.data.fill_(7.0)
    assert torch.equal(norm.weight.detach(), torch.ones(2))

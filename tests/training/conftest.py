"""A net and a training set of no size, in which everything happens that a checkpoint must hold."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from inarch.training.loop import ExampleSource

EXAMPLES, CLASSES = 21, 3


@pytest.fixture
def small_net() -> Callable[..., nn.Sequential]:
    """``small_net(seed=0, width=8)``: convolution, batch normalisation, dropout, linear."""

    def make(seed: int = 0, width: int = 8) -> nn.Sequential:
        net = nn.Sequential(
            nn.Conv2d(3, width, 3),
            nn.BatchNorm2d(width),
            nn.ReLU(),
            nn.AdaptiveAvgPool2d(1),
            nn.Flatten(),
            nn.Dropout(0.3),
            nn.Linear(width, CLASSES),
        )
        generator = torch.Generator().manual_seed(seed)
        for weight in (net[0].weight, net[6].weight):
            nn.init.normal_(weight, std=0.2, generator=generator)
        for bias in (net[0].bias, net[6].bias):
            nn.init.zeros_(bias)
        return net

    return make


@pytest.fixture
def source() -> ExampleSource:
    """Noise with labels: with batches of 5, the last has one example too few to stand alone."""
    generator = torch.Generator().manual_seed(1)
    images = torch.randn(EXAMPLES, 3, 6, 6, generator=generator)
    labels = torch.randint(CLASSES, (EXAMPLES,), generator=generator)

    def batch(indices: Tensor, epoch: int) -> tuple[Tensor, Tensor]:
        return images[indices], labels[indices]

    return ExampleSource(EXAMPLES, batch)

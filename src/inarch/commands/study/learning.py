"""Small nets that learn from the bench's photos, all from memory."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from inarch.commands.study.study import Bench, Readings
from inarch.data.photos import Preprocessing
from inarch.data.split import split
from inarch.data.store import store
from inarch.errors import WorkError
from inarch.models import evaluating
from inarch.models.shapes import Labels
from inarch.training.config import TrainingConfig
from inarch.training.loop import Epoch, ExampleSource, Run
from inarch.training.losses import Loss, cross_entropy
from inarch.training.pixels import normalise_pixels
from inarch.transfer.ranking import typical_side

SMALLEST_SIDE, SIDE = 16, 32
"""Pixels: photos that have no more than the first are seen at that size, all others at the second."""
BATCH = 256
LEARNED, HELD_OUT = "accuracy on the photos learned from", "accuracy on held-out photos"
"""What most claims about training read."""


@dataclass(frozen=True)
class Examples:
    """Photos as a net sees them, and their classes."""

    images: Tensor
    """Normalised, (n, 3, side, side)."""
    labels: Labels

    def at(self, places: Tensor) -> "Examples":
        """Some of them, by their places or by a mask."""
        return Examples(self.images[places], self.labels[places])


@dataclass(frozen=True)
class BenchSplit:
    """A split of the bench's photos."""

    learned: Examples
    held_out: Examples
    classes: int
    side: int


def split_bench(bench: Bench, seed: int, side: int | None = None) -> BenchSplit:
    """The bench's photos, split by the seed, or as their folder has it.

    Args:
        bench: whose photos.
        seed: another one gives another split.
        side: pixels; None takes what suits the photos.
    """
    found = split(bench.photos, seed=seed)
    pixels = side or (SMALLEST_SIDE if typical_side(found) <= SMALLEST_SIDE else SIDE)
    preprocessing = Preprocessing(image_size=pixels)
    stored = store(found, preprocessing, bench.cache)
    learned = np.array([photo.split == "train" for photo in stored.photos.photos])
    labels = torch.tensor([photo.label for photo in stored.photos.photos])
    images = normalise_pixels(torch.from_numpy(np.asarray(stored.images[:])).permute(0, 3, 1, 2), preprocessing)
    first, second = (
        Examples(images[torch.from_numpy(mask)], labels[torch.from_numpy(mask)]) for mask in (learned, ~learned)
    )
    return BenchSplit(first, second, classes=len(found.classes), side=pixels)


def learn(model: nn.Module, examples: Examples, config: TrainingConfig) -> None:
    """Train ``model`` in place; where the loss is no longer a number it is left as it is by then."""
    for _ in learn_epochs(model, examples, config):
        pass


def learn_epochs(
    model: nn.Module, examples: Examples, config: TrainingConfig, loss: Loss = cross_entropy
) -> Iterator[Epoch]:
    """The same, epoch by epoch, by a loss of one's own."""

    def batch(indices: Tensor, epoch: int) -> tuple[Tensor, Labels]:
        return examples.images[indices], examples.labels[indices]

    try:
        yield from Run(model, config).epochs(ExampleSource(len(examples.labels), batch), loss)
    except WorkError:  # that it fails is what some arms are there to show
        return


@torch.no_grad()
def accuracy(model: nn.Module, examples: Examples) -> float:
    """The share that is answered rightly, in evaluation mode."""
    right = 0
    with evaluating(model):
        for images, labels in zip(examples.images.split(BATCH), examples.labels.split(BATCH), strict=True):
            right += int((model(images).argmax(1) == labels).sum())
    return right / len(examples.labels)


def accuracies(model: nn.Module, data: BenchSplit) -> Readings:
    """On either side."""
    return {LEARNED: accuracy(model, data.learned), HELD_OUT: accuracy(model, data.held_out)}

"""Small models, trained on the bench's photos in memory."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from inarch.commands.study.readings import ReadingName
from inarch.commands.study.study import Bench, Readings
from inarch.data.photos import Preprocessing
from inarch.data.split import split
from inarch.data.store import store
from inarch.errors import WorkError
from inarch.metrics.accuracy import accuracy_of
from inarch.models.shapes import Labels
from inarch.training.config import TrainingConfig
from inarch.training.inference import predict_batches
from inarch.training.loop import Epoch, ExampleSource, Run
from inarch.training.losses import Loss, cross_entropy
from inarch.training.pixels import normalise_photos
from inarch.transfer.ranking import typical_side

BATCH = 256
"""Images in one forward pass without gradients."""


@dataclass(frozen=True)
class Examples:
    """Preprocessed photos and their classes."""

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
        bench: the photos.
        seed: another one gives another split.
        side: pixels; None takes 16 for photos of at most 16 pixels, and 32 for all others.
    """
    found = split(bench.photos, seed=seed)
    pixels = side or (16 if typical_side(found) <= 16 else 32)
    preprocessing = Preprocessing(image_size=pixels)
    stored = store(found, preprocessing, bench.cache)
    learned = np.array([photo.split == "train" for photo in stored.photos.photos])
    labels = torch.tensor([photo.label for photo in stored.photos.photos])
    images = normalise_photos(np.asarray(stored.images[:]), preprocessing)
    first, second = (
        Examples(images[torch.from_numpy(mask)], labels[torch.from_numpy(mask)]) for mask in (learned, ~learned)
    )
    return BenchSplit(first, second, classes=len(found.classes), side=pixels)


def learn(model: nn.Module, examples: Examples, config: TrainingConfig) -> None:
    """Train ``model`` in place; if the loss diverges, the model stays as it is by then."""
    for _ in learn_epochs(model, examples, config):
        pass


def learn_epochs(
    model: nn.Module, examples: Examples, config: TrainingConfig, loss: Loss = cross_entropy
) -> Iterator[Epoch]:
    """The same, epoch by epoch, with any loss."""

    def batch(indices: Tensor, epoch: int) -> tuple[Tensor, Labels]:
        return examples.images[indices], examples.labels[indices]

    try:
        yield from Run(model, config).epochs(ExampleSource(len(examples.labels), batch), loss)
    except WorkError:  # some arms are there to show that training fails
        return


def accuracy(model: nn.Module, examples: Examples) -> float:
    """The share that is answered rightly, in evaluation mode."""
    logits = predict_batches(model, examples.images.split(BATCH))
    return accuracy_of(logits.numpy(), examples.labels.numpy()).value


def accuracies(model: nn.Module, data: BenchSplit) -> Readings:
    """Training and test accuracy."""
    return {
        ReadingName.LEARNED: accuracy(model, data.learned),
        ReadingName.HELD_OUT: accuracy(model, data.held_out),
    }

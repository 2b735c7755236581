"""Stored photos as training batches: augmented anew in every epoch, and normalised."""

from dataclasses import dataclass, replace
from functools import partial

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from inarch.data.augment import augment
from inarch.data.photos import Preprocessing
from inarch.data.store import store
from inarch.errors import PhotosError
from inarch.training.inference import predict_batches
from inarch.training.loop import Batch, ExampleSource
from inarch.training.pixels import normalise_photos, normalise_pixels
from inarch.training.seeds import generator
from inarch.transfer.run import TrainingRun


@dataclass(frozen=True)
class AugmentedPhotos:
    """Stored photos of a run as batches for training."""

    run: TrainingRun
    rows: NDArray[np.int64]
    """Which photos of the store."""
    side: int | None = None
    """Pixels a side of the augmented images; None takes those of the stored photos."""

    @property
    def source(self) -> ExampleSource:
        """The batches, for a training loop."""
        return ExampleSource(len(self.rows), self.batch)

    def batch(self, indices: Tensor, epoch: int) -> Batch:
        """The batch's photos, with a fresh augmentation in every epoch."""
        chosen = self.rows[indices.numpy()]
        pixels = torch.from_numpy(self.run.stored.images[chosen]).permute(0, 3, 1, 2)
        draw = generator(self.run.options.seed, "augment", epoch, int(indices[0]))
        seen = augment(pixels, self.run.options.augmentation, draw, self.side)
        return normalise_pixels(seen, self.run.preprocessing), torch.from_numpy(self.run.labels[chosen])


def with_preprocessing(run: TrainingRun, preprocessing: Preprocessing) -> TrainingRun:
    """The run with the same photos, preprocessed in another way.

    Raises:
        PhotosError: a photo has changed since the run began: its rows would be another's.
    """
    with run.stopwatch.phase("decode"):
        stored = store(run.stored.photos, preprocessing, run.options.cache, partial(run.progress, "decode"))
    if len(stored.photos.photos) != len(run.stored.photos.photos):
        lost = stored.photos.skipped[-1]
        raise PhotosError(f"{lost.path} was there when the run began, and cannot be read now: {lost.reason}")
    return replace(run, stored=stored, preprocessing=preprocessing)


def logits_of_photos(
    run: TrainingRun, model: nn.Module, rows: NDArray[np.int64], *, batch: int = 64
) -> NDArray[np.float64]:
    """Logits of stored photos, in evaluation mode: (n, classes); or what else ``model`` puts out."""
    images = run.stored.images.of(rows)
    batches = (normalise_photos(images[at : at + batch], run.preprocessing) for at in range(0, len(rows), batch))
    return predict_batches(model, batches).double().numpy()

"""The quality of a backbone during pre-training, by linear probes on photos outside training and all targets."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from torch import nn

from inarch.commands.pretrain.crops import resize_crop
from inarch.commands.pretrain.recipe import ProbeSource
from inarch.data.labels import PhotoLabels
from inarch.data.photos import Preprocessing
from inarch.data.scan import scan
from inarch.data.store import store
from inarch.metrics.accuracy import accuracy_of
from inarch.models import Backbone
from inarch.normalisation import PixelStatistics
from inarch.training.inference import predict_batches
from inarch.training.pixels import normalise_photos
from inarch.training.seeds import derive_seed
from inarch.transfer.linear import fit_probe


@dataclass(frozen=True)
class ProbeSet:
    """Training and test photos for a linear classifier, at the backbone's image size."""

    name: str
    classes: int
    images: NDArray[np.uint8]
    """Images, (n, side, side, 3): the ``learned`` training photos first."""
    labels: NDArray[np.int64]
    learned: int
    """The number of training photos."""


def probe_set(
    source: ProbeSource, data: Path, cache: Path, seed: int, on_progress: Callable[[int, int], None]
) -> ProbeSet:
    """Draw the photos: ``per_class`` for training, ``judged`` for testing, of every class.

    If the photos have splits, the training split of the recipe is left out.
    """
    photos = scan(data / source.photos)
    stored = store(photos, Preprocessing(image_size=source.stored_size), cache, on_progress)
    every = stored.photos.photos
    free = np.array([photo.split != "train" for photo in every])
    labels = np.array([photo.label for photo in every])
    draw = np.random.default_rng(derive_seed(seed, "probe", source.photos))
    learned, judged = [], []
    for label in range(len(photos.classes)):
        rows = draw.permutation(np.flatnonzero(free & (labels == label)))
        learned.append(rows[: source.per_class])
        judged.append(rows[source.per_class : source.per_class + source.judged])
    rows = np.concatenate([*learned, *judged])
    whole = np.array([0, 0, source.stored_size, source.stored_size], float)
    images = np.stack([resize_crop(image, whole, source.image_size) for image in stored.images[rows]])
    return ProbeSet(source.photos, len(photos.classes), images, labels[rows], sum(map(len, learned)))


def probe_accuracy(backbone: Backbone, photos: ProbeSet, statistics: PixelStatistics) -> float:
    """Accuracy of a linear classifier on the pooled last map."""
    features = pool_features(backbone, photos.images, statistics)
    fitted, labels = features[: photos.learned], photos.labels[: photos.learned]
    probe = fit_probe(fitted[None], PhotoLabels(labels, np.arange(len(labels)), photos.classes), seed=0)
    return accuracy_of(probe.logits(features[photos.learned :]), photos.labels[photos.learned :]).value


def pool_features(
    backbone: nn.Module, images: NDArray[np.uint8], statistics: PixelStatistics, *, batch: int = 64
) -> NDArray[np.float32]:
    """The pooled last map of every image, in evaluation: (n, d)."""
    batches = (normalise_photos(images[at : at + batch], statistics) for at in range(0, len(images), batch))
    return predict_batches(backbone, batches, lambda part: backbone(part).mean((2, 3))).numpy()

"""How good a backbone has become, by linear probes on photos that it does not learn from and that are no target."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from inarch.commands.pretrain.crops import normalise_crops, resize_crop
from inarch.commands.pretrain.recipe import ProbeSource
from inarch.data.photos import Preprocessing
from inarch.data.scan import scan
from inarch.data.store import store
from inarch.models import Backbone, evaluating
from inarch.training.seeds import derive_seed
from inarch.transfer.linear import fit_probe

BATCH = 64


@dataclass(frozen=True)
class ProbeSet:
    """Photos to learn a linear classifier from and photos to judge it on, at the size that the backbone sees."""

    name: str
    classes: int
    images: NDArray[np.uint8]
    """(n, side, side, 3): ``learned`` photos first."""
    labels: NDArray[np.int64]
    learned: int
    """How many of them the classifier is fitted on."""


def probe_set(
    source: ProbeSource, data: Path, cache: Path, seed: int, on_progress: Callable[[int, int], None]
) -> ProbeSet:
    """Draw the photos: ``per_class`` to learn from, ``judged`` to judge on, of every class.

    Where the photos have splits, those that training may see are left out.
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


def probe_accuracy(backbone: Backbone, photos: ProbeSet, normalisation: tuple[torch.Tensor, torch.Tensor]) -> float:
    """Accuracy of a linear classifier on the pooled last map."""
    features = pool_features(backbone, photos.images, normalisation)
    fitted, labels = features[: photos.learned], photos.labels[: photos.learned]
    probe = fit_probe(fitted[None], labels, np.arange(len(labels)), classes=photos.classes, seed=0)
    answers = probe.logits(features[photos.learned :]).argmax(1)
    return float((answers == photos.labels[photos.learned :]).mean())


@torch.no_grad()
def pool_features(
    backbone: nn.Module, images: NDArray[np.uint8], normalisation: tuple[torch.Tensor, torch.Tensor]
) -> NDArray[np.float32]:
    """The pooled last map of every image, in evaluation: (n, d)."""
    parts = []
    with evaluating(backbone):
        for at in range(0, len(images), BATCH):
            parts.append(backbone(normalise_crops(images[at : at + BATCH], *normalisation)).mean((2, 3)).numpy())
    return np.concatenate(parts)

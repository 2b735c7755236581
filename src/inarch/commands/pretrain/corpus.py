"""The training photos of a recipe."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache, partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from inarch.commands.pretrain.recipe import CropSource, Recipe
from inarch.data.photos import PhotoSet, Preprocessing
from inarch.data.scan import scan
from inarch.data.store import store
from inarch.errors import PhotosError
from inarch.progress import Progress
from inarch.storage.cache import Rows
from inarch.training.seeds import derive_seed

UNLABELLED = -1


@dataclass(frozen=True)
class Corpus:
    """The photos of one source, stored."""

    source: CropSource
    images: Rows
    """(n, side, side, 3) of uint8."""
    digests: tuple[str, ...]
    labels: NDArray[np.int64]
    """Place of each photo's class in the class list of all corpora; `UNLABELLED` for photos without a label."""

    def box(self, view: int, rows: NDArray[np.int64], seed: int) -> NDArray[np.float64]:
        """Left, top, right and bottom of one view of photos, in pixels: (n, 4)."""
        draws = _draws(len(self.images), derive_seed(seed, "view", view))[rows]
        side = self.images.shape[1]
        kept = self.source.min_scale + (1 - self.source.min_scale) * draws[:, 0]
        log_aspect = float(np.log(4 / 3))  # aspect ratios from 3/4 to 4/3 (Szegedy et al. 2015, section 6)
        ratio = np.exp((2 * draws[:, 1] - 1) * log_aspect / 2)
        width, height = (np.minimum(1.0, np.sqrt(kept) * each) for each in (ratio, 1 / ratio))
        left, top = draws[:, 2] * (1 - width), draws[:, 3] * (1 - height)
        return side * np.stack([left, top, left + width, top + height], axis=1)


@lru_cache(maxsize=64)
def _draws(n: int, seed: int) -> NDArray[np.float64]:
    return np.random.default_rng(seed).random((n, 4))


@dataclass(frozen=True)
class Corpora:
    """The photos of all sources of a recipe, with one list of classes."""

    all: tuple[Corpus, ...]
    classes: tuple[str, ...]
    """The classes of all labelled sources, sorted; a name means the same class in each of them."""


def corpora_of(recipe: Recipe, data: Path, cache: Path, progress: Progress) -> Corpora:
    """Find and store the photos of a recipe.

    Args:
        recipe: its sources are relative to ``data``.
        data: the folder with the sources.
        cache: the cache folder for decoded photos.
        progress: called with a source, the finished and the total number of photos.

    Raises:
        PhotosError: a source has no photos, or another arrangement than expected.
    """
    found = [_select_learnable(scan(data / source.photos), source) for source in recipe.photos]
    pairs = list(zip(recipe.photos, found, strict=True))
    classes = tuple(sorted({name for source, photos in pairs if source.labelled for name in photos.classes}))
    return Corpora(tuple(_corpus(source, photos, classes, cache, progress) for source, photos in pairs), classes)


def _select_learnable(photos: PhotoSet, source: CropSource) -> PhotoSet:
    unknown = sorted(set(source.without).difference(photos.classes))
    if unknown:
        raise PhotosError(f"{source.photos} has no class {unknown[0]!r} to leave out.")
    classes = tuple(name for name in photos.classes if name not in source.without)
    kept = (photo for photo in photos.photos if photo.split in ("", "train"))
    named = ((photo, photos.classes[photo.label]) for photo in kept)
    chosen = tuple(replace(photo, label=classes.index(name)) for photo, name in named if name in classes)
    return replace(photos, classes=classes, photos=chosen)


def _corpus(source: CropSource, photos: PhotoSet, classes: Sequence[str], cache: Path, progress: Progress) -> Corpus:
    stored = store(photos, Preprocessing(image_size=source.image_size), cache, partial(progress, source.photos))
    kept = stored.photos.photos
    place = {name: at for at, name in enumerate(classes)}
    labels = [place[photos.classes[photo.label]] if source.labelled else UNLABELLED for photo in kept]
    return Corpus(source, stored.images, tuple(photo.digest for photo in kept), np.array(labels))

"""The order of crops: fixed by the seed alone, so that a run can stop and resume at any chunk."""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from inarch.commands.pretrain.corpus import Corpus
from inarch.commands.pretrain.recipe import CropSource
from inarch.training.seeds import derive_seed


@dataclass(frozen=True)
class Crops:
    """Crops in the order of training."""

    corpus: NDArray[np.int64]
    """Place of each crop's corpus."""
    row: NDArray[np.int64]
    """Place of each crop's photo in its corpus."""
    view: NDArray[np.int64]
    mirrored: NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.row)

    def __getitem__(self, indices: slice | NDArray[np.int64]) -> "Crops":
        return Crops(self.corpus[indices], self.row[indices], self.view[indices], self.mirrored[indices])


def chunk_of(corpora: Sequence[Corpus], chunk: int, size: int, seed: int) -> Crops:
    """Chunk number ``chunk`` (from 1) of ``size`` crops of an endless sequence of passes over all corpora."""
    per_pass = sum(len(each.images) * each.source.repeats for each in corpora)
    first = (chunk - 1) * size
    parts, at = [], first
    while at < first + size:
        number, inside = divmod(at, per_pass)
        whole = _pass(tuple((len(each.images), each.source) for each in corpora), number, seed)
        part = whole[inside : inside + first + size - at]
        parts.append(part)
        at += len(part)
    return _concatenate(parts)


def _concatenate(parts: Sequence[Crops]) -> Crops:
    return Crops(*(np.concatenate([getattr(part, field.name) for part in parts]) for field in fields(Crops)))


@lru_cache(maxsize=2)
def _pass(sources: tuple[tuple[int, CropSource], ...], number: int, seed: int) -> Crops:
    """One pass, shuffled. A photo that was mirrored in one pass is not in the next (Jordan 2024, arXiv 2404.00498)."""
    parts = []
    for place, (photos, source) in enumerate(sources):
        rows = np.tile(np.arange(photos), source.repeats)
        repeat = np.repeat(np.arange(source.repeats), photos)
        coin = np.random.default_rng(derive_seed(seed, "mirror", place)).random(len(rows)) < 0.5
        view = (number * source.repeats + repeat) % source.views
        parts.append(Crops(np.full(len(rows), place), rows, view, coin ^ (number % 2 == 1)))
    order = np.random.default_rng(derive_seed(seed, "order", number)).permutation(sum(map(len, parts)))
    return _concatenate(parts)[order]


def cut_crops(
    corpora: Sequence[Corpus], crops: Crops, side: int, seed: int, *, mirror: bool = True
) -> NDArray[np.uint8]:
    """The pixels of crops: (n, side, side, 3)."""
    pixels = np.empty((len(crops), side, side, 3), np.uint8)
    for place, corpus in enumerate(corpora):
        for view in np.unique(crops.view[crops.corpus == place]):
            wanted = np.flatnonzero((crops.corpus == place) & (crops.view == view))
            rows = crops.row[wanted]
            boxes = corpus.box(int(view), rows, seed)
            for at, image, box in zip(wanted, corpus.images[rows], boxes, strict=True):
                pixels[at] = resize_crop(image, box, side)
    if mirror:
        pixels[crops.mirrored] = pixels[crops.mirrored, :, ::-1]
    return pixels


def resize_crop(image: NDArray[np.uint8], box: NDArray[np.float64], side: int) -> NDArray[np.uint8]:
    """The part of an image inside ``box`` (left, top, right, bottom) as a square of ``side`` pixels."""
    left, top, right, bottom = box.tolist()
    square = Image.fromarray(image).resize((side, side), Image.Resampling.BILINEAR, box=(left, top, right, bottom))
    return np.asarray(square)

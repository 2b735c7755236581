"""Batches for a student: crops, the teacher's features of them, and their labels."""

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from inarch.commands.pretrain.corpus import Corpora
from inarch.commands.pretrain.crops import (
    Crops,
    chunk_of,
    cut_crops,
)
from inarch.commands.pretrain.recipe import Recipe
from inarch.commands.pretrain.student import DistillationBatch
from inarch.commands.pretrain.teacher import Teacher
from inarch.models import architecture
from inarch.normalisation import PixelStatistics
from inarch.training.loop import Batch
from inarch.training.pixels import normalise_photos


@dataclass(frozen=True, eq=False)
class DistillationLoader:
    """The batches of a recipe."""

    recipe: Recipe
    corpora: Corpora
    teacher: Teacher
    cache: Path
    """The cache folder for the teacher's features."""

    @property
    def statistics(self) -> PixelStatistics:
        """The normalisation of the student's input."""
        return architecture(self.recipe.model)

    @lru_cache(maxsize=1)  # noqa: B019 - one chunk of one long-lived object
    def chunk(self, number: int) -> tuple[Crops, NDArray[np.float32]]:
        """The crops of a chunk (from 1), and the teacher's features of them; zeros for crops that are not distilled."""
        seed = self.recipe.training.seed
        crops = chunk_of(self.corpora.all, number, self.recipe.chunk, seed)
        return crops, self.teacher.features(self.corpora.all, crops, self.cache, seed)

    def taught(self, crops: Crops) -> NDArray[np.bool_]:
        """Which crops have features of the teacher, (n,)."""
        return np.array([corpus.source.taught for corpus in self.corpora.all])[crops.corpus]

    def batch(self, indices: Tensor, chunk: int) -> Batch:
        """The crops ``indices`` of a chunk as a `DistillationBatch`, and their own labels."""
        every, features = self.chunk(chunk)
        rows = indices.numpy()
        crops = every[rows]
        pixels = cut_crops(self.corpora.all, crops, self.recipe.image_size(chunk), self.recipe.training.seed)
        labels = [self.corpora.all[corpus].labels[row] for corpus, row in zip(crops.corpus, crops.row, strict=True)]
        lesson = DistillationBatch(
            normalise_photos(pixels, self.statistics),
            torch.from_numpy(features[rows]),
            torch.from_numpy(self.taught(crops)),
        )
        return lesson, torch.tensor(labels)

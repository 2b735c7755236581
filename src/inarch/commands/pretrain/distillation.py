"""Batches for a student: crops, what the teacher says of them, and their own labels."""

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
    normalise_crops,
)
from inarch.commands.pretrain.recipe import Recipe
from inarch.commands.pretrain.student import DistillationBatch
from inarch.commands.pretrain.teacher import Teacher
from inarch.models import architecture
from inarch.training.loop import Batch


@dataclass(frozen=True, eq=False)
class DistillationLoader:
    """The batches of a recipe."""

    recipe: Recipe
    corpora: Corpora
    teacher: Teacher
    cache: Path
    """Where the teacher's answers are kept."""

    @property
    def normalisation(self) -> tuple[Tensor, Tensor]:
        """Mean and standard deviation with which the student's net reads pixels, (3, 1, 1) each."""
        row = architecture(self.recipe.model)
        return torch.tensor(row.mean)[:, None, None], torch.tensor(row.std)[:, None, None]

    @lru_cache(maxsize=1)  # noqa: B019 - one chunk of one long-lived object
    def chunk(self, number: int) -> tuple[Crops, NDArray[np.float32]]:
        """The crops of a chunk (from 1), and the teacher's features of them; zeros where a crop is not taught."""
        seed = self.recipe.training.seed
        crops = chunk_of(self.corpora.all, number, self.recipe.chunk, seed)
        return crops, self.teacher.features(self.corpora.all, crops, self.cache, seed)

    def taught(self, crops: Crops) -> NDArray[np.bool_]:
        """Which crops the teacher says something of, (n,)."""
        return np.array([corpus.source.taught for corpus in self.corpora.all])[crops.corpus]

    def batch(self, indices: Tensor, chunk: int) -> Batch:
        """The crops ``indices`` of a chunk as a `DistillationBatch`, and their own labels."""
        every, features = self.chunk(chunk)
        rows = indices.numpy()
        crops = every[rows]
        pixels = cut_crops(self.corpora.all, crops, self.recipe.image_size(chunk), self.recipe.training.seed)
        labels = [self.corpora.all[corpus].labels[row] for corpus, row in zip(crops.corpus, crops.row, strict=True)]
        lesson = DistillationBatch(
            normalise_crops(pixels, *self.normalisation),
            torch.from_numpy(features[rows]),
            torch.from_numpy(self.taught(crops)),
        )
        return lesson, torch.tensor(labels)

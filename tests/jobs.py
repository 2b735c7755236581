"""Drawn photos, a tiny net that has learned something, and jobs whose test photos cannot be touched."""

from collections.abc import Callable
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from inarch.commands.train.strategies.scratch import scratch
from inarch.data.augmentation import Augmentation
from inarch.data.photos import Photo, PhotoSet, Preprocessing
from inarch.data.store import StoredPhotos
from inarch.storage.cache import ArrayCache, Rows
from inarch.transfer.backbones import starting_point
from inarch.transfer.options import TrainOptions
from inarch.transfer.recipes import Recipes, ScratchRecipe
from inarch.transfer.run import StartingPoint, StrategyResult, TrainingRun
from inarch.weights.files import write_weights
from stripes import CLASSES, NET, SIZE, drawn

TRAIN, TEST = 24, 4
"""Photos of each class."""

RUN_FIELDS = {field.name for field in fields(TrainingRun)}

Jobs = Callable[..., TrainingRun]


def with_options(run: TrainingRun, **changes: Any) -> TrainingRun:
    """The same run with other options."""
    return replace(run, options=replace(run.options, **changes))


class Guarded(Rows):
    """Rows of which some must not be read."""

    def __init__(self, rows: Rows, forbidden: frozenset[int]) -> None:
        vars(self).update(vars(rows))
        self.forbidden = forbidden

    def __getitem__(self, indices: Any) -> NDArray[Any]:
        wanted = set(np.atleast_1d(np.arange(len(self))[indices]).tolist())
        if wanted & self.forbidden:
            raise AssertionError(f"Rows {sorted(wanted & self.forbidden)} belong to the test photos.")
        return super().__getitem__(indices)


def stored(photos: tuple[Photo, ...], pixels: NDArray[np.uint8], folder: Path) -> StoredPhotos:
    """Photos as `store` would give them; those of the split ``test`` are guarded."""
    keys = [f"{row:064x}" for row in range(len(photos))]
    rows = ArrayCache(folder)
    rows.write(keys, {"images": pixels})
    test = frozenset(row for row, photo in enumerate(photos) if photo.split == "test")
    return StoredPhotos(PhotoSet("/nowhere", CLASSES, photos), Guarded(rows.read(keys, "images"), test))


@pytest.fixture(scope="session")
def make_job(tmp_path_factory: pytest.TempPathFactory) -> Jobs:
    """``make_job(start, labels=…, pixels=…, groups=…, train=…, size=32, **given)``: stripes to be told apart.

    ``labels`` maps rows to other labels, ``pixels`` rows to other pictures, ``groups`` rows to groups; pictures
    larger than they were drawn get a black border. What else is given are options or fields of the run. All jobs share
    one cache unless ``cache`` names another.
    """
    shared = tmp_path_factory.mktemp("cache")
    pictures = np.stack([drawn(CLASSES[row % 3], seed=row) for row in range(3 * (TRAIN + TEST))])

    def make(
        start: StartingPoint,
        *,
        labels: dict[int, int] | None = None,
        pixels: dict[int, NDArray[np.uint8]] | None = None,
        digests: dict[int, str] | None = None,
        groups: dict[int, str] | None = None,
        train: NDArray[np.int64] | None = None,
        size: int = SIZE,
        **given: Any,
    ) -> TrainingRun:
        images = np.pad(pictures, ((0, 0), (0, size - SIZE), (0, size - SIZE), (0, 0)))
        for row, picture in (pixels or {}).items():
            images[row] = picture
        photos = tuple(
            Photo(
                path=f"{row}.png",
                label=(labels or {}).get(row, row % 3),
                digest=(digests or {}).get(row, f"drawn-{row}"),
                split="train" if row < 3 * TRAIN else "test",
                group=(groups or {}).get(row, ""),
            )
            for row in range(len(images))
        )
        of_run = {name: given.pop(name) for name in RUN_FIELDS & given.keys()}
        options = {"model": NET, "augmentation": Augmentation(min_scale=0.7), "cache": shared, **given}
        return TrainingRun(
            stored=stored(photos, images, tmp_path_factory.mktemp("photos")),
            train=np.arange(3 * TRAIN) if train is None else train,
            test=np.arange(3 * TRAIN, len(images)),
            start=start,
            preprocessing=Preprocessing(image_size=size),
            options=TrainOptions(**options),
            **of_run,
        )

    return make


@pytest.fixture(scope="session")
def fresh() -> StartingPoint:
    """A net that knows nothing."""
    return starting_point(NET, None)


@pytest.fixture(scope="session")
def learned(make_job: Jobs, fresh: StartingPoint) -> tuple[TrainingRun, StrategyResult]:
    """A job, and the tiny net that `scratch` made of it in a few epochs."""
    job = make_job(fresh, recipes=Recipes(scratch=ScratchRecipe(most_epochs=12)))
    return job, scratch(job)


@pytest.fixture(scope="session")
def weights(learned: tuple[TrainingRun, StrategyResult], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The file of what the tiny net has learned."""
    path = tmp_path_factory.mktemp("weights") / "learned.safetensors"
    write_weights(path, learned[1].model.state_dict())
    return path


@pytest.fixture(scope="session")
def start(weights: Path) -> StartingPoint:
    """The tiny net as the beginning of a graft."""
    return starting_point(NET, weights)

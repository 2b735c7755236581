"""A tiny bundle, trained once for a whole test session, and the photos that it was trained on."""

import shutil
from functools import cache
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
from PIL import ExifTags, Image

from inarch.commands.train.run import train
from inarch.transfer.options import TrainOptions
from inarch.transfer.recipes import Recipes, ScratchRecipe

CLASSES = ("blue", "green", "red")
SIDE = 32
COUNTS = {"train": 8, "val": 4}
"""Photos of each class."""
NET = "resnet_basic_tiny"
ONE_EPOCH = Recipes(scratch=ScratchRecipe(most_epochs=1, fewest_epochs=1))
"""For tests to which it does not matter what a net from scratch has learned."""


def draw(path: Path, kind: str, seed: int) -> Path:
    """A soft picture in shades of one colour, of odd size; as JPEG or PNG, some of them lying on a side."""
    generator = np.random.default_rng(seed)
    pixels = generator.integers(0, 110, (5, 5, 3), dtype=np.uint8)
    pixels[..., ("red", "green", "blue").index(kind)] += 120
    width, height = (int(side) for side in generator.integers(33, 90, 2))
    image = Image.fromarray(pixels).resize((width, height), Image.Resampling.BICUBIC)
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = seed % 8 + 1
    path.parent.mkdir(parents=True, exist_ok=True)
    image.save(path, quality=85, exif=exif)
    return path


def draw_folder(root: Path, counts: dict[str, int] = COUNTS, seed: int = 0) -> Path:
    """Class folders in split folders (directly in ``root`` for a split without a name)."""
    for number, (split, count) in enumerate(counts.items()):
        for label, kind in enumerate(CLASSES):
            for place in range(count):
                name = f"{place:02}.{'jpg' if place % 2 else 'png'}"
                draw(root / split / kind / name, kind, seed + 10_000 * number + 1000 * label + place)
    return root


def options(folder: Path, **changes: object) -> TrainOptions:
    """From scratch at `SIDE` pixels, with a cache in ``folder``."""
    given = {"model": NET, "strategy": "scratch", "image_size": SIDE, "cache": folder / "cache", **changes}
    return TrainOptions(**given)  # type: ignore[arg-type]


class Trained(NamedTuple):
    """What `trained` returns."""

    bundle: Path
    photos: Path
    cache: Path


@cache
def trained(folder: Path) -> Trained:
    """Train it, or return what was trained; nobody may change it."""
    photos = draw_folder(folder / "photos")
    short = Recipes(scratch=ScratchRecipe(most_epochs=6))
    bundle = train(photos, folder / "bundle", options(folder, recipes=short))
    return Trained(bundle.path, photos, folder / "cache")


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Trained:
    """The one bundle of the session, whichever folder of tests asks for it."""
    return trained(tmp_path_factory.getbasetemp() / "trained")


@pytest.fixture
def own_bundle(tiny: Trained, tmp_path: Path) -> Path:
    """A copy of it that a test may damage."""
    return shutil.copytree(tiny.bundle, tmp_path / "own")

"""Photos that the tests draw for themselves."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from inarch.data.photos import Photo, PhotoSet

WritePhoto = Callable[[Path], Path]


def smooth(seed: int, width: int, height: int) -> NDArray[np.uint8]:
    """A soft colourful picture, (height, width, 3); another seed, another picture."""
    coarse = np.random.default_rng(seed).integers(0, 256, (5, 5, 3), dtype=np.uint8)
    return np.array(Image.fromarray(coarse).resize((width, height), Image.Resampling.BICUBIC))


def save_photo(path: Path, *, seed: int) -> Path:
    """A small picture at ``path``, with folders as needed; another seed, another picture."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(smooth(seed, 24, 20)).save(path, format="PNG")
    return path


@pytest.fixture(scope="session")
def draw() -> Callable[..., NDArray[np.uint8]]:
    """``draw(seed, width, height)``: the pixels of a picture."""
    return smooth


@pytest.fixture
def write_photo() -> WritePhoto:
    """``write_photo(path)``: a small PNG there, with folders as needed, different from every other of this test."""
    written: list[Path] = []

    def write(path: Path) -> Path:
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(smooth(len(written), 24, 20)).save(path, format="PNG")
        written.append(path)
        return path

    return write


@pytest.fixture(scope="session")
def photo_set() -> Callable[..., PhotoSet]:
    """``photo_set({"ant": 3})``: photos that exist on paper only, each with a digest of its own."""

    def make(counts: dict[str, int], split: str = "") -> PhotoSet:
        classes = tuple(sorted(counts))
        photos = tuple(
            Photo(f"{name}/{number}.jpg", label, f"{name}-{number}", split)
            for label, name in enumerate(classes)
            for number in range(counts[name])
        )
        return PhotoSet("/nowhere", classes, photos)

    return make

"""Photos changed a little, and sets to take them from: what the benchmarks of `inarch doctor` plant."""

import io
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType

import numpy as np
from PIL import Image, ImageEnhance

from benchmarks.measuring import unpacked

Change = Callable[[Image.Image, np.random.Generator], bytes]
"""The bytes of a changed photo; what is drawn comes from the generator."""


def encoded(image: Image.Image, quality: int = 85, kind: str = "JPEG") -> bytes:
    """The bytes of an image file."""
    stream = io.BytesIO()
    image.save(stream, kind, quality=quality)
    return stream.getvalue()


def resized(image: Image.Image, factor: float) -> Image.Image:
    """By a factor, with 8 pixels a side at least."""
    sides = [max(8, round(side * factor)) for side in image.size]
    return image.resize((sides[0], sides[1]), Image.Resampling.BICUBIC)


def cropped(image: Image.Image, kept: float, draw: np.random.Generator) -> Image.Image:
    """A part of the image, ``kept`` of its width and height, anywhere in it."""
    width, height = round(image.width * kept), round(image.height * kept)
    left, top = int(draw.integers(image.width - width + 1)), int(draw.integers(image.height - height + 1))
    return image.crop((left, top, left + width, top + height))


def brightened(image: Image.Image, factor: float) -> Image.Image:
    """By a factor; what would be brighter than white is white."""
    return ImageEnhance.Brightness(image).enhance(factor)


def _together(image: Image.Image, draw: np.random.Generator) -> bytes:
    part = cropped(brightened(image, float(draw.choice([0.8, 1.2]))), 0.93, draw)
    return encoded(resized(part, 0.7), 60)


CHANGES: Mapping[str, Change] = MappingProxyType(
    {
        "JPEG 85": lambda image, draw: encoded(image, 85),
        "JPEG 40": lambda image, draw: encoded(image, 40),
        "WebP 60": lambda image, draw: encoded(image, 60, "WEBP"),
        "half the size": lambda image, draw: encoded(resized(image, 0.5), 85),
        "1.5 times the size": lambda image, draw: encoded(resized(image, 1.5), 85),
        "5 % cropped": lambda image, draw: encoded(cropped(image, 0.95, draw), 90),
        "10 % cropped": lambda image, draw: encoded(cropped(image, 0.9, draw), 90),
        "brightness ±30 %": lambda image, draw: encoded(brightened(image, float(draw.choice([0.7, 1.3]))), 90),
        "crop, size, light, JPEG 60": _together,
    }
)


def files_of(name: str, count: int, draw: np.random.Generator) -> list[Path]:
    """Photos of a shared set (``digits_shift/mnist`` for a part of one), drawn without replacement."""
    root, _, part = name.partition("/")
    folder = unpacked("cifar10_jpeg", "cifar10") if root == "cifar10" else unpacked(root)
    files = sorted(file for file in Path(folder, part).rglob("*") if file.suffix.lower() in (".jpg", ".jpeg", ".png"))
    return [files[place] for place in np.sort(draw.permutation(len(files))[:count])]

"""Random augmentation of training images; all randomness comes from the given generator."""

import math

import torch
from jaxtyping import Float, UInt8
from torch import Tensor
from torchvision.transforms.v2 import InterpolationMode
from torchvision.transforms.v2 import functional as F

from inarch.data.augmentation import Augmentation

DRAWS = 9
"""Random numbers per image, independent of the recipe: changing one effect leaves the others unchanged."""

LOG_ASPECT = math.log(4 / 3)
"""Crops have aspect ratios from 3/4 to 4/3 (Szegedy et al. 2015, section 6)."""


def augment(
    images: UInt8[Tensor, "n 3 h w"], recipe: Augmentation, generator: torch.Generator, side: int | None = None
) -> UInt8[Tensor, "n 3 height width"]:
    """Each image rotated, randomly cropped and resized, mirrored and recoloured, according to the recipe.

    Args:
        images: (n, 3, h, w).
        recipe: what is varied, and how much.
        generator: the same one gives the same augmentation, whatever ``side`` is.
        side: pixels a side of the results, which are squares; None keeps the shape of the images.
    """
    size = (images.shape[-2], images.shape[-1]) if side is None else (side, side)
    draws = torch.rand(len(images), DRAWS, generator=generator)
    if not len(images):
        return images.new_empty((0, 3, *size))
    return torch.stack([_vary(image, recipe, draw, size) for image, draw in zip(images, draws, strict=True)])


def _vary(
    image: UInt8[Tensor, "3 h w"], recipe: Augmentation, draw: Float[Tensor, " draws"], size: tuple[int, int]
) -> UInt8[Tensor, "3 height width"]:
    area, aspect, top, left, flip, angle, *colour = draw.tolist()
    if recipe.rotate:
        image = F.rotate(image, _scale_symmetrically(angle, recipe.rotate), interpolation=InterpolationMode.BILINEAR)
    image = _crop(image, recipe.min_scale, (area, aspect, top, left), size)
    if recipe.flip and flip < 0.5:
        image = F.horizontal_flip(image)
    if recipe.colour:
        brightness, contrast, saturation = (1 + _scale_symmetrically(chance, recipe.colour) for chance in colour)
        image = F.adjust_brightness(image, brightness)
        image = F.adjust_contrast(image, contrast)
        image = F.adjust_saturation(image, saturation)
    return image


def _crop(
    image: UInt8[Tensor, "3 h w"], min_scale: float, chances: tuple[float, float, float, float], size: tuple[int, int]
) -> UInt8[Tensor, "3 height width"]:
    """A random part of the image, resized; if the aspect ratio does not fit, the sides are clipped."""
    height, width = image.shape[-2:]
    if min_scale == 1:
        return image if (height, width) == size else F.resize(image, [*size], antialias=True)
    area, aspect, top, left = chances
    kept = height * width * (min_scale + (1 - min_scale) * area)
    ratio = math.exp(_scale_symmetrically(aspect, LOG_ASPECT))
    crop_width = min(width, max(1, round(math.sqrt(kept * ratio))))
    crop_height = min(height, max(1, round(math.sqrt(kept / ratio))))
    return F.resized_crop(
        image,
        top=int(top * (height - crop_height + 1)),
        left=int(left * (width - crop_width + 1)),
        height=crop_height,
        width=crop_width,
        size=[*size],
        antialias=True,
    )


def _scale_symmetrically(chance: float, most: float) -> float:
    """A number from 0 to 1 scaled to the range from -most to most."""
    return (2 * chance - 1) * most

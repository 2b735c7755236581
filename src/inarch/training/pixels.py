"""Stored pixels as the input of a model."""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from inarch.normalisation import PixelStatistics


def normalise(images: Tensor, statistics: PixelStatistics) -> Tensor:
    """Images (n, 3, h, w) from 0 to 1, normalised by ``statistics``."""
    mean, std = (torch.tensor(each)[:, None, None] for each in (statistics.mean, statistics.std))
    return (images - mean) / std


def normalise_pixels(pixels: Tensor, statistics: PixelStatistics) -> Tensor:
    """uint8 pixels (n, 3, h, w) as the model's input, in channels-last memory."""
    return normalise(pixels.float() / 255, statistics).contiguous(memory_format=torch.channels_last)


def normalise_photos(photos: NDArray[np.uint8], statistics: PixelStatistics) -> Tensor:
    """The same for photos as stored, (n, h, w, 3)."""
    return normalise_pixels(torch.from_numpy(photos).permute(0, 3, 1, 2), statistics)

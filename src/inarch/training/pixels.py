"""Stored pixels as the input of a model."""

import torch
from torch import Tensor

from inarch.data.photos import Preprocessing


def normalise_pixels(pixels: Tensor, preprocessing: Preprocessing) -> Tensor:
    """uint8 pixels (n, 3, h, w) as the net's input, in channels-last memory."""
    mean = torch.tensor(preprocessing.mean)[:, None, None]
    std = torch.tensor(preprocessing.std)[:, None, None]
    return ((pixels.float() / 255 - mean) / std).contiguous(memory_format=torch.channels_last)

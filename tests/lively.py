"""Nets whose every tensor says something."""

from typing import TypeVar

import torch
from torch import nn

Net = TypeVar("Net", bound=nn.Module)


def enlivened(model: Net, seed: int = 1) -> Net:
    """``model`` with scales, shifts and running statistics that are not 0 or 1, nor any other's; changed in place.

    A fresh net lets mistakes pass: its norms are all alike, and some are zero and silence their path.
    """
    draw = torch.Generator().manual_seed(seed)
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.weight.data.uniform_(0.5, 1.5, generator=draw)
            module.bias.data.normal_(0.0, 0.1, generator=draw)
            module.get_buffer("running_mean").normal_(0.0, 0.1, generator=draw)
            module.get_buffer("running_var").uniform_(0.5, 1.5, generator=draw)
    return model

"""The two ways in which a block joins its paths: by concatenation and by addition."""

from collections import OrderedDict
from collections.abc import Mapping

import torch
from torch import nn

from inarch.models.convolution import (
    Conv,
    conv_norm,
)
from inarch.models.fast.fused import run_branches
from inarch.models.shapes import MapIn, MapOut


class Inception(nn.Module):
    """Runs its branches side by side on one map and concatenates them along channels, in their order.

    Grid reductions are the same thing with strided branches; a branch may itself end in an ``Inception``.
    """

    def __init__(self, branches: Mapping[str, nn.Module]) -> None:
        super().__init__()
        self.branches = nn.ModuleDict(branches)

    def forward(self, feature_map: MapIn) -> MapOut:
        """The concatenation of every branch's map."""
        return torch.cat(run_branches(self.branches.values(), feature_map), dim=1)


class ResidualBlock(nn.Module):
    """``relu(residual(x) + shortcut(x))`` and nothing else (He et al. 2016, Fig. 2)."""

    def __init__(self, residual: nn.Module, shortcut: nn.Module) -> None:
        super().__init__()
        self.residual = residual
        self.shortcut = shortcut
        self.relu = nn.ReLU()

    def forward(self, feature_map: MapIn) -> MapOut:
        """The rectified sum of both paths."""
        return self.relu(self.residual(feature_map) + self.shortcut(feature_map))


class ResidualSum(nn.Module):
    """``residual(x) + shortcut(x)`` and nothing else (He et al. 2016, arXiv 1603.05027, eq. 1 and 2)."""

    def __init__(self, residual: nn.Module, shortcut: nn.Module) -> None:
        super().__init__()
        self.residual = residual
        self.shortcut = shortcut

    def forward(self, feature_map: MapIn) -> MapOut:
        """The sum of both paths."""
        return self.residual(feature_map) + self.shortcut(feature_map)


def add_shortcut(residual: nn.Module, shortcut: nn.Module | None) -> nn.Module:
    """``residual(x) + shortcut(x)``, or without a shortcut ``residual(x)``, under the same names."""
    if shortcut is None:
        return nn.Sequential(OrderedDict(residual=residual))
    return ResidualSum(residual, shortcut)


def projection_shortcut(in_channels: int, out_channels: int, stride: int) -> nn.Module:
    """Identity where shapes already agree, else a 1x1 projection (option B of He et al. 2016, section 3.3)."""
    if stride == 1 and in_channels == out_channels:
        return nn.Identity()
    return conv_norm(in_channels, Conv("projection", out_channels, 1, stride))

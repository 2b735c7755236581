"""The parts that the residual models are put together from: residual paths, shortcuts, stems.

Every part is a function of widths and strides, so that a model varies by being handed another part.
"""

from collections import OrderedDict
from collections.abc import Callable, Sequence
from typing import NamedTuple

from torch import nn
from torch.nn import functional as F

from inarch.models.backbone import Block
from inarch.models.blocks import projection_shortcut
from inarch.models.convolution import Conv, conv_norm, conv_norm_relu
from inarch.models.shapes import MapIn, MapOut

Shortcut = Callable[[int, int, int], nn.Module | None]
"""Builds the skip path from ``(in_channels, out_channels, stride)``; None where there is to be none."""


class Residual(NamedTuple):
    """How a residual path is built: ``build(in_channels, width, stride)`` gives ``expansion * width`` channels."""

    expansion: int
    build: Callable[[int, int, int], nn.Module]


class Stem(NamedTuple):
    """How the layers before the first stage are built."""

    build: Callable[[int], Sequence[Block]]
    """Takes the width of the first stage."""
    activated: bool = True
    """Whether its map comes out normalised and rectified, so that a pre-activation need not do it again."""


def basic_path(in_channels: int, width: int, stride: int) -> nn.Module:
    """Two 3x3 convolutions (He et al. 2016, Fig. 5, left)."""
    return nn.Sequential(
        OrderedDict(
            conv1=conv_norm_relu(in_channels, Conv("conv1", width, 3, stride)),
            conv2=conv_norm(width, Conv("conv2", width, 3)),
        )
    )


def stride_on_first(stride: int) -> tuple[int, int]:
    """The stride sits on the first 1x1: the paper's placement, "v1"."""
    return stride, 1


def stride_on_second(stride: int) -> tuple[int, int]:
    """The stride sits on the 3x3: "v1.5", which skips no pixel."""
    return 1, stride


def bottleneck(
    *, strides: Callable[[int], tuple[int, int]] = stride_on_second, inner: int = 1, groups: int = 1
) -> Residual:
    """A bottleneck of four times the stage's width.

    Args:
        strides: `stride_on_second` or `stride_on_first`: which of the first two convolutions has the block's stride.
        inner: width of the 3x3, in widths of the stage (2 in Wide ResNets).
        groups: groups of the 3x3 (ResNeXt's cardinality).
    """

    def path(in_channels: int, width: int, stride: int) -> nn.Module:
        """A 1x1 to ``inner * width`` channels, a 3x3 in ``groups``, a 1x1 to ``4 * width`` (Fig. 5, right)."""
        first, second = strides(stride)
        wide = inner * width
        return nn.Sequential(
            OrderedDict(
                reduce=conv_norm_relu(in_channels, Conv("reduce", wide, 1, first)),
                conv=conv_norm_relu(wide, Conv("conv", wide, 3, second, groups=groups)),
                expand=conv_norm(wide, Conv("expand", 4 * width, 1)),
            )
        )

    return Residual(4, path)


BASIC = Residual(1, basic_path)


class PaddedShortcut(nn.Module):
    """Every ``stride``-th pixel along both axes, with channels of zeros before and behind: no parameters."""

    def __init__(self, in_channels: int, out_channels: int, stride: int) -> None:
        super().__init__()
        self.stride = stride
        self.before = (out_channels - in_channels) // 2
        self.behind = out_channels - in_channels - self.before

    def forward(self, feature_map: MapIn) -> MapOut:
        """The subsampled map between its zeros."""
        sampled = F.avg_pool2d(feature_map, 1, self.stride)  # a window of one pixel: `trace` sees the stride
        return F.pad(sampled, (0, 0, 0, 0, self.before, self.behind))


def padded_shortcut(in_channels: int, out_channels: int, stride: int) -> nn.Module:
    """Identity where shapes already agree, else option A of He et al. 2016: subsampled, and padded with zeros."""
    if stride == 1 and in_channels == out_channels:
        return nn.Identity()
    return PaddedShortcut(in_channels, out_channels, stride)


def projection_everywhere(in_channels: int, out_channels: int, stride: int) -> nn.Module:
    """A 1x1 projection in every block (option C of He et al. 2016)."""
    return conv_norm(in_channels, Conv("projection", out_channels, 1, stride))


def average_shortcut(in_channels: int, out_channels: int, stride: int) -> nn.Module:
    """Where the grid halves, a 2x2 average before the 1x1, which then skips no pixel (He et al. 2019, Fig. 2c).

    An odd grid is rounded up, as by the parallel convolutions; the pixels outside it do not count.
    """
    if stride == 1:
        return projection_shortcut(in_channels, out_channels, 1)
    pool = nn.AvgPool2d(stride, stride, ceil_mode=True, count_include_pad=False)
    projection = projection_everywhere(in_channels, out_channels, 1)
    return nn.Sequential(OrderedDict(pool=pool, **dict(projection.named_children())))


def no_shortcut(in_channels: int, out_channels: int, stride: int) -> None:
    """No skip path: the plain models."""


def _photo_stem(width: int) -> Sequence[Block]:
    return _stem_with(nn.MaxPool2d(3, 2, 1), width)


def _half_stem(width: int) -> Sequence[Block]:
    return _stem_with(nn.MaxPool2d(3, 2, ceil_mode=True), 2 * width)


def _stem_with(pool: nn.Module, width: int) -> Sequence[Block]:
    return (
        Block("conv1", conv_norm_relu(3, Conv("conv1", width, 7, stride=2)), width, 2),
        Block("pool1", pool, width, 4),
    )


def _deep_stem(width: int) -> Sequence[Block]:
    half = width // 2
    return (
        Block("conv1", conv_norm_relu(3, Conv("conv1", half, 3, stride=2)), half, 2),
        Block("conv2", conv_norm_relu(half, Conv("conv2", half, 3)), half, 2),
        Block("conv3", conv_norm_relu(half, Conv("conv3", width, 3)), width, 2),
        Block("pool1", nn.MaxPool2d(3, 2, 1), width, 4),
    )


def _small_stem(width: int) -> Sequence[Block]:
    return (Block("conv1", conv_norm_relu(3, Conv("conv1", width, 3)), width, 1),)


PHOTO_STEM = Stem(_photo_stem)
"""A 7x7 with stride 2 and a pool: a quarter of the grid (He et al. 2016, Table 1)."""
HALF_STEM = Stem(_half_stem)
"""The same with twice the first stage's width, and a pool that pads none and rounds up, as in Caffe."""
DEEP_STEM = Stem(_deep_stem)
"""The 7x7 as three 3x3, of which the first strides (He et al. 2019, Fig. 2b)."""
SMALL_STEM = Stem(_small_stem)
"""One 3x3 that keeps the grid, for images of 32 to 96 pixels (He et al. 2016, section 4.2)."""


class ResNetParts(NamedTuple):
    """The layers that a residual model is put together from, besides its shortcuts."""

    residual: Residual
    stem: Stem = PHOTO_STEM

"""Convolution units and the one-line notation in which every architecture's table is written.

A table row says ``Conv("reduce", 96, 1)``; a *unit builder* turns a row into modules. Passing another
unit builder (with or without batch normalisation, say) changes the whole model without touching its table.
"""

from collections import OrderedDict
from collections.abc import Callable, Sequence
from typing import NamedTuple

from torch import nn

from inarch.models.fast.weight_gradient import Convolution


class Conv(NamedTuple):
    """One convolution of a table.

    ``padding=None`` keeps the grid at stride 1 (half the kernel, per axis); ``0`` is the papers' "V" (valid).
    """

    name: str
    out_channels: int
    kernel: int | tuple[int, int]
    stride: int = 1
    padding: int | tuple[int, int] | None = None
    groups: int = 1
    """The channels in and out fall into so many groups, each seeing its own alone (ResNeXt's cardinality)."""


class Pool(NamedTuple):
    """One pooling layer of a table; it has no weights."""

    name: str
    module: Callable[[], nn.Module]


ChainStep = Conv | Pool
Unit = Callable[[int, Conv], nn.Sequential]


def _convolution(in_channels: int, conv: Conv, *, bias: bool) -> nn.Conv2d:
    height, width = conv.kernel if isinstance(conv.kernel, tuple) else (conv.kernel, conv.kernel)
    padding = (height // 2, width // 2) if conv.padding is None else conv.padding
    return Convolution(
        in_channels, conv.out_channels, (height, width), conv.stride, padding, groups=conv.groups, bias=bias
    )


def conv_only(in_channels: int, conv: Conv) -> nn.Sequential:
    """Convolution without bias, and nothing after it: what follows is a sum, or another block's norm."""
    return nn.Sequential(OrderedDict(conv=_convolution(in_channels, conv, bias=False)))


def conv_norm(in_channels: int, conv: Conv, *, eps: float = 1e-5) -> nn.Sequential:
    """Convolution without bias, then batch normalisation."""
    return nn.Sequential(
        OrderedDict(
            conv=_convolution(in_channels, conv, bias=False),
            norm=nn.BatchNorm2d(conv.out_channels, eps=eps),
        )
    )


def conv_norm_relu(in_channels: int, conv: Conv, *, eps: float = 1e-5) -> nn.Sequential:
    """Convolution without bias, batch normalisation, ReLU."""
    unit = conv_norm(in_channels, conv, eps=eps)
    unit.add_module("relu", nn.ReLU())
    return unit


def conv_relu(in_channels: int, conv: Conv) -> nn.Sequential:
    """Convolution with bias, ReLU: the unit of the models that came before batch normalisation."""
    return nn.Sequential(OrderedDict(conv=_convolution(in_channels, conv, bias=True), relu=nn.ReLU()))


def chain(in_channels: int, steps: Sequence[ChainStep], unit: Unit) -> tuple[nn.Sequential, int]:
    """Build ``steps`` one after the other.

    Returns:
        the modules, each under its step's name, and the channels of the last one.
    """
    modules: OrderedDict[str, nn.Module] = OrderedDict()
    channels = in_channels
    for step in steps:
        if isinstance(step, Conv):
            modules[step.name] = unit(channels, step)
            channels = step.out_channels
        else:
            modules[step.name] = step.module()
    return nn.Sequential(modules), channels

"""The name, the window and the multiply-adds of each ATen operator."""

from collections.abc import Mapping, Sequence
from math import prod
from types import MappingProxyType
from typing import Any

import torch
from torch import Tensor

from inarch.models.anatomy.receptive import HeightWidth, Window

aten = torch.ops.aten

KINDS: Mapping[Any, str] = MappingProxyType(
    {
        aten.convolution: "convolution",
        aten.native_batch_norm: "batch norm",
        aten._native_batch_norm_legit_no_training: "batch norm",
        aten.relu: "relu",
        aten.relu_: "relu",
        aten.hardtanh: "relu6",
        aten.hardtanh_: "relu6",
        aten.max_pool2d_with_indices: "max pool",
        aten.avg_pool2d: "average pool",
        aten._adaptive_avg_pool2d: "average pool",
        aten.mean: "average pool",
        aten.cat: "concatenation",
        aten.add: "addition",
        aten.add_: "addition",
        aten.constant_pad_nd: "zero padding",
        aten.addmm: "linear",
        aten.mm: "linear",
    }
)
RESHAPES = frozenset(
    {aten.view, aten._unsafe_view, aten.reshape, aten.t, aten.transpose, aten.permute, aten.detach, aten.alias}
)
"""Operators without computation: no layer of their own."""


def kind_of(operator: Any) -> str:
    """Our name for ``operator``, or its ATen name."""
    return KINDS.get(operator, operator.__name__.strip("_").replace("_", " "))


def window_of(operator: Any, arguments: Sequence[Any]) -> Window | None:
    """The window that ``operator`` slides over its first argument; none for element-wise operators."""
    if operator is aten.convolution:
        _, weight, _, stride, padding, dilation = arguments[:6]
        return Window(grid_of(weight), _pair(stride), _pair(padding), _pair(dilation))
    if operator in (aten.max_pool2d_with_indices, aten.avg_pool2d):
        return _pooling_window(operator, arguments)
    if operator is aten._adaptive_avg_pool2d:
        return _adaptive_window(grid_of(arguments[0]), _pair(arguments[1]))
    return None


def collapse_of(operator: Any, before: Tensor, after: Tensor) -> Window | None:
    """A window as large as the map, if a mean over the map or a flattening removes the grid."""
    if operator not in RESHAPES and operator is not aten.mean:
        return None
    grid = grid_of(before)
    collapses = after.dim() == 2 or (after.dim() == 4 and grid_of(after) == (1, 1))
    return Window(grid, grid) if collapses else None


def macs_of(operator: Any, arguments: Sequence[Any], result: Tensor) -> int:
    """Multiply-adds of a convolution or a matrix product; all else counts as none, as in the papers."""
    if operator is aten.convolution:
        return result.numel() * prod(arguments[1].shape[1:])
    if operator in (aten.addmm, aten.mm):
        return result.numel() * int(arguments[-2].shape[-1])
    return 0


def detail_of(operator: Any, arguments: Sequence[Any]) -> str:
    """Kernel, stride, dilation and groups, unless they are trivial: ``3x3/2``."""
    if operator is aten.mean:
        return "global"
    window = window_of(operator, arguments)
    if window is None:
        return ""
    stride = "x".join(str(side) for side in dict.fromkeys(window.stride))
    dilation = max(window.dilation)
    groups = arguments[8] if operator is aten.convolution else 1
    return (
        "x".join(map(str, window.kernel))
        + (f"/{stride}" if max(window.stride) > 1 else "")
        + (f" dilation {dilation}" if dilation > 1 else "")
        + (f" groups {groups}" if groups > 1 else "")
    )


def grid_of(tensor: Tensor) -> HeightWidth:
    """Height and width of a map (or kernel); features are a map of one pixel."""
    return (int(tensor.shape[2]), int(tensor.shape[3])) if tensor.dim() == 4 else (1, 1)


def _pooling_window(operator: Any, arguments: Sequence[Any]) -> Window:
    """ATen drops trailing arguments that have their default, and an empty stride means the kernel's size."""
    kernel = _pair(arguments[1])
    stride = _pair(arguments[2]) if len(arguments) > 2 and arguments[2] else kernel
    padding = _pair(arguments[3]) if len(arguments) > 3 else (0, 0)
    dilates = operator is aten.max_pool2d_with_indices and len(arguments) > 4
    return Window(kernel, stride, padding, _pair(arguments[4]) if dilates else (1, 1))


def _adaptive_window(before: HeightWidth, after: HeightWidth) -> Window:
    """The largest window of an adaptive pool; their sizes differ where the grids do not divide."""
    stride = (max(1, before[0] // after[0]), max(1, before[1] // after[1]))
    kernel = (-(-before[0] // after[0]), -(-before[1] // after[1]))
    return Window(kernel, stride)


def _pair(value: int | Sequence[int]) -> HeightWidth:
    sides = (value,) if isinstance(value, int) else tuple(value)
    return int(sides[0]), int(sides[-1])

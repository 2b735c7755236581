"""Convolution whose weights get their gradient from one matrix product: the same numbers, sooner.

On processors with AVX2 and no more, oneDNN's kernel for this gradient runs at a third to two thirds of the speed of
its other two, and on the smallest maps at a fifth; a product over the windows of the map runs nearly as fast as they
do. Elsewhere this has not been measured, and PyTorch's own way stays. `benchmarks/training_step.py` measures it.
"""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from inarch.models.shapes import MapIn, MapOut

Sides = tuple[int, ...]
"""Height and width."""
NARROW = 64
"""Up to so many output channels, laying out the windows costs more than the product saves."""


class Convolution(nn.Conv2d):
    """``nn.Conv2d``; in training its weights' gradient may be computed in another way."""

    def forward(self, feature_map: MapIn) -> MapOut:
        """The convolution."""
        return self.run(feature_map, self.weight, self.bias)

    def run(self, feature_map: MapIn, weight: Tensor, bias: Tensor | None) -> MapOut:
        """The convolution with these weights instead of its own."""
        settings = (self.groups, self.dilation, self.padding_mode)
        if self.training and settings == (1, (1, 1), "zeros") and not isinstance(self.padding, str):
            return convolve(feature_map, weight, self.stride, self.padding, bias)
        return self._conv_forward(feature_map, weight, bias)


def convolve(
    feature_map: MapIn, weight: Tensor, stride: Sides = (1, 1), padding: Sides = (0, 0), bias: Tensor | None = None
) -> MapOut:
    """``F.conv2d``, with the weights' gradient as a matrix product where that is faster."""
    if _is_faster(feature_map, weight):
        return _ConvolveFunction.apply(feature_map, weight, bias, stride, padding)
    return F.conv2d(feature_map, weight, bias, stride, padding)


def _is_faster(feature_map: Tensor, weight: Tensor) -> bool:
    return (
        weight.requires_grad
        and len(weight) > NARROW
        and feature_map.device.type == "cpu"
        and feature_map.is_contiguous(memory_format=torch.channels_last)
        and torch.backends.cpu.get_cpu_capability() == "AVX2"
        and not torch.is_autocast_enabled("cpu")
    )


class _ConvolveFunction(torch.autograd.Function):
    @staticmethod
    def forward(feature_map: Tensor, weight: Tensor, bias: Tensor | None, stride: Sides, padding: Sides) -> Tensor:
        return F.conv2d(feature_map, weight, bias, stride, padding)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
        feature_map, weight, _, ctx.stride, ctx.padding = inputs
        ctx.save_for_backward(feature_map, weight)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, Tensor, Tensor | None, None, None]:
        feature_map, weight = ctx.saved_tensors
        of_map = None
        if ctx.needs_input_grad[0]:
            settings = (ctx.stride, ctx.padding, (1, 1), False, (0, 0), 1, (True, False, False))
            of_map = torch.ops.aten.convolution_backward(gradient, feature_map, weight, None, *settings)[0]
        of_bias = gradient.sum((0, 2, 3)) if ctx.needs_input_grad[2] else None
        out_channels, in_channels, *kernel = weight.shape
        windows = _windows(feature_map, kernel, ctx.stride, ctx.padding)
        product = gradient.permute(0, 2, 3, 1).reshape(-1, out_channels).T @ windows
        of_weight = product.view(out_channels, *kernel, in_channels).permute(0, 3, 1, 2)
        return of_map, of_weight, of_bias, None, None


def _windows(feature_map: Tensor, kernel: Sequence[int], stride: Sides, padding: Sides) -> Tensor:
    """The kernel's input at each of its positions, as rows of kernel height x kernel width x channels."""
    (height, width), (down, across) = kernel, padding
    padded = F.pad(feature_map.permute(0, 2, 3, 1), (0, 0, across, across, down, down))
    windows = padded.unfold(1, height, stride[0]).unfold(2, width, stride[1])
    return windows.permute(0, 1, 2, 4, 5, 3).reshape(-1, height * width * padded.shape[3])

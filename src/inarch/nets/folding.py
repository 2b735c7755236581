"""Batch normalisation folded into the convolution before it: in evaluation the same function, fewer layers."""

import copy
from typing import TypeVar

import torch
from torch import nn

from inarch.errors import UserError

Model = TypeVar("Model", bound=nn.Module)


def folded(model: Model) -> Model:
    """A copy of ``model`` in which every (convolution, batch normalisation) pair is one convolution with a bias.

    In evaluation mode both compute the same logits (to rounding). The copy has the names and shapes of
    BN-folded weight files: ``conv.weight`` and ``conv.bias``, no ``norm``.
    """
    copied = copy.deepcopy(model)
    for module in copied.modules():
        conv, norm = getattr(module, "conv", None), getattr(module, "norm", None)
        if isinstance(conv, nn.Conv2d) and isinstance(norm, nn.BatchNorm2d):
            module.conv = _fold(conv, norm)
            module.norm = nn.Identity()
    return copied


@torch.no_grad()
def _fold(conv: nn.Conv2d, norm: nn.BatchNorm2d) -> nn.Conv2d:
    """``norm(conv(x)) = scale * conv(x) + (bias - scale * mean)``, with ``scale = weight / sqrt(var + eps)``."""
    merged = nn.Conv2d(  # with a bias, whether or not `conv` has one
        conv.in_channels,
        conv.out_channels,
        conv.kernel_size,  # type: ignore[arg-type]  # always a pair at run time
        conv.stride,  # type: ignore[arg-type]
        conv.padding,  # type: ignore[arg-type]
        conv.dilation,  # type: ignore[arg-type]
        conv.groups,
        device=conv.weight.device,
        dtype=conv.weight.dtype,
    )
    mean, var = norm.running_mean, norm.running_var
    if mean is None or var is None:
        raise UserError("Batch normalisation without running statistics cannot be folded.")
    scale = (norm.weight.double() / (var.double() + norm.eps).sqrt())[:, None, None, None]
    before = torch.zeros_like(mean) if conv.bias is None else conv.bias
    bias = (before.double() - mean.double()) * scale.flatten() + norm.bias.double()
    merged.load_state_dict({"weight": conv.weight.double() * scale, "bias": bias})
    return merged.train(conv.training)

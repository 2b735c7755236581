"""Batch normalisation folded into the convolution before it: in evaluation the same function, fewer layers."""

import copy
from typing import TypeVar

import torch
from torch import nn

from inarch.errors import UserError

Model = TypeVar("Model", bound=nn.Module)


def fold_batch_norm(model: Model) -> Model:
    """A copy of ``model`` in which every (convolution, batch normalisation) pair is one convolution with a bias.

    In evaluation mode both compute the same logits (to rounding). The copy has the names and shapes of
    BN-folded weight files: ``conv.weight`` and ``conv.bias``, no ``norm``.
    """
    copied = copy.deepcopy(model)
    for module in copied.modules():
        conv, norm = getattr(module, "conv", None), getattr(module, "norm", None)
        if isinstance(conv, nn.Conv2d) and type(norm) is nn.BatchNorm2d:
            _fold_pair(conv, norm)
            module.norm = nn.Identity()
    return copied


@torch.no_grad()
def _fold_pair(conv: nn.Conv2d, norm: nn.BatchNorm2d) -> None:
    """``norm(conv(x)) = scale * conv(x) + (bias - scale * mean)``, with ``scale = weight / sqrt(var + eps)``."""
    mean, var = norm.running_mean, norm.running_var
    if mean is None or var is None:
        raise UserError("Batch normalisation without running statistics cannot be folded.")
    scale = norm.weight.double() / (var.double() + norm.eps).sqrt()
    before = 0.0 if conv.bias is None else conv.bias.double()
    bias = (before - mean.double()) * scale + norm.bias.double()
    trained = conv.weight.requires_grad
    weight = conv.weight.double() * scale[:, None, None, None]
    conv.weight = nn.Parameter(weight.to(conv.weight.dtype), trained)
    conv.bias = nn.Parameter(bias.to(conv.weight.dtype), trained)

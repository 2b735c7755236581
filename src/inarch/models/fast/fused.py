"""Branches that begin with a 1x1 unit on the same map: in training, their first units run as one.

Several 1x1 convolutions of one map are one convolution with their weights stacked, and batch normalisation and ReLU
treat every channel alone. The numbers stay the same; the processor gets one large job instead of several small ones,
and backward the map has one gradient instead of several that must be added. In evaluation every layer runs by itself,
so that tracing, export and folding see it.
"""

from collections.abc import Collection, Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from inarch.models.fast.weight_gradient import convolve


class _Opening(NamedTuple):
    """The 1x1 unit that a branch begins with, and what follows it."""

    conv: nn.Conv2d
    norm: nn.BatchNorm2d
    rest: Sequence[nn.Module]


def run_branches(branches: Collection[nn.Module], feature_map: Tensor) -> list[Tensor]:
    """``[branch(feature_map) for branch in branches]``, with those openings in one go that can be."""
    openings = {branch: opening for branch in branches if (opening := _opening(branch))}
    if len(openings) < 2 or len({(opening.norm.eps, opening.norm.momentum) for opening in openings.values()}) > 1:
        return [branch(feature_map) for branch in branches]
    opened = dict(zip(openings, _run_openings([*openings.values()], feature_map), strict=True))
    return [
        _run_rest(openings[branch].rest, opened[branch]) if branch in openings else branch(feature_map)
        for branch in branches
    ]


def _opening(branch: nn.Module) -> _Opening | None:
    """None unless ``branch`` begins with a plain 1x1 unit in training mode, and no hook expects to see it run."""
    layers = [*branch.children()] if isinstance(branch, nn.Sequential) else []
    match [*layers[0].children()] if layers else []:
        case [
            nn.Conv2d(kernel_size=(1, 1), stride=(1, 1), padding=(0, 0), groups=1, bias=None) as conv,
            nn.BatchNorm2d(training=True, affine=True, track_running_stats=True, momentum=float()) as norm,
            nn.ReLU(),
        ] if not any(map(is_watched, (branch, *layers[0].modules()))):
            return _Opening(conv, norm, layers[1:])
    return None


def is_watched(module: nn.Module) -> bool:
    """Whether a hook expects to see the module run."""
    return any((module._forward_pre_hooks, module._forward_hooks, module._backward_pre_hooks, module._backward_hooks))


def _run_openings(openings: Sequence[_Opening], feature_map: Tensor) -> Sequence[Tensor]:
    """The outputs of the openings."""
    stacked = convolve(feature_map, torch.cat([opening.conv.weight for opening in openings]))
    norms = [opening.norm for opening in openings]
    return F.relu(_normalise_parts(stacked, norms), inplace=True).split([norm.num_features for norm in norms], dim=1)


def _normalise_parts(stacked: Tensor, norms: Sequence[nn.BatchNorm2d]) -> Tensor:
    """Each part of the ``stacked`` maps normalised by its own norm, whose running statistics move as usual."""
    mean, variance, weight, bias = (
        torch.cat([getattr(norm, name) for norm in norms]) for name in ("running_mean", "running_var", "weight", "bias")
    )
    momentum, eps = norms[0].momentum or 0.0, norms[0].eps
    normalised = F.batch_norm(stacked, mean, variance, weight, bias, training=True, momentum=momentum, eps=eps)
    widths = [norm.num_features for norm in norms]
    for norm, own_mean, own_variance in zip(norms, mean.split(widths), variance.split(widths), strict=True):
        norm.get_buffer("running_mean").copy_(own_mean)
        norm.get_buffer("running_var").copy_(own_variance)
        norm.get_buffer("num_batches_tracked").add_(1)
    return normalised


def _run_rest(layers: Sequence[nn.Module], part: Tensor) -> Tensor:
    """A part of the stacked map through the rest of its branch."""
    if not layers:
        return part
    feature_map = part.clone()  # else every convolution would copy its slice, forward and backward
    for layer in layers:
        feature_map = layer(feature_map)
    return feature_map

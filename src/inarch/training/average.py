"""The running average of the weights, which generalises better than the last weights (Polyak & Juditsky 1992)."""

import torch
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel

Tensors = tuple[Tensor, ...] | list[Tensor]


def average_model(model: nn.Module, decay: float) -> AveragedModel:
    """A copy of ``model`` that follows it exponentially, parameters and statistics alike.

    The decay starts low and rises to ``decay``: after t updates it is at most (1 + t) / (10 + t), so that a short
    run does not end near its random initialisation.
    """

    def follow(averages: Tensors, currents: Tensors, updates: Tensor | int) -> None:
        if averages[0].is_floating_point():
            rate = min(decay, (1 + int(updates)) / (10 + int(updates)))
            torch._foreach_lerp_(averages, currents, 1 - rate)
            return
        for average, current in zip(averages, currents, strict=True):
            average.copy_(current)

    return AveragedModel(model, multi_avg_fn=follow, use_buffers=True)

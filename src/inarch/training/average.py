"""The running average of the weights, which generalises better than the last weights (Polyak & Juditsky 1992)."""

import torch
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel


def average_model(model: nn.Module, decay: float) -> AveragedModel:
    """A copy of ``model`` that follows it exponentially, parameters and statistics alike.

    The decay starts low and rises to ``decay``: after t updates it is at most (1 + t) / (10 + t), so that a short
    run does not end near its random initialisation.
    """

    def follow(average: Tensor, current: Tensor, updates: Tensor | int) -> Tensor:
        if not average.is_floating_point():
            return current
        rate = min(decay, (1 + int(updates)) / (10 + int(updates)))
        return torch.lerp(current, average, rate)

    return AveragedModel(model, avg_fn=follow, use_buffers=True)

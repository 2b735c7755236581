"""Optimisers and the course of the learning rate."""

import math

from torch import nn, optim

from inarch.training.config import TrainingConfig


def optimiser(model: nn.Module, config: TrainingConfig) -> optim.Optimizer:
    """SGD with Nesterov momentum, or AdamW, over the parameters of ``model`` that take a gradient."""
    moving = [parameter for parameter in model.parameters() if parameter.requires_grad]
    groups = [
        {"params": [each for each in moving if each.ndim > 1], "weight_decay": config.weight_decay},
        {"params": [each for each in moving if each.ndim <= 1], "weight_decay": 0.0},
    ]
    if config.optimiser == "adamw":
        return optim.AdamW(groups, lr=config.lr)
    return optim.SGD(groups, lr=config.lr, momentum=config.momentum, nesterov=config.momentum > 0)


def rate_at(step: int, steps: int, config: TrainingConfig) -> float:
    """The learning rate of ``step`` (from 0) of ``steps``: linear warm-up, then a cosine down to zero."""
    rising = max(1, round(config.warmup * steps))
    if step < rising:
        return config.lr * (step + 1) / rising
    return config.lr * 0.5 * (1 + math.cos(math.pi * (step - rising) / max(1, steps - rising)))

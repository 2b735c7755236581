"""Optimisers and learning-rate schedules."""

import math
from collections.abc import Iterable
from typing import Any

from torch import nn, optim

from inarch.training.config import TrainingConfig
from inarch.training.muon import Muon


def optimisers(model: nn.Module, config: TrainingConfig) -> tuple[optim.Optimizer, ...]:
    """The optimisers of the trainable parameters of ``model``; each parameter belongs to one of them.

    ``sgd`` has Nesterov momentum. ``muon`` updates the kernels of convolutions, and AdamW the other parameters.
    """
    moving = [parameter for parameter in model.parameters() if parameter.requires_grad]
    kernels = [each for each in moving if each.ndim == 4]
    if config.optimiser == "muon" and kernels:
        rest = [each for each in moving if each.ndim != 4]
        muon = Muon([{"params": kernels}], lr=config.lr, weight_decay=config.weight_decay)
        return (muon, optim.AdamW(_groups(rest, config), lr=config.lr)) if rest else (muon,)
    if config.optimiser in ("adamw", "muon"):
        return (optim.AdamW(_groups(moving, config), lr=config.lr),)
    return (optim.SGD(_groups(moving, config), lr=config.lr, momentum=config.momentum, nesterov=config.momentum > 0),)


def _groups(parameters: Iterable[nn.Parameter], config: TrainingConfig) -> list[dict[str, Any]]:
    """Weight decay for matrices and kernels, none for biases and norms."""
    every = list(parameters)
    return [
        {"params": [each for each in every if each.ndim > 1], "weight_decay": config.weight_decay},
        {"params": [each for each in every if each.ndim <= 1], "weight_decay": 0.0},
    ]


def learning_rate_at(step: int, steps: int, config: TrainingConfig) -> float:
    """The learning rate of ``step`` (from 0) of ``steps``: linear warm-up, then down to zero.

    It falls along a cosine from the end of the warm-up on, or, with ``cooldown``, stays constant and falls linearly
    over that last fraction of all steps (Hägele et al. 2024, arXiv 2405.18392): a run at a constant rate can be
    extended without having been planned so.
    """
    rising = max(1, round(config.warmup * steps))
    if step < rising:
        return config.lr * (step + 1) / rising
    if config.cooldown:
        return config.lr * min(1.0, (steps - step) / max(1, round(config.cooldown * steps)))
    return config.lr * 0.5 * (1 + math.cos(math.pi * (step - rising) / max(1, steps - rising)))

"""Optimisers and learning-rate schedules."""

import math
from collections.abc import Iterable, Mapping
from typing import Any

from torch import nn, optim

from inarch.models import Backbone
from inarch.training.config import TrainingConfig
from inarch.training.muon import Muon

SHARE = "share"
"""In a parameter group, its learning rate as a multiple of the schedule's."""


def optimisers(model: nn.Module, config: TrainingConfig) -> tuple[optim.Optimizer, ...]:
    """The optimisers of the trainable parameters of ``model``; each parameter belongs to one of them.

    ``sgd`` has Nesterov momentum. ``muon`` updates the kernels of convolutions, and AdamW the other parameters. Each
    parameter group holds its multiple of the schedule's learning rate as ``share``: see `rate_shares`.
    """
    shares = rate_shares(model, config)
    moving = [parameter for parameter in model.parameters() if parameter.requires_grad]
    kernels = [each for each in moving if each.ndim == 4]
    chosen: tuple[optim.Optimizer, ...]
    if config.optimiser == "muon" and kernels:
        rest = [each for each in moving if each.ndim != 4]
        parts = [{"params": own, SHARE: share} for share, own in _by_share(kernels, shares)]
        muon = Muon(parts, lr=config.lr, weight_decay=config.weight_decay)
        chosen = (muon, optim.AdamW(_groups(rest, shares, config), lr=config.lr)) if rest else (muon,)
    elif config.optimiser in ("adamw", "muon"):
        chosen = (optim.AdamW(_groups(moving, shares, config), lr=config.lr),)
    else:
        groups, is_moving = _groups(moving, shares, config), config.momentum > 0
        chosen = (optim.SGD(groups, lr=config.lr, momentum=config.momentum, nesterov=is_moving),)
    if config.clip_norm:

        def clip(*_: Any) -> None:
            nn.utils.clip_grad_norm_(moving, config.clip_norm)

        chosen[0].register_step_pre_hook(clip)  # all gradients are there, and nothing has moved yet
    return chosen


def rate_shares(model: nn.Module, config: TrainingConfig) -> dict[nn.Parameter, float]:
    """The learning rate of every parameter, as a multiple of the schedule's.

    It is 1 in the last stage of the model's backbone, falls by ``stage_decay`` from stage to stage towards the input,
    and is ``head_rate`` in everything that is in no stage. In a model without a backbone it is 1 everywhere.
    """
    backbones = [each for each in model.modules() if isinstance(each, Backbone)]
    shares = dict.fromkeys(model.parameters(), config.head_rate if backbones else 1.0)
    for backbone in backbones:
        for depth, stage in enumerate(reversed([*backbone.stages.values()])):
            shares.update(dict.fromkeys(stage.parameters(), config.stage_decay**depth))
    return shares


def _by_share(
    parameters: Iterable[nn.Parameter], shares: Mapping[nn.Parameter, float]
) -> list[tuple[float, list[nn.Parameter]]]:
    """The parameters, those with one share together, in the order in which shares first occur."""
    together: dict[float, list[nn.Parameter]] = {}
    for each in parameters:
        together.setdefault(shares[each], []).append(each)
    return list(together.items())


def _groups(
    parameters: Iterable[nn.Parameter], shares: Mapping[nn.Parameter, float], config: TrainingConfig
) -> list[dict[str, Any]]:
    """Weight decay for matrices and kernels, none for biases and norms."""
    return [
        {"params": [each for each in own if is_matrix == (each.ndim > 1)], "weight_decay": decay, SHARE: share}
        for share, own in _by_share(parameters, shares)
        for is_matrix, decay in ((True, config.weight_decay), (False, 0.0))
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

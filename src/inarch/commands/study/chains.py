"""Deep chains of convolutions and activations, for claims about initialisation and activation."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import torch
from torch import nn

from inarch.commands.study.learning import accuracies, learn, split_bench
from inarch.commands.study.study import Bench, Readings
from inarch.models import (
    Backbone,
    Block,
    Classifier,
    linear_head,
)
from inarch.models.convolution import Conv, conv_only
from inarch.models.initialisation import initialise
from inarch.training.config import TrainingConfig
from inarch.training.seeds import derive_seed


@dataclass(frozen=True, kw_only=True)
class ChainDesign:
    """The settings that all chains share."""

    layers: int
    width: int
    """Channels after every convolution."""
    training: TrainingConfig


DESIGN = ChainDesign(
    layers=12,
    width=16,
    training=TrainingConfig(
        epochs=5, batch_size=64, optimiser="adamw", lr=3e-3, weight_decay=0.0, label_smoothing=0.0, ema_decay=0.0
    ),
)


def train_chain(bench: Bench, seed: int, *, activation: Callable[[], nn.Module], scale: float) -> Readings:
    """Accuracies of a chain of convolutions after a few epochs.

    Args:
        bench: the photos to train on.
        seed: of the split, the weights and the order of the photos.
        activation: builds the activation after every convolution.
        scale: the factor of the initial weights' standard deviation, relative to He et al. 2015.
    """
    data = split_bench(bench, seed)
    model = _chain(activation, data.classes)
    initialise(model, torch.Generator().manual_seed(derive_seed(seed, "chain")))
    with torch.no_grad():
        for module in model.modules():
            if isinstance(module, nn.Conv2d):
                module.weight.mul_(scale)
    learn(model, data.learned, replace(DESIGN.training, seed=seed))
    return accuracies(model, data)


def _chain(activation: Callable[[], nn.Module], classes: int) -> Classifier:
    """A chain in which every fourth convolution has a stride, down to an eighth of the image's side."""
    blocks, channels, stride = [], 3, 1
    for number in range(1, DESIGN.layers + 1):
        step = 2 if number % 4 == 0 else 1
        name = f"conv{number}"
        module = conv_only(channels, Conv(name, DESIGN.width, 3, step))
        module.add_module("activation", activation())
        channels, stride = DESIGN.width, stride * step
        blocks.append(Block(name, module, channels, stride))
    return Classifier(Backbone({"chain": blocks}), linear_head(DESIGN.width, classes))

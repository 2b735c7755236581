"""Ways to halve the grid."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial

import torch
from torch import nn

from inarch.commands.study.learning import (
    HELD_OUT,
    accuracy,
    learn,
    split_bench,
)
from inarch.commands.study.records import (
    AT_MOST,
    POINTS,
    Claim,
    Quantity,
)
from inarch.commands.study.study import (
    Bench,
    Readings,
    Study,
    require_bench,
)
from inarch.models import Classifier, linear_head
from inarch.models.anatomy.trace import trace
from inarch.models.convolution import Conv, Pool, conv_norm_relu
from inarch.models.initialisation import initialise
from inarch.models.tables import (
    Branches,
    Row,
    Stages,
    backbone_of,
)
from inarch.training.config import TrainingConfig
from inarch.training.seeds import derive_seed

BLOCK, BEFORE, AFTER = "convolutions parallel to a pool", "pool, then widen", "widen, then pool"
MACS = "MACs"
WIDTH = 16
"""Channels before the first reduction; each doubles them."""
TRAINING = TrainingConfig(epochs=8, batch_size=64, lr=0.1, label_smoothing=0.0, ema_decay=0.0)


def _shrink() -> Row:
    return Pool("shrink", partial(nn.MaxPool2d, 3, 2, 1))


def _widen(width: int) -> Branches:
    """An Inception module that doubles the channels, at one grid."""
    half = width // 2
    return {
        "1x1": [Conv("conv", width, 1)],
        "3x3": [Conv("reduce", half, 1), Conv("conv", half, 3)],
        "3x3_twice": [Conv("reduce", half, 1), Conv("conv1", half, 3), Conv("conv2", half, 3)],
    }


def _block(width: int) -> Branches:
    """The same without its 1x1, with strides, parallel to a pool that passes its channels on (Fig. 10)."""
    half = width // 2
    return {
        "3x3": [Conv("reduce", half, 1), Conv("conv", half, 3, stride=2)],
        "3x3_twice": [Conv("reduce", half, 1), Conv("conv1", half, 3), Conv("conv2", half, 3, stride=2)],
        "pool": [Pool("pool", partial(nn.MaxPool2d, 3, 2, 1))],
    }


ARMS: Mapping[str, Callable[[int], Mapping[str, Row]]] = {
    BLOCK: lambda width: {f"reduction{width}": _block(width)},
    BEFORE: lambda width: {f"shrink{width}": _shrink(), f"widen{width}": _widen(width)},
    AFTER: lambda width: {f"widen{width}": _widen(width), f"shrink{width}": _shrink()},
}


def build_model(arm: str, classes: int, seed: int) -> Classifier:
    """A convolution and two reductions of the arm's kind; everything else is equal."""
    reduction = ARMS[arm]
    stages: Stages = {
        "stem": {"conv1": Conv("conv1", WIDTH, 3)},
        "stage2": reduction(WIDTH),
        "stage3": reduction(2 * WIDTH),
    }
    backbone = backbone_of(stages, conv_norm_relu)
    model = Classifier(backbone, linear_head(backbone.channels, classes))
    initialise(model, torch.Generator().manual_seed(derive_seed(seed, "grid")))
    return model


def measure(bench: Bench | None, arm: str, seed: int, training: TrainingConfig = TRAINING) -> Readings:
    """Train the model with the arm's reductions."""
    data = split_bench(require_bench(bench), seed)
    model = build_model(arm, data.classes, seed)
    learn(model, data.learned, replace(training, seed=seed))
    return {HELD_OUT: accuracy(model, data.held_out), MACS: float(trace(model, name=arm, image_size=data.side).macs)}


STUDY = Study(
    Claim(
        name="grid-reduction",
        statement="Strided convolutions parallel to a pool halve the grid at half the cost of widening first, and are "
        "as accurate; pooling first is cheap and loses accuracy.",
        source="Szegedy et al. 2016, arXiv 1512.00567, section 5, Fig. 9 and 10",
        reported="An argument: pooling first is a bottleneck, widening first three times as expensive; no accuracy is "
        "given.",
        design="A 3x3 convolution and two reductions, each doubling 16 channels: an Inception module after a pool, "
        "the same before a pool, or its larger branches with strides parallel to a pool. All train for "
        f"{TRAINING.epochs} epochs. A seed draws the split, the weights and the order of the photos.",
        limits="Two reductions and nothing between them, on small photos; a wider model at the cost of the cheap one "
        "would be the fairer rival.",
        quantities=(
            Quantity(words="MACs of widening first", one=(AFTER, MACS), other=(BLOCK, MACS), threshold=2.0, exact=True),
            Quantity(
                words="parallel to a pool less widening first",
                one=(BLOCK, HELD_OUT),
                other=(AFTER, HELD_OUT),
                threshold=-0.02,
                scale=POINTS,
                grain=0.003,
            ),
            Quantity(
                words="pooling first less parallel to a pool",
                one=(BEFORE, HELD_OUT),
                other=(BLOCK, HELD_OUT),
                bound=AT_MOST,
                threshold=-0.005,
                scale=POINTS,
                grain=0.003,
            ),
        ),
        arms=tuple(ARMS),
        seeds=5,
        seconds=30.0,
        photos=True,
    ),
    measure,
)

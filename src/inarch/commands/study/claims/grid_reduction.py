"""Ways to halve the grid."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from enum import StrEnum
from functools import partial

import torch
from torch import nn

from inarch.commands.study.learning import accuracy, learn, split_bench
from inarch.commands.study.readings import ReadingName
from inarch.commands.study.records import Bound, Claim, Quantity, QuantityScale
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
    Stages,
    TableRow,
    backbone_of,
)
from inarch.training.config import TrainingConfig
from inarch.training.seeds import derive_seed

TRAINING = TrainingConfig(epochs=8, batch_size=64, lr=0.1, label_smoothing=0.0, ema_decay=0.0)


class GridArm(StrEnum):
    """A way to halve the grid."""

    BLOCK = "convolutions parallel to a pool"
    BEFORE = "pool, then widen"
    AFTER = "widen, then pool"


def _shrink() -> TableRow:
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


ARMS: Mapping[str, Callable[[int], Mapping[str, TableRow]]] = {
    GridArm.BLOCK: lambda width: {f"reduction{width}": _block(width)},
    GridArm.BEFORE: lambda width: {f"shrink{width}": _shrink(), f"widen{width}": _widen(width)},
    GridArm.AFTER: lambda width: {f"widen{width}": _widen(width), f"shrink{width}": _shrink()},
}


def build_model(arm: str, classes: int, seed: int, width: int = 16) -> Classifier:
    """A convolution and two reductions of the arm's kind, each of which doubles the channels; all else is equal.

    Args:
        arm: a way to halve the grid.
        classes: of the head.
        seed: of the weights.
        width: the channels before the first reduction.
    """
    reduction = ARMS[arm]
    stages: Stages = {
        "stem": {"conv1": Conv("conv1", width, 3)},
        "stage2": reduction(width),
        "stage3": reduction(2 * width),
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
    return {
        ReadingName.HELD_OUT: accuracy(model, data.held_out),
        ReadingName.MACS: float(trace(model, name=arm, image_size=data.side).macs),
    }


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
            Quantity(
                words="MACs of widening first",
                one=(GridArm.AFTER, ReadingName.MACS),
                other=(GridArm.BLOCK, ReadingName.MACS),
                threshold=2.0,
                exact=True,
            ),
            Quantity(
                words="parallel to a pool less widening first",
                one=(GridArm.BLOCK, ReadingName.HELD_OUT),
                other=(GridArm.AFTER, ReadingName.HELD_OUT),
                threshold=-0.02,
                scale=QuantityScale.POINTS,
                grain=0.003,
            ),
            Quantity(
                words="pooling first less parallel to a pool",
                one=(GridArm.BEFORE, ReadingName.HELD_OUT),
                other=(GridArm.BLOCK, ReadingName.HELD_OUT),
                bound=Bound.AT_MOST,
                threshold=-0.005,
                scale=QuantityScale.POINTS,
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

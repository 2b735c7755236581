"""Inception v4. Szegedy et al. 2017, "Inception-v4, Inception-ResNet", arXiv 1602.07261, section 3.1.

The model of Fig. 9 as its authors released it and as timm carries it; how that differs from what is printed stands
in `INCEPTION_V4_DEPARTURES`.
"""

from collections.abc import Mapping
from functools import partial
from typing import NamedTuple

from torch import nn

from inarch.models.anatomy.records import Departure
from inarch.models.backbone import Classifier, linear_head
from inarch.models.convolution import Conv, Pool
from inarch.models.inception_v3 import SHRINK, UNIT, fan_out
from inarch.models.tables import (
    Branches,
    Stages,
    TableRow,
    backbone_of,
    repeat_row,
    scale_widths,
)

AVERAGE = Pool("pool", partial(nn.AvgPool2d, 3, 1, 1, count_include_pad=False))


def reduction_a(k: int, l: int, m: int, n: int) -> Branches:  # noqa: E741  # the paper's letters
    """35x35 -> 17x17 (Fig. 7); its widths, model by model, are the paper's Table 1."""
    return {
        "3x3": [Conv("conv", n, 3, stride=2, padding=0)],
        "3x3_twice": [Conv("reduce", k, 1), Conv("conv1", l, 3), Conv("conv2", m, 3, stride=2, padding=0)],
        "pool": [SHRINK],
    }


class InceptionV4Table(NamedTuple):
    """The rows of the model (Fig. 9), and how often each module stands there."""

    stem: Mapping[str, TableRow]
    module_a: Branches
    reduction_a: Branches
    module_b: Branches
    reduction_b: Branches
    module_c: Branches
    depths: tuple[int, int, int]
    """Modules A, B and C."""


INCEPTION_V4 = InceptionV4Table(
    stem={  # 299x299x3 -> 35x35x384 (Fig. 3)
        "conv1": Conv("conv1", 32, 3, stride=2, padding=0),
        "conv2": Conv("conv2", 32, 3, padding=0),
        "conv3": Conv("conv3", 64, 3),
        "fork1": {
            "pool": [SHRINK],
            "3x3": [Conv("conv", 96, 3, stride=2, padding=0)],
        },
        "fork2": {
            "3x3": [Conv("reduce", 64, 1), Conv("conv", 96, 3, padding=0)],
            "7x7": [
                Conv("reduce", 64, 1),
                Conv("conv1x7", 64, (1, 7)),
                Conv("conv7x1", 64, (7, 1)),
                Conv("conv3x3", 96, 3, padding=0),
            ],
        },
        "fork3": {
            "3x3": [Conv("conv", 192, 3, stride=2, padding=0)],
            "pool": [SHRINK],
        },
    },
    module_a={  # 35x35x384 (Fig. 4)
        "1x1": [Conv("conv", 96, 1)],
        "3x3": [Conv("reduce", 64, 1), Conv("conv", 96, 3)],
        "3x3_twice": [Conv("reduce", 64, 1), Conv("conv1", 96, 3), Conv("conv2", 96, 3)],
        "pool": [AVERAGE, Conv("proj", 96, 1)],
    },
    reduction_a=reduction_a(192, 224, 256, 384),
    module_b={  # 17x17x1024 (Fig. 5)
        "1x1": [Conv("conv", 384, 1)],
        "7x7": [Conv("reduce", 192, 1), Conv("conv1x7", 224, (1, 7)), Conv("conv7x1", 256, (7, 1))],
        "7x7_twice": [
            Conv("reduce", 192, 1),
            Conv("conv7x1_1", 192, (7, 1)),
            Conv("conv1x7_1", 224, (1, 7)),
            Conv("conv7x1_2", 224, (7, 1)),
            Conv("conv1x7_2", 256, (1, 7)),
        ],
        "pool": [AVERAGE, Conv("proj", 128, 1)],
    },
    reduction_b={  # 17x17 -> 8x8 (Fig. 8)
        "3x3": [Conv("reduce", 192, 1), Conv("conv", 192, 3, stride=2, padding=0)],
        "7x7": [
            Conv("reduce", 256, 1),
            Conv("conv1x7", 256, (1, 7)),
            Conv("conv7x1", 320, (7, 1)),
            Conv("conv3x3", 320, 3, stride=2, padding=0),
        ],
        "pool": [SHRINK],
    },
    module_c={  # 8x8x1536 (Fig. 6)
        "1x1": [Conv("conv", 256, 1)],
        "3x3": [Conv("reduce", 384, 1), fan_out(256)],
        "3x3_twice": [
            Conv("reduce", 384, 1),
            Conv("conv3x1", 448, (3, 1)),
            Conv("conv1x3", 512, (1, 3)),
            fan_out(256),
        ],
        "pool": [AVERAGE, Conv("proj", 256, 1)],
    },
    depths=(4, 7, 3),
)


def inception_v4_stages(depths: tuple[int, int, int] = INCEPTION_V4.depths) -> Stages:
    """The whole model as one table (Fig. 9); ``depths`` are the repeats of modules A, B and C."""
    table, (a, b, c) = INCEPTION_V4, depths
    return {
        "stem": table.stem,
        "stage3": repeat_row("a", table.module_a, a),
        "stage4": {"reduction_a": table.reduction_a, **repeat_row("b", table.module_b, b)},
        "stage5": {"reduction_b": table.reduction_b, **repeat_row("c", table.module_c, c)},
    }


def inception_v4(classes: int, *, depths: tuple[int, int, int] = INCEPTION_V4.depths, width: float = 1.0) -> Classifier:
    """Inception v4, or a shallower or narrower one.

    Args:
        classes: the length of the logits.
        depths: repeats of modules A, B and C.
        width: what every width is multiplied by.
    """
    backbone = backbone_of(scale_widths(inception_v4_stages(depths), width=width), UNIT)
    return Classifier(backbone, linear_head(backbone.channels, classes, dropout=0.2))


INCEPTION_V4_DEPARTURES = (
    Departure(
        "The order of a factorised pair is the release's: 1x7 before 7x1 in the stem, 7x1 before 1x7 in the longer "
        "branch of module B, 3x1 before 1x3 in module C; the figures draw these the other way round.",
        "The weights were trained so; counts are the same.",
        "Fig. 3, 5 and 6 of the paper; tf-slim models/inception_v4.py; timm models/inception_v4.py",
    ),
    Departure(
        "Average pools inside the modules leave the border's zeros out of the mean; the paper does not say.",
        "TensorFlow's do, and timm's port with them.",
        "timm models/inception_v4.py, count_include_pad=False",
    ),
    Departure(
        "Batch normalisation has eps 0.001; the paper gives no value.",
        "The checkpoints were trained with it.",
        "tf-slim nets/inception_utils.py; timm models/inception_v4.py, norm_eps",
    ),
    Departure(
        "Dropout before the classifier is 0.2, as in the paper; timm's port has none unless asked.",
        "It has no effect in evaluation, but in training together with timm.",
        "Fig. 9 of the paper; timm models/inception_v4.py, drop_rate",
    ),
    Departure(
        "There is no auxiliary head; the authors' release has one on the last 17x17 map. The paper draws none.",
        "timm's port, whose files everyone has, leaves it out.",
        "Fig. 9 of the paper; tf-slim models/inception_v4.py, AuxLogits",
    ),
)

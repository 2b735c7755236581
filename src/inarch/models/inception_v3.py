"""Inception v3. Szegedy et al. 2016, "Rethinking the Inception architecture", arXiv 1512.00567.

The model of the paper's Table 1 as its authors released it and as torchvision and timm carry it; how that differs
from what is printed stands in `INCEPTION_V3_DEPARTURES`.
"""

from collections import OrderedDict
from collections.abc import Sequence
from functools import partial
from types import MappingProxyType

from torch import nn

from inarch.models.anatomy.records import Departure
from inarch.models.backbone import Classifier, linear_head
from inarch.models.convolution import (
    ChainStep,
    Conv,
    Pool,
    Unit,
    conv_norm_relu,
)
from inarch.models.tables import (
    Branches,
    Fork,
    Stages,
    backbone_of,
    repeat_row,
    rows_of,
    scale_widths,
)

UNIT: Unit = partial(conv_norm_relu, eps=1e-3)
AVERAGE = Pool("pool", partial(nn.AvgPool2d, 3, 1, 1))
SHRINK = Pool("pool", partial(nn.MaxPool2d, 3, 2))

STEM: Sequence[ChainStep] = (
    Conv("conv1", 32, 3, stride=2, padding=0),
    Conv("conv2", 32, 3, padding=0),
    Conv("conv3", 64, 3),
    Pool("pool1", partial(nn.MaxPool2d, 3, 2)),
    Conv("conv4", 80, 1),
    Conv("conv5", 192, 3, padding=0),
    Pool("pool2", partial(nn.MaxPool2d, 3, 2)),
)


def module_a(pool_proj: int) -> Branches:
    """35x35: 1x1, 5x5, two stacked 3x3, pool (Fig. 5, with the 5x5 of Fig. 4 kept)."""
    return {
        "1x1": [Conv("conv", 64, 1)],
        "5x5": [Conv("reduce", 48, 1), Conv("conv", 64, 5)],
        "3x3_twice": [Conv("reduce", 64, 1), Conv("conv1", 96, 3), Conv("conv2", 96, 3)],
        "pool": [AVERAGE, Conv("proj", pool_proj, 1)],
    }


def module_b(width7: int) -> Branches:
    """17x17: every 7x7 factorised into 1x7 and 7x1 (Fig. 6); ``width7`` channels inside."""
    return {
        "1x1": [Conv("conv", 192, 1)],
        "7x7": [
            Conv("reduce", width7, 1),
            Conv("conv1x7", width7, (1, 7)),
            Conv("conv7x1", 192, (7, 1)),
        ],
        "7x7_twice": [
            Conv("reduce", width7, 1),
            Conv("conv7x1_1", width7, (7, 1)),
            Conv("conv1x7_1", width7, (1, 7)),
            Conv("conv7x1_2", width7, (7, 1)),
            Conv("conv1x7_2", 192, (1, 7)),
        ],
        "pool": [AVERAGE, Conv("proj", 192, 1)],
    }


def fan_out(width: int) -> Fork:
    """A 3x3 split into a 1x3 and a 3x1 side by side, each of ``width`` channels."""
    return Fork("sides", {"1x3": [Conv("conv", width, (1, 3))], "3x1": [Conv("conv", width, (3, 1))]})


INCEPTION_V3_STAGES: Stages = MappingProxyType(
    {  # Szegedy et al. 2016, Table 1
        "stem": rows_of(STEM),
        "stage3": {"a1": module_a(32), "a2": module_a(64), "a3": module_a(64)},
        "stage4": {
            "reduction_a": {  # 35x35 -> 17x17 (Fig. 10)
                "3x3": [Conv("conv", 384, 3, stride=2, padding=0)],
                "3x3_twice": [
                    Conv("reduce", 64, 1),
                    Conv("conv1", 96, 3),
                    Conv("conv2", 96, 3, stride=2, padding=0),
                ],
                "pool": [SHRINK],
            },
            "b1": module_b(128),
            "b2": module_b(160),
            "b3": module_b(160),
            "b4": module_b(192),
        },
        "stage5": {
            "reduction_b": {  # 17x17 -> 8x8
                "3x3": [Conv("reduce", 192, 1), Conv("conv", 320, 3, stride=2, padding=0)],
                "7x7": [
                    Conv("reduce", 192, 1),
                    Conv("conv1x7", 192, (1, 7)),
                    Conv("conv7x1", 192, (7, 1)),
                    Conv("conv3x3", 192, 3, stride=2, padding=0),
                ],
                "pool": [SHRINK],
            },
            **repeat_row(
                "c",
                {  # 8x8: the 3x3 branches fan out (Fig. 7)
                    "1x1": [Conv("conv", 320, 1)],
                    "3x3": [Conv("reduce", 384, 1), fan_out(384)],
                    "3x3_twice": [Conv("reduce", 448, 1), Conv("conv", 384, 3), fan_out(384)],
                    "pool": [AVERAGE, Conv("proj", 192, 1)],
                },
                2,
            ),
        },
    }
)
INCEPTION_V3_DEPARTURES = (
    Departure(
        "The stem goes from 73x73 to 71x71x192 by a 1x1 to 80 channels and a 3x3, then to 35x35 by a max pool; in the "
        "paper a 3x3 to 80, a strided 3x3 to 192 and a 3x3 to 288 channels do it.",
        "So the authors released it, and so is every checkpoint.",
        "Table 1 of the paper; tf-slim models/inception_v3.py, Conv2d_3b_1x1 to MaxPool_5a_3x3",
    ),
    Departure(
        "The modules at 35x35 keep a 5x5 branch, and the first two have 192 and 256 channels coming in; in the paper "
        "both larger branches are stacked 3x3 (Fig. 5), and 288 channels come into each.",
        "So the authors released it.",
        "Fig. 5 and Table 1 of the paper; torchvision models/inception.py, InceptionA",
    ),
    Departure(
        "Four modules with factorised 7x7 follow a grid reduction at 17x17; the paper counts five modules.",
        "The authors' release has four: the paper's count takes the reduction for one.",
        "Table 1 of the paper; tf-slim models/inception_v3.py, Mixed_6a to Mixed_6e",
    ),
    Departure(
        "The second grid reduction has a factorised 7x7 before its 3x3; the paper draws stacked 3x3 only.",
        "So the authors released it.",
        "Fig. 10 of the paper; torchvision models/inception.py, InceptionD",
    ),
    Departure(
        "Average pools inside the modules count the zeros of the border; TensorFlow's, on which the authors' weights "
        "were trained, average over the pixels alone. The paper says nothing.",
        "torchvision's port does so, and its checkpoint was made for it.",
        "torchvision models/inception.py, avg_pool2d with its default count_include_pad",
    ),
    Departure(
        "Dropout before the classifier is 0.5; the paper gives none, the authors' release drops 0.2.",
        "torchvision's default; it plays no part in evaluation.",
        "torchvision models/inception.py; tf-slim models/inception_v3.py, dropout_keep_prob",
    ),
    Departure(
        "Batch normalisation has eps 0.001; the paper gives no value.",
        "The checkpoints were trained with it.",
        "tf-slim nets/inception_utils.py; torchvision models/inception.py, BasicConv2d",
    ),
    Departure(
        "The auxiliary head fits its map to 17x17 first, so that it works at any image size; in the paper, and in "
        "torchvision, the map must be 17x17. At 299 pixels the two agree.",
        "Fine-tuning at other sizes would fail in training mode.",
        "Fig. 8 of the paper; torchvision models/inception.py, InceptionAux",
    ),
)


def inception_v3_auxiliary_head(channels: int, classes: int, *, reduce: int = 128, hidden: int = 768) -> nn.Module:
    """The auxiliary classifier on the last 17x17 map: 5x5 pool with stride 3, 1x1, 5x5, linear.

    The pool turns 17x17 into exactly the 5x5 map that the 5x5 convolution needs. At 299 pixels ``fit`` does nothing;
    at other sizes it makes the map 17x17, where torchvision's head fails.
    """
    return nn.Sequential(
        OrderedDict(
            fit=nn.AdaptiveAvgPool2d(17),
            pool=nn.AvgPool2d(5, 3),
            reduce=UNIT(channels, Conv("reduce", reduce, 1)),
            conv=UNIT(reduce, Conv("conv", hidden, 5, padding=0)),
            flatten=nn.Flatten(),
            linear=nn.Linear(hidden, classes),
        )
    )


def inception_v3(classes: int, *, stages: Stages = INCEPTION_V3_STAGES, width: float = 1.0) -> Classifier:
    """Inception v3, or a variation of its table, with every width multiplied by ``width``."""
    backbone = backbone_of(scale_widths(stages, width=width), UNIT)
    return Classifier(backbone, linear_head(backbone.channels, classes, dropout=0.5))

"""Inception-ResNet v1 and v2. Szegedy et al. 2017, "Inception-v4, Inception-ResNet", arXiv 1602.07261, section 3.2.

Inception modules as residual paths: each ends in a linear 1x1 that brings it back to the block's width, and is
scaled down before it is added. Both models are those of the public weights (v1: facenet's, v2: the authors' own, in
timm); how they differ from what is printed stands in the tables of departures.
"""

from collections.abc import Mapping
from functools import partial
from typing import NamedTuple

from torch import nn

from inarch.models.anatomy.records import Departure
from inarch.models.backbone import Classifier, linear_head
from inarch.models.convolution import Conv
from inarch.models.inception_v3 import SHRINK, UNIT
from inarch.models.inception_v3 import STEM as STEM_V3
from inarch.models.inception_v4 import AVERAGE, reduction_a
from inarch.models.scaled_residual import Scaling
from inarch.models.tables import (
    Branches,
    ScaledResidual,
    Stages,
    TableRow,
    backbone_of,
    repeat_row,
    rows_of,
    scale_widths,
)


class InceptionResNetTable(NamedTuple):
    """The differences between the two models."""

    stem: Mapping[str, TableRow]
    before_a: Mapping[str, TableRow]
    block_a: Branches
    reduction_a: Branches
    block_b: Branches
    reduction_b: Branches
    block_c: Branches
    after_c: Mapping[str, TableRow]
    depths: tuple[int, int, int]
    """Blocks A, B and C; the last C is neither scaled nor rectified."""


def _reduction_b(second: int, third: int, fourth: int) -> Branches:
    """17x17 -> 8x8 (Fig. 12 and 18), widths of the second 3x3 and of the two stacked ones."""
    return {
        "3x3": [Conv("reduce", 256, 1), Conv("conv", 384, 3, stride=2, padding=0)],
        "3x3_narrow": [Conv("reduce", 256, 1), Conv("conv", second, 3, stride=2, padding=0)],
        "3x3_twice": [
            Conv("reduce", 256, 1),
            Conv("conv1", third, 3),
            Conv("conv2", fourth, 3, stride=2, padding=0),
        ],
        "pool": [SHRINK],
    }


INCEPTION_RESNET_V1 = InceptionResNetTable(
    stem=rows_of([*STEM_V3[:-1], Conv("conv6", 256, 3, stride=2, padding=0)]),  # Fig. 14
    before_a={},
    block_a={  # 35x35x256 (Fig. 10)
        "1x1": [Conv("conv", 32, 1)],
        "3x3": [Conv("reduce", 32, 1), Conv("conv", 32, 3)],
        "3x3_twice": [Conv("reduce", 32, 1), Conv("conv1", 32, 3), Conv("conv2", 32, 3)],
    },
    reduction_a=reduction_a(192, 192, 256, 384),  # Table 1
    block_b={  # 17x17x896 (Fig. 11)
        "1x1": [Conv("conv", 128, 1)],
        "7x7": [Conv("reduce", 128, 1), Conv("conv1x7", 128, (1, 7)), Conv("conv7x1", 128, (7, 1))],
    },
    reduction_b=_reduction_b(256, 256, 256),  # Fig. 12
    block_c={  # 8x8x1792 (Fig. 13)
        "1x1": [Conv("conv", 192, 1)],
        "3x3": [Conv("reduce", 192, 1), Conv("conv1x3", 192, (1, 3)), Conv("conv3x1", 192, (3, 1))],
    },
    after_c={},
    depths=(5, 10, 6),
)
INCEPTION_RESNET_V2 = InceptionResNetTable(
    stem=rows_of(STEM_V3),
    before_a={
        "widen": {  # 35x35x192 -> 35x35x320
            "1x1": [Conv("conv", 96, 1)],
            "5x5": [Conv("reduce", 48, 1), Conv("conv", 64, 5)],
            "3x3_twice": [Conv("reduce", 64, 1), Conv("conv1", 96, 3), Conv("conv2", 96, 3)],
            "pool": [AVERAGE, Conv("proj", 64, 1)],
        }
    },
    block_a={  # 35x35x320 (Fig. 16)
        "1x1": [Conv("conv", 32, 1)],
        "3x3": [Conv("reduce", 32, 1), Conv("conv", 32, 3)],
        "3x3_twice": [Conv("reduce", 32, 1), Conv("conv1", 48, 3), Conv("conv2", 64, 3)],
    },
    reduction_a=reduction_a(256, 256, 384, 384),  # Table 1
    block_b={  # 17x17x1088 (Fig. 17)
        "1x1": [Conv("conv", 192, 1)],
        "7x7": [Conv("reduce", 128, 1), Conv("conv1x7", 160, (1, 7)), Conv("conv7x1", 192, (7, 1))],
    },
    reduction_b=_reduction_b(288, 288, 320),  # Fig. 18
    block_c={  # 8x8x2080 (Fig. 19)
        "1x1": [Conv("conv", 192, 1)],
        "3x3": [Conv("reduce", 192, 1), Conv("conv1x3", 224, (1, 3)), Conv("conv3x1", 256, (3, 1))],
    },
    after_c={"narrow": Conv("narrow", 1536, 1)},
    depths=(10, 20, 10),
)


def inception_resnet_stages(
    table: InceptionResNetTable, depths: tuple[int, int, int], scales: tuple[float, float, float]
) -> Stages:
    """The whole model as one table (Fig. 15)."""
    a, b, c = depths
    block_a, block_b, block_c = (
        ScaledResidual(branches, partial(Scaling, scale))
        for branches, scale in zip((table.block_a, table.block_b, table.block_c), scales, strict=True)
    )
    last = ScaledResidual(table.block_c, scaling=nn.Identity, activation=nn.Identity)
    return {
        "stem": table.stem,
        "stage3": {**table.before_a, **repeat_row("a", block_a, a)},
        "stage4": {"reduction_a": table.reduction_a, **repeat_row("b", block_b, b)},
        "stage5": {"reduction_b": table.reduction_b, **repeat_row("c", block_c, c - 1), f"c{c}": last, **table.after_c},
    }


def inception_resnet(
    classes: int,
    *,
    table: InceptionResNetTable,
    depths: tuple[int, int, int] | None = None,
    scales: tuple[float, float, float] = (0.17, 0.10, 0.20),
    width: float = 1.0,
) -> Classifier:
    """An Inception-ResNet, or a shallower or narrower one, or one scaled otherwise.

    Args:
        classes: the length of the logits.
        table: `INCEPTION_RESNET_V1` or `INCEPTION_RESNET_V2`.
        depths: blocks A, B and C, in place of the table's.
        scales: what the residuals of blocks A, B and C are multiplied by; 1.0 for none.
        width: what every width is multiplied by.
    """
    stages = inception_resnet_stages(table, depths or table.depths, scales)
    backbone = backbone_of(scale_widths(stages, width=width), UNIT)
    return Classifier(backbone, linear_head(backbone.channels, classes, dropout=0.2))


_SHARED = (
    Departure(
        "Residuals are multiplied by 0.17, 0.10 and 0.20 in blocks A, B and C; the paper says between 0.1 and 0.3.",
        "The authors' values, with which the weights were trained.",
        "section 3.3 of the paper; tf-slim nets/inception_resnet_v2.py; timm models/inception_resnet_v2.py",
    ),
    Departure(
        "The last block C is neither scaled nor rectified; the paper treats it as the others.",
        "So the authors released it.",
        "tf-slim nets/inception_resnet_v2.py, block8(activation_fn=None)",
    ),
    Departure(
        "The linear 1x1 at a residual's end has a bias and no batch normalisation; the paper has normalisation on top "
        "of 'the traditional layers' and does not say whether this is one.",
        "So the authors released it.",
        "section 3.2 of the paper; tf-slim nets/inception_resnet_v2.py, normalizer_fn=None",
    ),
    Departure(
        "Batch normalisation has eps 0.001; the paper gives no value.",
        "The checkpoints were trained with it.",
        "tf-slim nets/inception_utils.py; timm models/inception_resnet_v2.py, norm_eps",
    ),
)
INCEPTION_RESNET_V1_DEPARTURES = (
    Departure(
        "There are six blocks C; the paper has five.",
        "The sixth is the one without scaling and rectifier, which facenet's model, the origin of all public weights, "
        "took over from the authors' v2. Widths, stem and reductions are the paper's.",
        "Fig. 15 of the paper; davidsandberg/facenet, src/models/inception_resnet_v1.py",
    ),
    Departure(
        "The classifier is one linear layer on the pooled 1792 channels, as in the paper; facenet's weights put an "
        "embedding of 128 or 512 values between.",
        "The embedding is made for faces; load such a file with its own head left out.",
        "Fig. 15 of the paper; facenet, inception_resnet_v1.py, Bottleneck",
    ),
    *_SHARED,
)
INCEPTION_RESNET_V2_DEPARTURES = (
    Departure(
        "The stem is Inception v3's, with one plain Inception module behind it; in the paper it is Inception v4's.",
        "So the authors released it, and so is every checkpoint.",
        "Fig. 3 and 15 of the paper; tf-slim nets/inception_resnet_v2.py, Conv2d_1a_3x3 to Mixed_5b",
    ),
    Departure(
        "There are 10, 20 and 10 blocks A, B and C; the paper has 5, 10 and 5.",
        "So the authors released it.",
        "Fig. 15 of the paper; tf-slim nets/inception_resnet_v2.py",
    ),
    Departure(
        "Blocks A, B and C are 320, 1088 and 2080 channels wide; in the paper 384, 1154 and 2048.",
        "The stem puts out 320, and the reductions add what they add; the paper's figures do not add up.",
        "Fig. 16, 17 and 19 of the paper; timm models/inception_resnet_v2.py",
    ),
    Departure(
        "A 1x1 convolution to 1536 channels stands before the final pool; the paper has none.",
        "So the authors released it.",
        "Fig. 15 of the paper; tf-slim nets/inception_resnet_v2.py, Conv2d_7b_1x1",
    ),
    Departure(
        "The average pool of the first module leaves the border's zeros out of the mean; the paper does not say.",
        "TensorFlow's do, and timm's port with them.",
        "timm models/inception_resnet_v2.py, count_include_pad=False",
    ),
    Departure(
        "Dropout before the classifier is 0.2, as in the paper; timm's port has none unless asked.",
        "It has no effect in evaluation, but in training together with timm.",
        "Fig. 15 of the paper; timm models/inception_resnet_v2.py, drop_rate",
    ),
    Departure(
        "There is no auxiliary head; the authors' release has one on the last 17x17 map. The paper draws none.",
        "timm's port, whose files everyone has, leaves it out.",
        "Fig. 15 of the paper; tf-slim nets/inception_resnet_v2.py, AuxLogits",
    ),
    Departure(
        "Two sets of weights have these names and shapes: the authors' own, and one of an adversarially trained "
        "ensemble; the paper knows the first alone.",
        "Nothing inside a file tells which it is: go by its origin.",
        "arXiv 1705.07204; timm inception_resnet_v2.tf_in1k and .tf_ens_adv_in1k",
    ),
    *_SHARED,
)

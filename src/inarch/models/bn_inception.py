"""BN-Inception (Inception v2). Ioffe and Szegedy 2015, "Batch normalization", arXiv 1502.03167, appendix.

GoogLeNet with batch normalisation, two 3x3 in place of the 5x5, average pools, and modules that halve the grid by
themselves. `bn_inception` is the Caffe model that everyone has; how it differs stands in `BN_INCEPTION_DEPARTURES`.
"""

from collections import OrderedDict
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import NamedTuple

from torch import nn

from inarch.models.anatomy.records import Departure
from inarch.models.backbone import Classifier, linear_head
from inarch.models.convolution import (
    Conv,
    Pool,
    conv_norm_relu,
)
from inarch.models.googlenet import StemTable, photo_stem
from inarch.models.tables import (
    Branches,
    Stages,
    TableRow,
    Variation,
    backbone_of,
    keep_branches,
)


def _average_pool() -> nn.Module:
    return nn.AvgPool2d(3, 1, 1)


def _max_pool() -> nn.Module:
    return nn.MaxPool2d(3, 1, 1)


def _halving_pool() -> nn.Module:
    """Caffe's pool on an even grid; on an odd one it keeps the last pixel, as the parallel convolutions do.

    The input is rectified, so that a border of zeros can never be the maximum.
    """
    return nn.Sequential(OrderedDict(pad=nn.ZeroPad2d((0, 2, 0, 2)), pool=nn.MaxPool2d(3, 2)))


class BnInceptionWidths(NamedTuple):
    """A row of the table: output channels of a module's layers; 0 where there is no such layer."""

    conv1: int
    reduce3: int
    conv3: int
    reduce_twice: int
    conv_twice: int
    """The width of both 3x3 of the double branch."""
    pool: Callable[[], nn.Module]
    pool_proj: int
    """0: the pool's channels are passed through, and the module halves the grid."""


BN_INCEPTION_MODULES: Mapping[str, BnInceptionWidths] = MappingProxyType(
    {  # Ioffe and Szegedy 2015, Fig. 5
        "3a": BnInceptionWidths(64, 64, 64, 64, 96, _average_pool, 32),
        "3b": BnInceptionWidths(64, 64, 96, 64, 96, _average_pool, 64),
        "3c": BnInceptionWidths(0, 128, 160, 64, 96, _halving_pool, 0),
        "4a": BnInceptionWidths(224, 64, 96, 96, 128, _average_pool, 128),
        "4b": BnInceptionWidths(192, 96, 128, 96, 128, _average_pool, 128),
        "4c": BnInceptionWidths(160, 128, 160, 128, 160, _average_pool, 128),
        "4d": BnInceptionWidths(96, 128, 192, 160, 192, _average_pool, 128),
        "4e": BnInceptionWidths(0, 128, 192, 192, 256, _halving_pool, 0),
        "5a": BnInceptionWidths(352, 192, 320, 160, 224, _average_pool, 128),
        "5b": BnInceptionWidths(352, 192, 320, 192, 224, _max_pool, 128),
    }
)


def bn_inception_table(widths: BnInceptionWidths) -> Branches:
    """The branches of a module, less those that its row has not."""
    stride = 1 if widths.pool_proj else 2
    branches: Branches = {
        "1x1": [Conv("conv", widths.conv1, 1)],
        "3x3": [Conv("reduce", widths.reduce3, 1), Conv("conv", widths.conv3, 3, stride)],
        "3x3_twice": [
            Conv("reduce", widths.reduce_twice, 1),
            Conv("conv1", widths.conv_twice, 3),
            Conv("conv2", widths.conv_twice, 3, stride),
        ],
        "pool": [Pool("pool", widths.pool), Conv("proj", widths.pool_proj, 1)],
    }
    present = {
        name: [step for step in path if not (isinstance(step, Conv) and step.out_channels == 0)]
        for name, path in branches.items()
    }
    return {name: path for name, path in present.items() if path}


def bn_inception_stages(stem: StemTable, modules: Mapping[str, BnInceptionWidths], branches: Variation) -> Stages:
    """The whole model as one table; a module that halves the grid begins a stage."""
    stages: dict[str, dict[str, TableRow]] = {"stem": dict(stem(nn.Identity))}
    stage = 3
    for name, widths in modules.items():
        stage += 0 if widths.pool_proj else 1
        stages.setdefault(f"stage{stage}", {})[name] = branches(bn_inception_table(widths))
    return stages


def bn_inception(
    classes: int,
    *,
    stem: StemTable = photo_stem,
    modules: Mapping[str, BnInceptionWidths] = BN_INCEPTION_MODULES,
    branches: Variation = keep_branches,
) -> Classifier:
    """BN-Inception, or a variation of it.

    Args:
        classes: the length of the logits.
        stem: `photo_stem` or `small_stem`; see `scaled_stem`.
        modules: the rows of the table, in order; see `scaled` and `kept`.
        branches: varies the branches of every module: `without_reduction`, ``single_branch("3x3")``.
    """
    backbone = backbone_of(bn_inception_stages(stem, modules, branches), conv_norm_relu)
    return Classifier(backbone, linear_head(backbone.channels, classes))


BN_INCEPTION_DEPARTURES = (
    Departure(
        "The first convolution is an ordinary 7x7; in the paper it is depthwise separable with multiplier 8.",
        "The Caffe model, of which all public weights are descendants, has it so.",
        "appendix of the paper, text under Fig. 5; Cadene/pretrained-models.pytorch, bninception.py",
    ),
    Departure(
        "4c and 4d put out 608 channels and 4e 1056; the paper prints 576, 576 and 1024.",
        "The paper's own columns add up to 608: 160 + 160 + 160 + 128 and 96 + 192 + 192 + 128. The Caffe model "
        "follows the columns; TF-slim's makes the pool's projection 96 to keep the sums.",
        "Fig. 5 of the paper; bninception.py, inception_4d_1x1; tf-slim nets/inception_v2.py, Mixed_4d",
    ),
    Departure(
        "The model has 11.3 million parameters; the paper's text says 13.6 million.",
        "The table comes to 11.3 million with a classifier of 1000; the text was not followed.",
        "section 4.2 and Fig. 5 of the paper",
    ),
    Departure(
        "As in the paper, convolutions have no bias; those of the Caffe model's files have one.",
        "Batch normalisation subtracts it again: such a file loads exactly if its biases are taken off the running "
        "means.",
        "section 3.2 of the paper; bninception.py",
    ),
    Departure(
        "Batch normalisation has eps 0.00001; the paper gives no value, and TF-slim's models have 0.001.",
        "The Caffe model's value.",
        "bninception.py, BatchNorm2d",
    ),
    Departure(
        "Average pools count the zeros of the border; the paper does not say.",
        "Caffe's pools do.",
        "bninception.py, count_include_pad",
    ),
    Departure(
        "On a grid of odd size the pools of 3c and 4e keep the last pixel; Caffe's leave it out, which gives maps of "
        "two sizes and an error. On even grids, as at 224 pixels, the two agree.",
        "So every image size works.",
        "_halving in inarch/models/bn_inception.py",
    ),
    Departure(
        "Strided pools of the stem round the grid up without padding; the paper does not say.",
        "Caffe's pools do.",
        "bninception.py, ceil_mode",
    ),
    Departure(
        "Photos come in as bytes less (128, 117, 104) in RGB; the paper does not say.",
        "The Caffe model's mean, there in BGR; a file of the port needs its first convolution's channels turned round.",
        "bninception.py, pretrained_settings",
    ),
)

"""GoogLeNet (Inception v1). Szegedy et al. 2015, "Going deeper with convolutions", arXiv 1409.4842.

Two models carry this name. `googlenet_paper` is the paper's: true 5x5 branches, local response normalisation in
the stem, biases, no batch normalisation. `googlenet` is the one whose checkpoints everyone has (torchvision's,
ported from TF-slim); how it differs stands in `GOOGLENET_DEPARTURES`.
"""

from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from types import MappingProxyType
from typing import NamedTuple

from torch import nn

from inarch.models.anatomy.records import Departure
from inarch.models.backbone import Backbone, Classifier, linear_head
from inarch.models.convolution import (
    ChainStep,
    Conv,
    Pool,
    Unit,
    conv_norm_relu,
    conv_relu,
)
from inarch.models.tables import (
    Branches,
    Stages,
    TableRow,
    Variation,
    backbone_of,
    keep_branches,
    rows_of,
    scale_widths,
)


class InceptionWidths(NamedTuple):
    """Output channels of the layers of one Inception module: a row of the paper's Table 1."""

    conv1: int
    reduce3: int
    conv3: int
    reduce5: int
    conv5: int
    pool_proj: int


GOOGLENET_MODULES: Mapping[str, InceptionWidths] = MappingProxyType(
    {  # Szegedy et al. 2015, Table 1
        "3a": InceptionWidths(64, 96, 128, 16, 32, 32),
        "3b": InceptionWidths(128, 128, 192, 32, 96, 64),
        "4a": InceptionWidths(192, 96, 208, 16, 48, 64),
        "4b": InceptionWidths(160, 112, 224, 24, 64, 64),
        "4c": InceptionWidths(128, 128, 256, 24, 64, 64),
        "4d": InceptionWidths(112, 144, 288, 32, 64, 64),
        "4e": InceptionWidths(256, 160, 320, 32, 128, 128),
        "5a": InceptionWidths(256, 160, 320, 32, 128, 128),
        "5b": InceptionWidths(384, 192, 384, 48, 128, 128),
    }
)


@dataclass(frozen=True, kw_only=True)
class GoogLeNetParts:
    """The differences between the paper's model and the checkpoints' model."""

    unit: Unit
    kernel5: int
    """Kernel of the branch that the paper calls 5x5."""
    response_norm: Callable[[], nn.Module]
    pool4: int
    """Kernel of the pool between stages 4 and 5."""
    auxiliary_pool: Callable[[], nn.Module]
    dropout: float


def _local_response_norm() -> nn.Module:
    return nn.LocalResponseNorm(5, alpha=1e-4, beta=0.75)  # as in Caffe: k is 1, alpha is divided by the window


def _paper_auxiliary_pool() -> nn.Module:
    """5x5 with stride 3 on a map of 14x14; at other image sizes the map is fitted to that first."""
    return nn.Sequential(nn.AdaptiveAvgPool2d(14), nn.AvgPool2d(5, 3))


PAPER = GoogLeNetParts(
    unit=conv_relu,
    kernel5=5,
    response_norm=_local_response_norm,
    pool4=3,
    auxiliary_pool=_paper_auxiliary_pool,
    dropout=0.4,
)
TORCHVISION = GoogLeNetParts(
    unit=partial(conv_norm_relu, eps=1e-3),
    kernel5=3,
    response_norm=nn.Identity,
    pool4=2,
    auxiliary_pool=partial(nn.AdaptiveAvgPool2d, 4),
    dropout=0.2,
)


def _shrinking_pool(kernel: int = 3) -> nn.Module:
    return nn.MaxPool2d(kernel, 2, ceil_mode=True)  # ceil, as in Caffe: 112 -> 56 without padding


StemTable = Callable[[Callable[[], nn.Module]], Mapping[str, TableRow]]
"""Takes a builder of response normalisation (`nn.Identity` for none), gives the stem's rows."""


def photo_stem(response_norm: Callable[[], nn.Module]) -> Mapping[str, TableRow]:
    """The stem of Table 1: to an eighth of the image's side."""
    steps: list[ChainStep] = [
        Conv("conv1", 64, 7, stride=2),
        Pool("pool1", lambda: nn.Sequential(_shrinking_pool(), response_norm())),
        Conv("reduce2", 64, 1),
        Conv("conv2", 192, 3),
        Pool("pool2", lambda: nn.Sequential(response_norm(), _shrinking_pool())),
    ]
    return rows_of(steps)


def small_stem(response_norm: Callable[[], nn.Module]) -> Mapping[str, TableRow]:
    """For images of 32 to 96 pixels: a 3x3 that keeps the grid and no first pool, so to half of the image's side."""
    steps: list[ChainStep] = [
        Conv("conv1", 64, 3),
        Conv("reduce2", 64, 1),
        Conv("conv2", 192, 3),
        Pool("pool2", lambda: nn.Sequential(response_norm(), _shrinking_pool())),
    ]
    return rows_of(steps)


def scale_stem(stem: StemTable, *, width: float) -> StemTable:
    """``stem`` with every width multiplied."""
    return lambda response_norm: scale_widths(stem(response_norm), width=width)


def inception_table(widths: InceptionWidths, kernel5: int) -> Branches:
    """The four branches of a module (Fig. 2b): 1x1 reductions stand before the expensive convolutions."""
    keep_size = partial(nn.MaxPool2d, 3, 1, 1, ceil_mode=True)
    return {
        "1x1": [Conv("conv", widths.conv1, 1)],
        "3x3": [Conv("reduce", widths.reduce3, 1), Conv("conv", widths.conv3, 3)],
        "5x5": [Conv("reduce", widths.reduce5, 1), Conv("conv", widths.conv5, kernel5)],
        "pool": [Pool("pool", keep_size), Conv("proj", widths.pool_proj, 1)],
    }


def googlenet_stages(
    parts: GoogLeNetParts, stem: StemTable, modules: Mapping[str, InceptionWidths], branches: Variation
) -> Stages:
    """The whole model as one table; a pool stands between two stages."""
    stages: dict[str, dict[str, TableRow]] = {"stem": dict(stem(parts.response_norm))}
    for name, widths in modules.items():
        stage = stages.setdefault(f"stage{name[0]}", {})
        if not stage and name[0] != "3":
            pool = f"pool{int(name[0]) - 1}"
            stage[pool] = Pool(pool, partial(_shrinking_pool, parts.pool4 if name[0] == "5" else 3))
        stage[name] = branches(inception_table(widths, parts.kernel5))
    return stages


def googlenet_backbone(
    parts: GoogLeNetParts,
    *,
    stem: StemTable = photo_stem,
    modules: Mapping[str, InceptionWidths] = GOOGLENET_MODULES,
    branches: Variation = keep_branches,
) -> Backbone:
    """The stem and the Inception modules; a module's first character names its stage.

    Args:
        parts: `PAPER` or `TORCHVISION`, or a variation of them.
        stem: `photo_stem` or `small_stem`; see `scale_stem`.
        modules: the rows of the table, in order; see `scale_widths` and `kept`.
        branches: varies the branches of every module: `without_reduction`, ``single_branch("3x3")``.
    """
    return backbone_of(googlenet_stages(parts, stem, modules, branches), parts.unit)


def googlenet_auxiliary_head(
    channels: int, classes: int, *, parts: GoogLeNetParts, reduce: int = 128, hidden: int = 1024
) -> nn.Module:
    """The auxiliary classifier of section 5: average pool to 4x4, 1x1 reduction, two linear layers, dropout 0.7."""
    return nn.Sequential(
        OrderedDict(
            pool=parts.auxiliary_pool(),
            reduce=parts.unit(channels, Conv("reduce", reduce, 1)),
            flatten=nn.Flatten(),
            hidden=nn.Linear(reduce * 4 * 4, hidden),
            relu=nn.ReLU(),
            dropout=nn.Dropout(0.7),
            linear=nn.Linear(hidden, classes),
        )
    )


def googlenet(
    classes: int,
    *,
    parts: GoogLeNetParts,
    stem: StemTable = photo_stem,
    modules: Mapping[str, InceptionWidths] = GOOGLENET_MODULES,
    branches: Variation = keep_branches,
) -> Classifier:
    """GoogLeNet, or a variation of it; arguments as for `googlenet_backbone`."""
    backbone = googlenet_backbone(parts, stem=stem, modules=modules, branches=branches)
    return Classifier(backbone, linear_head(backbone.channels, classes, dropout=parts.dropout))


_SHARED = (
    Departure(
        "Strided pools round the grid up without padding; the paper gives the sizes at 224 pixels, not the rule.",
        "Caffe, on which its authors' model was rebuilt, rounds so; it shows at sizes that 32 does not divide.",
        "bvlc_googlenet in Caffe's model zoo; torchvision models/googlenet.py, ceil_mode",
    ),
    Departure(
        "Photos come in as (p - 0.5) / 0.5; in the paper only the mean is subtracted.",
        "torchvision's file was trained so: its transform_input turns ImageNet's normalisation back into this one.",
        "section 5 of the paper; torchvision models/googlenet.py, _transform_input",
    ),
)
GOOGLENET_DEPARTURES = (
    Departure(
        "Every convolution is followed by batch normalisation (eps 0.001) and has no bias; in the paper it has a bias "
        "and no normalisation.",
        "The weights were ported from TF-slim's model, which came after batch normalisation.",
        "torchvision models/googlenet.py, BasicConv2d; tf-slim nets/inception_v1.py",
    ),
    Departure(
        "The branch called 5x5 has a 3x3 kernel; in the paper 5x5.",
        "A slip of TF-slim's model, kept because the weights were trained with it.",
        "pytorch/vision#906",
    ),
    Departure(
        "The stem has no local response normalisation; in the paper it stands after the first pool and before the "
        "second.",
        "Batch normalisation takes its place.",
        "Fig. 3 of the paper; torchvision models/googlenet.py",
    ),
    Departure(
        "The pool before stage 5 is 2x2; in the paper 3x3.",
        "TF-slim's model has it so.",
        "Table 1 of the paper; tf-slim nets/inception_v1.py, MaxPool_5a_2x2",
    ),
    Departure(
        "Dropout before the classifier is 0.2; in the paper 0.4.",
        "torchvision's default; it plays no part in evaluation.",
        "Table 1 of the paper; torchvision models/googlenet.py",
    ),
    Departure(
        "Auxiliary heads average their map to 4x4 whatever its size; in the paper by a 5x5 pool with stride 3, which "
        "gives 4x4 at 224 pixels.",
        "So they work at any image size.",
        "section 5 of the paper; torchvision models/googlenet.py, InceptionAux",
    ),
    *_SHARED,
)
GOOGLENET_PAPER_DEPARTURES = (
    Departure(
        "Local response normalisation has a window of 5, alpha 0.0001 divided by the window, beta 0.75, and k = 1; "
        "the paper gives no values.",
        "Caffe's GoogLeNet has these; Krizhevsky et al. have k = 2 and do not divide.",
        "bvlc_googlenet in Caffe's model zoo; Krizhevsky et al. 2012, section 3.3",
    ),
    Departure(
        "Auxiliary heads fit their map to 14x14 before the 5x5 pool with stride 3; in the paper it is 14x14. At 224 "
        "pixels the two agree.",
        "So they work at any image size.",
        "section 5 of the paper",
    ),
    *_SHARED,
)
GOOGLENET_SMALL_DEPARTURES = (
    Departure(
        "The stem's first convolution is a 3x3 with stride 1, and no pool follows it; in the paper a 7x7 with stride 2 "
        "and a pool. Every map has a stride four times smaller.",
        "On an image of 64 pixels the paper's model would end with a map of 2x2.",
        "small_stem in inarch/models/googlenet.py; the same change as in He et al. 2016, section 4.2, for CIFAR",
    ),
    *GOOGLENET_DEPARTURES,
)

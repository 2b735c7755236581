"""GoogLeNet (Inception v1). Szegedy et al. 2015, "Going deeper with convolutions", arXiv 1409.4842.

Two nets carry this name. `googlenet_paper` is the paper's: true 5x5 branches, local response normalisation in
the stem, biases, no batch normalisation. `googlenet` is the one whose checkpoints everyone has (torchvision's,
ported from TF-slim): batch normalisation after every convolution, no local response normalisation, a 3x3
where the paper has a 5x5 (pytorch/vision#906), a 2x2 pool before stage 5, dropout 0.2 instead of 0.4.
"""

from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from types import MappingProxyType
from typing import NamedTuple

from torch import nn

from inarch.nets.backbone import Backbone, Block, Classifier, linear_head
from inarch.nets.blocks import Branches, inception
from inarch.nets.convolution import Conv, Pool, Unit, conv_norm_relu, conv_relu


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
GOOGLENET_AUXILIARY = ("4a", "4d")
STRIDES = MappingProxyType({"3": 8, "4": 16, "5": 32})


@dataclass(frozen=True, kw_only=True)
class GoogLeNetParts:
    """What the paper's net and the checkpoints' net build differently."""

    unit: Unit
    kernel5: int
    """Kernel of the branch that the paper calls 5x5."""
    response_norm: Callable[[], nn.Module]
    pool4: int
    """Kernel of the pool between stages 4 and 5."""
    auxiliary_pool: Callable[[], nn.Module]
    dropout: float


def _local_response_norm() -> nn.Module:
    return nn.LocalResponseNorm(5, alpha=1e-4, beta=0.75)  # the values of Krizhevsky et al. 2012, section 3.3


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


def inception_table(widths: InceptionWidths, kernel5: int) -> Branches:
    """The four branches of a module (Fig. 2b): 1x1 reductions stand before the expensive convolutions."""
    keep_size = partial(nn.MaxPool2d, 3, 1, 1, ceil_mode=True)
    return {
        "1x1": [Conv("conv", widths.conv1, 1)],
        "3x3": [Conv("reduce", widths.reduce3, 1), Conv("conv", widths.conv3, 3)],
        "5x5": [Conv("reduce", widths.reduce5, 1), Conv("conv", widths.conv5, kernel5)],
        "pool": [Pool("pool", keep_size), Conv("proj", widths.pool_proj, 1)],
    }


def googlenet_backbone(
    parts: GoogLeNetParts,
    *,
    stem: tuple[int, int, int] = (64, 64, 192),
    modules: Mapping[str, InceptionWidths] = GOOGLENET_MODULES,
) -> Backbone:
    """The stem and the Inception modules; a module's first character names its stage.

    Args:
        parts: `PAPER` or `TORCHVISION`, or a variation of them.
        stem: widths of the 7x7, the 1x1 reduction and the 3x3 convolution.
        modules: the rows of the table, in order.
    """
    conv1, reduce2, conv2 = stem
    stages = {
        "stem": [
            Block("conv1", parts.unit(3, Conv("conv1", conv1, 7, stride=2)), conv1, 2),
            Block("pool1", nn.Sequential(_shrinking_pool(), parts.response_norm()), conv1, 4),
            Block("reduce2", parts.unit(conv1, Conv("reduce2", reduce2, 1)), reduce2, 4),
            Block("conv2", parts.unit(reduce2, Conv("conv2", conv2, 3)), conv2, 4),
            Block("pool2", nn.Sequential(parts.response_norm(), _shrinking_pool()), conv2, 8),
        ]
    }
    channels = conv2
    for name, widths in modules.items():
        stage = stages.setdefault(f"stage{name[0]}", [])
        stride = STRIDES[name[0]]
        if not stage and name[0] != "3":
            kernel = parts.pool4 if name[0] == "5" else 3
            stage.append(Block(f"pool{int(name[0]) - 1}", _shrinking_pool(kernel), channels, stride))
        module, channels = inception(channels, inception_table(widths, parts.kernel5), parts.unit)
        stage.append(Block(name, module, channels, stride))
    return Backbone(stages)


def googlenet_auxiliary_head(
    channels: int, classes: int, *, parts: GoogLeNetParts, reduce: int = 128, hidden: int = 1024
) -> nn.Module:
    """The side head of section 5: average pool to 4x4, 1x1 reduction, two linear layers, dropout 0.7."""
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


def googlenet(classes: int, *, parts: GoogLeNetParts) -> Classifier:
    """GoogLeNet at full width."""
    backbone = googlenet_backbone(parts)
    return Classifier(backbone, linear_head(backbone.channels, classes, dropout=parts.dropout))


def googlenet_tiny(classes: int, *, parts: GoogLeNetParts) -> Classifier:
    """The same nine modules at an eighth of the width, for tests."""
    modules = {name: InceptionWidths(*(width // 8 for width in row)) for name, row in GOOGLENET_MODULES.items()}
    backbone = googlenet_backbone(parts, stem=(8, 8, 24), modules=modules)
    return Classifier(backbone, linear_head(backbone.channels, classes, dropout=parts.dropout))

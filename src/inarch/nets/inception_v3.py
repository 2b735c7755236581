"""Inception v3. Szegedy et al. 2016, "Rethinking the Inception architecture", arXiv 1512.00567.

The net of the paper's Table 1 as its authors released it and as torchvision and timm carry it. Differs from the
printed table: the stem's fifth layer is a 1x1 to 80 channels, the first stage has a 5x5 branch (Fig. 4) rather
than two 3x3, and there are four modules with factorised 7x7 (Fig. 6), not five: the reduction counts as one.
Batch normalisation with eps 0.001 throughout.
"""

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from functools import partial
from types import MappingProxyType

from torch import nn

from inarch.nets.backbone import Backbone, Block, Classifier, linear_head
from inarch.nets.blocks import Branches, Inception, inception
from inarch.nets.convolution import Conv, Pool, Step, Unit, chain, conv_norm_relu

INCEPTION_V3_AUXILIARY = ("b4",)

UNIT: Unit = partial(conv_norm_relu, eps=1e-3)
AVERAGE = Pool("pool", partial(nn.AvgPool2d, 3, 1, 1))
SHRINK = Pool("pool", partial(nn.MaxPool2d, 3, 2))

STEM: Sequence[Step] = (
    Conv("conv1", 32, 3, stride=2, padding=0),
    Conv("conv2", 32, 3, padding=0),
    Conv("conv3", 64, 3),
    Pool("pool1", partial(nn.MaxPool2d, 3, 2)),
    Conv("conv4", 80, 1),
    Conv("conv5", 192, 3, padding=0),
    Pool("pool2", partial(nn.MaxPool2d, 3, 2)),
)
STEM_STRIDES = (2, 2, 2, 4, 4, 4, 8)


def module_a(pool_proj: int) -> Branches:
    """35x35: 1x1, 5x5, two stacked 3x3, pool (Fig. 5, with the 5x5 of Fig. 4 kept)."""
    return {
        "1x1": [Conv("conv", 64, 1)],
        "5x5": [Conv("reduce", 48, 1), Conv("conv", 64, 5)],
        "3x3_twice": [Conv("reduce", 64, 1), Conv("conv1", 96, 3), Conv("conv2", 96, 3)],
        "pool": [AVERAGE, Conv("proj", pool_proj, 1)],
    }


REDUCTION_A: Branches = MappingProxyType(
    {  # 35x35 -> 17x17 (Fig. 10)
        "3x3": [Conv("conv", 384, 3, stride=2, padding=0)],
        "3x3_twice": [
            Conv("reduce", 64, 1),
            Conv("conv1", 96, 3),
            Conv("conv2", 96, 3, stride=2, padding=0),
        ],
        "pool": [SHRINK],
    }
)


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


REDUCTION_B: Branches = MappingProxyType(
    {  # 17x17 -> 8x8
        "3x3": [Conv("reduce", 192, 1), Conv("conv", 320, 3, stride=2, padding=0)],
        "7x7": [
            Conv("reduce", 192, 1),
            Conv("conv1x7", 192, (1, 7)),
            Conv("conv7x1", 192, (7, 1)),
            Conv("conv3x3", 192, 3, stride=2, padding=0),
        ],
        "pool": [SHRINK],
    }
)


def module_c(in_channels: int, *, width: float = 1.0) -> tuple[Inception, int]:
    """8x8: the 3x3 branches fan out into 1x3 and 3x1 side by side (Fig. 7)."""

    def fan_out(stem: Sequence[Step]) -> tuple[nn.Module, int]:
        begin, channels = chain(in_channels, scaled(stem, width), UNIT)
        sides = {"1x3": [Conv("conv", 384, (1, 3))], "3x1": [Conv("conv", 384, (3, 1))]}
        begin_sides, channels = inception(channels, scaled_branches(sides, width), UNIT)
        begin.add_module("sides", begin_sides)
        return begin, channels

    branches = {
        "1x1": chain(in_channels, scaled([Conv("conv", 320, 1)], width), UNIT),
        "3x3": fan_out([Conv("reduce", 384, 1)]),
        "3x3_twice": fan_out([Conv("reduce", 448, 1), Conv("conv", 384, 3)]),
        "pool": chain(in_channels, scaled([AVERAGE, Conv("proj", 192, 1)], width), UNIT),
    }
    module = Inception({name: branch for name, (branch, _) in branches.items()})
    return module, sum(channels for _, channels in branches.values())


def scaled(steps: Sequence[Step], width: float) -> Sequence[Step]:
    """The same steps with every width multiplied."""
    return [
        step._replace(out_channels=round(step.out_channels * width)) if isinstance(step, Conv) else step
        for step in steps
    ]


def scaled_branches(branches: Branches, width: float) -> Branches:
    """The same branches with every width multiplied."""
    return {name: scaled(steps, width) for name, steps in branches.items()}


INCEPTION_V3_STAGES: Mapping[str, Mapping[str, Branches | None]] = MappingProxyType(
    {  # Szegedy et al. 2016, Table 1; None: the fanned-out module, which is not a plain chain
        "stage3": {"a1": module_a(32), "a2": module_a(64), "a3": module_a(64)},
        "stage4": {
            "reduction_a": REDUCTION_A,
            "b1": module_b(128),
            "b2": module_b(160),
            "b3": module_b(160),
            "b4": module_b(192),
        },
        "stage5": {"reduction_b": REDUCTION_B, "c1": None, "c2": None},
    }
)


def inception_v3_backbone(*, width: float = 1.0) -> Backbone:
    """Stem and modules, every width multiplied by ``width``."""
    stem, channels = chain(3, scaled(STEM, width), UNIT)
    blocks, widest = [], 3
    for (name, module), step, stride in zip(stem.named_children(), scaled(STEM, width), STEM_STRIDES, strict=True):
        widest = step.out_channels if isinstance(step, Conv) else widest
        blocks.append(Block(name, module, widest, stride))
    stages = {"stem": blocks}
    for stage, stride in zip(INCEPTION_V3_STAGES, (8, 16, 32), strict=True):
        for name, branches in INCEPTION_V3_STAGES[stage].items():
            if branches is None:
                module, channels = module_c(channels, width=width)
            else:
                module, channels = inception(channels, scaled_branches(branches, width), UNIT)
            stages.setdefault(stage, []).append(Block(name, module, channels, stride))
    return Backbone(stages)


def inception_v3_auxiliary_head(channels: int, classes: int, *, reduce: int = 128, hidden: int = 768) -> nn.Module:
    """The side head on the last 17x17 map: 5x5 pool with stride 3, 1x1, 5x5, linear.

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


def inception_v3(classes: int, *, width: float = 1.0) -> Classifier:
    """Inception v3."""
    backbone = inception_v3_backbone(width=width)
    return Classifier(backbone, linear_head(backbone.channels, classes, dropout=0.5))

"""Our names and torchvision's; timm uses the same ones for ResNet and Inception v3."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from types import MappingProxyType
from typing import NamedTuple

from inarch.weights.names.parts import UNIT, Units, count_from_zero, units_of


class InceptionNames(NamedTuple):
    """Their names for the parts of an Inception model, by ours."""

    stem: Mapping[str, str]
    modules: Mapping[str, str]
    """For each module its name."""
    units: Mapping[str, Units]
    """For each module, or kind of module (``a`` for ``a1``, ``a2`` …), the names of the units in its branches."""
    auxiliary: Mapping[str, str]
    auxiliary_layers: Mapping[str, str]


GOOGLENET = InceptionNames(
    stem={"conv1": "conv1", "reduce2": "conv2", "conv2": "conv3"},
    modules={name: f"inception{name}" for name in ("3a", "3b", "4a", "4b", "4c", "4d", "4e", "5a", "5b")},
    units=dict.fromkeys(
        ("3a", "3b", "4a", "4b", "4c", "4d", "4e", "5a", "5b"),
        MappingProxyType(
            {
                "1x1.conv": "branch1",
                "3x3.reduce": "branch2.0",
                "3x3.conv": "branch2.1",
                "5x5.reduce": "branch3.0",
                "5x5.conv": "branch3.1",
                "pool.proj": "branch4.1",
            }
        ),
    ),
    auxiliary={"4a": "aux1", "4d": "aux2"},
    auxiliary_layers={"reduce.conv": "conv.conv", "reduce.norm": "conv.bn", "hidden": "fc1", "linear": "fc2"},
)

INCEPTION_V3 = InceptionNames(
    stem={
        "conv1": "Conv2d_1a_3x3",
        "conv2": "Conv2d_2a_3x3",
        "conv3": "Conv2d_2b_3x3",
        "conv4": "Conv2d_3b_1x1",
        "conv5": "Conv2d_4a_3x3",
    },
    modules={
        "a1": "Mixed_5b",
        "a2": "Mixed_5c",
        "a3": "Mixed_5d",
        "reduction_a": "Mixed_6a",
        "b1": "Mixed_6b",
        "b2": "Mixed_6c",
        "b3": "Mixed_6d",
        "b4": "Mixed_6e",
        "reduction_b": "Mixed_7a",
        "c1": "Mixed_7b",
        "c2": "Mixed_7c",
    },
    units={
        "a": {
            "1x1.conv": "branch1x1",
            "5x5.reduce": "branch5x5_1",
            "5x5.conv": "branch5x5_2",
            "3x3_twice.reduce": "branch3x3dbl_1",
            "3x3_twice.conv1": "branch3x3dbl_2",
            "3x3_twice.conv2": "branch3x3dbl_3",
            "pool.proj": "branch_pool",
        },
        "reduction_a": {
            "3x3.conv": "branch3x3",
            "3x3_twice.reduce": "branch3x3dbl_1",
            "3x3_twice.conv1": "branch3x3dbl_2",
            "3x3_twice.conv2": "branch3x3dbl_3",
        },
        "b": {
            "1x1.conv": "branch1x1",
            "7x7.reduce": "branch7x7_1",
            "7x7.conv1x7": "branch7x7_2",
            "7x7.conv7x1": "branch7x7_3",
            "7x7_twice.reduce": "branch7x7dbl_1",
            "7x7_twice.conv7x1_1": "branch7x7dbl_2",
            "7x7_twice.conv1x7_1": "branch7x7dbl_3",
            "7x7_twice.conv7x1_2": "branch7x7dbl_4",
            "7x7_twice.conv1x7_2": "branch7x7dbl_5",
            "pool.proj": "branch_pool",
        },
        "reduction_b": {
            "3x3.reduce": "branch3x3_1",
            "3x3.conv": "branch3x3_2",
            "7x7.reduce": "branch7x7x3_1",
            "7x7.conv1x7": "branch7x7x3_2",
            "7x7.conv7x1": "branch7x7x3_3",
            "7x7.conv3x3": "branch7x7x3_4",
        },
        "c": {
            "1x1.conv": "branch1x1",
            "3x3.reduce": "branch3x3_1",
            "3x3.sides.branches.1x3.conv": "branch3x3_2a",
            "3x3.sides.branches.3x1.conv": "branch3x3_2b",
            "3x3_twice.reduce": "branch3x3dbl_1",
            "3x3_twice.conv": "branch3x3dbl_2",
            "3x3_twice.sides.branches.1x3.conv": "branch3x3dbl_3a",
            "3x3_twice.sides.branches.3x1.conv": "branch3x3dbl_3b",
            "pool.proj": "branch_pool",
        },
    },
    auxiliary={"b4": "AuxLogits"},
    auxiliary_layers={
        "reduce.conv": "conv0.conv",
        "reduce.norm": "conv0.bn",
        "conv.conv": "conv1.conv",
        "conv.norm": "conv1.bn",
        "linear": "fc",
    },
)


class ResNetNames(NamedTuple):
    """Their names for the units of a residual model, by ours."""

    stem: Units
    block: Units


RESNET = ResNetNames(
    stem={"conv1.conv": "conv1", "conv1.norm": "bn1"},
    block={
        "residual.conv1.conv": "conv1",  # of a basic block
        "residual.conv1.norm": "bn1",
        "residual.conv2.conv": "conv2",
        "residual.conv2.norm": "bn2",
        "residual.reduce.conv": "conv1",  # of a bottleneck
        "residual.reduce.norm": "bn1",
        "residual.conv.conv": "conv2",
        "residual.conv.norm": "bn2",
        "residual.expand.conv": "conv3",
        "residual.expand.norm": "bn3",
        "shortcut.conv": "downsample.0",
        "shortcut.norm": "downsample.1",
    },
)


def _inception_layer(layer: str, names: InceptionNames) -> str:
    match layer.split("."):
        case ["backbone", "stages", "stem", block, part]:
            return f"{names.stem[block]}.{UNIT[part]}"
        case ["backbone", "stages", _, block, "branches", *unit, part]:
            units = units_of(block, names.units)
            return f"{names.modules[block]}.{units['.'.join(unit)]}.{UNIT[part]}"
        case ["auxiliary", tap, *rest]:
            return f"{names.auxiliary[tap]}.{names.auxiliary_layers['.'.join(rest)]}"
        case ["head", "linear"]:
            return "fc"
    raise KeyError(layer)


def _resnet_layer(layer: str) -> str:
    match layer.split("."):
        case ["backbone", "stages", stage, block, *rest]:
            return resnet_unit(stage, block, rest)
        case ["head", "linear"]:
            return "fc"
    raise KeyError(layer)


def resnet_unit(stage: str, block: str, unit: Sequence[str]) -> str:
    """Their name of a unit in the stem or in a block of a ResNet.

    Raises:
        KeyError: they have none like it.
    """
    if stage == "stem":
        return RESNET.stem[".".join((block, *unit))]
    number, place = count_from_zero(block)
    return f"layer{number + 1}.{place}.{RESNET.block['.'.join(unit)]}"  # block2_1 is their layer2.0


TRANSLATED: Mapping[str, Callable[[str], str]] = MappingProxyType(
    {
        **dict.fromkeys(("googlenet", "googlenet_tiny"), partial(_inception_layer, names=GOOGLENET)),
        **dict.fromkeys(("inception_v3", "inception_v3_tiny"), partial(_inception_layer, names=INCEPTION_V3)),
        **dict.fromkeys(
            (
                *("resnet18", "resnet34", "resnet50", "resnet101", "resnet152"),
                *("resnet50_v1", "resnet101_v1", "resnet152_v1", "wide_resnet50_2", "wide_resnet101_2"),
                *("resnext50_32x4d", "resnext101_32x8d", "resnext101_64x4d"),
                *("plain18", "plain34", "resnet18_small", "resnet18_narrow"),
                *("resnet_tiny", "resnet_basic_tiny", "resnet_v1_tiny"),
                *("plain_tiny", "resnet_small_tiny", "resnext_tiny"),
            ),
            _resnet_layer,
        ),
    }
)
"""The architectures that torchvision names, or would name if it had them."""

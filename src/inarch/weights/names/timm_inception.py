"""Our names of Inception v4's and Inception-ResNet v2's layers, and timm's; Inception v3's there are torchvision's."""

from collections.abc import Callable, Mapping
from functools import partial
from types import MappingProxyType
from typing import NamedTuple

from inarch.weights.names.parts import UNIT, Units, units_of


class TimmNames(NamedTuple):
    """Their names for the parts of a model, by ours."""

    blocks: Mapping[str, str]
    """For each block its name."""
    units: Mapping[str, Units]
    """For each block, or kind of block (``a`` for ``a1``, ``a2`` …), the names of the units in its branches."""
    head: str


def _number_features(letter: str, name: str, first: int, depth: int) -> dict[str, str]:
    """``a1`` is ``features.6``, ``a2`` is ``features.7`` …"""
    return {f"{letter}{place}": f"{name}.{first + place - 1}" for place in range(1, depth + 1)}


V4 = TimmNames(
    blocks={
        **{f"conv{place}": f"features.{place - 1}" for place in (1, 2, 3)},
        **{f"fork{place}": f"features.{place + 2}" for place in (1, 2, 3)},
        **_number_features("a", "features", 6, 4),
        "reduction_a": "features.10",
        **_number_features("b", "features", 11, 7),
        "reduction_b": "features.18",
        **_number_features("c", "features", 19, 3),
    },
    units={
        "fork1": {"3x3.conv": "conv"},
        "fork2": {
            "3x3.reduce": "branch0.0",
            "3x3.conv": "branch0.1",
            "7x7.reduce": "branch1.0",
            "7x7.conv1x7": "branch1.1",
            "7x7.conv7x1": "branch1.2",
            "7x7.conv3x3": "branch1.3",
        },
        "fork3": {"3x3.conv": "conv"},
        "a": {
            "1x1.conv": "branch0",
            "3x3.reduce": "branch1.0",
            "3x3.conv": "branch1.1",
            "3x3_twice.reduce": "branch2.0",
            "3x3_twice.conv1": "branch2.1",
            "3x3_twice.conv2": "branch2.2",
            "pool.proj": "branch3.1",
        },
        "reduction_a": {
            "3x3.conv": "branch0",
            "3x3_twice.reduce": "branch1.0",
            "3x3_twice.conv1": "branch1.1",
            "3x3_twice.conv2": "branch1.2",
        },
        "b": {
            "1x1.conv": "branch0",
            "7x7.reduce": "branch1.0",
            "7x7.conv1x7": "branch1.1",
            "7x7.conv7x1": "branch1.2",
            "7x7_twice.reduce": "branch2.0",
            "7x7_twice.conv7x1_1": "branch2.1",
            "7x7_twice.conv1x7_1": "branch2.2",
            "7x7_twice.conv7x1_2": "branch2.3",
            "7x7_twice.conv1x7_2": "branch2.4",
            "pool.proj": "branch3.1",
        },
        "reduction_b": {
            "3x3.reduce": "branch0.0",
            "3x3.conv": "branch0.1",
            "7x7.reduce": "branch1.0",
            "7x7.conv1x7": "branch1.1",
            "7x7.conv7x1": "branch1.2",
            "7x7.conv3x3": "branch1.3",
        },
        "c": {
            "1x1.conv": "branch0",
            "3x3.reduce": "branch1_0",
            "3x3.sides.branches.1x3.conv": "branch1_1a",
            "3x3.sides.branches.3x1.conv": "branch1_1b",
            "3x3_twice.reduce": "branch2_0",
            "3x3_twice.conv3x1": "branch2_1",
            "3x3_twice.conv1x3": "branch2_2",
            "3x3_twice.sides.branches.1x3.conv": "branch2_3a",
            "3x3_twice.sides.branches.3x1.conv": "branch2_3b",
            "pool.proj": "branch3.1",
        },
    },
    head="last_linear",
)
RESNET_V2 = TimmNames(
    blocks={
        "conv1": "conv2d_1a",
        "conv2": "conv2d_2a",
        "conv3": "conv2d_2b",
        "conv4": "conv2d_3b",
        "conv5": "conv2d_4a",
        "widen": "mixed_5b",
        **_number_features("a", "repeat", 0, 10),
        "reduction_a": "mixed_6a",
        **_number_features("b", "repeat_1", 0, 20),
        "reduction_b": "mixed_7a",
        **_number_features("c", "repeat_2", 0, 9),
        "c10": "block8",
        "narrow": "conv2d_7b",
    },
    units={
        "widen": {
            "1x1.conv": "branch0",
            "5x5.reduce": "branch1.0",
            "5x5.conv": "branch1.1",
            "3x3_twice.reduce": "branch2.0",
            "3x3_twice.conv1": "branch2.1",
            "3x3_twice.conv2": "branch2.2",
            "pool.proj": "branch3.1",
        },
        "a": {name: theirs for name, theirs in V4.units["a"].items() if not name.startswith("pool")},
        "reduction_a": V4.units["reduction_a"],
        "b": {name: theirs for name, theirs in V4.units["b"].items() if name.startswith(("1x1.", "7x7."))},
        "reduction_b": {
            "3x3.reduce": "branch0.0",
            "3x3.conv": "branch0.1",
            "3x3_narrow.reduce": "branch1.0",
            "3x3_narrow.conv": "branch1.1",
            "3x3_twice.reduce": "branch2.0",
            "3x3_twice.conv1": "branch2.1",
            "3x3_twice.conv2": "branch2.2",
        },
        "c": {
            "1x1.conv": "branch0",
            "3x3.reduce": "branch1.0",
            "3x3.conv1x3": "branch1.1",
            "3x3.conv3x1": "branch1.2",
        },
    },
    head="classif",
)


def _layer(layer: str, names: TimmNames) -> str:
    match layer.split("."):
        case ["backbone", "stages", _, block, "branches", *unit, part]:
            return f"{names.blocks[block]}.{_unit(block, unit, names)}.{UNIT[part]}"
        case ["backbone", "stages", _, block, "residual", "module", "branches", *unit, part]:
            return f"{names.blocks[block]}.{_unit(block, unit, names)}.{UNIT[part]}"
        case ["backbone", "stages", _, block, "residual", "expand"]:
            return f"{names.blocks[block]}.conv2d"
        case ["backbone", "stages", _, block, part]:
            return f"{names.blocks[block]}.{UNIT[part]}"
        case ["head", "linear"]:
            return names.head
    raise KeyError(layer)


def _unit(block: str, unit: list[str], names: TimmNames) -> str:
    return units_of(block, names.units)[".".join(unit)]


TRANSLATED: Mapping[str, Callable[[str], str]] = MappingProxyType(
    {
        **dict.fromkeys(("inception_v4", "inception_v4_tiny"), partial(_layer, names=V4)),
        **dict.fromkeys(("inception_resnet_v2", "inception_resnet_v2_tiny"), partial(_layer, names=RESNET_V2)),
    }
)
"""Architectures that timm names, or would name if it had their size: our layer to theirs, KeyError for none."""

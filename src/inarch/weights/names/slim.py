"""Our names and TF-slim's, for the Inception models: the names of Google's own checkpoints.

Read in tensorflow/models, research/slim/nets. Its slips are a file format now: in Inception v1 the 3x3 of one module
is ``0a`` where its eight siblings say ``0b``; in v3 a layer of ``Mixed_5c`` is called ``Conv_1_0c_5x5``, the strided
3x3 of ``Mixed_6a`` claim to be 1x1, and ``Mixed_7b`` and ``Mixed_7c`` number the same layers differently.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from functools import partial
from types import MappingProxyType
from typing import NamedTuple

from inarch.weights.names.parts import Units, units_of


class SlimNames(NamedTuple):
    """Their names for the parts of one model, by ours."""

    scope: str
    plain: Units
    """The blocks that are one unit: the stem, mostly."""
    modules: Mapping[str, str]
    """For each module its scope."""
    units: Mapping[str, Units]
    """For each module, or kind of module (``a`` for ``a1``, ``a2`` …), the names of the units in its branches."""
    head: str
    slips: Mapping[str, Units] = MappingProxyType({})
    """For a module that does not call its units as its siblings do, those that differ."""
    auxiliary: Units = MappingProxyType({})
    """The layers of the auxiliary classifier."""


INCEPTION_V1 = SlimNames(
    scope="InceptionV1",
    plain={"conv1": "Conv2d_1a_7x7", "reduce2": "Conv2d_2b_1x1", "conv2": "Conv2d_2c_3x3"},
    modules={
        "3a": "Mixed_3b",
        "3b": "Mixed_3c",
        "4a": "Mixed_4b",
        "4b": "Mixed_4c",
        "4c": "Mixed_4d",
        "4d": "Mixed_4e",
        "4e": "Mixed_4f",
        "5a": "Mixed_5b",
        "5b": "Mixed_5c",
    },
    units=dict.fromkeys(
        ("3a", "3b", "4a", "4b", "4c", "4d", "4e", "5a", "5b"),
        MappingProxyType(
            {
                "1x1.conv": "Branch_0/Conv2d_0a_1x1",
                "3x3.reduce": "Branch_1/Conv2d_0a_1x1",
                "3x3.conv": "Branch_1/Conv2d_0b_3x3",
                "5x5.reduce": "Branch_2/Conv2d_0a_1x1",
                "5x5.conv": "Branch_2/Conv2d_0b_3x3",
                "pool.proj": "Branch_3/Conv2d_0b_1x1",
            }
        ),
    ),
    slips={"5a": {"5x5.conv": "Branch_2/Conv2d_0a_3x3"}},
    head="Logits/Conv2d_0c_1x1",
)
INCEPTION_V3 = SlimNames(
    scope="InceptionV3",
    plain={
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
            "1x1.conv": "Branch_0/Conv2d_0a_1x1",
            "5x5.reduce": "Branch_1/Conv2d_0a_1x1",
            "5x5.conv": "Branch_1/Conv2d_0b_5x5",
            "3x3_twice.reduce": "Branch_2/Conv2d_0a_1x1",
            "3x3_twice.conv1": "Branch_2/Conv2d_0b_3x3",
            "3x3_twice.conv2": "Branch_2/Conv2d_0c_3x3",
            "pool.proj": "Branch_3/Conv2d_0b_1x1",
        },
        "reduction_a": {
            "3x3.conv": "Branch_0/Conv2d_1a_1x1",
            "3x3_twice.reduce": "Branch_1/Conv2d_0a_1x1",
            "3x3_twice.conv1": "Branch_1/Conv2d_0b_3x3",
            "3x3_twice.conv2": "Branch_1/Conv2d_1a_1x1",
        },
        "b": {
            "1x1.conv": "Branch_0/Conv2d_0a_1x1",
            "7x7.reduce": "Branch_1/Conv2d_0a_1x1",
            "7x7.conv1x7": "Branch_1/Conv2d_0b_1x7",
            "7x7.conv7x1": "Branch_1/Conv2d_0c_7x1",
            "7x7_twice.reduce": "Branch_2/Conv2d_0a_1x1",
            "7x7_twice.conv7x1_1": "Branch_2/Conv2d_0b_7x1",
            "7x7_twice.conv1x7_1": "Branch_2/Conv2d_0c_1x7",
            "7x7_twice.conv7x1_2": "Branch_2/Conv2d_0d_7x1",
            "7x7_twice.conv1x7_2": "Branch_2/Conv2d_0e_1x7",
            "pool.proj": "Branch_3/Conv2d_0b_1x1",
        },
        "reduction_b": {
            "3x3.reduce": "Branch_0/Conv2d_0a_1x1",
            "3x3.conv": "Branch_0/Conv2d_1a_3x3",
            "7x7.reduce": "Branch_1/Conv2d_0a_1x1",
            "7x7.conv1x7": "Branch_1/Conv2d_0b_1x7",
            "7x7.conv7x1": "Branch_1/Conv2d_0c_7x1",
            "7x7.conv3x3": "Branch_1/Conv2d_1a_3x3",
        },
        "c": {
            "1x1.conv": "Branch_0/Conv2d_0a_1x1",
            "3x3.reduce": "Branch_1/Conv2d_0a_1x1",
            "3x3.sides.branches.1x3.conv": "Branch_1/Conv2d_0b_1x3",
            "3x3.sides.branches.3x1.conv": "Branch_1/Conv2d_0b_3x1",
            "3x3_twice.reduce": "Branch_2/Conv2d_0a_1x1",
            "3x3_twice.conv": "Branch_2/Conv2d_0b_3x3",
            "3x3_twice.sides.branches.1x3.conv": "Branch_2/Conv2d_0c_1x3",
            "3x3_twice.sides.branches.3x1.conv": "Branch_2/Conv2d_0d_3x1",
            "pool.proj": "Branch_3/Conv2d_0b_1x1",
        },
    },
    slips={
        "a2": {"5x5.reduce": "Branch_1/Conv2d_0b_1x1", "5x5.conv": "Branch_1/Conv_1_0c_5x5"},
        "c2": {"3x3.sides.branches.3x1.conv": "Branch_1/Conv2d_0c_3x1"},
    },
    head="Logits/Conv2d_1c_1x1",
    auxiliary={"reduce": "Conv2d_1b_1x1", "conv": "Conv2d_2a_5x5", "linear": "Conv2d_2b_1x1"},
)
INCEPTION_V4 = SlimNames(
    scope="InceptionV4",
    plain={"conv1": "Conv2d_1a_3x3", "conv2": "Conv2d_2a_3x3", "conv3": "Conv2d_2b_3x3"},
    modules={
        "fork1": "Mixed_3a",
        "fork2": "Mixed_4a",
        "fork3": "Mixed_5a",
        **{f"a{place}": f"Mixed_5{letter}" for place, letter in enumerate("bcde", start=1)},
        "reduction_a": "Mixed_6a",
        **{f"b{place}": f"Mixed_6{letter}" for place, letter in enumerate("bcdefgh", start=1)},
        "reduction_b": "Mixed_7a",
        **{f"c{place}": f"Mixed_7{letter}" for place, letter in enumerate("bcd", start=1)},
    },
    units={
        "fork1": {"3x3.conv": "Branch_1/Conv2d_0a_3x3"},
        "fork2": {
            "3x3.reduce": "Branch_0/Conv2d_0a_1x1",
            "3x3.conv": "Branch_0/Conv2d_1a_3x3",
            "7x7.reduce": "Branch_1/Conv2d_0a_1x1",
            "7x7.conv1x7": "Branch_1/Conv2d_0b_1x7",
            "7x7.conv7x1": "Branch_1/Conv2d_0c_7x1",
            "7x7.conv3x3": "Branch_1/Conv2d_1a_3x3",
        },
        "fork3": {"3x3.conv": "Branch_0/Conv2d_1a_3x3"},
        "a": {
            "1x1.conv": "Branch_0/Conv2d_0a_1x1",
            "3x3.reduce": "Branch_1/Conv2d_0a_1x1",
            "3x3.conv": "Branch_1/Conv2d_0b_3x3",
            "3x3_twice.reduce": "Branch_2/Conv2d_0a_1x1",
            "3x3_twice.conv1": "Branch_2/Conv2d_0b_3x3",
            "3x3_twice.conv2": "Branch_2/Conv2d_0c_3x3",
            "pool.proj": "Branch_3/Conv2d_0b_1x1",
        },
        "reduction_a": {
            "3x3.conv": "Branch_0/Conv2d_1a_3x3",
            "3x3_twice.reduce": "Branch_1/Conv2d_0a_1x1",
            "3x3_twice.conv1": "Branch_1/Conv2d_0b_3x3",
            "3x3_twice.conv2": "Branch_1/Conv2d_1a_3x3",
        },
        "b": INCEPTION_V3.units["b"],
        "reduction_b": INCEPTION_V3.units["reduction_b"],
        "c": {
            "1x1.conv": "Branch_0/Conv2d_0a_1x1",
            "3x3.reduce": "Branch_1/Conv2d_0a_1x1",
            "3x3.sides.branches.1x3.conv": "Branch_1/Conv2d_0b_1x3",
            "3x3.sides.branches.3x1.conv": "Branch_1/Conv2d_0c_3x1",
            "3x3_twice.reduce": "Branch_2/Conv2d_0a_1x1",
            "3x3_twice.conv3x1": "Branch_2/Conv2d_0b_3x1",
            "3x3_twice.conv1x3": "Branch_2/Conv2d_0c_1x3",
            "3x3_twice.sides.branches.1x3.conv": "Branch_2/Conv2d_0d_1x3",
            "3x3_twice.sides.branches.3x1.conv": "Branch_2/Conv2d_0e_3x1",
            "pool.proj": "Branch_3/Conv2d_0b_1x1",
        },
    },
    head="Logits/Logits",
)
INCEPTION_RESNET_V2 = SlimNames(
    scope="InceptionResnetV2",
    plain={**INCEPTION_V3.plain, "narrow": "Conv2d_7b_1x1"},
    modules={
        "widen": "Mixed_5b",
        **{f"a{place}": f"Repeat/block35_{place}" for place in range(1, 11)},
        "reduction_a": "Mixed_6a",
        **{f"b{place}": f"Repeat_1/block17_{place}" for place in range(1, 21)},
        "reduction_b": "Mixed_7a",
        **{f"c{place}": f"Repeat_2/block8_{place}" for place in range(1, 10)},
        "c10": "Block8",
    },
    units={
        "widen": {**INCEPTION_V3.units["a"], "1x1.conv": "Branch_0/Conv2d_1x1"},
        "a": {
            "1x1.conv": "Branch_0/Conv2d_1x1",
            "3x3.reduce": "Branch_1/Conv2d_0a_1x1",
            "3x3.conv": "Branch_1/Conv2d_0b_3x3",
            "3x3_twice.reduce": "Branch_2/Conv2d_0a_1x1",
            "3x3_twice.conv1": "Branch_2/Conv2d_0b_3x3",
            "3x3_twice.conv2": "Branch_2/Conv2d_0c_3x3",
        },
        "reduction_a": INCEPTION_V4.units["reduction_a"],
        "b": {
            "1x1.conv": "Branch_0/Conv2d_1x1",
            "7x7.reduce": "Branch_1/Conv2d_0a_1x1",
            "7x7.conv1x7": "Branch_1/Conv2d_0b_1x7",
            "7x7.conv7x1": "Branch_1/Conv2d_0c_7x1",
        },
        "reduction_b": {
            "3x3.reduce": "Branch_0/Conv2d_0a_1x1",
            "3x3.conv": "Branch_0/Conv2d_1a_3x3",
            "3x3_narrow.reduce": "Branch_1/Conv2d_0a_1x1",
            "3x3_narrow.conv": "Branch_1/Conv2d_1a_3x3",
            "3x3_twice.reduce": "Branch_2/Conv2d_0a_1x1",
            "3x3_twice.conv1": "Branch_2/Conv2d_0b_3x3",
            "3x3_twice.conv2": "Branch_2/Conv2d_1a_3x3",
        },
        "c": {
            "1x1.conv": "Branch_0/Conv2d_1x1",
            "3x3.reduce": "Branch_1/Conv2d_0a_1x1",
            "3x3.conv1x3": "Branch_1/Conv2d_0b_1x3",
            "3x3.conv3x1": "Branch_1/Conv2d_0c_3x1",
        },
    },
    head="Logits/Logits",
)


def _layer(layer: str, names: SlimNames) -> str:
    match layer.split("."):
        case ["backbone", "stages", _, block, "residual", "expand" as part]:
            theirs = f"{names.modules[block]}/Conv2d_1x1"
        case ["backbone", "stages", _, block, "branches", *unit, part]:
            theirs = _unit(block, unit, names)
        case ["backbone", "stages", _, block, "residual", "module", "branches", *unit, part]:
            theirs = _unit(block, unit, names)
        case ["backbone", "stages", _, block, part]:
            theirs = names.plain[block]
        case ["auxiliary", _, "linear" as part]:
            theirs = f"AuxLogits/{names.auxiliary['linear']}"
        case ["auxiliary", _, unit, part]:
            theirs = f"AuxLogits/{names.auxiliary[unit]}"
        case ["head", "linear" as part]:
            theirs = names.head
        case _:
            raise KeyError(layer)
    return f"{names.scope}/{theirs}" + ("/BatchNorm" if part == "norm" else "")


def _unit(block: str, unit: Sequence[str], names: SlimNames) -> str:
    units = {**units_of(block, names.units), **names.slips.get(block, {})}
    return f"{names.modules[block]}/{units['.'.join(unit)]}"


TRANSLATED: Mapping[str, Callable[[str], str]] = MappingProxyType(
    {
        "googlenet": partial(_layer, names=INCEPTION_V1),
        "googlenet_tiny": partial(_layer, names=INCEPTION_V1),
        "inception_v3": partial(_layer, names=INCEPTION_V3),
        "inception_v3_tiny": partial(_layer, names=INCEPTION_V3),
        "inception_v4": partial(_layer, names=INCEPTION_V4),
        "inception_resnet_v2": partial(_layer, names=INCEPTION_RESNET_V2),
    }
)
"""The architectures that TF-slim names, or would name if they had their size."""

HEADS: Mapping[str, str] = MappingProxyType(
    {
        f"{names.scope}/{theirs}/": ours
        for names in (INCEPTION_V1, INCEPTION_V3, INCEPTION_V4, INCEPTION_RESNET_V2)
        for theirs, ours in (("Logits", "head."), ("AuxLogits", "auxiliary."))
    }
)


def normalise_names(names: Collection[str]) -> Mapping[str, str]:
    """The names without the ``:0`` that TensorFlow puts behind a variable's."""
    return {name: name.removesuffix(":0") for name in names}

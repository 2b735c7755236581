"""Our names and TF-slim's, for the Inception models: the names of Google's own checkpoints.

Read in tensorflow/models, research/slim/nets. Its slips are a file format now: in Inception v1 the 3x3 of one module
is ``0a`` where its eight siblings say ``0b``; in v3 a layer of ``Mixed_5c`` is called ``Conv_1_0c_5x5``, the strided
3x3 of ``Mixed_6a`` claim to be 1x1, and ``Mixed_7b`` and ``Mixed_7c`` number the same layers differently.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from functools import partial
from types import MappingProxyType
from typing import NamedTuple

Units = Mapping[str, str]


class SlimNames(NamedTuple):
    """Their names for the parts of one model, by ours."""

    scope: str
    plain: Units
    """The blocks that are one unit: the stem, mostly."""
    modules: Mapping[str, tuple[str, Units]]
    """For each module its scope, and the names of the units in its branches."""
    head: str
    auxiliary: Units
    """The layers of the auxiliary classifier."""


V1_UNITS = MappingProxyType(
    {
        "1x1.conv": "Branch_0/Conv2d_0a_1x1",
        "3x3.reduce": "Branch_1/Conv2d_0a_1x1",
        "3x3.conv": "Branch_1/Conv2d_0b_3x3",
        "5x5.reduce": "Branch_2/Conv2d_0a_1x1",
        "5x5.conv": "Branch_2/Conv2d_0b_3x3",
        "pool.proj": "Branch_3/Conv2d_0b_1x1",
    }
)
V1_UNITS_5B = MappingProxyType({**V1_UNITS, "5x5.conv": "Branch_2/Conv2d_0a_3x3"})
INCEPTION_V1 = SlimNames(
    scope="InceptionV1",
    plain={"conv1": "Conv2d_1a_7x7", "reduce2": "Conv2d_2b_1x1", "conv2": "Conv2d_2c_3x3"},
    modules={
        "3a": ("Mixed_3b", V1_UNITS),
        "3b": ("Mixed_3c", V1_UNITS),
        "4a": ("Mixed_4b", V1_UNITS),
        "4b": ("Mixed_4c", V1_UNITS),
        "4c": ("Mixed_4d", V1_UNITS),
        "4d": ("Mixed_4e", V1_UNITS),
        "4e": ("Mixed_4f", V1_UNITS),
        "5a": ("Mixed_5b", V1_UNITS_5B),
        "5b": ("Mixed_5c", V1_UNITS),
    },
    head="Logits/Conv2d_0c_1x1",
    auxiliary={},
)

V3_A = MappingProxyType(
    {
        "1x1.conv": "Branch_0/Conv2d_0a_1x1",
        "5x5.reduce": "Branch_1/Conv2d_0a_1x1",
        "5x5.conv": "Branch_1/Conv2d_0b_5x5",
        "3x3_twice.reduce": "Branch_2/Conv2d_0a_1x1",
        "3x3_twice.conv1": "Branch_2/Conv2d_0b_3x3",
        "3x3_twice.conv2": "Branch_2/Conv2d_0c_3x3",
        "pool.proj": "Branch_3/Conv2d_0b_1x1",
    }
)
V3_A_5C = MappingProxyType(
    {**V3_A, "5x5.reduce": "Branch_1/Conv2d_0b_1x1", "5x5.conv": "Branch_1/Conv_1_0c_5x5"},
)
V3_REDUCTION_A = MappingProxyType(
    {
        "3x3.conv": "Branch_0/Conv2d_1a_1x1",
        "3x3_twice.reduce": "Branch_1/Conv2d_0a_1x1",
        "3x3_twice.conv1": "Branch_1/Conv2d_0b_3x3",
        "3x3_twice.conv2": "Branch_1/Conv2d_1a_1x1",
    }
)
V3_B = MappingProxyType(
    {
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
    }
)
V3_REDUCTION_B = MappingProxyType(
    {
        "3x3.reduce": "Branch_0/Conv2d_0a_1x1",
        "3x3.conv": "Branch_0/Conv2d_1a_3x3",
        "7x7.reduce": "Branch_1/Conv2d_0a_1x1",
        "7x7.conv1x7": "Branch_1/Conv2d_0b_1x7",
        "7x7.conv7x1": "Branch_1/Conv2d_0c_7x1",
        "7x7.conv3x3": "Branch_1/Conv2d_1a_3x3",
    }
)
V3_C_7B = MappingProxyType(
    {
        "1x1.conv": "Branch_0/Conv2d_0a_1x1",
        "3x3.reduce": "Branch_1/Conv2d_0a_1x1",
        "3x3.sides.branches.1x3.conv": "Branch_1/Conv2d_0b_1x3",
        "3x3.sides.branches.3x1.conv": "Branch_1/Conv2d_0b_3x1",
        "3x3_twice.reduce": "Branch_2/Conv2d_0a_1x1",
        "3x3_twice.conv": "Branch_2/Conv2d_0b_3x3",
        "3x3_twice.sides.branches.1x3.conv": "Branch_2/Conv2d_0c_1x3",
        "3x3_twice.sides.branches.3x1.conv": "Branch_2/Conv2d_0d_3x1",
        "pool.proj": "Branch_3/Conv2d_0b_1x1",
    }
)
V3_C_7C = MappingProxyType({**V3_C_7B, "3x3.sides.branches.3x1.conv": "Branch_1/Conv2d_0c_3x1"})
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
        "a1": ("Mixed_5b", V3_A),
        "a2": ("Mixed_5c", V3_A_5C),
        "a3": ("Mixed_5d", V3_A),
        "reduction_a": ("Mixed_6a", V3_REDUCTION_A),
        "b1": ("Mixed_6b", V3_B),
        "b2": ("Mixed_6c", V3_B),
        "b3": ("Mixed_6d", V3_B),
        "b4": ("Mixed_6e", V3_B),
        "reduction_b": ("Mixed_7a", V3_REDUCTION_B),
        "c1": ("Mixed_7b", V3_C_7B),
        "c2": ("Mixed_7c", V3_C_7C),
    },
    head="Logits/Conv2d_1c_1x1",
    auxiliary={"reduce": "Conv2d_1b_1x1", "conv": "Conv2d_2a_5x5", "linear": "Conv2d_2b_1x1"},
)

V4_A = MappingProxyType(
    {
        "1x1.conv": "Branch_0/Conv2d_0a_1x1",
        "3x3.reduce": "Branch_1/Conv2d_0a_1x1",
        "3x3.conv": "Branch_1/Conv2d_0b_3x3",
        "3x3_twice.reduce": "Branch_2/Conv2d_0a_1x1",
        "3x3_twice.conv1": "Branch_2/Conv2d_0b_3x3",
        "3x3_twice.conv2": "Branch_2/Conv2d_0c_3x3",
        "pool.proj": "Branch_3/Conv2d_0b_1x1",
    }
)
V4_REDUCTION_A = MappingProxyType(
    {
        "3x3.conv": "Branch_0/Conv2d_1a_3x3",
        "3x3_twice.reduce": "Branch_1/Conv2d_0a_1x1",
        "3x3_twice.conv1": "Branch_1/Conv2d_0b_3x3",
        "3x3_twice.conv2": "Branch_1/Conv2d_1a_3x3",
    }
)
V4_C = MappingProxyType(
    {
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
    }
)
V4_FORK_2 = MappingProxyType(
    {
        "3x3.reduce": "Branch_0/Conv2d_0a_1x1",
        "3x3.conv": "Branch_0/Conv2d_1a_3x3",
        "7x7.reduce": "Branch_1/Conv2d_0a_1x1",
        "7x7.conv1x7": "Branch_1/Conv2d_0b_1x7",
        "7x7.conv7x1": "Branch_1/Conv2d_0c_7x1",
        "7x7.conv3x3": "Branch_1/Conv2d_1a_3x3",
    }
)
INCEPTION_V4 = SlimNames(
    scope="InceptionV4",
    plain={"conv1": "Conv2d_1a_3x3", "conv2": "Conv2d_2a_3x3", "conv3": "Conv2d_2b_3x3"},
    modules={
        "fork1": ("Mixed_3a", {"3x3.conv": "Branch_1/Conv2d_0a_3x3"}),
        "fork2": ("Mixed_4a", V4_FORK_2),
        "fork3": ("Mixed_5a", {"3x3.conv": "Branch_0/Conv2d_1a_3x3"}),
        **{f"a{place}": (f"Mixed_5{letter}", V4_A) for place, letter in enumerate("bcde", start=1)},
        "reduction_a": ("Mixed_6a", V4_REDUCTION_A),
        **{f"b{place}": (f"Mixed_6{letter}", V3_B) for place, letter in enumerate("bcdefgh", start=1)},
        "reduction_b": ("Mixed_7a", V3_REDUCTION_B),
        **{f"c{place}": (f"Mixed_7{letter}", V4_C) for place, letter in enumerate("bcd", start=1)},
    },
    head="Logits/Logits",
    auxiliary={},
)

RESIDUAL_A = MappingProxyType(
    {
        "1x1.conv": "Branch_0/Conv2d_1x1",
        "3x3.reduce": "Branch_1/Conv2d_0a_1x1",
        "3x3.conv": "Branch_1/Conv2d_0b_3x3",
        "3x3_twice.reduce": "Branch_2/Conv2d_0a_1x1",
        "3x3_twice.conv1": "Branch_2/Conv2d_0b_3x3",
        "3x3_twice.conv2": "Branch_2/Conv2d_0c_3x3",
    }
)
RESIDUAL_B = MappingProxyType(
    {
        "1x1.conv": "Branch_0/Conv2d_1x1",
        "7x7.reduce": "Branch_1/Conv2d_0a_1x1",
        "7x7.conv1x7": "Branch_1/Conv2d_0b_1x7",
        "7x7.conv7x1": "Branch_1/Conv2d_0c_7x1",
    }
)
RESIDUAL_C = MappingProxyType(
    {
        "1x1.conv": "Branch_0/Conv2d_1x1",
        "3x3.reduce": "Branch_1/Conv2d_0a_1x1",
        "3x3.conv1x3": "Branch_1/Conv2d_0b_1x3",
        "3x3.conv3x1": "Branch_1/Conv2d_0c_3x1",
    }
)
RESIDUAL_REDUCTION_B = MappingProxyType(
    {
        "3x3.reduce": "Branch_0/Conv2d_0a_1x1",
        "3x3.conv": "Branch_0/Conv2d_1a_3x3",
        "3x3_narrow.reduce": "Branch_1/Conv2d_0a_1x1",
        "3x3_narrow.conv": "Branch_1/Conv2d_1a_3x3",
        "3x3_twice.reduce": "Branch_2/Conv2d_0a_1x1",
        "3x3_twice.conv1": "Branch_2/Conv2d_0b_3x3",
        "3x3_twice.conv2": "Branch_2/Conv2d_1a_3x3",
    }
)
INCEPTION_RESNET_V2 = SlimNames(
    scope="InceptionResnetV2",
    plain={**INCEPTION_V3.plain, "narrow": "Conv2d_7b_1x1"},
    modules={
        "widen": ("Mixed_5b", {**V3_A, "1x1.conv": "Branch_0/Conv2d_1x1"}),
        **{f"a{place}": (f"Repeat/block35_{place}", RESIDUAL_A) for place in range(1, 11)},
        "reduction_a": ("Mixed_6a", V4_REDUCTION_A),
        **{f"b{place}": (f"Repeat_1/block17_{place}", RESIDUAL_B) for place in range(1, 21)},
        "reduction_b": ("Mixed_7a", RESIDUAL_REDUCTION_B),
        **{f"c{place}": (f"Repeat_2/block8_{place}", RESIDUAL_C) for place in range(1, 10)},
        "c10": ("Block8", RESIDUAL_C),
    },
    head="Logits/Logits",
    auxiliary={},
)


def _layer(layer: str, names: SlimNames) -> str:
    match layer.split("."):
        case ["backbone", "stages", _, block, "residual", "expand" as part]:
            theirs = f"{names.modules[block][0]}/Conv2d_1x1"
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
    module, units = names.modules[block]
    return f"{module}/{units['.'.join(unit)]}"


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
LEFT_OVER = ("global_step", "/RMSProp", "/RMSProp_1", "/Momentum", "/Adam", "/Adam_1")
"""The suffixes of names of training state in a checkpoint."""

_AVERAGE = (
    "TensorFlow's average pools leave the padding out of the mean, those of this model count it: features differ "
)
_AVERAGE += "a little near the borders."
_PADDING = (
    "TensorFlow pads the first convolution by 2 pixels before and 3 after, this model by 3 on both sides: features "
)
_PADDING += "are those of a photo shifted by one pixel."
NOTES: Mapping[str, str] = MappingProxyType({"googlenet": _PADDING, "inception_v3": _AVERAGE})


def normalise_names(names: Collection[str]) -> Mapping[str, str]:
    """The names without the ``:0`` that TensorFlow puts behind a variable's."""
    return {name: name.removesuffix(":0") for name in names}

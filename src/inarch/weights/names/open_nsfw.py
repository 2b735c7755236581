"""Our names and those of Yahoo's open_nsfw, a ResNet-50 of half width, in Caffe and in the ONNX graph made of it.

Caffe's layers are ``conv_stage0_block0_branch2a``, ``bn_stage0_block0_branch2a`` and so on, counted from 0. In the
graph normalisation is folded into the convolutions, and those that were padded (the first, and every 3x3) have a
number for a name: `spelled` knows whose it is. The model reads BGR: its first convolution is turned round on the way.
"""

import re
from collections.abc import Callable, Collection, Mapping
from types import MappingProxyType

from torch import Tensor

from inarch.weights.names.parts import UNIT, count_from_zero

STEM, HEAD = "conv_1", "fc_nsfw"
NUMBERED: Mapping[str, str] = MappingProxyType(
    {
        "Conv__440": STEM,
        **{
            f"Conv__{number}": f"conv_stage{stage}_block{block}_branch2b"
            for stage, numbers in enumerate(
                ((450, 452, 462), (476, 478, 488, 498), (512, 514, 524, 534, 544, 554), (568, 570, 580))
            )
            for block, number in enumerate(numbers)
        },
    }
)
"""The layers that have a number for a name in the graph: the first, and each block's 3x3, stage by stage."""


def _layer(layer: str) -> str:
    match layer.split("."):
        case ["backbone", "stages", "stem", "conv1", part]:
            return f"{UNIT[part]}_1"
        case ["backbone", "stages", _, block, *unit, part]:
            stage, place = count_from_zero(block)
            return f"{UNIT[part]}_stage{stage}_block{place}_{_branch(unit)}"
        case ["head", "linear"]:
            return HEAD
    raise KeyError(layer)


def _branch(unit: list[str]) -> str:
    match unit:
        case ["residual", "reduce"]:
            return "branch2a"
        case ["residual", "conv"]:
            return "branch2b"
        case ["residual", "expand"]:
            return "branch2c"
        case ["shortcut"]:
            return "proj_shortcut"
    raise KeyError(".".join(unit))


def spelled(names: Collection[str]) -> Mapping[str, str]:
    """``Conv__450_weights_fused_bn`` as ``conv_stage0_block0_branch2b.weight``."""
    return {name: _spelled(name) for name in names}


def _spelled(name: str) -> str:
    if match := re.fullmatch(r"(.+?)(?:/BiasAdd)?_(weight|bias)s?_fused_bn", name):
        layer, leaf = match.groups()
        return f"{NUMBERED.get(layer, layer)}.{leaf}"
    match name.split("/"):
        case ["fc_nsfw", "MatMul", "ReadVariableOp:0"]:
            return f"{HEAD}.weight"
        case ["fc_nsfw", "BiasAdd", "ReadVariableOp:0"]:
            return f"{HEAD}.bias"
    return name


def incoming(layer: str, tensor: Tensor) -> Tensor:
    """Their tensor as our layer takes it: the first convolution of RGB, the linear layer's weight as (out, in)."""
    return _turned(tensor, is_first=layer == "backbone.stages.stem.conv1.conv", is_linear=layer == "head.linear")


def outgoing(layer: str, tensor: Tensor) -> Tensor:
    """Our tensor as their layer takes it: the way back."""
    return _turned(tensor, is_first=layer == STEM, is_linear=layer == HEAD)


def _turned(tensor: Tensor, *, is_first: bool, is_linear: bool) -> Tensor:
    if is_first and tensor.dim() == 4:
        return tensor.flip(1)
    return tensor.T if is_linear and tensor.dim() == 2 else tensor


TRANSLATED: Mapping[str, Callable[[str], str]] = MappingProxyType(
    dict.fromkeys(("resnet50_half", "resnet_half_tiny"), _layer)
)
"""The architectures that open_nsfw names, or would name if it had their size."""

"""Our names and those of Yahoo's open_nsfw, a ResNet-50 of half width, in Caffe and in the ONNX graph made of it.

Caffe's layers are ``conv_stage0_block0_branch2a``, ``bn_stage0_block0_branch2a`` and so on, counted from 0. In the
graph normalisation is folded into the convolutions, and those that were padded (the first, and every 3x3) have a
number for a name: `spelled` knows whose it is. The model reads BGR: its first convolution is turned round on the way.
"""

import re
from collections.abc import Callable, Collection, Mapping
from types import MappingProxyType

from torch import Tensor

KNOWN = ("resnet50_half", "resnet_half_tiny")
KINDS = MappingProxyType({"conv": "conv", "norm": "bn"})
PLACES = MappingProxyType(
    {
        "residual.reduce": "branch2a",
        "residual.conv": "branch2b",
        "residual.expand": "branch2c",
        "shortcut": "proj_shortcut",
    }
)
STEM, HEAD = "conv_1", "fc_nsfw"
NUMBERS = ((450, 452, 462), (476, 478, 488, 498), (512, 514, 524, 534, 544, 554), (568, 570, 580))
"""The graph's name of each block's 3x3, stage by stage: ``Conv__450``."""
NUMBERED: Mapping[str, str] = MappingProxyType(
    {
        "Conv__440": STEM,
        **{
            f"Conv__{number}": f"conv_stage{stage}_block{block}_branch2b"
            for stage, blocks in enumerate(NUMBERS)
            for block, number in enumerate(blocks)
        },
    }
)
FOLDED = re.compile(r"(.+?)(?:/BiasAdd)?_(weight|bias)s?_fused_bn")
LINEAR: Mapping[str, str] = MappingProxyType(
    {f"{HEAD}/MatMul/ReadVariableOp:0": f"{HEAD}.weight", f"{HEAD}/BiasAdd/ReadVariableOp:0": f"{HEAD}.bias"}
)
LEFT_OVER = ("new_shape__650", "const_fold_opt__652")
"""Shapes that the graph stores with the weights."""
NOTES: Mapping[str, str] = MappingProxyType(
    {
        "resnet50_half": "These weights were made for content moderation: Yahoo trained them on ImageNet, then to tell "
        "pornographic photos from others (open_nsfw)."
    }
)


def _layer(layer: str) -> str:
    match layer.split("."):
        case ["backbone", "stages", "stem", "conv1", part]:
            return f"{KINDS[part]}_1"
        case ["backbone", "stages", _, block, *unit, part]:
            stage, place = block.removeprefix("block").split("_")
            return f"{KINDS[part]}_stage{int(stage) - 1}_block{int(place) - 1}_{PLACES['.'.join(unit)]}"
        case ["head", "linear"]:
            return HEAD
    raise KeyError(layer)


def spelled(names: Collection[str]) -> Mapping[str, str]:
    """``Conv__450_weights_fused_bn`` as ``conv_stage0_block0_branch2b.weight``."""
    return {name: _spelled(name) for name in names}


def _spelled(name: str) -> str:
    if match := FOLDED.fullmatch(name):
        layer, leaf = match.groups()
        return f"{NUMBERED.get(layer, layer)}.{leaf}"
    return LINEAR.get(name, name)


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


TRANSLATED: Mapping[str, Callable[[str], str]] = MappingProxyType(dict.fromkeys(KNOWN, _layer))
"""The architectures that open_nsfw names, or would name if it had their size."""

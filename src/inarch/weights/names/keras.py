"""Our names and those of Keras' applications, which mostly are numbers.

``keras.applications`` calls the layers of its Inception models ``conv2d``, ``conv2d_1`` … in the order in which it
makes them, and that is the order of ours. Which number comes first depends on what else was made before, so numbers
count from the lowest in the file. Few layers have names of their own.
"""

import re
from collections.abc import Callable, Collection, Mapping
from functools import cache, partial
from types import MappingProxyType

from inarch.models import build


@cache
def _numbers(name: str) -> Mapping[str, int]:
    """For each unit of a convolution and its normalisation its place among them, in running order."""
    layers = [tensor.rpartition(".")[0] for tensor in build(name, device="meta").backbone.state_dict()]
    norms = [layer for layer in dict.fromkeys(layers) if layer.endswith(".norm")]
    return MappingProxyType({f"backbone.{layer.removesuffix('.norm')}": place for place, layer in enumerate(norms)})


def _layer(layer: str, name: str) -> str:
    match layer.split("."):
        case ["head", "linear"]:
            return "predictions"
        case ["backbone", "stages", _, block, "residual", "expand"]:
            kind = {"a": "block35", "b": "block17", "c": "block8"}[block[0]]
            return f"{kind}_{block[1:]}_conv"
        case ["backbone", "stages", _, "narrow", part]:
            return {"conv": "conv_7b", "norm": "conv_7b_bn"}[part]
    unit, _, part = layer.rpartition(".")
    kind = {"conv": "conv2d", "norm": "batch_normalization"}[part]
    return f"{kind}_{_numbers(name)[unit]}"


TRANSLATED: Mapping[str, Callable[[str], str]] = MappingProxyType(
    {name: partial(_layer, name=name) for name in ("inception_v3", "inception_v3_tiny", "inception_resnet_v2")}
)
"""The architectures that Keras has, or would have if they had their size."""


def normalise_names(names: Collection[str]) -> Mapping[str, str]:
    """``conv2d_7/conv2d_7/kernel:0`` as ``conv2d_0/kernel``, where 7 is the lowest number of a convolution."""
    parts = {name: (name.split("/")[0], name.removesuffix(":0").split("/")[-1]) for name in names}
    numbers = {layer: _number(layer) for layer, _ in parts.values()}
    first = {
        kind: min(number for each, number in numbers.values() if each == kind) for kind, _ in numbers.values() if kind
    }
    found = {}
    for name, (layer, leaf) in parts.items():
        kind, number = numbers[layer]
        found[name] = f"{kind}_{number - first[kind]}/{leaf}" if kind else f"{layer}/{leaf}"
    return found


def _number(layer: str) -> tuple[str, int]:
    """The kind and the number of a layer; no kind where it has a name of its own."""
    match = re.fullmatch(r"(conv2d|batch_normalization)(?:_(\d+))?", layer)
    return (match[1], int(match[2] or 0)) if match else ("", 0)

"""Our names and timm's for the models that torchvision does not have: ResNet-D and pre-activation.

Of a pre-activation model timm's last layer is a 1x1 convolution where ours is linear: `ours_from_timm` and
`timm_from_ours` turn the one into the other. The models for images of 32 pixels have no counterpart there.
"""

from collections.abc import Callable, Mapping
from types import MappingProxyType

from torch import Tensor

from inarch.weights.names.parts import UNIT, count_from_zero

DEEP_STEM = MappingProxyType(
    {
        "conv1.conv": "conv1.0",
        "conv1.norm": "conv1.1",
        "conv2.conv": "conv1.3",
        "conv2.norm": "conv1.4",
        "conv3.conv": "conv1.6",
        "conv3.norm": "bn1",
    }
)
PLACES = MappingProxyType({"conv1": 1, "conv2": 2, "reduce": 1, "conv": 2, "expand": 3})
"""Where a convolution stands in its residual path."""
HEAD_V2 = "head.fc"


def _resnet_d_layer(layer: str) -> str:
    match layer.split("."):
        case ["backbone", "stages", "stem", *rest]:
            return DEEP_STEM[".".join(rest)]
        case ["backbone", "stages", _, block, *rest]:
            stage, place = count_from_zero(block)
            return f"layer{stage + 1}.{place}.{_block_d_layer(rest)}"
        case ["head", "linear"]:
            return "fc"
    raise KeyError(layer)


def _block_d_layer(layer: list[str]) -> str:
    match layer:
        case ["residual", unit, part]:
            return f"{UNIT[part]}{PLACES[unit]}"
        case ["shortcut", part]:
            return {"conv": "downsample.1", "norm": "downsample.2"}[part]
    raise KeyError(".".join(layer))


def _resnet_v2_layer(layer: str) -> str:
    match layer.split("."):
        case ["backbone", "stages", "stem", "conv1", "conv"]:
            return "stem.conv"
        case ["backbone", "stages", _, "final_norm", "batch_norm"]:
            return "norm"
        case ["backbone", "stages", _, block, *rest] if block.startswith("block"):
            stage, place = count_from_zero(block)
            return f"stages.{stage}.blocks.{place}.{_block_v2_layer(rest)}"
        case ["head", "linear"]:
            return HEAD_V2
    raise KeyError(layer)


def _block_v2_layer(layer: list[str]) -> str:
    """The norm behind our convolution i is before their convolution i + 1, and bears its number."""
    match [part for part in layer if part != "sum"]:
        case ["residual", "preactivation", "batch_norm"] | ["preactivation", "batch_norm"]:
            return "norm1"
        case ["residual", unit, "conv"]:
            return f"conv{PLACES[unit]}"
        case ["residual", unit, "norm"]:
            return f"norm{PLACES[unit] + 1}"
        case ["shortcut", "conv"]:
            return "downsample.conv"
    raise KeyError(".".join(layer))


def ours_from_timm(layer: str, tensor: Tensor) -> Tensor:
    """Their tensor as our layer takes it: the last layer's weight without its 1x1 grid."""
    return tensor.flatten(1) if layer == "head.linear" and tensor.dim() == 4 else tensor


def timm_from_ours(layer: str, tensor: Tensor) -> Tensor:
    """Our tensor as their layer takes it: the way back."""
    return tensor[:, :, None, None] if layer == HEAD_V2 and tensor.dim() == 2 else tensor


TRANSLATED: Mapping[str, Callable[[str], str]] = MappingProxyType(
    {
        **dict.fromkeys(("resnet18_d", "resnet34_d", "resnet50_d", "resnet101_d", "resnet_d_tiny"), _resnet_d_layer),
        **dict.fromkeys(
            ("resnet18_v2", "resnet34_v2", "resnet50_v2", "resnet101_v2", "resnet152_v2", "resnet_v2_tiny"),
            _resnet_v2_layer,
        ),
    }
)
"""The architectures that timm names, or would name if it had their size."""

CALLED = MappingProxyType(
    {
        "resnet18_d": "resnet18d",
        "resnet34_d": "resnet34d",
        "resnet50_d": "resnet50d",
        "resnet101_d": "resnet101d",
        "resnet18_v2": "resnetv2_18",
        "resnet34_v2": "resnetv2_34",
        "resnet50_v2": "resnetv2_50",
        "resnet101_v2": "resnetv2_101",
        "resnet152_v2": "resnetv2_152",
    }
)
"""timm's names of the models."""

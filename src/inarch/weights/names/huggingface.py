"""Our names and those of Hugging Face's transformers for ResNets.

There a block's layers are numbered from 0, a convolution is called ``convolution`` and its normalisation
``normalization``. A model without a head has the same names without ``resnet.`` before them.
"""

from collections.abc import Callable, Collection, Mapping
from types import MappingProxyType

from inarch.weights.names.parts import count_from_zero

PARTS = MappingProxyType({"conv": "convolution", "norm": "normalization"})
PLACES = MappingProxyType({"conv1": 0, "conv2": 1, "reduce": 0, "conv": 1, "expand": 2})
"""Where a convolution stands in its residual path."""


def _layer(layer: str) -> str:
    match layer.split("."):
        case ["backbone", "stages", "stem", "conv1", part]:
            return f"resnet.embedder.embedder.{PARTS[part]}"
        case ["backbone", "stages", _, block, *unit, part]:
            stage, place = count_from_zero(block)
            return f"resnet.encoder.stages.{stage}.layers.{place}.{_unit(unit)}.{PARTS[part]}"
        case ["head", "linear"]:
            return "classifier.1"
    raise KeyError(layer)


def _unit(unit: list[str]) -> str:
    match unit:
        case ["residual", name]:
            return f"layer.{PLACES[name]}"
        case ["shortcut"]:
            return "shortcut"
    raise KeyError(".".join(unit))


def spelled(names: Collection[str]) -> Mapping[str, str]:
    """``embedder.embedder.…`` of a model without a head as ``resnet.embedder.embedder.…``."""
    return {name: f"resnet.{name}" if name.startswith(("embedder.", "encoder.")) else name for name in names}


TRANSLATED: Mapping[str, Callable[[str], str]] = MappingProxyType(
    dict.fromkeys(
        (
            *("resnet18", "resnet34", "resnet50", "resnet101", "resnet152"),
            *("resnet50_v1", "resnet101_v1", "resnet152_v1"),
            *("resnet_tiny", "resnet_basic_tiny", "resnet_v1_tiny"),
        ),
        _layer,
    )
)
"""The architectures that transformers names, or would name if it had their size."""

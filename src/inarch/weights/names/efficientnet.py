"""Our names and those of lukemelas' EfficientNet-PyTorch, in which the weights of EfficientNet-Lite0 are published.

There blocks are numbered through the whole model, from 0, and the first, which widens nothing, has no ``_bn0``.
"""

from collections.abc import Callable, Mapping
from functools import cache, partial
from types import MappingProxyType

from inarch.models import build

KNOWN = ("efficientnet_lite0", "efficientnet_lite_tiny")
STEM = MappingProxyType({"conv": "_conv_stem", "norm": "_bn0"})
LAST = MappingProxyType({"conv": "_conv_head", "norm": "_bn1"})
BLOCK = MappingProxyType(
    {
        "expand.conv": "_expand_conv",
        "expand.norm": "_bn0",
        "depthwise.conv": "_depthwise_conv",
        "depthwise.norm": "_bn1",
        "project.conv": "_project_conv",
        "project.norm": "_bn2",
    }
)


@cache
def _places(name: str) -> Mapping[str, int]:
    """The number of each block."""
    blocks = [tap for tap in build(name, device="meta").backbone.taps if tap.startswith("block")]
    return MappingProxyType({block: place for place, block in enumerate(blocks)})


def _layer(layer: str, name: str) -> str:
    match layer.split("."):
        case ["backbone", "stages", "stem", "conv1", part]:
            return STEM[part]
        case ["backbone", "stages", _, "final_conv", part]:
            return LAST[part]
        case ["backbone", "stages", _, block, "residual", *rest]:
            return f"_blocks.{_places(name)[block]}.{BLOCK['.'.join(rest)]}"
        case ["head", "linear"]:
            return "_fc"
    raise KeyError(layer)


TRANSLATED: Mapping[str, Callable[[str], str]] = MappingProxyType({name: partial(_layer, name=name) for name in KNOWN})
"""The architectures that EfficientNet-PyTorch names, or would name if it had their size."""

"""Our names and those of lukemelas' EfficientNet-PyTorch, in which the weights of EfficientNet-Lite0 are published.

There blocks are numbered through the whole model, from 0, and the first, which widens nothing, has no ``_bn0``.
"""

from collections.abc import Callable, Mapping
from functools import cache, partial
from types import MappingProxyType

from inarch.models import build

UNITS: Mapping[str, str] = MappingProxyType(
    {
        "conv1.conv": "_conv_stem",
        "conv1.norm": "_bn0",
        "final_conv.conv": "_conv_head",
        "final_conv.norm": "_bn1",
        "residual.expand.conv": "_expand_conv",
        "residual.expand.norm": "_bn0",
        "residual.depthwise.conv": "_depthwise_conv",
        "residual.depthwise.norm": "_bn1",
        "residual.project.conv": "_project_conv",
        "residual.project.norm": "_bn2",
    }
)
"""The layers of the stem, of the last block and of the residual blocks."""


@cache
def _places(name: str) -> Mapping[str, int]:
    """The number of each block."""
    blocks = [tap for tap in build(name, device="meta").backbone.taps if tap.startswith("block")]
    return MappingProxyType({block: place for place, block in enumerate(blocks)})


def _layer(layer: str, name: str) -> str:
    match layer.split("."):
        case ["backbone", "stages", _, "conv1" | "final_conv" as block, part]:
            return UNITS[f"{block}.{part}"]
        case ["backbone", "stages", _, block, *rest]:
            return f"_blocks.{_places(name)[block]}.{UNITS['.'.join(rest)]}"
        case ["head", "linear"]:
            return "_fc"
    raise KeyError(layer)


TRANSLATED: Mapping[str, Callable[[str], str]] = MappingProxyType(
    {name: partial(_layer, name=name) for name in ("efficientnet_lite0", "efficientnet_lite_tiny")}
)
"""The architectures that EfficientNet-PyTorch names, or would name if it had their size."""

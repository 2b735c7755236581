"""Our names and akamaster's (pytorch_resnet_cifar10) for the ResNets of 32 pixels.

They are torchvision's but for the last layer. Plain models, which that project does not have, have the same names as
their residual counterparts, since neither's shortcuts have weights.
"""

from collections.abc import Callable, Mapping
from types import MappingProxyType

STEM = MappingProxyType({"conv1.conv": "conv1", "conv1.norm": "bn1"})
BLOCK = MappingProxyType(
    {
        "residual.conv1.conv": "conv1",
        "residual.conv1.norm": "bn1",
        "residual.conv2.conv": "conv2",
        "residual.conv2.norm": "bn2",
    }
)


def _layer(layer: str) -> str:
    match layer.split("."):
        case ["backbone", "stages", "stem", *rest]:
            return STEM[".".join(rest)]
        case ["backbone", "stages", _, block, *rest]:
            stage, place = block.removeprefix("block").split("_")  # block2_1 is their layer2.0
            return f"layer{stage}.{int(place) - 1}.{BLOCK['.'.join(rest)]}"
        case ["head", "linear"]:
            return "linear"
    raise KeyError(layer)


TRANSLATED: Mapping[str, Callable[[str], str]] = MappingProxyType(
    dict.fromkeys(
        (
            *("resnet20", "resnet32", "resnet44", "resnet56", "resnet110"),
            *("plain20", "plain32", "plain44", "plain56", "plain110"),
            "cifar_resnet_tiny",
        ),
        _layer,
    )
)
"""The architectures that akamaster names, or would name if it had them."""

"""Our names and akamaster's (pytorch_resnet_cifar10) for the ResNets of 32 pixels.

They are torchvision's but for the last layer. Plain models, which that project does not have, have the same names as
their residual counterparts, since neither's shortcuts have weights.
"""

from collections.abc import Callable, Mapping
from types import MappingProxyType

from inarch.weights.names.torchvision import resnet_unit


def _layer(layer: str) -> str:
    match layer.split("."):
        case ["backbone", "stages", stage, block, *rest] if "shortcut" not in rest:
            return resnet_unit(stage, block, rest)
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

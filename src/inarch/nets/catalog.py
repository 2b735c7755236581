"""Every architecture by name: one immutable table, and `build`, which reads it."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from functools import partial
from types import MappingProxyType

import torch
from torch import nn

from inarch.errors import UnknownNameError, UserError
from inarch.nets.backbone import Backbone, Classifier
from inarch.nets.googlenet import (
    GOOGLENET_AUXILIARY,
    PAPER,
    TORCHVISION,
    googlenet,
    googlenet_auxiliary_head,
    googlenet_tiny,
)
from inarch.nets.inception_v3 import INCEPTION_V3_AUXILIARY, inception_v3, inception_v3_auxiliary_head
from inarch.nets.initialisation import initialise
from inarch.nets.resnet import BASIC, BOTTLENECK, BOTTLENECK_V1, Residual, resnet

IMAGENET_MEAN, IMAGENET_STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
HALF = (0.5, 0.5, 0.5)
# torchvision's GoogLeNet and Inception v3 turn ImageNet's normalisation into this one inside the net
# (`transform_input`); here it is the photo that is normalised so, and the net stays pure.


@dataclass(frozen=True, kw_only=True)
class Architecture:
    """One row of the catalog."""

    builder: Callable[[int], Classifier]
    """Takes the number of classes."""
    family: str
    variant: str
    """Which of the nets of this name it is: ``paper``, ``torchvision``, ``v1``, ``v1.5``."""
    image_size: int
    """Side, in pixels, of the images it was designed for."""
    source: str
    mean: tuple[float, float, float] = IMAGENET_MEAN
    std: tuple[float, float, float] = IMAGENET_STD
    """The normalisation under which this net's public weights were trained."""
    auxiliary_taps: tuple[str, ...] = ()
    auxiliary_head: Callable[[int, int], nn.Module] | None = None
    """Takes the tap's channels and the number of classes."""


def _googlenet(variant: str, *, tiny: bool = False) -> Architecture:
    parts = {"paper": PAPER, "torchvision": TORCHVISION}[variant]
    widths = {"reduce": 16, "hidden": 128} if tiny else {}
    return Architecture(
        builder=partial(googlenet_tiny if tiny else googlenet, parts=parts),
        family="inception",
        variant=variant,
        image_size=64 if tiny else 224,
        source="Szegedy et al. 2015, arXiv 1409.4842, Table 1",
        mean=HALF,
        std=HALF,
        auxiliary_taps=GOOGLENET_AUXILIARY,
        auxiliary_head=partial(googlenet_auxiliary_head, parts=parts, **widths),
    )


def _inception_v3(*, tiny: bool = False) -> Architecture:
    widths = {"reduce": 16, "hidden": 96} if tiny else {}
    return Architecture(
        builder=partial(inception_v3, width=0.125 if tiny else 1.0),
        family="inception",
        variant="torchvision",
        image_size=96 if tiny else 299,
        source="Szegedy et al. 2016, arXiv 1512.00567, Table 1",
        mean=HALF,
        std=HALF,
        auxiliary_taps=INCEPTION_V3_AUXILIARY,
        auxiliary_head=partial(inception_v3_auxiliary_head, **widths),
    )


def _resnet(residual: Residual, *depths: int, width: int = 64, variant: str = "v1.5", size: int = 224) -> Architecture:
    return Architecture(
        builder=partial(resnet, residual=residual, depths=depths, width=width),
        family="resnet",
        variant=variant,
        image_size=size,
        source="He et al. 2016, arXiv 1512.03385, Table 1",
    )


ARCHITECTURES: Mapping[str, Architecture] = MappingProxyType(
    {
        "googlenet": _googlenet("torchvision"),
        "googlenet_paper": _googlenet("paper"),
        "inception_v3": _inception_v3(),
        "resnet18": _resnet(BASIC, 2, 2, 2, 2),
        "resnet34": _resnet(BASIC, 3, 4, 6, 3),
        "resnet50": _resnet(BOTTLENECK, 3, 4, 6, 3),
        "resnet101": _resnet(BOTTLENECK, 3, 4, 23, 3),
        "resnet152": _resnet(BOTTLENECK, 3, 8, 36, 3),
        "resnet50_v1": _resnet(BOTTLENECK_V1, 3, 4, 6, 3, variant="v1"),
        "resnet101_v1": _resnet(BOTTLENECK_V1, 3, 4, 23, 3, variant="v1"),
        "resnet152_v1": _resnet(BOTTLENECK_V1, 3, 8, 36, 3, variant="v1"),
        "googlenet_tiny": _googlenet("torchvision", tiny=True),
        "googlenet_paper_tiny": _googlenet("paper", tiny=True),
        "inception_v3_tiny": _inception_v3(tiny=True),
        "resnet_tiny": _resnet(BOTTLENECK, 1, 1, 1, 1, width=16, size=64),
        "resnet_basic_tiny": _resnet(BASIC, 1, 1, 1, 1, width=16, size=64),
        "resnet_v1_tiny": _resnet(BOTTLENECK_V1, 1, 1, 1, 1, width=16, variant="v1", size=64),
    }
)


def architecture(name: str) -> Architecture:
    """The catalog's row for ``name``.

    Raises:
        UnknownNameError: no architecture has that name; offers the nearest one.
    """
    if name not in ARCHITECTURES:
        raise UnknownNameError("model", name, ARCHITECTURES)
    return ARCHITECTURES[name]


def auxiliary_heads(name: str, backbone: Backbone, classes: int, taps: Collection[str]) -> dict[str, nn.Module]:
    """The auxiliary heads of architecture ``name`` at ``taps``, by tap.

    Raises:
        UnknownNameError: the backbone has no such stage or block.
        UserError: the architecture has no auxiliary heads.
    """
    head = architecture(name).auxiliary_head
    if not taps:
        return {}
    if head is None:
        raise UserError(f"{name} has no auxiliary heads; leave `auxiliary` empty.")
    heads = {}
    for tap in taps:
        if tap not in backbone.taps:
            raise UnknownNameError("stage or block", tap, backbone.taps)
        heads[tap] = head(backbone.taps[tap].channels, classes)
    return heads


def build(
    name: str, *, classes: int = 1000, auxiliary: Collection[str] = (), seed: int = 0, device: str = "cpu"
) -> Classifier:
    """Build an architecture of the catalog, freshly initialised.

    Args:
        name: a key of `ARCHITECTURES`.
        classes: the length of the logits.
        auxiliary: the stages or blocks that get an auxiliary head; the paper's are ``auxiliary_taps``.
        seed: every weight follows from it.
        device: where the tensors live; ``"meta"`` gives shapes without memory.

    Raises:
        UnknownNameError: no such architecture, or no such stage or block.
        UserError: the architecture has no auxiliary heads, or ``classes`` is not positive.
    """
    row = architecture(name)
    if classes < 1:
        raise UserError(f"A classifier needs at least one class; classes={classes} was asked for.")
    with torch.device("meta"):
        model = row.builder(classes)
        model.auxiliary.update(auxiliary_heads(name, model.backbone, classes, auxiliary))
    if device != "meta":
        model = model.to_empty(device=device)
        initialise(model, torch.Generator(device).manual_seed(seed))
    return model

"""One row of the catalog."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from torch import nn

from inarch.models.anatomy.records import Departure
from inarch.models.backbone import Classifier
from inarch.normalisation import IMAGENET_MEAN, IMAGENET_STD


@dataclass(frozen=True, kw_only=True)
class Architecture:
    """One row of the catalog."""

    builder: Callable[[int], Classifier]
    """Takes the number of classes."""
    family: str
    variant: str
    """Which of the models of this name it is: ``paper``, ``torchvision``, ``timm``, ``v1``, ``v1.5``, or our own."""
    image_size: int
    """Side, in pixels, of the images it was designed for."""
    source: str
    classes: int = 1000
    """The number of classes that it was designed for."""
    mean: tuple[float, float, float] = IMAGENET_MEAN
    std: tuple[float, float, float] = IMAGENET_STD
    """The normalisation under which this model's public weights were trained."""
    auxiliary_taps: tuple[str, ...] = ()
    auxiliary_head: Callable[[int, int], nn.Module] | None = None
    """Takes the tap's channels and the number of classes."""
    departures: tuple[Departure, ...] = ()
    """Every way in which it differs from its paper."""


def rows_alike(
    row: Callable[..., Architecture], builders: Mapping[str, Callable[[int], Classifier]]
) -> dict[str, Architecture]:
    """A row for each of ``builders``, by name; ``row`` makes it, and all of them are alike but for the builder."""
    return {name: row(builder=builder) for name, builder in builders.items()}

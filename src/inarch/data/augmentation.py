"""The augmentation of training images; no torch."""

from dataclasses import dataclass
from typing import Annotated

from inarch.errors import UserError
from inarch.options.option import Option


@dataclass(frozen=True, kw_only=True)
class Augmentation:
    """The augmentation of training images.

    Examples:
        >>> writing = inarch.Augmentation(flip=False, rotate=10.0)
        >>> inarch.TrainOptions(augmentation=writing).augmentation.flip
        False
    """

    flip: Annotated[
        bool, Option("Mirror training images: left and right mean nothing, as they would in writing or for hands.")
    ] = True
    """Half of the time."""
    min_scale: float = 0.35
    """The smallest fraction of the image's area that a crop keeps; 1 keeps the whole image."""
    rotate: float = 0.0
    """The largest angle, in degrees, either way; corners turn black."""
    colour: float = 0.0
    """The largest change of brightness, contrast and saturation, as a fraction of each."""

    def __post_init__(self) -> None:
        if not 0 < self.min_scale <= 1:
            raise UserError(f"min_scale must be in (0, 1], got {self.min_scale}.")
        if not 0 <= self.rotate <= 180:
            raise UserError(f"rotate must be from 0 to 180 degrees, got {self.rotate}.")
        if not 0 <= self.colour <= 1:
            raise UserError(f"colour must be in [0, 1], got {self.colour}.")

"""What may happen to a training image; no torch."""

from dataclasses import dataclass

from inarch.errors import UserError


@dataclass(frozen=True, kw_only=True)
class Augmentation:
    """What may happen to a training image."""

    flip: bool = True
    """Mirror left and right, half of the time."""
    min_scale: float = 0.35
    """The smallest share of the image's area that a crop keeps; 1 keeps the whole image."""
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

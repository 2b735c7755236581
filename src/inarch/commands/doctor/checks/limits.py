"""The numbers from which on `doctor` reports something."""

from dataclasses import dataclass


@dataclass(frozen=True)
class CheckLimits:
    """The limits of the checks of classes, headers and pixels."""

    few_photos: int = 10
    """Training photos of a class below which its figures mean nothing."""
    small: int = 128
    """A photo is small if its shorter side has fewer pixels than this,"""
    small_share: float = 1 / 3
    """and fewer than this fraction of the median."""
    tiny: int = 8
    """Pixels on the shorter side that are few in any dataset."""
    far_from_square: float = 3.0
    """Ratio of the longer to the shorter side: two thirds of such a photo are outside the centre crop."""
    flat: float = 4.0
    """Standard deviation of brightness, of 255, below which nothing is visible."""
    like_border: int = 12
    """The largest deviation, of 255, of a border's pixel from its corner: JPEG has ringing artefacts."""
    mostly_border: float = 0.5
    """Fraction of the square."""
    border_style: float = 0.2
    """If a larger fraction of the photos has wide borders, that is the style of the dataset."""


LIMITS = CheckLimits()

"""Receptive fields: arithmetic of windows, axis by axis.

A window of k values that lie d apart, on a grid whose neighbours lie j input pixels apart, widens the field by
(k - 1) * d * j pixels (Araujo, Norris and Sim 2019, "Computing receptive fields of convolutional neural networks").
"""

from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

HeightWidth = tuple[int, int]
"""Height and width."""


class Window(NamedTuple):
    """The window of a convolution or pool."""

    kernel: HeightWidth
    stride: HeightWidth = (1, 1)
    padding: HeightWidth = (0, 0)
    dilation: HeightWidth = (1, 1)

    @property
    def extent(self) -> HeightWidth:
        """The values, from first to last, that the window spans."""
        return _combine_pairs(lambda kernel, dilation: (kernel - 1) * dilation + 1, self.kernel, self.dilation)

    def fits(self, grid: HeightWidth) -> bool:
        """Whether the padded map is at least as large as the window."""
        return all(
            side + 2 * padding >= extent for side, padding, extent in zip(grid, self.padding, self.extent, strict=True)
        )


class Field(NamedTuple):
    """The receptive field of one value of a feature map, in pixels per axis."""

    widest: HeightWidth = (1, 1)
    narrowest: HeightWidth = (1, 1)
    jump: HeightWidth = (1, 1)
    """Pixels from one value of the map to the next."""

    def through(self, window: Window) -> "Field":
        """The field after a layer with ``window`` on this map."""
        grown = _combine_pairs(lambda extent, jump: (extent - 1) * jump, window.extent, self.jump)
        return Field(
            widest=_combine_pairs(int.__add__, self.widest, grown),
            narrowest=_combine_pairs(int.__add__, self.narrowest, grown),
            jump=_combine_pairs(int.__mul__, self.jump, window.stride),
        )


def join_fields(fields: Sequence[Field]) -> Field:
    """The field of a join: the widest of the widest, the narrowest of the narrowest."""
    widest, narrowest, jump = zip(*fields, strict=True)
    return Field(
        widest=_reduce_pairs(max, widest),
        narrowest=_reduce_pairs(min, narrowest),
        jump=_reduce_pairs(max, jump),
    )


def _combine_pairs(function: Callable[[int, int], int], left: HeightWidth, right: HeightWidth) -> HeightWidth:
    return function(left[0], right[0]), function(left[1], right[1])


def _reduce_pairs(function: Callable[[Iterable[int]], int], pairs: Sequence[HeightWidth]) -> HeightWidth:
    heights, widths = zip(*pairs, strict=True)
    return function(heights), function(widths)

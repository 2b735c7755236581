"""Scales, round ticks and the frame that charts with two axes share."""

from dataclasses import dataclass
from math import ceil, floor, log, log10

from inarch.report import svg
from inarch.report.svg import Number


@dataclass(frozen=True)
class Scale:
    """Maps ``low`` to the pixel ``start`` and ``high`` to the pixel ``end``."""

    low: Number
    high: Number
    start: Number
    end: Number
    doubling: bool = False
    """Whether the axis is logarithmic; all values are then above 0."""

    def __call__(self, value: Number) -> float:
        """The pixel of a value; a value beyond the scale is clipped to its end."""
        low, value, high = (
            map(log, (self.low, max(value, self.low), self.high)) if self.doubling else (self.low, value, self.high)
        )
        share = (value - low) / (high - low)
        return self.start + min(1.0, max(0.0, share)) * (self.end - self.start)


@dataclass(frozen=True)
class Frame:
    """The plot area of a chart, in pixels, with its two scales."""

    x: Scale
    y: Scale

    def point(self, x: Number, y: Number) -> str:
        """The pixels of a point, in the notation of an SVG polyline."""
        return f"{self.x(x):.1f},{self.y(y):.1f}"


def ticks(low: Number, high: Number, about: int = 5) -> tuple[float, ...]:
    """Round values (1, 2 or 5 times a power of ten apart) that enclose ``low`` and ``high``; at least two."""
    tiny = 1e-9  # a smaller constant is drawn on an axis that goes to 1
    size = max(abs(low), abs(high))
    constant = high - low <= 1e-12 * max(size, 1)
    rough = ((size if size > tiny else 1) if constant else high - low) / about
    exponent = floor(log10(rough))
    step = next(factor * 10.0**exponent for factor in (1, 2, 5, 10) if factor * 10.0**exponent >= rough * 0.999)
    first = floor(low / step + 1e-9)
    last = max(ceil(high / step - 1e-9), first + 1)
    return tuple(round(index * step, max(0, -exponent)) for index in range(first, last + 1))


def tick_label(value: float, *, as_percent: bool = False) -> str:
    """A tick's text: ``0.25``, ``1e-05``, or ``25 %``."""
    return f"{100 * value:g} %" if as_percent else f"{value:g}"


def left_axis(frame: Frame, values: tuple[float, ...], label: str, *, as_percent: bool = False) -> str:
    """Grid lines with their values, and the label of the vertical axis above them."""
    left, right = frame.x.start, frame.x.end
    rows = [
        svg.line(left, frame.y(value), right, frame.y(value), stroke=svg.muted_colour(), stroke_opacity=0.3)
        + svg.text(tick_label(value, as_percent=as_percent), left - 8, frame.y(value) + 4, text_anchor="end")
        for value in values
    ]
    return "".join([*rows, svg.text(label, left - 8, frame.y.end - 12, fill=svg.muted_colour())])


def bottom_axis(frame: Frame, values: tuple[float, ...], label: str, *, as_percent: bool = False) -> str:
    """The horizontal axis with its values, and its label below them."""
    base = frame.y.start
    marks = [
        svg.line(frame.x(value), base, frame.x(value), base + 5)
        + svg.text(tick_label(value, as_percent=as_percent), frame.x(value), base + 19, text_anchor="middle")
        for value in values
    ]
    middle = (frame.x.start + frame.x.end) / 2
    title = svg.text(label, middle, base + 37, text_anchor="middle", fill=svg.muted_colour())
    return "".join([svg.line(frame.x.start, base, frame.x.end, base), *marks, title])

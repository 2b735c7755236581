"""Charts as SVG text: curves, reliability, intervals of candidates, durations. Pure functions of records.

Every chart scales with its page and carries a text alternative; text is at least 11 pixels at nominal width.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from math import isfinite
from typing import NamedTuple

from inarch.metrics.records import Bin, Curve
from inarch.report import svg
from inarch.report.axes import (
    Frame,
    Scale,
    bottom_axis,
    left_axis,
    ticks,
)
from inarch.report.wording import (
    count_of,
    percent,
    shorten,
)

WIDTH = 400
PLOT_HEIGHT = 250

Points = Sequence[tuple[float, float]]


def line_chart(
    curves: Sequence[Curve],
    *,
    title: str,
    as_percent: bool = False,
    intervals: Mapping[str, Points] | None = None,
    doubling: tuple[float, ...] = (),
) -> str:
    """Several curves over one pair of axes; values that are not finite are left out.

    Args:
        curves: they share ``x_label`` and ``y_label``; the first one's are written.
        title: the chart's subject, for the text alternative.
        as_percent: whether y is a fraction that is shown as percent.
        intervals: for the name of a curve, (low, high) at each of its points.
        doubling: the tick values of a logarithmic x axis, at least two and above 0; without them the axis is linear.
    """
    bands = intervals or {}
    kept = [_finite_points(curve.points) for curve in curves]
    legend, top = _legend([curve.name for curve in curves])
    frame, marks = _frame_around(
        kept, [bound for band in bands.values() for pair in _finite_points(band) for bound in pair], top
    )
    if len(doubling) > 1:
        frame = replace(frame, x=Scale(doubling[0], doubling[-1], 58, WIDTH - 20, doubling=True))
        marks = marks._replace(x=doubling)
    return svg.picture(
        WIDTH,
        top + PLOT_HEIGHT,
        legend,
        left_axis(frame, marks.y, curves[0].y_label if curves else "", as_percent=as_percent),
        bottom_axis(frame, marks.x, curves[0].x_label if curves else ""),
        *(_band(frame, curve.points, bands[curve.name], at) for at, curve in enumerate(curves) if curve.name in bands),
        *(_curve(frame, points, at) for at, points in enumerate(kept) if points),
        title=title,
        description=" ".join(map(_curve_summary, curves, kept)) or "No curves.",
    )


class _Marks(NamedTuple):
    """The ticks of both axes."""

    x: tuple[float, ...]
    y: tuple[float, ...]


def _frame_around(curves: Sequence[Points], bounds: Sequence[float], top: int) -> tuple[Frame, _Marks]:
    """Scales that hold every point and every bound, below a legend that ends at ``top``."""
    points = [point for curve in curves for point in curve] or [(0.0, 0.0), (1.0, 1.0)]
    across, up = [x for x, _ in points], [y for _, y in points] + list(bounds)
    marks = _Marks(_keep_reached_ticks(ticks(min(across), max(across), 6), across), ticks(min(up), max(up)))
    low, high = min(*across, marks.x[0]), max(*across, marks.x[-1])
    y_scale = Scale(marks.y[0], marks.y[-1], top + PLOT_HEIGHT - 46, top + 28)
    return Frame(Scale(low, high, 58, WIDTH - 20), y_scale), marks


def _finite_points(points: Points) -> list[tuple[float, float]]:
    return [(x, y) for x, y in points if isfinite(x) and isfinite(y)]


def _keep_reached_ticks(values: tuple[float, ...], data: Sequence[float]) -> tuple[float, ...]:
    """The ticks within the data, so that a horizontal axis ends where its curve does; all, if fewer than two are."""
    reached = tuple(value for value in values if min(data) <= value <= max(data))
    return reached if len(reached) > 1 else values


def _curve_summary(curve: Curve, points: Points) -> str:
    if not points:
        return f"{curve.name}: no values."
    (first_x, first_y), (last_x, last_y) = points[0], points[-1]
    return f"{curve.name}: from {first_y:.3g} at {first_x:g} to {last_y:.3g} at {last_x:g}."


def _legend(names: Sequence[str]) -> tuple[str, int]:
    """The names next to a piece of their line, wrapped into rows; and the height in pixels."""
    x, y, entries = 8.0, 16, []
    for index, name in enumerate(names):
        shown = shorten(name, 40)
        width = 42 + svg.CHARACTER * len(shown)
        if x > 8 and x + width > WIDTH:
            x, y = 8.0, y + 20
        entries.append(_stroke(f"{x},{y - 4} {x + 24},{y - 4}", index) + svg.text(shown, x + 30, y, tip=name))
        x += width
    return "".join(entries), y + 8


def _curve(frame: Frame, points: Points, index: int) -> str:
    """A line through the points; a single point is a dot."""
    if len(points) == 1:
        ((x, y),) = points
        return svg.element("circle", cx=frame.x(x), cy=frame.y(y), r=4, fill=svg.series_colour(index))
    return _stroke(" ".join(frame.point(x, y) for x, y in points), index)


def _stroke(points: str, index: int) -> str:
    dashes = ("none", "7 3", "2 3", "9 3 2 3", "4 4", "12 4")
    dash = dashes[index % len(dashes)]
    colour = svg.series_colour(index)
    return svg.element("polyline", points=points, fill="none", stroke=colour, stroke_width=2, stroke_dasharray=dash)


def _band(frame: Frame, points: Points, bounds: Points, index: int) -> str:
    rows = [(x, low, high) for (x, _), (low, high) in zip(points, bounds, strict=True) if isfinite(x + low + high)]
    outline = [frame.point(x, high) for x, _, high in rows] + [frame.point(x, low) for x, low, _ in reversed(rows)]
    return svg.element("polygon", points=" ".join(outline), fill=svg.series_colour(index), fill_opacity=0.18)


def reliability_diagram(bins: Sequence[Bin]) -> str:
    """Accuracy by confidence; the bars of a calibrated model end on the diagonal."""
    frame = Frame(Scale(0, 1, 58, WIDTH - 24), Scale(0, 1, 330, 34))  # room for half of "100 %"
    shares = (0.0, 0.2, 0.4, 0.6, 0.8, 1.0)
    said = [
        f"Confidence {each.low:.0%} to {each.high:.0%}: accuracy {each.accuracy:.0%} on {count_of(each.n, 'photo')}."
        for each in bins
    ]
    return svg.picture(
        WIDTH,
        376,
        left_axis(frame, shares, "accuracy", as_percent=True),
        *(_reliability_bar(frame, each) for each in bins),
        svg.line(frame.x(0), frame.y(0), frame.x(1), frame.y(1), stroke_dasharray="5 4"),
        *(_bar_count(frame, each) for each in bins),
        bottom_axis(frame, shares, "confidence", as_percent=True),
        title="Reliability diagram",
        description=" ".join(said) or "No photos.",
    )


def _reliability_bar(frame: Frame, each: Bin) -> str:
    few = 10  # the height of a bar of fewer photos is mostly noise, and it is drawn pale
    left, right, top = frame.x(each.low) + 2, frame.x(each.high) - 2, frame.y(each.accuracy)
    tip = f"{count_of(each.n, 'photo')}: mean confidence {percent(each.confidence)}, accuracy {percent(each.accuracy)}"
    return svg.element(
        "rect",
        svg.element("title", svg.escape_text(tip)),
        x=left,
        y=min(top, frame.y(0) - 2),
        width=right - left,
        height=max(2.0, frame.y(0) - top),
        fill=svg.series_colour(0),
        fill_opacity=0.85 if each.n >= few else 0.35,
    )


def _bar_count(frame: Frame, each: Bin) -> str:
    middle = (frame.x(each.low) + frame.x(each.high)) / 2
    return svg.halo_text(f"{each.n}", middle, frame.y(each.accuracy) - 6, text_anchor="middle", font_size=11)

"""A study as one self-contained page: its result and its limits."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import ceil, floor, inf, log10
from pathlib import Path
from statistics import mean, stdev

from markupsafe import Markup

from inarch.commands.study.records import Bound, Quantity, QuantityFinding, QuantityScale, StudyResult, StudyRow
from inarch.commands.study.study_text import (
    confidence_text,
    estimate_text,
    figure,
    number,
    remarks,
    sentence,
)
from inarch.report import svg
from inarch.report.axes import Scale, ticks
from inarch.report.page import environment
from inarch.report.theme import CSS


@dataclass(frozen=True, kw_only=True)
class IntervalLayout:
    """The picture of an interval; all in pixels."""

    width: int
    height: int
    edge: int
    """Free on either side of the axis."""
    foot: int
    """Below the axis, for its labels."""

    @property
    def base(self) -> int:
        """The height of the axis, from the top."""
        return self.height - self.foot

    @property
    def right(self) -> int:
        """The right end of the axis."""
        return self.width - self.edge


LAYOUT = IntervalLayout(width=400, height=96, edge=40, foot=28)


def to_html(studied: StudyResult) -> str:
    """The page; the same record gives the same page."""
    finding = studied.finding
    return (
        environment(Path(__file__).parent)
        .get_template("study.html.j2")
        .render(
            css=Markup(CSS),
            claim=studied.ledger.claim,
            ledger=studied.ledger,
            finding=finding,
            shown=[
                (sentence(each), Markup(interval_picture(each)) if each.estimate else "") for each in finding.quantities
            ],
            remarks=remarks(studied),
            confidence=confidence_text([each.confidence for each in finding.quantities]),
            readings=reading_rows(studied.ledger.rows),
            seconds=sum((row.seconds for row in studied.ledger.rows), start=0.0),
        )
    )


def reading_rows(rows: Sequence[StudyRow]) -> tuple[tuple[str, str, str, str, int], ...]:
    """For each arm and reading the mean over the seeds, their standard deviation, and their number."""
    together: dict[tuple[str, str], list[float]] = {}
    for row in rows:
        for reading, value in row.readings.items():
            together.setdefault((row.arm, reading), []).append(value)
    return tuple(
        (arm, reading, number(mean(values)), number(stdev(values)) if len(values) > 1 else "–", len(values))
        for (arm, reading), values in together.items()
    )


def interval_picture(judged: QuantityFinding) -> str:
    """The estimate with its interval and every seed, on one axis with the claimed bound."""
    quantity, estimate = judged.quantity, judged.estimate
    if estimate is None:
        return ""
    endless = (0.0, inf) if quantity.scale == QuantityScale.TIMES else (-inf, inf)
    bounds = [bound for bound in (estimate.low, estimate.high) if bound not in endless]
    marks = _marks(quantity, bounds, judged.values)
    x = Scale(marks[0], marks[-1], LAYOUT.edge, LAYOUT.right, doubling=quantity.scale == QuantityScale.TIMES)
    low, high = x(max(estimate.low, marks[0])), x(min(estimate.high, marks[-1]))
    y = 44
    return svg.picture(
        LAYOUT.width,
        LAYOUT.height,
        *_claim_marks(quantity, x),
        svg.line(LAYOUT.edge, LAYOUT.base, LAYOUT.right, LAYOUT.base),
        *(
            svg.line(x(mark), LAYOUT.base, x(mark), LAYOUT.base + 4)
            + svg.text(_tick(quantity, mark), x(mark), LAYOUT.base + 18, text_anchor="middle")
            for mark in _keep_spaced_marks(quantity, marks, x)
        ),
        *(
            svg.element("circle", cx=x(value), cy=y + 14, r=2.5, fill=svg.muted_colour(), opacity=0.8)
            for value in (judged.values if not quantity.exact else ())
        ),
        svg.line(low, y, high, y, stroke=svg.series_colour(0), stroke_width=3),
        *(svg.line(end, y - 6, end, y + 6, stroke=svg.series_colour(0), stroke_width=2) for end in (low, high)),
        svg.element("circle", cx=x(estimate.value), cy=y, r=5.5, fill=svg.series_colour(0)),
        title=quantity.words,
        description=f"{estimate_text(judged)}; claimed {quantity.bound} {figure(quantity, quantity.threshold)}.",
    )


def _claim_marks(quantity: Quantity, x: Scale) -> tuple[str, ...]:
    """The values for which the claim holds, shaded, and its threshold."""
    claimed, colour = x(quantity.threshold), svg.series_colour(2)
    right = quantity.bound == Bound.AT_LEAST
    start, width = (claimed, LAYOUT.right - claimed) if right else (LAYOUT.edge, claimed - LAYOUT.edge)
    return (
        svg.element("rect", x=start, y=20, width=width, height=LAYOUT.base - 20, fill=colour, opacity=0.14),
        svg.line(claimed, 20, claimed, LAYOUT.base, stroke=colour, stroke_width=2, stroke_dasharray="5 3"),
        svg.text(
            f"claimed: {quantity.bound} {figure(quantity, quantity.threshold)}",
            min(max(claimed, 100), LAYOUT.width - 100),
            13,
            text_anchor="middle",
        ),
    )


def _marks(quantity: Quantity, bounds: Sequence[float], values: Sequence[float]) -> tuple[float, ...]:
    """Round values that enclose interval, seeds and threshold; for ratios 1, 2 and 5 times powers of ten."""
    every = [*bounds, *values, quantity.threshold]
    if quantity.scale != QuantityScale.TIMES:
        return ticks(min(every), max(every))
    least, most = min(*every, 1.0), max(*every, 1.0)
    decades = range(floor(log10(least)), ceil(log10(most)) + 1)
    steps = sorted(factor * 10.0**decade for decade in decades for factor in (1, 2, 5))
    first = max((step for step in steps if step <= least), default=steps[0])
    last = min((step for step in steps if step >= most), default=steps[-1])
    inside = tuple(step for step in steps if first <= step <= last)
    if last > 1e3 * first:
        inside = tuple(10.0**decade for decade in range(floor(log10(first)), ceil(log10(last)) + 1))
    return inside if len(inside) > 1 else (first, 2 * first)


def _keep_spaced_marks(quantity: Quantity, marks: Sequence[float], x: Scale) -> Iterator[float]:
    """The marks whose labels do not overlap."""
    ends = -inf
    for mark in marks:
        half = svg.CHARACTER * len(_tick(quantity, mark)) / 2
        if x(mark) - half > ends + svg.CHARACTER:
            ends = x(mark) + half
            yield mark


def _tick(quantity: Quantity, value: float) -> str:
    return f"×{number(value)}" if quantity.scale == QuantityScale.TIMES else f"{100 * value:g}"

"""The confusion matrix as SVG."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import ceil, sqrt

from inarch.report import svg
from inarch.report.wording import count_of, shorten

MANY = 25
"""From this many classes on, cells are too small for their counts."""


@dataclass(frozen=True)
class _Grid:
    """The positions of the cells, in pixels."""

    cell: int
    left: int
    top: int
    name_length: int
    """Characters of a class name that fit next to the grid."""
    every: int
    """The number of rows that one name takes."""

    def x(self, column: svg.Number) -> svg.Number:
        return self.left + self.cell * column

    def y(self, row: svg.Number) -> svg.Number:
        return self.top + self.cell * row


def confusion_matrix(confusion: Sequence[Sequence[int]], classes: Sequence[str]) -> str:
    """A heat map: row is the true class, column the predicted class; shade is the fraction of the row's photos.

    Correct predictions and mistakes have colours of their own. Counts are written while they fit.
    """
    grid = _grid(classes)
    side = grid.cell * len(classes)
    return svg.picture(
        grid.left + side + round(0.72 * svg.CHARACTER * grid.name_length) + 8,
        grid.top + side + 8,
        svg.text("true class ↓   predicted class →", 4, 14, fill=svg.muted_colour()),
        svg.element("rect", x=grid.left, y=grid.top, width=side, height=side, fill="none", stroke=svg.muted_colour()),
        *_names(grid, classes),
        *_cells(grid, confusion, classes),
        title="Confusion matrix",
        description=_summarise_confusion(confusion, classes),
    )


def _grid(classes: Sequence[str]) -> _Grid:
    count = len(classes)
    cell = 64 if count <= 5 else 38 if count <= 12 else 30 if count < MANY else max(4, 800 // count)
    longest = max((len(name) for name in classes), default=0)
    name_length = min(longest, 18 if count < MANY else 14)
    left = max(60, round(svg.CHARACTER * name_length) + 16)
    return _Grid(
        cell, left, top=round(0.72 * svg.CHARACTER * name_length) + 40, name_length=name_length, every=ceil(18 / cell)
    )


def _names(grid: _Grid, classes: Sequence[str]) -> Iterator[str]:
    for at in range(0, len(classes), grid.every):
        name = shorten(classes[at], grid.name_length)
        yield svg.text(name, grid.left - 8, grid.y(at + 0.5) + 4, text_anchor="end", tip=classes[at])
        x, y = grid.x(at + 0.5), grid.top - 8
        yield svg.text(name, x, y, transform=f"rotate(-45 {x:g} {y:g})", tip=classes[at])


def _cells(grid: _Grid, confusion: Sequence[Sequence[int]], classes: Sequence[str]) -> Iterator[str]:
    for row, counts in enumerate(confusion):
        for column, count in enumerate(counts):
            if count:
                tip = f"{count_of(count, 'photo')} of {classes[row]} predicted as {classes[column]}"
                yield _cell(grid, (row, column), count / sum(counts), tip)
                if len(classes) < MANY:
                    yield _count(grid, (row, column), count, sum(counts))


def _shade(share: float) -> float:
    """Opacity: the root makes one mistake in forty visible."""
    return 0.12 + 0.88 * sqrt(share)


def _cell(grid: _Grid, at: tuple[int, int], share: float, tip: str) -> str:
    row, column = at
    gap = 1 if grid.cell > 12 else 0
    return svg.element(
        "rect",
        svg.element("title", svg.escape_text(tip)),
        x=grid.x(column) + gap,
        y=grid.y(row) + gap,
        width=grid.cell - 2 * gap,
        height=grid.cell - 2 * gap,
        fill=svg.series_colour(0 if row == column else 1),
        fill_opacity=_shade(share),
    )


def _count(grid: _Grid, at: tuple[int, int], count: int, total: int) -> str:
    row, column = at
    colour = "var(--on-series, #fff)" if _shade(count / total) > 0.6 else "currentColor"
    middle = {"text_anchor": "middle", "pointer_events": "none"}
    return svg.text(f"{count}", grid.x(column + 0.5), grid.y(row + 0.5) + 4, fill=colour, **middle)


def _summarise_confusion(confusion: Sequence[Sequence[int]], classes: Sequence[str]) -> str:
    right = sum(row[at] for at, row in enumerate(confusion))
    summary = f"{right} of {count_of(sum(map(sum, confusion)), 'photo')} are on the diagonal: correct predictions."
    mistakes = [
        (count, row, column)
        for row, counts in enumerate(confusion)
        for column, count in enumerate(counts)
        if count and row != column
    ]
    worst = sorted(mistakes, key=lambda mistake: (-mistake[0], *mistake[1:]))[:3]
    taken = "; ".join(f"{classes[row]} as {classes[column]} ({count})" for count, row, column in worst)
    return f"{summary} Most frequent confusions: {taken}." if taken else summary

"""A net as plain text: tables that line up in a terminal."""

from collections.abc import Sequence
from textwrap import fill

from inarch.drawing.inspect_summary import (
    LAYER_TITLES,
    NOTES,
    STAGE_TITLES,
    WORDS,
    heading,
    layer_row,
    stage_row,
    stages_of,
    total_row,
    totals,
)
from inarch.drawing.wording import printable
from inarch.records import NetTrace


def to_text(trace: NetTrace, *, layers: bool = False) -> str:
    """One line per stage with totals; with ``layers`` also one line per layer."""
    parts = ["\n".join(line for line in (heading(trace), totals(trace), printable(trace.source)) if line)]
    parts.append(_table(STAGE_TITLES, [stage_row(stage, trace) for stage in stages_of(trace)], trace))
    if layers:
        parts.append(_table(LAYER_TITLES, [layer_row(node, trace) for node in trace.nodes], trace))
    parts.append("\n".join(fill(note, 100) for note in NOTES))
    return "\n\n".join(parts) + "\n"


def _table(titles: Sequence[str], rows: Sequence[Sequence[str]], trace: NetTrace) -> str:
    total = total_row(titles, trace)
    widths = [max(map(len, cells)) for cells in zip(titles, *rows, total, strict=True)]
    head, *lines = [_line(titles, cells, widths) for cells in (titles, *rows, total)]
    rule = "─" * (sum(widths) + 2 * (len(widths) - 1))
    return "\n".join([head, rule, *lines[:-1], rule, lines[-1]])


def _line(titles: Sequence[str], cells: Sequence[str], widths: Sequence[int]) -> str:
    """Words to the left of their column, numbers to the right."""
    aligned = [
        cell.ljust(width) if title in WORDS else cell.rjust(width)
        for title, cell, width in zip(titles, cells, widths, strict=True)
    ]
    return "  ".join(aligned).rstrip()

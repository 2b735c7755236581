"""A net as plain text: tables that line up in a terminal."""

from collections.abc import Collection, Sequence
from textwrap import fill

from inarch.commands.inspect.drawing.summary import (
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
from inarch.commands.inspect.drawing.tables import WORDY, tables_of
from inarch.commands.inspect.records import Measurements
from inarch.models.anatomy.records import ModelTrace
from inarch.report.wording import make_printable


def to_text(trace: ModelTrace, measured: Measurements | None = None, *, layers: bool = False) -> str:
    """One line per stage with totals, the work by what it is for, what was measured; with ``layers`` every layer."""
    parts = ["\n".join(line for line in (heading(trace), totals(trace), make_printable(trace.source)) if line)]
    stages = [stage_row(stage, trace) for stage in stages_of(trace)]
    parts.append(_align_columns(STAGE_TITLES, WORDS, stages, total_row(STAGE_TITLES, trace)))
    if layers:
        rows = [layer_row(node, trace) for node in trace.nodes]
        parts.append(_align_columns(LAYER_TITLES, WORDS, rows, total_row(LAYER_TITLES, trace)))
    parts.append("\n".join(fill(note, 100) for note in NOTES))
    for table in tables_of(trace, measured or Measurements()):
        parts.append(f"{table.caption}\n{_align_columns(table.titles, WORDY, table.rows, table.total)}")
        parts.append(fill(table.note, 100))
    return "\n\n".join(parts) + "\n"


def _align_columns(
    titles: Sequence[str], words: Collection[str], rows: Sequence[Sequence[str]], total: Sequence[str]
) -> str:
    widths = [max(map(len, cells)) for cells in zip(titles, *rows, *([total] if total else []), strict=True)]
    rule = "─" * (sum(widths) + 2 * (len(widths) - 1))
    kinds = [(title in words, width) for title, width in zip(titles, widths, strict=True)]
    lines = [_line(titles, kinds), rule, *(_line(cells, kinds) for cells in rows)]
    return "\n".join([*lines, rule, _line(total, kinds)] if total else lines)


def _line(cells: Sequence[str], kinds: Sequence[tuple[bool, int]]) -> str:
    """Words to the left of their column, numbers to the right."""
    aligned = [
        cell.ljust(width) if is_word else cell.rjust(width) for cell, (is_word, width) in zip(cells, kinds, strict=True)
    ]
    return "  ".join(aligned).rstrip()

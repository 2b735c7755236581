"""A model as plain text: aligned tables for a terminal."""

from collections.abc import Sequence
from textwrap import fill

from inarch.commands.inspect.drawing.summary import (
    LAYER_TITLES,
    STAGE_TITLES,
    Note,
    heading,
    layer_row,
    stage_row,
    stages_of,
    total_row,
    totals,
)
from inarch.commands.inspect.drawing.tables import is_of_words, tables_of
from inarch.commands.inspect.records import Measurements
from inarch.models.anatomy.records import ModelTrace
from inarch.report.text_table import rule_below, table_lines
from inarch.report.wording import make_printable


def to_text(trace: ModelTrace, measured: Measurements | None = None, *, layers: bool = False) -> str:
    """One line per stage with totals, the costs by concept, the measurements; with ``layers`` every layer."""
    parts = ["\n".join(line for line in (heading(trace), totals(trace), make_printable(trace.source)) if line)]
    stages = [stage_row(stage, trace) for stage in stages_of(trace)]
    parts.append(_align_columns(STAGE_TITLES, stages, total_row(STAGE_TITLES, trace)))
    if layers:
        rows = [layer_row(node, trace) for node in trace.nodes]
        parts.append(_align_columns(LAYER_TITLES, rows, total_row(LAYER_TITLES, trace)))
    parts.append("\n".join(fill(note, 100) for note in Note))
    for table in tables_of(trace, measured or Measurements()):
        parts.append(f"{table.caption}\n{_align_columns(table.titles, table.rows, table.total)}")
        parts.append(fill(table.note, 100))
    return "\n\n".join(parts) + "\n"


def _align_columns(titles: Sequence[str], rows: Sequence[Sequence[str]], total: Sequence[str]) -> str:
    """Words aligned to the left, numbers to the right."""
    sides = "".join("l" if is_of_words(title) else "r" for title in titles)
    head, *lines = table_lines([titles, *rows, *([total] if total else [])], sides)
    rule = rule_below([head, *lines])
    return "\n".join([head, rule, *lines[:-1], rule, lines[-1]] if total else [head, rule, *lines])

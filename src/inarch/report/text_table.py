"""Tables for a terminal or a pipe: plain lines, as wide as they need to be."""

from collections.abc import Iterable, Sequence
from io import StringIO
from typing import Literal

from rich.cells import cell_len
from rich.console import Console
from rich.table import Table
from rich.text import Text


def table_lines(rows: Iterable[Sequence[str]], sides: str) -> list[str]:
    """Rows as lines whose columns line up, also where a character takes two places, as Chinese ones do.

    Args:
        rows: cells of one line each, as many for each row as there are ``sides``; the first row may be titles.
        sides: ``l`` or ``r`` for each column.
    """
    gap = 2
    unlimited = 100_000  # columns of the terminal that is drawn for: nothing is broken or cut
    justified: dict[str, Literal["left", "right"]] = {"l": "left", "r": "right"}
    table = Table.grid(padding=(0, gap, 0, 0))
    for side in sides:
        table.add_column(justify=justified[side], no_wrap=True)
    for row in rows:
        table.add_row(*map(Text, row))
    console = Console(file=StringIO(), width=unlimited, color_system=None)
    with console.capture() as captured:
        console.print(table)
    return [line.rstrip() for line in captured.get().splitlines()]


def rule_below(lines: Sequence[str]) -> str:
    """A rule as long as the longest of them."""
    return "─" * max(map(cell_len, lines))

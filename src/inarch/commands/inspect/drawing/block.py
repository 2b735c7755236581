"""One block, enlarged: every layer with its kernel, its channels and its cost."""

from inarch.commands.inspect.drawing.marks import (
    PAGE,
    arrow,
    text_at,
)
from inarch.commands.inspect.drawing.paths import (
    Pen,
    draw_path,
    extent_of,
    line,
)
from inarch.commands.inspect.drawing.structure import BlockShape
from inarch.commands.inspect.drawing.summary import shape_text
from inarch.report.svg import Number


def draw_block(shape: BlockShape, y: Number, pen: Pen) -> tuple[list[str], Number, Number]:
    """Draw the block from ``y`` on.

    Returns:
        The marks, the width that they need, and the y below them.
    """
    arrow_width = 34  # at least, of the arrows into and out of the block
    extent = extent_of(shape.series, pen)
    into, out = shape_text(shape.group.in_shape), shape_text(shape.group.last.out_shape)
    begin = PAGE.margin + max(arrow_width, PAGE.character * len(into) + 22)
    end = begin + extent.width
    level = y + max(extent.above, 20) + 6
    right = end + max(arrow_width, PAGE.character * len(out) + 22)
    marks = [
        text_at(into, PAGE.margin, level - 7, "quiet"),
        arrow(PAGE.margin, begin, level),
        *draw_path(shape.series, begin, level, pen),
        arrow(end, right, level) if shape.series else line(begin, level, right, level),
        text_at(out, right, level - 7, "quiet end"),
    ]
    return marks, max(PAGE.width, right + PAGE.margin), level + max(extent.below, 12) + 10

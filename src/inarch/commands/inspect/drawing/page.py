"""The drawings of a page: the whole net, every stage and every block, each as a part that the others lead to."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from inarch.commands.inspect.drawing.block import draw_block
from inarch.commands.inspect.drawing.captions import block_caption, stage_caption
from inarch.commands.inspect.drawing.marks import (
    WIDTH,
    anchor,
    block_anchor,
    frame,
    leaving,
)
from inarch.commands.inspect.drawing.overview import Overview
from inarch.commands.inspect.drawing.paths import Pen, full_lines, short_lines
from inarch.commands.inspect.drawing.quantities import Quantity, for_blocks
from inarch.commands.inspect.drawing.rows import Rows, run_name
from inarch.commands.inspect.drawing.structure import BlockShape
from inarch.commands.inspect.drawing.summary import Group, heading, stages_of
from inarch.commands.inspect.drawing.svg import described, names_of
from inarch.models.anatomy.records import NetTrace
from inarch.report.svg import Number
from inarch.report.wording import printable

WHOLE = "part-"
"""The part that shows the whole net; no stage or block has an empty name."""


@dataclass(frozen=True)
class Part:
    """One drawing with its words."""

    anchor: str
    up: str
    """The anchor of the part that it is a part of; empty for the whole."""
    title: str
    caption: str
    picture: str
    quantities: tuple[Quantity, ...]
    """With the bounds that hold for its boxes."""
    heading: str = "h2"


def parts_of(trace: NetTrace, quantities: Sequence[Quantity]) -> Iterator[Part]:
    """The whole, then each stage with its blocks behind it."""
    rows = Rows(trace, Pen(quantities, short_lines), links=True)
    shapes = {stage.name: rows.shapes(stage) for stage in stages_of(trace)}
    yield _whole(trace, quantities, shapes)
    for stage in stages_of(trace):
        yield _stage(trace, rows, stage)
        for shape in shapes[stage.name]:
            yield _block(shape, stage, quantities)


def _whole(trace: NetTrace, quantities: Sequence[Quantity], shapes: dict[str, tuple[BlockShape, ...]]) -> Part:
    goes_to = {name: shape.group.name for each in shapes.values() for shape in each for name in names_of(shape, trace)}
    bounded = tuple(map(for_blocks, quantities))
    marks, y = Overview(trace, bounded, goes_to, links=True).draw(8)
    return Part(
        anchor=WHOLE,
        up="",
        title="The whole net",
        caption="One box a block: as high as its map (logarithmic), from what comes in to what goes out, as wide "
        "as its channels (square root). Lines in a box are branches, the bar is where they are concatenated; an arc "
        "with a plus is a shortcut.",
        picture=_framed((WIDTH, y), marks, bounded, heading(trace), described(stages_of(trace), trace)),
        quantities=bounded,
    )


def _stage(trace: NetTrace, rows: Rows, stage: Group) -> Part:
    marks, end, y = rows.draw([stage], 12, first=stage.nodes[0] is trace.nodes[0])
    if stage.nodes[-1] is trace.nodes[-1]:
        marks += leaving(trace, end)
    caption = stage_caption(stage, trace)
    return Part(
        anchor=anchor(stage.name),
        up=WHOLE,
        title=printable(stage.name),
        caption=caption,
        picture=_framed((WIDTH, y), marks, rows.pen.quantities, f"stage {stage.name}", caption),
        quantities=tuple(rows.pen.quantities),
    )


def _block(shape: BlockShape, stage: Group, quantities: Sequence[Quantity]) -> Part:
    marks, width, y = draw_block(shape, 10, Pen(quantities, full_lines, focusable=True))
    caption = block_caption(shape)
    return Part(
        anchor=block_anchor(shape.group.name, stage.name),
        up=anchor(stage.name),
        title=printable(run_name(shape)),
        caption=caption,
        picture=_framed((width, y), marks, quantities, f"block {run_name(shape)}", caption),
        quantities=tuple(quantities),
        heading="h3",
    )


def _framed(
    size: tuple[Number, Number], marks: Sequence[str], quantities: Sequence[Quantity], title: str, description: str
) -> str:
    return frame(size, marks, quantities[0], title=title, description=description, style=False)

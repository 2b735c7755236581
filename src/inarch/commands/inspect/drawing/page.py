"""The drawings of a page: the overview, every stage and every block, linked with each other."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from inarch.commands.inspect.drawing.block import draw_block
from inarch.commands.inspect.drawing.captions import block_caption, stage_caption
from inarch.commands.inspect.drawing.marks import (
    PAGE,
    anchor,
    block_anchor,
    exit_flow,
    frame,
)
from inarch.commands.inspect.drawing.overview import Overview
from inarch.commands.inspect.drawing.paths import Pen, full_lines, short_lines
from inarch.commands.inspect.drawing.quantities import BoxQuantity, rescale_for_blocks
from inarch.commands.inspect.drawing.rows import LayerRows, run_name
from inarch.commands.inspect.drawing.structure import BlockShape
from inarch.commands.inspect.drawing.summary import Group, heading, stages_of
from inarch.commands.inspect.drawing.svg import describe_stages, names_of
from inarch.models.anatomy.records import ModelTrace
from inarch.report.wording import make_printable


@dataclass(frozen=True)
class Part:
    """One drawing with its caption."""

    anchor: str
    up: str
    """The anchor of its parent; empty for the overview."""
    title: str
    caption: str
    picture: str
    quantities: tuple[BoxQuantity, ...]
    """The quantities, with scales that suit its boxes."""
    heading: str = "h2"


def parts_of(trace: ModelTrace, quantities: Sequence[BoxQuantity]) -> Iterator[Part]:
    """The overview, then each stage followed by its blocks."""
    rows = LayerRows(trace, Pen(quantities, short_lines), links=True)
    shapes = {stage.name: rows.shapes(stage) for stage in stages_of(trace)}
    yield _whole_model_part(trace, quantities, shapes)
    for stage in stages_of(trace):
        yield _stage(trace, rows, stage)
        for shape in shapes[stage.name]:
            yield _block(shape, stage, quantities)


def _whole_model_part(
    trace: ModelTrace, quantities: Sequence[BoxQuantity], shapes: dict[str, tuple[BlockShape, ...]]
) -> Part:
    goes_to = {name: shape.group.name for each in shapes.values() for shape in each for name in names_of(shape, trace)}
    bounded = tuple(map(rescale_for_blocks, quantities))
    marks, y = Overview(trace, bounded, goes_to, links=True).draw(8)
    return Part(
        anchor=anchor(""),  # no stage or block has an empty name
        up="",
        title="Overview",
        caption="One box per block: its height is the side of the feature map (logarithmic), from input to output, its "
        "width the channels (square root). Lines in a box are branches, the bar is their concatenation; an arc with a "
        "plus is a shortcut.",
        picture=frame(
            (PAGE.width, y), marks, None, title=heading(trace), description=describe_stages(stages_of(trace), trace)
        ),
        quantities=bounded,
    )


def _stage(trace: ModelTrace, rows: LayerRows, stage: Group) -> Part:
    marks, end, y = rows.draw([stage], 12, first=stage.nodes[0] is trace.nodes[0])
    if stage.nodes[-1] is trace.nodes[-1]:
        marks += exit_flow(trace, end)
    caption = stage_caption(stage, trace)
    return Part(
        anchor=anchor(stage.name),
        up=anchor(""),
        title=make_printable(stage.name),
        caption=caption,
        picture=frame((PAGE.width, y), marks, None, title=f"stage {stage.name}", description=caption),
        quantities=tuple(rows.pen.quantities),
    )


def _block(shape: BlockShape, stage: Group, quantities: Sequence[BoxQuantity]) -> Part:
    marks, width, y = draw_block(shape, 10, Pen(quantities, full_lines, focusable=True))
    caption = block_caption(shape)
    return Part(
        anchor=block_anchor(shape.group.name, stage.name),
        up=anchor(stage.name),
        title=make_printable(run_name(shape)),
        caption=caption,
        picture=frame((width, y), marks, None, title=f"block {run_name(shape)}", description=caption),
        quantities=tuple(quantities),
        heading="h3",
    )

"""A model as one picture, at three scales: the overview, a stage, a block."""

from collections.abc import Sequence
from textwrap import wrap

from inarch.commands.inspect.drawing.block import draw_block
from inarch.commands.inspect.drawing.captions import block_caption
from inarch.commands.inspect.drawing.marks import (
    PAGE,
    colours,
    exit_flow,
    frame,
    legend,
    text_at,
)
from inarch.commands.inspect.drawing.overview import Overview
from inarch.commands.inspect.drawing.paths import Pen, full_lines, short_lines
from inarch.commands.inspect.drawing.quantities import (
    BoxQuantity,
    find_quantity,
    quantities_of,
    rescale_for_blocks,
)
from inarch.commands.inspect.drawing.rows import LayerRows, run_name
from inarch.commands.inspect.drawing.structure import BlockShape
from inarch.commands.inspect.drawing.summary import (
    Group,
    format_count,
    heading,
    shape_text,
    share_text,
    stages_of,
    totals,
)
from inarch.commands.inspect.records import Measurements
from inarch.errors import UnknownNameError
from inarch.models.anatomy.records import ModelTrace
from inarch.report.wording import count_of, shorten


def to_svg(trace: ModelTrace, measured: Measurements | None = None, *, part: str = "", colour: str = "macs") -> str:
    """The picture, light or dark by the reader's own setting, on its own background.

    Args:
        trace: the model.
        measured: its measurements, whose quantities can colour it.
        part: ``model`` for one box a block, a stage's or a block's name; empty for every layer of every stage.
        colour: ``macs``, ``parameters``, ``memory``; if measured, ``ms``, ``onnx-ms``, ``gradient``.

    Raises:
        UnknownNameError: there is no such part, or that colour's quantity was not measured.
    """
    overview = "model"
    quantity = find_quantity(colour, quantities_of(trace, measured or Measurements()))
    if part == overview:
        return _overview(trace, quantity)
    stages = {stage.name: stage for stage in stages_of(trace)}
    if part in stages or not part:
        return _stages(trace, [stages[part]] if part else [*stages.values()], quantity)
    rows = LayerRows(trace, Pen([quantity], short_lines))
    for shape in (shape for stage in stages.values() for shape in rows.shapes(stage)):
        if part in names_of(shape, trace):
            return _block(trace, shape, quantity)
    names = [*stages, *(block.name for stage in stages.values() for block in stage.blocks)]
    raise UnknownNameError("stage or block", part, [overview, *names])


def names_of(shape: BlockShape, trace: ModelTrace) -> tuple[str, ...]:
    """The names of all blocks that share this drawing."""
    [stage] = [stage for stage in stages_of(trace) if stage.name == shape.group.nodes[0].stage]
    names = [block.name for block in stage.blocks]
    at = names.index(shape.group.name)
    return tuple(names[at : at + shape.times])


def describe_stages(groups: Sequence[Group], trace: ModelTrace) -> str:
    """The stages, one after the other, as a text alternative."""
    stages = ", ".join(
        f"{stage.name} ({count_of(len(stage.blocks), 'block')}, {share_text(stage.macs, trace.macs)} of the MACs)"
        for stage in groups
    )
    heads = dict.fromkeys(node.block for node in trace.auxiliary)
    aside = f" Auxiliary classifiers, for training only: at {', '.join(heads)}." if heads else ""
    return f"{totals(trace)}. From image to logits: {stages}.{aside}"


def _overview(trace: ModelTrace, quantity: BoxQuantity) -> str:
    quantity = rescale_for_blocks(quantity)
    marks, y = Overview(trace, [quantity], {}).draw(PAGE.top)
    note = (
        "One box per block. Height: side of the feature map (logarithmic), from input to output. "
        "Width: channels (square root)."
    )
    signs = "Lines in a box: branches; the bar is their concatenation. Arc and plus: a shortcut."
    whole = [*_title(trace), *marks, *colours(quantity, y + 6), text_at(note, PAGE.margin, y + 62, "quiet")]
    size = (PAGE.width, y + 98)
    whole.append(text_at(signs, PAGE.margin, y + 78, "quiet"))
    return frame(
        size,
        whole,
        quantity,
        title=f"{heading(trace)} , overview",
        description=describe_stages(stages_of(trace), trace),
    )


def _stages(trace: ModelTrace, stages: Sequence[Group], quantity: BoxQuantity) -> str:
    is_first = stages[0].nodes[0] is trace.nodes[0]
    marks, end, y = LayerRows(trace, Pen([quantity], short_lines)).draw(stages, PAGE.top, first=is_first)
    if stages[-1].nodes[-1] is trace.nodes[-1]:
        marks += exit_flow(trace, end)
    signs, y = legend(stages, quantity, y)
    what = "The anatomy of" if len(stages) > 1 else f"Stage {stages[0].name} of"
    return frame(
        (PAGE.width, y),
        [*_title(trace), *marks, *signs],
        quantity,
        title=f"{what} {heading(trace)}",
        description=describe_stages(stages, trace),
    )


def _block(trace: ModelTrace, shape: BlockShape, quantity: BoxQuantity) -> str:
    marks, width, y = draw_block(shape, PAGE.top + 38, Pen([quantity], full_lines))
    group = shape.group
    figures = (
        f"{shape_text(group.in_shape)} → {shape_text(group.last.out_shape)} · {group.parameters:,} parameters · "
        f"{format_count(group.macs)} MACs ({share_text(group.macs, trace.macs)} of the model)"
    )
    title = [
        text_at(run_name(shape), PAGE.margin, PAGE.top + 14, "stage"),
        text_at(figures, PAGE.margin, PAGE.top + 31, "quiet"),
    ]
    said = block_caption(shape)
    lines = [
        text_at(each, PAGE.margin, y + 18 + 16 * at)
        for at, each in enumerate(wrap(said, int((width - 2 * PAGE.margin) / PAGE.character)))
    ]
    y += 18 + 16 * len(lines)
    whole = [*_title(trace), *title, *marks, *lines, *colours(quantity, y)]
    title_text = f"Block {run_name(shape)} of {heading(trace)}"
    return frame((width, y + 50), whole, quantity, title=title_text, description=said)


def _title(trace: ModelTrace) -> list[str]:
    return [
        text_at(shorten(heading(trace), 36), PAGE.margin, 38, "name"),
        text_at(totals(trace), PAGE.margin, 58, "quiet"),
        text_at(shorten(trace.source, 60), PAGE.width - PAGE.margin, 38, "quiet end"),
    ]

"""A model as JSON: every layer, and the sums by stage and by block."""

from inarch.commands.inspect.drawing.summary import Group, concepts_of, stages_of
from inarch.commands.inspect.records import BlockSummary, LayerSums, Measurements, ModelAnatomy, StageSummary
from inarch.commands.inspect.schemas import Schema
from inarch.models.anatomy.records import ModelTrace
from inarch.storage.serialisation import to_printed_json


def to_json(trace: ModelTrace, measured: Measurements | None = None) -> str:
    """The record and the measurements."""
    return to_printed_json(anatomy_of(trace, measured), Schema.MODEL) + "\n"


def anatomy_of(trace: ModelTrace, measured: Measurements | None = None) -> ModelAnatomy:
    """The layers, and their sums."""
    return ModelAnatomy(
        name=trace.name,
        variant=trace.variant,
        source=trace.source,
        image_size=trace.image_size,
        classes=trace.classes,
        parameters=trace.parameters,
        macs=trace.macs,
        peak_bytes=trace.peak,
        running_peak_bytes=trace.running_peak,
        concepts=tuple(map(_sums, concepts_of(trace))),
        stages=tuple(
            StageSummary(**vars(_summary(stage)), blocks=tuple(map(_summary, stage.blocks)))
            for stage in stages_of(trace)
        ),
        nodes=trace.nodes,
        auxiliary=trace.auxiliary,
        measured=measured,
    )


def _sums(group: Group) -> LayerSums:
    return LayerSums(
        name=group.name,
        layers=len(group.nodes),
        parameters=group.parameters,
        macs=group.macs,
        moved_bytes=sum(node.moved for node in group.nodes),
    )


def _summary(group: Group) -> BlockSummary:
    last = group.last
    return BlockSummary(
        **vars(_sums(group)),
        in_shape=group.in_shape,
        out_shape=last.out_shape,
        stride=last.stride,
        receptive_field=last.receptive_field,
        receptive_field_min=last.receptive_field_min,
    )

"""A net as JSON: every layer, and the sums by stage and by block."""

import json
from dataclasses import asdict
from typing import Any

from inarch.commands.inspect.drawing.summary import Group, concepts_of, stages_of
from inarch.commands.inspect.records import Measurements
from inarch.models.anatomy.records import ModelTrace


def to_json(trace: ModelTrace, measured: Measurements | None = None) -> str:
    """The whole record, and what was measured. Keys are stable: programs may rely on them."""
    whole: dict[str, Any] = {
        "name": trace.name,
        "variant": trace.variant,
        "source": trace.source,
        "image_size": trace.image_size,
        "classes": trace.classes,
        "parameters": trace.parameters,
        "macs": trace.macs,
        "peak_bytes": trace.peak,
        "running_peak_bytes": trace.running_peak,
        "concepts": [_figures(concept) for concept in concepts_of(trace)],
        "stages": [
            {**_summary(stage), "blocks": [_summary(block) for block in stage.blocks]} for stage in stages_of(trace)
        ],
        "nodes": [asdict(node) for node in trace.nodes],
        "auxiliary": [asdict(node) for node in trace.auxiliary],
    }
    if measured is not None:
        whole["measured"] = asdict(measured)
    return json.dumps(whole, indent=2, ensure_ascii=False) + "\n"


def _figures(group: Group) -> dict[str, Any]:
    return {
        "name": group.name,
        "layers": len(group.nodes),
        "parameters": group.parameters,
        "macs": group.macs,
        "moved_bytes": sum(node.moved for node in group.nodes),
    }


def _summary(group: Group) -> dict[str, Any]:
    last = group.last
    return {
        **_figures(group),
        "in_shape": group.in_shape,
        "out_shape": last.out_shape,
        "stride": last.stride,
        "receptive_field": last.receptive_field,
        "receptive_field_min": last.receptive_field_min,
    }

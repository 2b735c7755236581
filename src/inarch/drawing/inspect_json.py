"""A net as JSON: every layer, and the sums by stage and by block."""

import json
from dataclasses import asdict
from typing import Any

from inarch.drawing.inspect_summary import Group, stages_of
from inarch.records import NetTrace


def to_json(trace: NetTrace) -> str:
    """The whole record. Keys are stable: programs may rely on them."""
    whole = {
        "name": trace.name,
        "variant": trace.variant,
        "source": trace.source,
        "image_size": trace.image_size,
        "classes": trace.classes,
        "parameters": trace.parameters,
        "macs": trace.macs,
        "stages": [
            {**_summary(stage), "blocks": [_summary(block) for block in stage.blocks]} for stage in stages_of(trace)
        ],
        "nodes": [asdict(node) for node in trace.nodes],
    }
    return json.dumps(whole, indent=2, ensure_ascii=False) + "\n"


def _summary(group: Group) -> dict[str, Any]:
    last = group.last
    return {
        "name": group.name,
        "layers": len(group.nodes),
        "in_shape": group.in_shape,
        "out_shape": last.out_shape,
        "stride": last.stride,
        "parameters": group.parameters,
        "macs": group.macs,
        "receptive_field": last.receptive_field,
        "receptive_field_min": last.receptive_field_min,
    }

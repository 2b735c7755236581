"""The catalog as a table."""

from collections.abc import Sequence
from typing import Any

from inarch.records import NetTrace

HEADER = ("model", "variant", "parameters", "multiply-adds", "image", "source")


def catalog_text(traces: Sequence[NetTrace]) -> str:
    """One line per net; multiply-adds are for one image of the net's own size."""
    rows = [HEADER, *(_row(trace) for trace in traces)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(HEADER))]
    lines = []
    for row in rows:
        cells = [
            cell.rjust(width) if 2 <= at <= 4 else cell.ljust(width)
            for at, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        lines.append("  ".join(cells).rstrip())
    return "\n".join(lines)


def catalog_json(traces: Sequence[NetTrace]) -> list[dict[str, Any]]:
    """The same as objects."""
    return [
        {
            "model": trace.name,
            "variant": trace.variant,
            "parameters": trace.parameters,
            "macs": trace.macs,
            "image_size": trace.image_size,
            "source": trace.source,
        }
        for trace in traces
    ]


def _row(trace: NetTrace) -> tuple[str, ...]:
    size = f"{trace.image_size}"
    return (trace.name, trace.variant, f"{trace.parameters:,}", f"{trace.macs / 1e9:.3f} G", size, trace.source)

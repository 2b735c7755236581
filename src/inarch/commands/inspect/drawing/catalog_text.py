"""The catalog as a table, paper by paper."""

from collections.abc import Sequence
from itertools import chain
from typing import Any

from inarch.commands.inspect.drawing.summary import MACS_NOTE
from inarch.models.anatomy.records import ModelSize

HEADER = ("model", "variant", "parameters", "GMACs", "pixels")
NOTES = (
    MACS_NOTE,
    "Parameters are those of 1,000 classes, without auxiliary heads.",
    "Weights: `inarch train PHOTOS --model NAME --weights FILE` reads our own files and torchvision's and timm's.",
    "More: `inarch inspect NAME --variants` says how a net departs from its paper and how it can be varied.",
)


def catalog_text(nets: Sequence[ModelSize], ready: Sequence[str] = ()) -> str:
    """Under each paper a line per net; multiply-adds are for one image of the net's own size.

    Args:
        nets: what is listed.
        ready: those whose trained weights come with inarch.
    """
    groups: dict[str, list[tuple[str, ...]]] = {}
    for net in nets:
        groups.setdefault(_paper(net), []).append(_row(net))
    rows = [HEADER, *chain.from_iterable(groups.values())]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = [_line(HEADER, widths)]
    for paper, rows_of in groups.items():
        lines += ["", paper, *(_line(row, widths) for row in rows_of)]
    with_weights = [f"Trained weights come with inarch for {' and '.join(ready)}."] if ready else []
    return "\n".join([*lines, "", *NOTES, *with_weights])


def catalog_json(nets: Sequence[ModelSize]) -> list[dict[str, Any]]:
    """The same as objects."""
    return [
        {
            "model": net.name,
            "variant": net.variant,
            "parameters": net.parameters,
            "macs": net.macs,
            "image_size": net.image_size,
            "source": net.source,
        }
        for net in nets
    ]


def _paper(net: ModelSize) -> str:
    """The source without the table or section: ``Szegedy et al. 2015, arXiv 1409.4842``."""
    return ", ".join(net.source.split(", ")[:2])


def _row(net: ModelSize) -> tuple[str, ...]:
    figures = (f"{net.parameters:,}", f"{net.macs / 1e9:.3f}", f"{net.image_size}")
    return (f"  {net.name}", net.variant, *figures)


def _line(row: Sequence[str], widths: Sequence[int]) -> str:
    """Words to the left of their column, figures to the right."""
    cells = [
        cell.ljust(width) if at < 2 else cell.rjust(width)
        for at, (cell, width) in enumerate(zip(row, widths, strict=True))
    ]
    return "  ".join(cells)

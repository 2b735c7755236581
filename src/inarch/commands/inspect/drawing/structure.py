"""A block as paths: sequences of layers, and forks of paths that end in a join."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from itertools import groupby
from typing import Union

from inarch.commands.inspect.drawing.summary import Group
from inarch.models.anatomy.records import Node

POOLS = ("max pool", "average pool")
DRAWN = ("convolution", "linear", "local response norm", *POOLS)
"""The kinds with a box; element-wise layers belong to the layer before them."""


class Join(StrEnum):
    """The kinds of layers in which parallel paths end."""

    CONCATENATION = "concatenation"
    ADDITION = "addition"


@dataclass(frozen=True)
class DrawnFork:
    """Parallel paths, and the node that joins them. An empty path is an identity shortcut."""

    join: Node
    paths: tuple["Series", ...]


Series = tuple[Union[Node, DrawnFork], ...]  # noqa: UP007  # a forward reference does not work with `|`


@dataclass(frozen=True)
class BlockShape:
    """A block to draw, or a run of equal blocks that is drawn once."""

    group: Group
    series: Series
    times: int = 1
    until: str = ""
    """The name of the last block of the run."""


def block_shapes(stage: Group) -> tuple[BlockShape, ...]:
    """Every block of a stage."""
    return tuple(BlockShape(block, series_of(block.nodes)) for block in stage.blocks)


def merge_equal_blocks(shapes: Sequence[BlockShape]) -> tuple[BlockShape, ...]:
    """The same blocks, with neighbours that differ only in their names merged."""
    runs = [list(run) for _, run in groupby(shapes, lambda shape: _signature(shape.group))]
    return tuple(replace(run[0], times=len(run), until=run[-1].group.name) for run in runs)


def series_of(nodes: Sequence[Node], branch: str = "") -> Series:
    """The layers of ``branch`` in order; layers of deeper branches form a fork that ends with its join."""
    items: list[Node | DrawnFork] = []
    deeper: list[Node] = []
    for node in nodes:
        if node.branch != branch:
            deeper.append(node)
        elif node.kind in tuple(Join):
            items.append(DrawnFork(node, _paths(deeper, branch, node.kind)))
            deeper = []
        elif node.kind in DRAWN:
            items.append(node)
    return (*items, *(node for node in deeper if node.kind in DRAWN))


def _paths(nodes: Sequence[Node], branch: str, join: str) -> tuple[Series, ...]:
    prefix = f"{branch}/" if branch else ""
    inside: dict[str, list[Node]] = {}
    for node in nodes:
        name = node.branch.removeprefix(prefix).split("/")[0]
        inside.setdefault(name, []).append(node)
    paths = tuple(series_of(within, prefix + name) for name, within in inside.items())
    return (*paths, ()) if join == Join.ADDITION and len(paths) == 1 else paths


def _signature(group: Group) -> tuple[tuple[object, ...], ...]:
    return tuple((node.kind, node.detail, node.branch, node.in_shape, node.out_shape) for node in group.nodes)

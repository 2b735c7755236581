"""Common parts of text, JSON, picture and page: layers grouped by stage and block, and formatted figures."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import groupby
from operator import attrgetter

from inarch.models.anatomy.records import ModelTrace, Node
from inarch.report.wording import make_printable


@dataclass(frozen=True)
class Group:
    """The layers of one stage or one block, in running order; never empty."""

    name: str
    nodes: tuple[Node, ...]

    @property
    def in_shape(self) -> tuple[int, ...]:
        """The shape of the input."""
        return self.nodes[0].in_shape

    @property
    def last(self) -> Node:
        """The layer whose output is the group's."""
        return self.nodes[-1]

    @property
    def parameters(self) -> int:
        """Parameters of the whole group."""
        return sum(node.parameters for node in self.nodes)

    @property
    def macs(self) -> int:
        """Multiply-adds of the whole group for one image."""
        return sum(node.macs for node in self.nodes)

    @property
    def blocks(self) -> tuple["Group", ...]:
        """The group's layers by block."""
        return _group_nodes(self.nodes, "block")


def stages_of(trace: ModelTrace) -> tuple[Group, ...]:
    """The model by stage; the head is the last of them."""
    return _group_nodes(trace.nodes, "stage")


def concepts_of(trace: ModelTrace) -> tuple[Group, ...]:
    """The model's layers by concept; the concept with the most MACs comes first."""
    inside: dict[str, list[Node]] = {}
    for node in trace.nodes:
        inside.setdefault(node.concept, []).append(node)
    groups = [Group(concept, tuple(nodes)) for concept, nodes in inside.items()]
    return tuple(sorted(groups, key=lambda group: (-group.macs, -len(group.nodes))))


def _group_nodes(nodes: Iterable[Node], attribute: str) -> tuple[Group, ...]:
    return tuple(Group(name, tuple(run)) for name, run in groupby(nodes, attrgetter(attribute)))


def format_count(count: int) -> str:
    """Three significant digits and a unit: ``1.50 G``, ``128 M``."""
    value, units = float(count), ["", " k", " M", " G", " T"]
    while value >= 999.5 and len(units) > 1:
        value /= 1000
        del units[0]
    digits = 0 if value == count or value >= 99.95 else 1 if value >= 9.995 else 2
    return f"{value:.{digits}f}{units[0]}"


def shape_text(shape: tuple[int, ...]) -> str:
    """``64×112×112``: channels, height, width."""
    return "×".join(map(str, shape))


def share_text(part: int | float, whole: int | float) -> str:
    """``12.3 %``; 0 % if the whole is 0."""
    return f"{100 * part / whole if whole else 0.0:.1f} %"


def kernel_text(node: Node) -> str:
    """``3×3/2``, or the node's other detail unchanged."""
    kernel, space, rest = node.detail.partition(" ")
    return (kernel.replace("x", "×") if kernel[:1].isdigit() else kernel) + space + rest


def field_text(node: Node) -> str:
    """``59``, or ``27–59`` with a narrower path."""
    low, high = node.receptive_field_min, node.receptive_field
    return str(high) if low == high else f"{low}–{high}"


def heading(trace: ModelTrace) -> str:
    """Name and variant: ``resnet50 (v1.5)``."""
    return make_printable(f"{trace.name} ({trace.variant})" if trace.variant else trace.name)


def totals(trace: ModelTrace) -> str:
    """The whole model in one line."""
    return (
        f"{trace.image_size} × {trace.image_size} pixels · {trace.classes:,} classes · "
        f"{trace.parameters:,} parameters · {format_count(trace.macs)} MACs"
    )


def _titles(*own: str) -> tuple[str, ...]:
    return (*own, "output", "stride", "parameters", "share", "MACs", "share", "receptive field")


STAGE_TITLES = _titles("stage", "blocks")
LAYER_TITLES = _titles("layer", "kind", "kernel")


def stage_row(stage: Group, trace: ModelTrace) -> tuple[str, ...]:
    """A stage's cells under `STAGE_TITLES`."""
    return (make_printable(stage.name), str(len(stage.blocks)), *_figures(stage, trace))


def layer_row(node: Node, trace: ModelTrace) -> tuple[str, ...]:
    """A layer's cells under `LAYER_TITLES`; its path without the common prefix."""
    words = (node.path.removeprefix("backbone.stages."), node.kind, kernel_text(node))
    return (*map(make_printable, words), *_figures(Group(node.path, (node,)), trace))


def total_row(titles: Sequence[str], trace: ModelTrace) -> tuple[str, ...]:
    """The cells of the whole model under either titles."""
    known = {titles[0]: "total", "parameters": f"{trace.parameters:,}", "MACs": format_count(trace.macs)}
    if "blocks" in titles:
        known["blocks"] = str(sum(len(stage.blocks) for stage in stages_of(trace)))
    return tuple(known.get(title, "") for title in titles)


def _figures(group: Group, trace: ModelTrace) -> tuple[str, ...]:
    last = group.last
    return (
        shape_text(last.out_shape),
        str(last.stride),
        f"{group.parameters:,}",
        share_text(group.parameters, trace.parameters),
        format_count(group.macs),
        share_text(group.macs, trace.macs),
        field_text(last),
    )


class Note(StrEnum):
    """The notes below the tables of a model."""

    MACS = "MACs are multiply-adds of convolutions and linear layers for one image; FLOPs are about twice that."
    STRIDE = "The stride is the distance, in input pixels, between neighbouring output values."
    FIELD = (
        "The receptive field is the side, in input pixels, of the square that influences one output value: "
        "along the narrowest path – along the widest. It may be larger than the image."
    )

"""Blocks as SVG: every layer a box, with parallel branches and their joins.

Every piece is drawn along a flow line: it begins at ``x``, and extends ``above`` and ``below`` the line's ``y``.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import log2, sqrt

from inarch.commands.inspect.drawing.quantities import BoxQuantity, classes_of
from inarch.commands.inspect.drawing.structure import (
    POOLS,
    DrawnFork,
    Join,
    Series,
)
from inarch.commands.inspect.drawing.summary import (
    field_text,
    format_count,
    kernel_text,
    shape_text,
)
from inarch.models.anatomy.records import Node
from inarch.report.svg import Number, element, escape_text


@dataclass(frozen=True)
class PathLayout:
    """The measures of layers and branches, in pixels."""

    gap: int = 7
    """Distance between two layers of a path."""
    between: int = 6
    """Distance between the boxes of two branches."""
    spread: int = 9
    """Distance from the fork to its paths and from the paths to the join."""
    bar: int = 5
    """Width of the bar that is a concatenation."""
    radius: int = 7
    """Radius of the circle that is an addition."""
    character: float = 6.1
    """Mean width of a character of a box's label."""
    line: float = 13.5
    """Distance between the lines of text in a box."""


PATHS = PathLayout()


@dataclass(frozen=True)
class Extent:
    """The space that a piece needs."""

    width: Number
    above: Number
    below: Number

    @property
    def height(self) -> Number:
        """Total height."""
        return self.above + self.below


@dataclass(frozen=True)
class Pen:
    """The level of detail of boxes, and the quantities that colour them."""

    quantities: Sequence[BoxQuantity]
    lines: Callable[[Node], tuple[str, ...]]
    focusable: bool = False
    """Whether boxes can be reached by keyboard."""

    def extent(self, node: Node) -> Extent:
        """Height by the side of the feature map (logarithm), width by channels (square root), large enough to read."""
        shape, lines = node.out_shape, self.lines(node)
        side = max(shape[-1], 1) if len(shape) == 3 else 1
        half = max(PATHS.line * len(lines) + 1.5, 4 + 3.4 * log2(side)) / 2
        return Extent(
            max(17 + 0.6 * sqrt(shape[0]), PATHS.character * max(map(len, lines)) + 4 + 4 * len(lines)), half, half
        )

    def box(self, node: Node, x: Number, y: Number) -> str:
        """The layer's box, beginning at ``x``, centred at ``y``."""
        extent, lines = self.extent(node), self.lines(node)
        rounding = min(extent.above, 9 + 2 * len(lines)) if node.kind in POOLS else 2
        first = y + 3.7 - PATHS.line * (len(lines) - 1) / 2
        texts = [
            element("text", escape_text(each), x=x + extent.width / 2, y=first + PATHS.line * at, class_="label")
            for at, each in enumerate(lines)
        ]
        return element(
            "g",
            element("title", self.tip(node)),
            element("rect", x=x, y=y - extent.above, width=extent.width, height=extent.height, rx=rounding,
                    class_="layer"),
            *texts,
            class_=f"box {classes_of([node], self.quantities)}",
            **({"tabindex": "0", "role": "img"} if self.focusable else {}),
        )  # fmt: skip

    def tip(self, node: Node) -> str:
        """The layer's figures, as a tooltip without markup."""
        what = f"{node.kind} {kernel_text(node)}".strip()
        known = [each.word(each.values[id(node)]) for each in self.quantities if each.values.get(id(node))]
        lines = [
            node.path,
            f"{what}: {shape_text(node.in_shape)} → {shape_text(node.out_shape)}; {node.concept}",
            ", ".join(known),
            f"receptive field {field_text(node)} pixels, {node.intensity:.1f} FLOPs a byte",
        ]
        return "\n".join(escape_text(each) for each in lines if each)


def label_of(node: Node) -> str:
    """A layer's label in one word."""
    if node.kind in POOLS:
        return {"max pool": "max", "average pool": "avg"}[node.kind] + ("/2" if "/2" in node.detail else "")
    return {"linear": "linear", "local response norm": "LRN"}.get(node.kind) or kernel_text(node).split(" ")[0]


def short_lines(node: Node) -> tuple[str, ...]:
    """The label of a layer among many."""
    return (label_of(node),)


def full_lines(node: Node) -> tuple[str, ...]:
    """The label of a layer in a large box: kernel, channels, and MACs."""
    name = {"max pool": "max pool", "average pool": "average pool"}.get(node.kind, "")
    kernel = kernel_text(node).split(" ")[0] or label_of(node)
    first = f"{name} {kernel}".strip() if node.kind != "linear" else "linear"
    channels = f"{node.in_shape[0]:,} → {node.out_shape[0]:,}"
    return (first, channels, f"{format_count(node.macs)} MACs" if node.macs else "no MACs")


def extent_of(series: Series, pen: Pen) -> Extent:
    """The space that a path needs."""
    if not series:
        return Extent(0, 0, 0)
    extents = [_item_extent(item, pen) for item in series]
    width = sum(each.width for each in extents) + PATHS.gap * (len(extents) - 1)
    return Extent(width, max(each.above for each in extents), max(each.below for each in extents))


def draw_path(series: Series, x: Number, y: Number, pen: Pen) -> list[str]:
    """Draw a path from ``x`` along ``y``."""
    marks: list[str] = []
    for place, item in enumerate(series):
        if place:
            marks.append(line(x - PATHS.gap, y, x, y))
        marks += _draw_fork(item, x, y, pen) if isinstance(item, DrawnFork) else [pen.box(item, x, y)]
        x += _item_extent(item, pen).width + PATHS.gap
    return marks


def line(x1: Number, y1: Number, x2: Number, y2: Number, kind: str = "flow") -> str:
    """A segment of the flow, along one axis or both: first across, then up or down."""
    return element("path", d=f"M{x1:.1f} {y1:.1f}H{x2:.1f}V{y2:.1f}", class_=kind)


def plus(x: Number, y: Number) -> str:
    """The addition: a circle with a plus in it, around (x, y)."""
    reach = PATHS.radius - 3
    cross = f"M{x - reach:.1f} {y:.1f}h{2 * reach}M{x:.1f} {y - reach:.1f}v{2 * reach}"
    return element("circle", cx=x, cy=y, r=PATHS.radius, class_="join") + element("path", d=cross, class_="plus")


def _item_extent(item: Node | DrawnFork, pen: Pen) -> Extent:
    if not isinstance(item, DrawnFork):
        return pen.extent(item)
    paths = [extent_of(path, pen) for path in item.paths]
    inner = max((each.width for each in paths), default=0)
    if item.join.kind == Join.ADDITION and len(paths) == 2:
        residual, shortcut = paths
        above = residual.above + PATHS.between + shortcut.height
        return Extent(PATHS.spread + inner + PATHS.spread + 2 * PATHS.radius, above, max(residual.below, PATHS.radius))
    height = sum(each.height for each in paths) + PATHS.between * (len(paths) - 1)
    return Extent(PATHS.spread + inner + PATHS.spread + PATHS.bar, height / 2, height / 2)


def _draw_fork(fork: DrawnFork, x: Number, y: Number, pen: Pen) -> list[str]:
    if fork.join.kind == Join.ADDITION and len(fork.paths) == 2:
        return _draw_addition(fork, x, y, pen)
    return _draw_concatenation(fork, x, y, pen)


def _draw_concatenation(fork: DrawnFork, x: Number, y: Number, pen: Pen) -> list[str]:
    """Branches from top to bottom, each ending at the bar."""
    extent = _item_extent(fork, pen)
    bar = x + extent.width - PATHS.bar
    top, marks = y - extent.above, []
    for path in fork.paths:
        room = extent_of(path, pen)
        level, begin = top + room.above, bar - PATHS.spread - room.width
        marks += [element("path", d=f"M{x:.1f} {y:.1f}V{level:.1f}H{begin:.1f}", class_="flow")]
        marks += [line(begin + room.width, level, bar, level), *draw_path(path, begin, level, pen)]
        top += room.height + PATHS.between
    tip = element("title", pen.tip(fork.join))
    body = element("rect", x=bar, y=y - extent.above, width=PATHS.bar, height=extent.height, rx=2, class_="join")
    return [*marks, element("g", tip, body)]


def _draw_addition(fork: DrawnFork, x: Number, y: Number, pen: Pen) -> list[str]:
    """The residual path on the flow line, the shortcut in an arc above it."""
    extent = _item_extent(fork, pen)
    residual, shortcut = (extent_of(path, pen) for path in fork.paths)
    centre = x + extent.width - PATHS.radius
    level = y - residual.above - PATHS.between - shortcut.below
    begin = x + (extent.width - 2 * PATHS.radius - residual.width) / 2
    across = (x + centre - shortcut.width) / 2
    bend = min(6.0, y - level)
    arc = (
        f"M{x:.1f} {y:.1f}V{level + bend:.1f}q0 {-bend:.1f} {bend:.1f} {-bend:.1f}"
        f"H{centre - bend:.1f}q{bend:.1f} 0 {bend:.1f} {bend:.1f}V{y - PATHS.radius:.1f}"
    )
    tip = element("title", pen.tip(fork.join))
    return [
        element("path", d=arc, class_="shortcut"),
        line(x, y, begin, y),
        line(begin + residual.width, y, centre - PATHS.radius, y),
        *draw_path(fork.paths[0], begin, y, pen),
        *draw_path(fork.paths[1], across, level, pen),
        element("g", tip, plus(centre, y)),
    ]

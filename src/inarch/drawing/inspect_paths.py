"""Blocks as SVG: every layer a box, branches side by side, and the joins that bring them together.

Every piece is drawn along a flow line: it begins at ``x``, and reaches ``above`` and ``below`` the line's ``y``.
"""

from dataclasses import dataclass
from math import log2, sqrt

from inarch.drawing.inspect_colours import shade
from inarch.drawing.inspect_structure import ADDITION, POOLS, Fork, Series
from inarch.drawing.inspect_summary import field_text, kernel_text, shape_text, share_text, short
from inarch.drawing.svg import Number, element, plain
from inarch.records import Node

GAP = 7
"""Between two layers of a path."""
BETWEEN = 6
"""Between two branches, from box to box."""
SPREAD = 9
"""From the fork to its paths and from the paths to the join."""
BAR, RADIUS = 5, 7
CHARACTER = 6.1
"""Mean width of a character of a box's label."""


@dataclass(frozen=True)
class Extent:
    """The room that a piece takes."""

    width: Number
    above: Number
    below: Number

    @property
    def height(self) -> Number:
        """From top to bottom."""
        return self.above + self.below


def label_of(node: Node) -> str:
    """What stands in the box."""
    if node.kind in POOLS:
        return {"max pool": "max", "average pool": "avg"}[node.kind] + ("/2" if "/2" in node.detail else "")
    return {"linear": "linear", "local response norm": "LRN"}.get(node.kind) or kernel_text(node).split(" ")[0]


def box_extent(shape: tuple[int, ...], label: str) -> Extent:
    """As high as the map is large (logarithm), as wide as it has channels (square root)."""
    half = max(15.0, 4 + 3.4 * log2(max(shape[-1], 1) if len(shape) == 3 else 1)) / 2
    return Extent(max(17 + 0.6 * sqrt(shape[0]), CHARACTER * len(label) + 6), half, half)


def extent_of(series: Series) -> Extent:
    """The room that a path takes."""
    if not series:
        return Extent(0, 0, 0)
    extents = [_item_extent(item) for item in series]
    width = sum(each.width for each in extents) + GAP * (len(extents) - 1)
    return Extent(width, max(each.above for each in extents), max(each.below for each in extents))


def draw_path(series: Series, x: Number, y: Number, whole: int) -> list[str]:
    """A path from ``x`` along ``y``; ``whole`` is the net's MACs."""
    marks: list[str] = []
    for place, item in enumerate(series):
        if place:
            marks.append(line(x - GAP, y, x, y))
        marks += _draw_fork(item, x, y, whole) if isinstance(item, Fork) else [_draw_box(item, x, y, whole)]
        x += _item_extent(item).width + GAP
    return marks


def line(x1: Number, y1: Number, x2: Number, y2: Number, kind: str = "flow") -> str:
    """A piece of the flow, drawn along one axis or both: first across, then up or down."""
    return element("path", d=f"M{x1:.1f} {y1:.1f}H{x2:.1f}V{y2:.1f}", class_=kind)


def plus(x: Number, y: Number) -> str:
    """The addition: a circle with a plus in it, around (x, y)."""
    reach = RADIUS - 3
    cross = f"M{x - reach:.1f} {y:.1f}h{2 * reach}M{x:.1f} {y - reach:.1f}v{2 * reach}"
    return element("circle", cx=x, cy=y, r=RADIUS, class_="join") + element("path", d=cross, class_="plus")


def tip_of(node: Node, whole: int) -> str:
    """All that is known about a layer, for the mouse."""
    shapes = f"{shape_text(node.in_shape)} → {shape_text(node.out_shape)}"
    figures = f"{node.parameters:,} parameters, {short(node.macs)} MACs ({share_text(node.macs, whole)})"
    what = f"{node.kind} {kernel_text(node)}".strip()
    return f"{node.path}\n{what}: {shapes}\n{figures}\nreceptive field {field_text(node)} pixels"


def _item_extent(item: Node | Fork) -> Extent:
    if not isinstance(item, Fork):
        return box_extent(item.out_shape, label_of(item))
    paths = [extent_of(path) for path in item.paths]
    inner = max((each.width for each in paths), default=0)
    if item.join.kind == ADDITION and len(paths) == 2:
        residual, shortcut = paths
        above = residual.above + BETWEEN + shortcut.height
        return Extent(SPREAD + inner + SPREAD + 2 * RADIUS, above, max(residual.below, RADIUS))
    height = sum(each.height for each in paths) + BETWEEN * (len(paths) - 1)
    return Extent(SPREAD + inner + SPREAD + BAR, height / 2, height / 2)


def _draw_box(node: Node, x: Number, y: Number, whole: int) -> str:
    label = label_of(node)
    extent = box_extent(node.out_shape, label)
    at = shade(node.macs, whole)
    rounding = extent.above if node.kind in POOLS else 2
    return element(
        "g",
        element("title", plain_tip(node, whole)),
        element("rect", x=x, y=y - extent.above, width=extent.width, height=extent.height, rx=rounding,
                class_=f"layer fill-{at}"),
        element("text", plain(label), x=x + extent.width / 2, y=y + 3.7, class_=f"label on-{at}"),
    )  # fmt: skip


def plain_tip(node: Node, whole: int) -> str:
    """The tip, line by line, with nothing in it that SVG would obey."""
    return "\n".join(plain(each) for each in tip_of(node, whole).split("\n"))


def _draw_fork(fork: Fork, x: Number, y: Number, whole: int) -> list[str]:
    if fork.join.kind == ADDITION and len(fork.paths) == 2:
        return _draw_addition(fork, x, y, whole)
    return _draw_concatenation(fork, x, y, whole)


def _draw_concatenation(fork: Fork, x: Number, y: Number, whole: int) -> list[str]:
    """Branches from top to bottom, each ending at the bar."""
    extent = _item_extent(fork)
    bar = x + extent.width - BAR
    top, marks = y - extent.above, []
    for path in fork.paths:
        room = extent_of(path)
        level, begin = top + room.above, bar - SPREAD - room.width
        marks += [element("path", d=f"M{x:.1f} {y:.1f}V{level:.1f}H{begin:.1f}", class_="flow")]
        marks += [line(begin + room.width, level, bar, level), *draw_path(path, begin, level, whole)]
        top += room.height + BETWEEN
    tip = element("title", plain_tip(fork.join, whole))
    body = element("rect", x=bar, y=y - extent.above, width=BAR, height=extent.height, rx=2, class_="join")
    return [*marks, element("g", tip, body)]


def _draw_addition(fork: Fork, x: Number, y: Number, whole: int) -> list[str]:
    """The residual path on the flow line, the shortcut in an arc above it."""
    extent = _item_extent(fork)
    residual, shortcut = (extent_of(path) for path in fork.paths)
    centre = x + extent.width - RADIUS
    level = y - residual.above - BETWEEN - shortcut.below
    begin = x + (extent.width - 2 * RADIUS - residual.width) / 2
    across = (x + centre - shortcut.width) / 2
    bend = min(6.0, y - level)
    arc = (
        f"M{x:.1f} {y:.1f}V{level + bend:.1f}q0 {-bend:.1f} {bend:.1f} {-bend:.1f}"
        f"H{centre - bend:.1f}q{bend:.1f} 0 {bend:.1f} {bend:.1f}V{y - RADIUS:.1f}"
    )
    tip = element("title", plain_tip(fork.join, whole))
    return [
        element("path", d=arc, class_="shortcut"),
        line(x, y, begin, y),
        line(begin + residual.width, y, centre - RADIUS, y),
        *draw_path(fork.paths[0], begin, y, whole),
        *draw_path(fork.paths[1], across, level, whole),
        element("g", tip, plus(centre, y)),
    ]

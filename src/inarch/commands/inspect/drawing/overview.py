"""The overview of a model: one box for each block, as high as its feature map and as wide as its channels.

Boxes shrink with the grid; a block with a shortcut has it above, one with branches shows their number; auxiliary
classifiers branch off below.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from math import log2, sqrt

from inarch.commands.inspect.drawing.marks import (
    PAGE,
    Place,
    anchor,
    block_anchor,
    entrance,
    link_mark,
    text_at,
)
from inarch.commands.inspect.drawing.paths import line
from inarch.commands.inspect.drawing.quantities import BoxQuantity, classes_of
from inarch.commands.inspect.drawing.structure import DrawnFork, Join, series_of
from inarch.commands.inspect.drawing.summary import (
    Group,
    shape_text,
    share_text,
    stages_of,
)
from inarch.models.anatomy.records import ModelTrace
from inarch.report.svg import Number, element, escape_text
from inarch.report.wording import make_printable, shorten


@dataclass(frozen=True)
class OverviewLayout:
    """The measures of the overview, in pixels."""

    gap: int = 9
    """Distance between two blocks."""
    stage_gap: int = 20
    """Distance between two stages."""
    header: int = 48
    """Height of a stage's header."""
    arc: int = 16
    """Height of the space for shortcuts."""
    label: int = 20
    """Height of the space for names."""
    aside: int = 40
    """Height of the space for auxiliary classifiers."""
    doubling: float = 11.0
    """Growth of a box's height for each doubling of the feature map."""
    head: int = 92
    """Width of the sign of an auxiliary classifier."""
    plus: float = 4.5
    """Radius of the addition."""


OVERVIEW = OverviewLayout()


@dataclass(frozen=True)
class Box:
    """The box of one block."""

    stage: Group
    group: Group
    label: str
    goes_to: str
    """The block whose drawing shows it."""

    @cached_property
    def forks(self) -> tuple[DrawnFork, ...]:
        """The forks of its paths, outermost first."""
        return tuple(item for item in series_of(self.group.nodes) if isinstance(item, DrawnFork))

    @property
    def adds(self) -> bool:
        """Whether it has a shortcut."""
        return any(fork.join.kind == Join.ADDITION for fork in self.forks)

    @property
    def branches(self) -> int:
        """The number of branches that it concatenates; 0 if none."""
        forks = [*self.forks]
        for fork in self.forks:
            forks += [item for path in fork.paths for item in path if isinstance(item, DrawnFork)]
        return max((len(fork.paths) for fork in forks if fork.join.kind != Join.ADDITION), default=0)

    @property
    def width(self) -> Number:
        """Width of the box alone."""
        return 12 + 0.75 * sqrt(self.group.last.out_shape[0])

    @property
    def inner(self) -> Number:
        """Width with its addition sign."""
        return self.width + (2 * OVERVIEW.plus + 4 if self.adds else 0)

    @property
    def room(self) -> Number:
        """Width with its name."""
        return max(self.inner, PAGE.character * len(self.label))


def _height(shape: tuple[int, ...]) -> Number:
    return 8 + OVERVIEW.doubling * log2(shape[-1]) if len(shape) == 3 else 8


@dataclass(frozen=True)
class Overview:
    """Draws the overview; ``goes_to`` names, for blocks that are drawn together with another, that other block."""

    trace: ModelTrace
    quantities: Sequence[BoxQuantity]
    goes_to: dict[str, str]
    links: bool = False

    def draw(self, y: Number) -> tuple[list[str], Number]:
        """The marks, and the y below them."""
        marks: list[str] = []
        end: Place | None = None
        for row in self._rows():
            y = y if any(map(self._is_first, row)) else y - OVERVIEW.header
            level = y + OVERVIEW.header + OVERVIEW.arc + max(_height(box.group.in_shape) for box in row) / 2
            marks += entrance(end, y + (0 if any(map(self._is_first, row)) else OVERVIEW.header), level)
            drawn, end, y = self._row(row, y, level)
            marks += drawn
        return marks, y - PAGE.between_rows + 6

    def _boxes(self) -> Iterator[Box]:
        for stage in stages_of(self.trace):
            names = [block.name for block in stage.blocks]
            begins = {name[: name.rfind("_") + 1] for name in names}
            shared = begins.pop() if len(begins) == 1 else ""
            for block in stage.blocks:
                label = shorten(block.name.removeprefix(shared) or block.name, 12)
                yield Box(stage, block, label, self.goes_to.get(block.name, block.name))

    def _rows(self) -> list[list[Box]]:
        rows: list[list[Box]] = []
        for box in self._boxes():
            if rows and self._reach([*rows[-1], box]) <= PAGE.margin + PAGE.room:
                rows[-1].append(box)
            else:
                rows.append([box])
        return rows

    def _places(self, row: Sequence[Box]) -> list[Number]:
        """The left end of each box: stages are far enough apart for their headers."""
        places: list[Number] = []
        x = free = float(PAGE.margin)
        for at, box in enumerate(row):
            begins = at == 0 or row[at - 1].stage is not box.stage
            x = max(x + (OVERVIEW.stage_gap if at else 0), free) if begins else x + OVERVIEW.gap
            if self._is_first(box):
                free = x + _header_width(box) + OVERVIEW.stage_gap
            places.append(x)
            x += box.room
        return places

    def _reach(self, row: Sequence[Box]) -> Number:
        """The right end of boxes and headers."""
        return max(
            x + max(box.room, _header_width(box) if self._is_first(box) else 0)
            for x, box in zip(self._places(row), row, strict=True)
        )

    def _row(self, row: Sequence[Box], y: Number, level: Number) -> tuple[list[str], Place, Number]:
        foot = level + max(_height(box.group.in_shape) for box in row) / 2
        aside = OVERVIEW.aside if any(self._heads(box) for box in row) else 0
        marks: list[str] = []
        ends: list[tuple[Number, Number]] = [(PAGE.margin, PAGE.margin)]
        for x, box in zip(self._places(row), row, strict=True):
            here = x + (box.room - box.inner) / 2
            marks += self._header(box, x, y) if self._is_first(box) else []
            marks += self._box(box, here, level, foot)
            ends.append((here, here + box.inner))
        flow = [line(left, level, right, level) for (_, left), (right, _) in pairwise(ends)]
        return [*flow, *marks], (ends[-1][1], level), foot + OVERVIEW.label + aside + PAGE.between_rows

    def _is_first(self, box: Box) -> bool:
        return box.group.nodes[0] is box.stage.nodes[0]

    def _header(self, box: Box, x: Number, y: Number) -> list[str]:
        stage = box.stage
        name = element("text", escape_text(shorten(stage.name, 16)), x=x, y=y + 12, class_="stage")
        return [
            link_mark(name, anchor(stage.name), f"stage {stage.name}") if self.links else name,
            text_at(shape_text(stage.last.out_shape), x, y + 27, "quiet"),
            text_at(_share(stage, self.trace), x, y + 41, "quiet"),
        ]

    def _box(self, box: Box, x: Number, level: Number, foot: Number) -> list[str]:
        """A box that begins as high as the input feature map and ends as high as the output."""
        begin, end = _height(box.group.in_shape) / 2, _height(box.group.last.out_shape) / 2
        right = x + box.width
        outline = (
            f"M{x:.1f} {level - begin:.1f}L{right:.1f} {level - end:.1f}v{2 * end:.1f}L{x:.1f} {level + begin:.1f}z"
        )
        parts = [element("title", self._tip(box)), element("path", d=outline, class_="layer")]
        if box.branches:
            lines = [level + (2 * (at + 1) / (box.branches + 1) - 1) * min(begin, end) for at in range(box.branches)]
            inside = "".join(f"M{x + 4:.1f} {each:.1f}H{right - 5:.1f}" for each in lines)
            parts.append(element("path", d=inside, class_="branches"))
            parts.append(element("rect", x=right - 4, y=level - end, width=4, height=2 * end, class_="join"))
        body = element("g", *parts, class_=f"box {classes_of(box.group.nodes, self.quantities)}")
        marks = [self._shortcut(box, x, level, begin)] if box.adds else []
        name = text_at(box.label, x + box.inner / 2, foot + 15, "middle")
        whole = "".join([*marks, body, name])
        if self.links:
            whole = link_mark(whole, block_anchor(box.goes_to, box.stage.name), f"block {box.group.name}")
        return [whole, *self._aside(box, x + box.width / 2, foot)]

    def _shortcut(self, box: Box, x: Number, level: Number, above: Number) -> str:
        """The arc from the input of the box, over it, to the plus after it."""
        centre = x + box.width + OVERVIEW.plus + 4
        top = level - above - 7
        arc = f"M{x - 3:.1f} {level:.1f}V{top + 5:.1f}q0 -5 5 -5H{centre - 5:.1f}q5 0 5 5V{level - OVERVIEW.plus:.1f}"
        cross = f"M{centre - 2.5:.1f} {level:.1f}h5M{centre:.1f} {level - 2.5:.1f}v5"
        return "".join(
            [
                element("path", d=arc, class_="shortcut"),
                line(x + box.width, level, x + box.inner, level),
                element("circle", cx=centre, cy=level, r=OVERVIEW.plus, class_="join"),
                element("path", d=cross, class_="plus"),
            ]
        )

    def _heads(self, box: Box) -> bool:
        ends_stage = box.group.nodes[-1] is box.stage.nodes[-1]
        names = {box.group.name, box.stage.name} if ends_stage else {box.group.name}
        return any(node.block in names for node in self.trace.auxiliary)

    def _aside(self, box: Box, x: Number, foot: Number) -> list[str]:
        if not self._heads(box):
            return []
        top = foot + OVERVIEW.label + 6
        left = min(max(x - OVERVIEW.head / 2, 6), PAGE.width - OVERVIEW.head - 6)
        return [
            element("path", d=f"M{x:.1f} {foot + OVERVIEW.label:.1f}v6", class_="flow"),
            element("rect", x=left, y=top, width=OVERVIEW.head, height=20, rx=4, class_="card"),
            text_at("auxiliary", left + OVERVIEW.head / 2, top + 14, "middle quiet"),
        ]

    def _tip(self, box: Box) -> str:
        group = box.group
        values = [
            each.word(sum(each.values.get(id(node), 0.0) for node in group.nodes))
            for each in self.quantities
            if each.name != "gradient"
        ]
        lines = [group.name, f"{shape_text(group.in_shape)} → {shape_text(group.last.out_shape)}", *values]
        return "\n".join(escape_text(each) for each in lines)


def _share(stage: Group, trace: ModelTrace) -> str:
    return f"{share_text(stage.macs, trace.macs)} of MACs"


def _header_width(box: Box) -> Number:
    name = shorten(make_printable(box.stage.name), 16)
    return max(9.5 * len(name), PAGE.character * len(shape_text(box.stage.last.out_shape)), PAGE.character * 15)

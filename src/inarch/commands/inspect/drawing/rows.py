"""Stages in rows: every block a card with its layers, its name, its output shape and its MACs."""

from collections.abc import Sequence
from dataclasses import dataclass

from inarch.commands.inspect.drawing.marks import (
    PAGE,
    Place,
    arrow,
    block_anchor,
    entrance,
    link_mark,
    text_at,
)
from inarch.commands.inspect.drawing.paths import (
    Extent,
    Pen,
    draw_path,
    extent_of,
    line,
)
from inarch.commands.inspect.drawing.structure import (
    BlockShape,
    block_shapes,
    merge_equal_blocks,
    series_of,
)
from inarch.commands.inspect.drawing.summary import (
    Group,
    format_count,
    shape_text,
    share_text,
)
from inarch.models.anatomy.records import ModelTrace
from inarch.report.svg import Number, element, escape_text
from inarch.report.wording import shorten


@dataclass(frozen=True)
class RowLayout:
    """The measures of stages in rows, in pixels."""

    padding: int = 9
    """Around the layers of a block's card."""
    caption: int = 50
    """Height of the captions below them."""
    gap: int = 14
    """Distance between two cards."""
    section_gap: int = 28
    """Distance between two stages of a row."""
    stretch: int = 22
    """The most that a gap may grow to fill its row."""
    header: int = 58
    """Height of a stage's header."""
    header_width: int = 210
    aside: int = 74
    """Space below a row for the auxiliary classifiers of its blocks."""


ROWS = RowLayout()


@dataclass(frozen=True)
class Card:
    """A block with its captions, and the space for both."""

    shape: BlockShape
    captions: tuple[str, ...]
    extent: Extent

    @property
    def width(self) -> Number:
        """Width with padding."""
        return max(self.extent.width + 2 * ROWS.padding, max(PAGE.character * len(each) for each in self.captions) + 16)


@dataclass(frozen=True)
class Section:
    """A stage, or the part of it in one row."""

    stage: Group
    cards: tuple[Card, ...]
    header: Number
    """Width of the header above it; 0 for a continued stage."""
    begins: bool = True

    @property
    def width(self) -> Number:
        """Width of the cards with the smallest gaps, and of the header above them."""
        return max(
            ROWS.header_width, self.header, sum(card.width for card in self.cards) + ROWS.gap * (len(self.cards) - 1)
        )


@dataclass(frozen=True)
class LayerRows:
    """Draws stages of a model with a pen; blocks may link to their own drawings."""

    trace: ModelTrace
    pen: Pen
    links: bool = False

    def draw(self, stages: Sequence[Group], y: Number, *, first: bool = True) -> tuple[list[str], Place | None, Number]:
        """Draw the stages from ``y`` on.

        If a stage does not fit into one row, equal neighbouring blocks are drawn once and counted, and the rest
        continues in another row.

        Returns:
            The marks, the end of the flow, and the y below it.
        """
        marks: list[str] = []
        end: Place | None = None
        for at, row in enumerate(self._packed(stages)):
            if at or first:
                marks += entrance(end, y, self._level(row, y))
            drawn, end, y = self._row(row, y)
            marks += drawn
        return marks, end, y

    def _packed(self, stages: Sequence[Group]) -> list[list[Section]]:
        """The stages from left to right, with a new row if the next one does not fit."""
        rows: list[list[Section]] = []
        used = 0.0
        for section in (section for stage in stages for section in self._sections(stage)):
            fits = section.begins and used + ROWS.section_gap + section.width <= PAGE.room
            if rows and fits:
                rows[-1].append(section)
                used += ROWS.section_gap + section.width
            else:
                rows.append([section])
                used = section.width
        return rows

    def _sections(self, stage: Group) -> list[Section]:
        """The stage in as few pieces as rows can hold."""
        header = PAGE.character * len(stage_figures(stage, self.trace))
        pieces = wrap_cards([self._card(shape) for shape in self.shapes(stage)])
        return [
            Section(stage, tuple(cards), header if place == 0 else 0.0, begins=place == 0)
            for place, cards in enumerate(pieces)
        ]

    def shapes(self, stage: Group) -> tuple[BlockShape, ...]:
        """The stage's blocks as they are drawn: equal neighbours are merged if not all of them fit into a row."""
        shapes = block_shapes(stage)
        return shapes if len(wrap_cards([self._card(shape) for shape in shapes])) == 1 else merge_equal_blocks(shapes)

    def _card(self, shape: BlockShape) -> Card:
        group, times = shape.group, shape.times
        work = format_count(group.macs) if times == 1 else f"{times} × {format_count(group.macs)}"
        captions = (run_name(shape), shape_text(group.last.out_shape), work if group.macs else "")
        return Card(shape, captions, extent_of(shape.series, self.pen))

    def _level(self, row: Sequence[Section], y: Number) -> Number:
        top = y + (ROWS.header if row[0].begins else 0)
        return top + ROWS.padding + 3 + max(card.extent.above for section in row for card in section.cards)

    def _row(self, row: Sequence[Section], y: Number) -> tuple[list[str], Place, Number]:
        """The stages of a row from left to right, the end of its flow, and the y below it."""
        cards = [card for section in row for card in section.cards]
        top = y + (ROWS.header if row[0].begins else 0)
        level = self._level(row, y)
        height = level - top + max(card.extent.below for card in cards) + ROWS.caption
        stretch = _stretch(row)
        marks: list[str] = []
        x: Number = PAGE.margin
        end: Number | None = None
        aside = 0
        for section in row:
            marks += self._header(section.stage, x, y) if section.begins else []
            here = x
            for card in section.cards:
                if end is not None:
                    marks.append(arrow(end, here, level))
                marks += self._draw_card(card, (here, top, height), level)
                heads = self._heads(card, section.stage, (here + card.width / 2, top + height))
                aside = ROWS.aside if heads else aside
                marks += heads
                end = here + card.width
                here = end + ROWS.gap + stretch
            x += section.width + stretch * len(section.cards) + ROWS.section_gap
        return marks, (x if end is None else end, level), top + height + aside + PAGE.between_rows

    def _header(self, stage: Group, x: Number, y: Number) -> list[str]:
        """Name and output shape, the stage's figures, and a bar with the length of its share of the MACs."""
        share = stage.macs / self.trace.macs if self.trace.macs else 0.0
        shape = element("tspan", escape_text(shape_text(stage.last.out_shape)), dx=9, class_="shape")
        return [
            element("text", escape_text(shorten(stage.name, 16)), shape, x=x, y=y + 12, class_="stage"),
            text_at(stage_figures(stage, self.trace), x, y + 29, "quiet"),
            element("rect", x=x, y=y + 37, width=ROWS.header_width, height=3, rx=1.5, class_="track"),
            element("rect", x=x, y=y + 37, width=ROWS.header_width * share, height=3, rx=1.5, class_="join"),
        ]

    def _draw_card(self, card: Card, place: tuple[Number, Number, Number], level: Number) -> list[str]:
        """A card at (x, y) with a height; its layers along ``level``, its captions below them."""
        x, y, height = place
        stacked = [
            element("rect", x=x + back, y=y - back, width=card.width, height=height, rx=6, class_="card")
            for back in ((6, 3, 0) if card.shape.times > 1 else (0,))
        ]
        begin = x + (card.width - card.extent.width) / 2
        centre = x + card.width / 2
        top = y + height - ROWS.caption
        captions = [
            text_at(caption, centre, top + 17 + 13.5 * at, f"middle {'quiet' if at else 'block'}")
            for at, caption in enumerate(card.captions)
        ]
        through = line(x, level, begin, level) + line(begin + card.extent.width, level, x + card.width, level)
        badge = _badge(f"×{card.shape.times}", x + card.width - 8, y) if card.shape.times > 1 else ""
        marks = [*stacked, through, *draw_path(card.shape.series, begin, level, self.pen), *captions, badge]
        if not self.links:
            return marks
        group = card.shape.group
        return [link_mark("".join(marks), block_anchor(group.name, group.nodes[0].stage), f"block {group.name}")]

    def _heads(self, card: Card, stage: Group, foot: Place) -> list[str]:
        """The auxiliary classifier of a card, off the path from image to logits."""
        names = {card.shape.group.name} | ({stage.name} if card.shape.group.nodes[-1] is stage.nodes[-1] else set())
        nodes = [node for node in self.trace.auxiliary if node.block in names]
        if not nodes:
            return []
        series = series_of(nodes)
        extent = extent_of(series, self.pen)
        caption = f"auxiliary classifier: {format_count(sum(node.parameters for node in nodes))} parameters"
        width = max(extent.width + 2 * ROWS.padding, PAGE.character * len(caption) + 12)
        last = PAGE.width - PAGE.margin - width
        x = foot[0] + 18 if foot[0] + 18 <= last else min(last, foot[0] - 12)
        top, height = foot[1] + 14, extent.height + 30
        level = top + 7 + extent.above
        if x > foot[0]:  # around the corner, to its first layer
            way, ends = f"V{level:.1f}H{x - 5:.1f}", f"M{x:.1f} {level:.1f}l-6 -3.5v7z"
        else:  # no space next to the line: from above
            way, ends = f"V{top - 5:.1f}", f"M{foot[0]:.1f} {top:.1f}l-3.5 -6h7z"
        return [
            element("rect", x=x, y=top, width=width, height=height, rx=6, class_="card aside"),
            element("path", d=f"M{foot[0]:.1f} {foot[1]:.1f}{way}", class_="flow aside"),
            element("path", d=ends, class_="head"),
            line(x, level, x + ROWS.padding, level),
            *draw_path(series, x + ROWS.padding, level, self.pen),
            text_at(caption, x + 8, top + height - 8, "quiet"),
        ]


def run_name(shape: BlockShape) -> str:
    """``3a``, or ``block3_2 … block3_36`` for equal blocks that are drawn once."""
    name = shape.group.name
    return {1: name, 2: f"{name}, {shape.until}"}.get(shape.times, f"{name} … {shape.until}")


def stage_figures(stage: Group, trace: ModelTrace) -> str:
    """A stage's share of the model, in a line."""
    macs = f"{format_count(stage.macs)} MACs ({share_text(stage.macs, trace.macs)})"
    return f"{macs} · {format_count(stage.parameters)} parameters"


def wrap_cards(cards: Sequence[Card]) -> list[list[Card]]:
    """The cards in rows that fit."""
    pieces: list[list[Card]] = [[]]
    used = 0.0
    for card in cards:
        if pieces[-1] and used + ROWS.gap + card.width > PAGE.room:
            pieces.append([])
        used = used + ROWS.gap + card.width if pieces[-1] else card.width
        pieces[-1].append(card)
    return pieces


def _stretch(row: Sequence[Section]) -> Number:
    """The growth of every gap of the row."""
    spare = PAGE.room - sum(section.width for section in row) - ROWS.section_gap * (len(row) - 1)
    gaps = sum(len(section.cards) for section in row) - 1
    return min(ROWS.stretch, spare / gaps) if gaps else 0.0


def _badge(label: str, x: Number, y: Number) -> str:
    width = PAGE.character * len(label) + 14
    pill = element("rect", x=x - width + 14, y=y - 9, width=width, height=18, rx=9, class_="join")
    return pill + text_at(label, x + 14 - width / 2, y + 4, "times")

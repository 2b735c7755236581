"""A whole net as one picture: stages in rows, every block drawn, coloured by where the multiply-adds go."""

from collections.abc import Sequence
from dataclasses import dataclass

from inarch.drawing.inspect_colours import LABELS, STYLE
from inarch.drawing.inspect_paths import BAR, Extent, draw_path, extent_of, line, plus
from inarch.drawing.inspect_structure import (
    ADDITION,
    CONCATENATION,
    DRAWN,
    POOLS,
    BlockShape,
    block_shapes,
    folded,
)
from inarch.drawing.inspect_summary import Group, heading, shape_text, share_text, short, stages_of, totals
from inarch.drawing.svg import Number, element, plain
from inarch.drawing.wording import shorten
from inarch.records import NetTrace

WIDTH, MARGIN = 880, 28
ROOM = WIDTH - 2 * MARGIN
PADDING, CAPTION = 9, 50
"""Inside a block's card: around its layers, and under them."""
GAP, SECTION_GAP, STRETCH = 14, 28, 22
"""Between two cards, between two stages of a row, and by how much a gap may grow to fill its row."""
HEADER, HEADER_WIDTH, BETWEEN_ROWS = 58, 210, 24
CHARACTER = 6.3
"""Mean width of a character of a caption."""


@dataclass(frozen=True)
class Card:
    """A block with its captions, and the room that both take."""

    shape: BlockShape
    captions: tuple[str, ...]
    extent: Extent

    @property
    def width(self) -> Number:
        """Of the card with its padding."""
        return max(self.extent.width + 2 * PADDING, max(CHARACTER * len(each) for each in self.captions) + 12)


@dataclass(frozen=True)
class Section:
    """A stage, or as much of it as one row holds."""

    stage: Group
    cards: tuple[Card, ...]
    begins: bool = True

    @property
    def width(self) -> Number:
        """Of the cards with the smallest gaps, and of the header over them."""
        return max(HEADER_WIDTH, sum(card.width for card in self.cards) + GAP * (len(self.cards) - 1))


def to_svg(trace: NetTrace) -> str:
    """The picture: 880 pixels wide, light or dark by the reader's own setting, on its own ground.

    Where a stage does not fit into one row, neighbouring blocks that are alike are drawn once and counted, and
    what still does not fit goes into a further row.
    """
    marks, y = _title(trace), 80.0
    end: tuple[Number, Number] | None = None
    for row in _rows(trace):
        drawn, end, y = _draw_row(row, y, end, trace)
        marks += drawn
    marks += _output(trace, end)
    legend, y = _legend(trace, y)
    return _picture(trace, y, [*marks, *legend])


def _picture(trace: NetTrace, height: Number, marks: Sequence[str]) -> str:
    return element(
        "svg",
        element("title", plain(f"The anatomy of {heading(trace)}")),
        element("desc", plain(_description(trace))),
        element("style", STYLE),
        element("rect", width=WIDTH, height=height, rx=8, class_="ground"),
        *marks,
        xmlns="http://www.w3.org/2000/svg",
        class_="anatomy",
        role="img",
        viewBox=f"0 0 {WIDTH} {height:.0f}",
        width=WIDTH,
        height=f"{height:.0f}",
        font_family="system-ui, -apple-system, 'Segoe UI', sans-serif",
    )


def _description(trace: NetTrace) -> str:
    stages = ", ".join(
        f"{stage.name} ({len(stage.blocks)} blocks, {share_text(stage.macs, trace.macs)} of the MACs)"
        for stage in stages_of(trace)
    )
    return f"{totals(trace)}. From image to logits: {stages}."


def _title(trace: NetTrace) -> list[str]:
    return [
        _text(shorten(heading(trace), 36), MARGIN, 38, "name"),
        _text(totals(trace), MARGIN, 58, "quiet"),
        _text(shorten(trace.source, 60), WIDTH - MARGIN, 38, "quiet end"),
    ]


def _stage_header(stage: Group, trace: NetTrace, x: Number, y: Number) -> list[str]:
    """Name and map, the stage's figures, and a bar as long as its share of the MACs."""
    share = stage.macs / trace.macs if trace.macs else 0.0
    figures = f"{short(stage.macs)} MACs ({share_text(stage.macs, trace.macs)}) · {short(stage.parameters)} parameters"
    shape = element("tspan", plain(shape_text(stage.last.out_shape)), dx=9, class_="shape")
    return [
        element("text", plain(shorten(stage.name, 16)), shape, x=x, y=y + 12, class_="stage"),
        _text(figures, x, y + 29, "quiet"),
        element("rect", x=x, y=y + 37, width=HEADER_WIDTH, height=3, rx=1.5, class_="track"),
        element("rect", x=x, y=y + 37, width=HEADER_WIDTH * share, height=3, rx=1.5, class_="join"),
    ]


def _rows(trace: NetTrace) -> list[list[Section]]:
    """The stages from left to right, a new row where the next one does not fit."""
    rows: list[list[Section]] = []
    used = 0.0
    for section in (section for stage in stages_of(trace) for section in _sections(stage)):
        fits = section.begins and used + SECTION_GAP + section.width <= ROOM
        if rows and fits:
            rows[-1].append(section)
            used += SECTION_GAP + section.width
        else:
            rows.append([section])
            used = section.width
    return rows


def _sections(stage: Group) -> list[Section]:
    """The stage in as few pieces as rows can hold; blocks alike are folded where it does not fit into one."""
    shapes = block_shapes(stage)
    pieces = _wrapped(shapes)
    if len(pieces) > 1:
        pieces = _wrapped(folded(shapes))
    return [Section(stage, tuple(cards), begins=place == 0) for place, cards in enumerate(pieces)]


def _wrapped(shapes: Sequence[BlockShape]) -> list[list[Card]]:
    pieces: list[list[Card]] = [[]]
    used = 0.0
    for card in map(_card, shapes):
        if pieces[-1] and used + GAP + card.width > ROOM:
            pieces.append([])
        used = used + GAP + card.width if pieces[-1] else card.width
        pieces[-1].append(card)
    return pieces


def _card(shape: BlockShape) -> Card:
    group, times = shape.group, shape.times
    name = {1: group.name, 2: f"{group.name}, {shape.until}"}.get(times, f"{group.name} … {shape.until}")
    work = short(group.macs) if times == 1 else f"{times} × {short(group.macs)}"
    captions = (name, shape_text(group.last.out_shape), work if group.macs else "")
    return Card(shape, captions, extent_of(shape.series))


def _draw_row(
    row: Sequence[Section], y: Number, before: tuple[Number, Number] | None, trace: NetTrace
) -> tuple[list[str], tuple[Number, Number], Number]:
    """The stages of a row from left to right, joined to where the flow came from.

    Returns:
        the marks, where the flow leaves the row, and the y under it.
    """
    cards = [card for section in row for card in section.cards]
    top = y + (HEADER if row[0].begins else 0)
    level = top + PADDING + 3 + max(card.extent.above for card in cards)
    height = level - top + max(card.extent.below for card in cards) + CAPTION
    marks = _entrance(before, y, level)
    stretch = _stretch(row)
    x: Number = MARGIN
    end: Number | None = None
    for section in row:
        marks += _stage_header(section.stage, trace, x, y) if section.begins else []
        here = x
        for card in section.cards:
            if end is not None:
                marks.append(_arrow(end, here, level))
            marks += _draw_card(card, (here, top, height), level, trace.macs)
            end = here + card.width
            here = end + GAP + stretch
        x += section.width + stretch * len(section.cards) + SECTION_GAP
    return marks, (x if end is None else end, level), top + height + BETWEEN_ROWS


def _stretch(row: Sequence[Section]) -> Number:
    """By how much every gap of the row grows."""
    spare = ROOM - sum(section.width for section in row) - SECTION_GAP * (len(row) - 1)
    gaps = sum(len(section.cards) for section in row) - 1
    return min(STRETCH, spare / gaps) if gaps else 0.0


def _draw_card(card: Card, place: tuple[Number, Number, Number], level: Number, whole: int) -> list[str]:
    """A card at (x, y) with a height; its layers along ``level``, its captions under them."""
    x, y, height = place
    stacked = [
        element("rect", x=x + back, y=y - back, width=card.width, height=height, rx=6, class_="card")
        for back in ((6, 3, 0) if card.shape.times > 1 else (0,))
    ]
    begin = x + (card.width - card.extent.width) / 2
    centre = x + card.width / 2
    top = y + height - CAPTION
    captions = [
        _text(caption, centre, top + 17 + 13.5 * at, f"middle {'quiet' if at else 'block'}")
        for at, caption in enumerate(card.captions)
    ]
    through = line(x, level, begin, level) + line(begin + card.extent.width, level, x + card.width, level)
    badge = _badge(f"×{card.shape.times}", x + card.width - 8, y) if card.shape.times > 1 else ""
    return [*stacked, through, *draw_path(card.shape.series, begin, level, whole), *captions, badge]


def _badge(label: str, x: Number, y: Number) -> str:
    width = CHARACTER * len(label) + 14
    pill = element("rect", x=x - width + 14, y=y - 9, width=width, height=18, rx=9, class_="join")
    return pill + _text(label, x + 14 - width / 2, y + 4, "times")


def _entrance(before: tuple[Number, Number] | None, y: Number, level: Number) -> list[str]:
    """The flow into a row: from the image, or from the end of the row above around the stages' headers."""
    if before is None:
        turned = f"translate(15 {level:.1f}) rotate(-90)"
        return [element("text", "image", transform=turned, class_="middle"), _arrow(19, MARGIN, level)]
    x, from_level = before
    turn, bend = y - BETWEEN_ROWS / 2, MARGIN / 2
    path = f"M{x:.1f} {from_level:.1f}H{WIDTH - bend:.1f}V{turn:.1f}H{bend:.1f}V{level:.1f}H{MARGIN - 5}"
    return [element("path", d=path, class_="flow return", stroke_linejoin="round"), _head(MARGIN, level)]


def _output(trace: NetTrace, end: tuple[Number, Number] | None) -> list[str]:
    if end is None:
        return []
    x, level = end
    return [_arrow(x, x + 26, level), _text(f"{trace.classes:,} logits", x + 32, level + 4, "block")]


def _arrow(x1: Number, x2: Number, y: Number) -> str:
    return line(x1, y, x2 - 5, y) + _head(x2, y)


def _head(x: Number, y: Number) -> str:
    return element("path", d=f"M{x:.1f} {y:.1f}l-6 -3.5v7z", class_="head")


def _legend(trace: NetTrace, y: Number) -> tuple[list[str], Number]:
    """The colours, the signs that this net needs, and what is not drawn."""
    marks = [element("rect", x=MARGIN, y=y, width=ROOM, height=1, class_="track")]
    marks += [_text("Share of the net's MACs in one layer", MARGIN, y + 24)]
    x = MARGIN + 214.0
    for at, label in enumerate(LABELS):
        marks.append(element("rect", x=x, y=y + 13, width=22, height=15, rx=2, class_=f"layer fill-{at}"))
        marks.append(_text(label, x + 27, y + 24, "quiet"))
        x += 84
    marks += _signs(trace, y + 48)
    kinds = dict.fromkeys(node.kind for node in trace.nodes)
    undrawn = [kind for kind in kinds if kind not in (*DRAWN, CONCATENATION, ADDITION)]
    note = (
        "Box height: side of the map (logarithmic). Box width: channels (square root). "
        "MACs: multiply-adds for one image."
    )
    marks.append(_text(note, MARGIN, y + 72, "quiet"))
    if undrawn:
        marks.append(_text(f"Not drawn: {', '.join(undrawn)}.", MARGIN, y + 88, "quiet"))
    return marks, y + 104


def _signs(trace: NetTrace, y: Number) -> list[str]:
    kinds = {node.kind for node in trace.nodes}
    marks: list[str] = []
    x: Number = MARGIN
    for sign, label in _known_signs(kinds, y):
        marks += [element("g", sign, transform=f"translate({x:.1f} 0)"), _text(label, x + 44, y + 4, "quiet")]
        x += 44 + CHARACTER * len(label) + 24
    return marks


def _known_signs(kinds: set[str], y: Number) -> list[tuple[str, str]]:
    pill = element("rect", x=0, y=y - 7.5, width=36, height=15, rx=7.5, class_="layer fill-0")
    signs = [(pill, "pooling: max, average")] if kinds.intersection(POOLS) else []
    if CONCATENATION in kinds:
        bar = element("rect", x=20, y=y - 10, width=BAR, height=20, rx=2, class_="join")
        signs.append((bar + line(0, y - 5, 20, y - 5) + line(0, y + 5, 20, y + 5), "concatenation of the branches"))
    if ADDITION in kinds:
        signs.append((plus(18, y), "addition"))
        arc = element("path", d=f"M4 {y + 6:.1f}v-6q0 -6 6 -6h16q6 0 6 6v6", class_="shortcut")
        signs.append((arc, "shortcut: identity, or the layer drawn on it"))
    return signs


def _text(content: str, x: Number, y: Number, kind: str = "") -> str:
    return element("text", plain(content), x=x, y=y, class_=kind) if content else ""

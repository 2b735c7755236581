"""The common parts of every picture of a model: text, arrows, the frame and the legend."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from inarch.commands.inspect.drawing.colours import STYLE
from inarch.commands.inspect.drawing.paths import PATHS, line, plus
from inarch.commands.inspect.drawing.quantities import BoxQuantity, rules_of
from inarch.commands.inspect.drawing.structure import (
    DRAWN,
    POOLS,
    Join,
)
from inarch.commands.inspect.drawing.summary import Group
from inarch.models.anatomy.records import ModelTrace
from inarch.report.svg import Number, element, escape_text
from inarch.report.wording import make_printable

Place = tuple[Number, Number]


@dataclass(frozen=True)
class PageLayout:
    """The measures that every picture shares, in pixels."""

    width: int = 880
    margin: int = 28
    """At the left and the right of what is drawn."""
    character: float = 6.3
    """Mean width of a character of a caption."""
    between_rows: int = 24
    top: float = 80.0
    """Where the drawing begins below the title."""

    @property
    def room(self) -> int:
        """The width between the margins."""
        return self.width - 2 * self.margin


PAGE = PageLayout()


def text_at(content: str, x: Number, y: Number, kind: str = "") -> str:
    """A line of text, or nothing."""
    return element("text", escape_text(content), x=x, y=y, class_=kind) if content else ""


def arrow(x1: Number, x2: Number, y: Number) -> str:
    """The arrow from one box to the next."""
    return line(x1, y, x2 - 5, y) + head_at(x2, y)


def head_at(x: Number, y: Number) -> str:
    """The tip of an arrow."""
    return element("path", d=f"M{x:.1f} {y:.1f}l-6 -3.5v7z", class_="head")


def entrance(before: Place | None, y: Number, level: Number) -> list[str]:
    """The arrow into a row: from the image, or from the end of the row above around the stages' headers."""
    if before is None:
        turned = f"translate(15 {level:.1f}) rotate(-90)"
        return [element("text", "image", transform=turned, class_="middle"), arrow(19, PAGE.margin, level)]
    x, from_level = before
    turn, bend = y - PAGE.between_rows / 2, PAGE.margin / 2
    path = f"M{x:.1f} {from_level:.1f}H{PAGE.width - bend:.1f}V{turn:.1f}H{bend:.1f}V{level:.1f}H{PAGE.margin - 5}"
    return [element("path", d=path, class_="flow return", stroke_linejoin="round"), head_at(PAGE.margin, level)]


def exit_flow(trace: ModelTrace, end: Place | None) -> list[str]:
    """The arrow out of the model."""
    if end is None:
        return []
    x, level = end
    return [arrow(x, x + 26, level), text_at(f"{trace.classes:,} logits", x + 32, level + 4, "block")]


def link_mark(mark: str, to: str, label: str) -> str:
    """The mark as a link to another part of the page, by its anchor; for mouse and keyboard."""
    return element("a", mark, href=f"#{to}", aria_label=make_printable(label))


def block_anchor(name: str, stage: str) -> str:
    """The anchor of a block's drawing, distinct from its stage's anchor."""
    return anchor(name) + ("-block" if name == stage else "")


def anchor(name: str) -> str:
    """A part's name as a URL fragment; other characters become numbers."""
    return "part-" + re.sub("[^A-Za-z0-9_]", lambda found: f"-{ord(found[0]):x}-", name)


def frame(
    size: tuple[Number, Number], marks: Sequence[str], quantity: BoxQuantity | None, *, title: str, description: str
) -> str:
    """A whole picture on its own ground, light or dark by the reader's own setting, with a text in place of itself.

    Args:
        size: width and height in pixels.
        marks: what is drawn.
        quantity: what it is coloured by, by the style sheet that it brings; None on a page that has one.
        title: what it is.
        description: what it shows, for those who do not see it.
    """
    width, height = size
    return element(
        "svg",
        element("title", escape_text(title)),
        element("desc", escape_text(description)),
        element("style", STYLE + rules_of([quantity])) if quantity else "",
        element("rect", width=width, height=height, rx=8, class_="ground"),
        *marks,
        xmlns="http://www.w3.org/2000/svg",
        class_=f"anatomy by-{quantity.name}" if quantity else "anatomy",
        role="img" if quantity else "group",
        viewBox=f"0 0 {width:.0f} {height:.0f}",
        width=f"{width:.0f}",
        height=f"{height:.0f}",
        font_family="system-ui, -apple-system, 'Segoe UI', sans-serif",
    )


def legend(groups: Sequence[Group], quantity: BoxQuantity, y: Number) -> tuple[list[str], Number]:
    """The colours, the signs in use, and the omitted layers; and the y below them."""
    marks = [element("rect", x=PAGE.margin, y=y, width=PAGE.room, height=1, class_="track"), *colours(quantity, y + 13)]
    nodes = [node for group in groups for node in group.nodes]
    kinds = {node.kind for node in nodes}
    marks += _signs(kinds, y + 66)
    undrawn = [kind for kind in dict.fromkeys(node.kind for node in nodes) if kind not in (*DRAWN, *Join)]
    note = (
        "Box height: side of the feature map (logarithmic). Box width: channels (square root). "
        "MACs: multiply-adds for one image."
    )
    marks.append(text_at(note, PAGE.margin, y + 90, "quiet"))
    if undrawn:
        marks.append(text_at(f"Not drawn: {', '.join(undrawn)}.", PAGE.margin, y + 106, "quiet"))
    return marks, y + 122


def colours(quantity: BoxQuantity, y: Number) -> list[str]:
    """The legend of the colours: a title, and below it the palette."""
    marks = [text_at(f"{quantity.title}, of one box", PAGE.margin, y + 10)]
    for at, label in enumerate(quantity.scale.labels):
        x = PAGE.margin + 84.0 * at
        marks.append(element("rect", x=x, y=y + 18, width=22, height=15, rx=2, class_=f"layer fill-{at}"))
        marks.append(text_at(label, x + 27, y + 29, "quiet"))
    return marks


def _signs(kinds: set[str], y: Number) -> list[str]:
    marks: list[str] = []
    x: Number = PAGE.margin
    for sign, label in _known_signs(kinds, y):
        marks += [element("g", sign, transform=f"translate({x:.1f} 0)"), text_at(label, x + 44, y + 4, "quiet")]
        x += 44 + PAGE.character * len(label) + 24
    return marks


def _known_signs(kinds: set[str], y: Number) -> list[tuple[str, str]]:
    pill = element("rect", x=0, y=y - 7.5, width=36, height=15, rx=7.5, class_="layer fill-0")
    signs = [(pill, "pooling: max, average")] if kinds.intersection(POOLS) else []
    if Join.CONCATENATION in kinds:
        bar = element("rect", x=20, y=y - 10, width=PATHS.bar, height=20, rx=2, class_="join")
        signs.append((bar + line(0, y - 5, 20, y - 5) + line(0, y + 5, 20, y + 5), "concatenation of the branches"))
    if Join.ADDITION in kinds:
        signs.append((plus(18, y), "addition"))
        arc = element("path", d=f"M4 {y + 6:.1f}v-6q0 -6 6 -6h16q6 0 6 6v6", class_="shortcut")
        signs.append((arc, "shortcut: identity, unless drawn otherwise"))
    return signs

"""What a net sees, as one page that needs nothing but itself."""

from collections.abc import Mapping, Sequence

from markupsafe import Markup

from inarch.drawing import svg
from inarch.drawing.explain_text import LIMITS, cut_sentence
from inarch.drawing.report import data_uri, environment
from inarch.drawing.theme import CSS
from inarch.records.explain import ExplainedAnswer, Explanation

SIDE = 100
VEIL = 0.82
"""How dark a field becomes that has nothing of the map."""


def to_html(explanation: Explanation, pictures: Mapping[str, bytes]) -> str:
    """The page; the same record gives the same page.

    Args:
        explanation: what was measured.
        pictures: of every explained photo, by its path, as JPEG.
    """
    return (
        environment()
        .get_template("explain.html.j2")
        .render(
            explanation=explanation,
            css=Markup(CSS),
            limits=LIMITS,
            sentence=cut_sentence(explanation.depth),
            shown=[(each, _row(each, data_uri(pictures[each.path]))) for each in explanation.answers],
            shade=_shade,
        )
    )


def _row(answer: ExplainedAnswer, picture: str) -> list[tuple[str, Markup]]:
    """The photo, then each method's map over it and the map of the net that has learned nothing."""
    row = [("the photo", _veiled(picture, (), f"{answer.path}, as the net sees it."))]
    for each in answer.maps:
        row.append((each.method, _veiled(picture, each.fields, _described(each.method, each.fields))))
        words = f"{each.method}, first weights"
        row.append((words, _veiled(picture, each.shuffled, _described(words, each.shuffled))))
    return row


def _described(method: str, fields: Sequence[Sequence[float]]) -> str:
    """In words: where the map is strongest."""
    _, row, column = max((value, -row, -column) for row, line in enumerate(fields) for column, value in enumerate(line))
    half = len(fields) / 2
    upright = "upper" if -row < half else "lower"
    across = "left" if -column < half else "right"
    return f"{method}: strongest in the {upright} {across} of the photo."


def _veiled(picture: str, fields: Sequence[Sequence[float]], description: str) -> Markup:
    """The photo under a veil that is thin where the map is strong."""
    drawn = [svg.element("image", href=picture, x=0, y=0, width=SIDE, height=SIDE)]
    most = max((value for row in fields for value in row), default=0.0)
    for y, row in enumerate(fields):
        size = SIDE / len(row)
        for x, value in enumerate(row):
            veil = VEIL * (1 - value / most) if most else 0.0
            drawn.append(
                svg.element(
                    "rect",
                    x=round(x * size, 2),
                    y=round(y * size, 2),
                    width=round(size + 0.1, 2),
                    height=round(size + 0.1, 2),
                    fill="#000",
                    opacity=round(veil, 2),
                )
            )
    return Markup(svg.picture(SIDE, SIDE, *drawn, title=description.partition(":")[0], description=description))


def _shade(value: float) -> Markup:
    """The style of a cell that holds a likeness from 0 to 1."""
    share = 60 * min(max(value, 0.0), 1.0)
    return Markup(f"background: color-mix(in srgb, var(--series-1) {share:.0f}%, transparent)")

"""A net as one page that needs nothing else: the picture, the stages, and every layer."""

from collections.abc import Sequence

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from inarch.drawing.inspect_summary import (
    LAYER_TITLES,
    NOTES,
    STAGE_TITLES,
    WORDS,
    heading,
    layer_row,
    shape_text,
    share_text,
    short,
    stage_row,
    stages_of,
    total_row,
)
from inarch.drawing.inspect_svg import to_svg
from inarch.drawing.theme import CSS
from inarch.drawing.wording import counted, printable
from inarch.records import NetTrace

_PAGES = Environment(
    loader=PackageLoader("inarch.drawing"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
    keep_trailing_newline=True,
)


def to_html(trace: NetTrace) -> str:
    """The page; it works from a file, without a network."""
    stages = stages_of(trace)
    return _PAGES.get_template("inspect.html.j2").render(
        css=Markup(CSS),
        heading=heading(trace),
        picture=Markup(to_svg(trace)),
        stage_titles=_titles(STAGE_TITLES),
        stage_rows=[stage_row(stage, trace) for stage in stages],
        total=total_row(STAGE_TITLES, trace),
        layer_titles=_titles(LAYER_TITLES),
        stages=[
            {
                "name": printable(stage.name),
                "summary": f"{counted(len(stage.nodes), 'layer')} · {shape_text(stage.last.out_shape)} · "
                f"{short(stage.macs)} MACs ({share_text(stage.macs, trace.macs)})",
                "rows": [layer_row(node, trace) for node in stage.nodes],
            }
            for stage in stages
        ],
        notes=NOTES,
    )


def _titles(titles: Sequence[str]) -> list[tuple[str, str]]:
    """Each column's title, and the class of its cells."""
    return [(title, "" if title in WORDS else "number") for title in titles]

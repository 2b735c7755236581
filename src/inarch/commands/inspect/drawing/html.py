"""A model as one self-contained page: the drawings, the stages, the measurements, and every layer."""

from collections.abc import Sequence
from functools import cache
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template
from markupsafe import Markup

from inarch.commands.inspect.drawing.colours import STYLE
from inarch.commands.inspect.drawing.page import parts_of
from inarch.commands.inspect.drawing.quantities import quantities_of, rules_of
from inarch.commands.inspect.drawing.summary import (
    LAYER_TITLES,
    STAGE_TITLES,
    Note,
    format_count,
    heading,
    layer_row,
    shape_text,
    share_text,
    stage_row,
    stages_of,
    total_row,
    totals,
)
from inarch.commands.inspect.drawing.tables import is_of_words, tables_of
from inarch.commands.inspect.records import Measurements
from inarch.models.anatomy.records import ModelTrace
from inarch.report.theme import CSS
from inarch.report.wording import count_of, make_printable


def to_html(trace: ModelTrace, measured: Measurements | None = None) -> str:
    """The page; it works from a file, offline. Without its script all drawings are shown one below the other."""
    stages = stages_of(trace)
    measured = measured or Measurements()
    quantities = quantities_of(trace, measured)
    return _template().render(
        css=Markup(CSS),
        anatomy_css=Markup(STYLE + rules_of(quantities)),
        script=Markup(Path(__file__).with_name("page.js").read_text("utf-8")),
        heading=heading(trace),
        totals=totals(trace),
        source=make_printable(trace.source),
        quantities=quantities,
        parts=[*parts_of(trace, quantities)],
        stage_titles=_titles(STAGE_TITLES),
        stage_rows=[stage_row(stage, trace) for stage in stages],
        total=total_row(STAGE_TITLES, trace),
        tables=[{**vars(table), "titles": _titles(table.titles)} for table in tables_of(trace, measured)],
        layer_titles=_titles(LAYER_TITLES),
        stages=[
            {
                "name": make_printable(stage.name),
                "summary": f"{count_of(len(stage.nodes), 'layer')} · {shape_text(stage.last.out_shape)} · "
                f"{format_count(stage.macs)} MACs ({share_text(stage.macs, trace.macs)})",
                "rows": [layer_row(node, trace) for node in stage.nodes],
            }
            for stage in stages
        ],
        notes=[*Note],
    )


@cache
def _template() -> Template:
    return Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    ).get_template("page.html.j2")


def _titles(titles: Sequence[str]) -> list[tuple[str, str]]:
    """Each column's title, and the class of its cells."""
    return [(title, "" if is_of_words(title) else "number") for title in titles]

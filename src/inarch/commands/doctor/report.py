"""The findings about a folder of photos as one self-contained page."""

from collections.abc import Mapping
from pathlib import Path

from markupsafe import Markup

from inarch.commands.doctor.records import KINDS, Diagnosis
from inarch.commands.doctor.text import summary
from inarch.report.page import data_uri, environment
from inarch.report.theme import CSS


def to_html(diagnosis: Diagnosis, thumbnails: Mapping[str, bytes], shown: int) -> str:
    """The page; the same record gives the same page.

    Args:
        diagnosis: the findings.
        thumbnails: a small JPEG, PNG, WebP or GIF by the photo's path; photos without one get an empty frame.
        shown: the findings of each kind that are shown; the others are counted.
    """
    return (
        environment(Path(__file__).parent)
        .get_template("report.html.j2")
        .render(
            diagnosis=diagnosis,
            css=Markup(CSS),
            summary=summary(diagnosis),
            images={path: data_uri(content) for path, content in thumbnails.items()},
            kinds=[(name, kind, found) for name, kind in KINDS.items() if (found := diagnosis.of_kind(name))],
            shown=shown,
        )
    )

"""What is wrong with a folder of photos, as one page that needs nothing but itself."""

from collections.abc import Mapping

from markupsafe import Markup

from inarch.drawing.doctor_text import summary
from inarch.drawing.report import data_uri, environment
from inarch.drawing.theme import CSS
from inarch.records import KINDS, Diagnosis


def to_html(diagnosis: Diagnosis, thumbnails: Mapping[str, bytes], shown: int) -> str:
    """The page; the same record gives the same page.

    Args:
        diagnosis: what was found.
        thumbnails: for a photo's path a small JPEG, PNG, WebP or GIF; photos without one get an empty frame.
        shown: findings of each kind that are shown; the others are counted.
    """
    return (
        environment()
        .get_template("doctor.html.j2")
        .render(
            diagnosis=diagnosis,
            css=Markup(CSS),
            summary=summary(diagnosis),
            images={path: data_uri(content) for path, content in thumbnails.items()},
            kinds=[(name, kind, found) for name, kind in KINDS.items() if (found := diagnosis.of_kind(name))],
            shown=shown,
        )
    )

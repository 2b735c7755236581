"""The environment that every HTML page is rendered in: escaping, filters for figures, and images inside the page."""

from base64 import b64encode
from collections.abc import Callable
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from inarch.report import wording
from inarch.report.answering import answered_sentence, rule_sentence


def environment(templates: Path, **filters: Callable[..., object]) -> Environment:
    """The Jinja environment for the templates in a folder.

    Args:
        templates: the folder that holds the templates.
        filters: filters of this page alone, in addition to those that all pages have.
    """
    environment = Environment(
        loader=FileSystemLoader(templates),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_finalize_value,
    )
    environment.filters.update(
        percent=_avoid_line_breaks(wording.percent),
        interval=_avoid_line_breaks(wording.interval),
        points=_avoid_line_breaks(wording.points),
        duration=_avoid_line_breaks(wording.duration),
        counted=wording.count_of,
        correct_count=wording.correct_count,
        photos_wanted=wording.photos_wanted,
        rule_sentence=rule_sentence,
        answered_sentence=answered_sentence,
        shorten=wording.shorten,
        **filters,
    )
    return environment


def data_uri(image: bytes) -> str:
    """The image as a ``data:`` address, so that the page needs no other file."""
    types = ((b"\x89PNG", "image/png"), (b"GIF8", "image/gif"), (b"RIFF", "image/webp"), (b"\xff\xd8", "image/jpeg"))
    mime = next((mime for start, mime in types if image.startswith(start)), "application/octet-stream")
    return f"data:{mime};base64,{b64encode(image).decode('ascii')}"


def _avoid_line_breaks(words: Callable[..., str]) -> Callable[..., str]:
    """The same words with no-break spaces."""
    return lambda *figures: words(*figures).replace(" ", "\N{NO-BREAK SPACE}")


def _finalize_value(value: object) -> object:
    """Text without control characters; markup passes unchanged."""
    return wording.make_printable(value) if type(value) is str else value

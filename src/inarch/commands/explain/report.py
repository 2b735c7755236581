"""An explanation as one self-contained page."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from markupsafe import Markup

from inarch.commands.explain.records import (
    ChannelPreference,
    ExplainedAnswer,
    Explanation,
    Filter,
    PhotoFeatureMaps,
)
from inarch.commands.explain.text import (
    LIMITS,
    before_sentence,
    channels_sentence,
    cut_sentence,
    filters_sentence,
)
from inarch.report import svg
from inarch.report.page import data_uri, environment
from inarch.report.raster import png
from inarch.report.theme import CSS
from inarch.report.wording import percent

SIDE = 100
"""The side of every picture, in units of its own."""


def to_html(explanation: Explanation, pictures: Mapping[str, bytes]) -> str:
    """The page; the same record gives the same page.

    Args:
        explanation: the measurements.
        pictures: every explained photo as JPEG, by its path.
    """
    return (
        environment(Path(__file__).parent)
        .get_template("report.html.j2")
        .render(
            explanation=explanation,
            css=Markup(CSS),
            limits=LIMITS,
            sentence=cut_sentence(explanation.depth),
            shown=[(each, _row(each, data_uri(pictures[each.path]))) for each in explanation.answers],
            shade=_shade,
            before_sentence=before_sentence(explanation),
            filters=[
                (_draw_pixels(data_uri(png(np.array(each.pixels))), _filter_words(each)), _filter_words(each))
                for each in explanation.filters.filters
            ],
            filters_sentence=filters_sentence(explanation.filters),
            seen=[
                (photo.path, _draw_veiled_photo(data_uri(pictures[photo.path]), (), photo.path), _group_by_stage(photo))
                for photo in explanation.seen
            ],
            channels=[(each, *_channel(each, pictures)) for each in explanation.channels],
            jitter=explanation.jitter,
            channels_sentence=channels_sentence(explanation.channels),
        )
    )


def _row(answer: ExplainedAnswer, picture: str) -> list[tuple[str, Markup]]:
    """The photo, then each method's map over it and the map of the randomly initialised model."""
    row = [("the photo", _draw_veiled_photo(picture, (), f"{answer.path}, as the model sees it."))]
    for each in answer.maps:
        row.append((each.method, _draw_veiled_photo(picture, each.fields, _describe_map(each.method, each.fields))))
        words = f"{each.method}, random weights"
        row.append((words, _draw_veiled_photo(picture, each.shuffled, _describe_map(words, each.shuffled))))
    return row


def _filter_words(each: Filter) -> str:
    if each.likeness is None or each.colour is None:
        return "nearly 0 throughout"
    return f"{percent(each.likeness, 0)} Gabor, {percent(each.colour, 0)} colour".replace(" %", "\N{NO-BREAK SPACE}%")


def _group_by_stage(photo: PhotoFeatureMaps) -> list[tuple[str, list[tuple[str, Markup]]]]:
    """The feature maps by stage, each with its caption."""
    stages: dict[str, list[tuple[str, Markup]]] = {}
    for each in photo.maps:
        words = f"{each.block} {each.branch}, {each.channel}" if each.branch else f"channel {each.channel}"
        drawn = _draw_pixels(
            data_uri(png(np.array(each.values))), f"{each.stage}, {words}: {_describe_strongest(each.values)}"
        )
        stages.setdefault(each.stage, []).append((words, drawn))
    return list(stages.items())


def _channel(sight: ChannelPreference, pictures: Mapping[str, bytes]) -> tuple[list[tuple[str, Markup]], Markup]:
    """The patches with their classes, and the synthesised image, cropped to the receptive field."""
    patches = [
        (each.label, _crop_picture(data_uri(pictures[each.path]), (each.left, each.top, each.side), f"In {each.path}"))
        for each in sight.patches
    ]
    share = sight.patches[0].side
    words = f"Synthesised image for channel {sight.channel} of {sight.stage}"
    return patches, _crop_picture(data_uri(sight.made.picture), ((1 - share) / 2, (1 - share) / 2, share), words)


def _crop_picture(picture: str, square: tuple[float, float, float], description: str) -> Markup:
    """The square part of a square picture with its corner at (left, top) and that side, as fractions of the side."""
    left, top, share = square
    whole = SIDE / share
    drawn = svg.element("image", href=picture, x=-left * whole, y=-top * whole, width=whole, height=whole)
    return Markup(svg.picture(SIDE, SIDE, drawn, title=description, description=description))


def _draw_pixels(picture: str, description: str) -> Markup:
    """A picture whose pixels stay squares."""
    drawn = svg.element("image", href=picture, x=0, y=0, width=SIDE, height=SIDE, style="image-rendering:pixelated")
    return Markup(svg.picture(SIDE, SIDE, drawn, title=description.partition(":")[0], description=description))


def _describe_map(method: str, fields: Sequence[Sequence[float]]) -> str:
    """Where the map is strongest, in words."""
    return f"{method}: {_describe_strongest(fields)}"


def _describe_strongest(fields: Sequence[Sequence[float | int]]) -> str:
    _, row, column = max((value, -row, -column) for row, line in enumerate(fields) for column, value in enumerate(line))
    half = len(fields) / 2
    upright = "upper" if -row < half else "lower"
    across = "left" if -column < half else "right"
    return f"strongest in the {upright} {across} of the photo."


def _draw_veiled_photo(
    picture: str, fields: Sequence[Sequence[float]], description: str, *, opacity: float = 0.82
) -> Markup:
    """The photo under a veil that is thin where the map is strong; ``opacity`` is that over a field without any."""
    drawn = [svg.element("image", href=picture, x=0, y=0, width=SIDE, height=SIDE)]
    most = max((value for row in fields for value in row), default=0.0)
    for y, row in enumerate(fields):
        size = SIDE / len(row)
        for x, value in enumerate(row):
            veil = opacity * (1 - value / most) if most else 0.0
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
    """The style of a cell with a similarity from 0 to 1."""
    share = 60 * min(max(value, 0.0), 1.0)
    return Markup(f"background: color-mix(in srgb, var(--series-1) {share:.0f}%, transparent)")

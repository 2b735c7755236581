"""``inarch predict``"""

import io
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from inarch.commands.command import FIRST_STEPS, FORMAT, JSON, TEXT, BundleArgument, Command, Output, is_utf8
from inarch.commands.predict.options import PredictOptions
from inarch.errors import WorkError
from inarch.options.option import Option

SCHEMA = "inarch.predict/1"
SHOWN = 10
"""Unreadable photos that are named at the end."""


@dataclass(frozen=True, kw_only=True)
class PredictOutput(Output):
    """Answers can be a table for other programs, too."""

    format: Annotated[str, Option(FORMAT, choices=(TEXT, JSON, "csv"))] = TEXT


def predict(
    bundle: BundleArgument,
    images: Annotated[list[Path], typer.Argument(help="Photos, or folders of photos.")],
    options: PredictOptions,
    output: PredictOutput,
) -> None:
    """Classify photos with a bundle. It abstains where an answer would be too uncertain.

    Example: inarch predict mine photo.jpg holiday/ --format csv
    """
    from inarch.bundle.predictor import Predictor
    from inarch.commands.predict.listing import WRITERS, keep_shown, photos_in
    from inarch.commands.predict.records import Predictions
    from inarch.report.answering import caution

    target_accuracy = 0.0 if options.always_answer else options.target_accuracy
    predictor = Predictor(bundle, target_accuracy=target_accuracy, sets=options.sets or 0.0)
    photos = photos_in(images)
    if not options.always_answer and (said := caution(predictor.rule)):
        output.say(said, err=True)
    unread: list[str] = []
    answers = keep_shown(predictor.predict(photos), options.top, unread)
    if output.form == JSON:
        output.show(Predictions(tuple(answers)), str, SCHEMA)
    else:
        if not output.is_text:
            _write_all_characters(sys.stdout)
        WRITERS[output.form](answers, sys.stdout)
    if unread:
        raise WorkError(_sentence(unread))


def _write_all_characters(stream: object) -> None:
    """Make a file or a pipe UTF-8, so that a table holds names and not their escapes; a terminal stays as it is."""
    if isinstance(stream, io.TextIOWrapper) and not is_utf8(stream) and not stream.isatty():
        stream.reconfigure(encoding="utf-8", errors="surrogateescape")


def _sentence(unread: list[str]) -> str:
    """Which photos have no answer: the answers may have gone to a file that nobody looks at."""
    from inarch.report.wording import shortened

    noun = "photo" if len(unread) == 1 else "photos"
    return f"{len(unread)} {noun} could not be read: {shortened(unread, SHOWN)}. The reasons stand among the answers."


COMMANDS = (Command(predict, FIRST_STEPS, 30, {SCHEMA: "inarch.commands.predict.records.Predictions"}),)

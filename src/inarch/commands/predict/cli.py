"""``inarch predict``"""

import sys
from pathlib import Path
from typing import Annotated

import typer

from inarch.commands.command import FIRST_STEPS, Command
from inarch.errors import UserError, WorkError
from inarch.options.shares import share_of

SHOWN = 10
"""Unreadable photos that are named at the end."""


def predict(
    bundle: Annotated[Path, typer.Argument(help="A bundle that `inarch train` wrote.")],
    images: Annotated[list[Path], typer.Argument(help="Photos, or folders of photos.")],
    top: Annotated[int, typer.Option(min=1, help="How many classes to show for each photo.")] = 3,
    output: Annotated[str, typer.Option("--format", help="table, json or csv.")] = "table",
    goal: Annotated[
        float | None,
        typer.Option(help="The share of answers that is to be right; without it 0.95.", show_default=False),
    ] = None,
    always: Annotated[bool, typer.Option("--always-answer", help="Never say “don't know”.")] = False,
    sets: Annotated[
        float | None,
        typer.Option(
            help="Show as many classes as it takes to hold the true one so often, such as 0.9; replaces --top.",
            show_default=False,
        ),
    ] = None,
) -> None:
    """Classify photos with a bundle. What it is unsure of, it does not know.

    Example: inarch predict mine photo.jpg holiday/ --format csv
    """
    if goal is not None and always:
        raise UserError("--goal says when not to answer, and --always-answer forbids that; leave out one of them.")
    share_of("--goal", goal)
    from inarch.commands.predict.listing import photos_in, writer

    show = writer(output, top)
    from inarch.bundle.predictor import load

    predictor = load(bundle, goal=0.0 if always else goal, sets=share_of("--sets", sets) or 0.0)
    photos = photos_in(images)
    from inarch.report.answering import caution

    if not always and (said := caution(predictor.rule)):
        typer.echo(said, err=True)
    unread = show(predictor.predict(photos), sys.stdout)
    if unread:
        raise WorkError(_sentence(unread))


def _sentence(unread: list[str]) -> str:
    """Which photos have no answer: the answers may have gone to a file that nobody looks at."""
    named = ", ".join(unread[:SHOWN]) + (f" and {len(unread) - SHOWN} more" if len(unread) > SHOWN else "")
    noun = "photo" if len(unread) == 1 else "photos"
    return f"{len(unread)} {noun} could not be read: {named}. The reasons stand among the answers."


COMMANDS = (Command(predict, FIRST_STEPS, 30),)

"""``inarch predict``"""

import sys
from pathlib import Path
from typing import Annotated

import typer

from inarch.errors import WorkError

SHOWN = 10
"""Unreadable photos that are named at the end."""


def predict(
    bundle: Annotated[Path, typer.Argument(help="A bundle that `inarch train` wrote.")],
    images: Annotated[list[Path], typer.Argument(help="Photos, or folders of photos.")],
    top: Annotated[int, typer.Option(min=1, help="How many classes to show for each photo.")] = 3,
    output: Annotated[str, typer.Option("--format", help="table, json or csv.")] = "table",
) -> None:
    """Classify photos with a bundle.

    Example: inarch predict mine photo.jpg holiday/ --format csv
    """
    from inarch.serving.listing import photos_in, writer

    show = writer(output, top)
    from inarch.serving.predictor import load

    unread = show(load(bundle).predict(photos_in(images)), sys.stdout)
    if unread:
        raise WorkError(_sentence(unread))


def _sentence(unread: list[str]) -> str:
    """Which photos have no answer: the answers may have gone to a file that nobody looks at."""
    named = ", ".join(unread[:SHOWN]) + (f" and {len(unread) - SHOWN} more" if len(unread) > SHOWN else "")
    noun = "photo" if len(unread) == 1 else "photos"
    return f"{len(unread)} {noun} could not be read: {named}. The reasons stand among the answers."

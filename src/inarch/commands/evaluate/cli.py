"""``inarch evaluate``"""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from inarch.commands.command import Command
from inarch.options.shares import share_of
from inarch.progress import progress


def evaluate(
    bundle: Annotated[Path, typer.Argument(help="A bundle that `inarch train` wrote.")],
    photos: Annotated[Path, typer.Argument(help="Labelled photos, arranged as for `inarch train`.")],
    goal: Annotated[
        float | None,
        typer.Option(help="The share of answers that is to be right; without it 0.95.", show_default=False),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the figures as JSON.")] = False,
) -> None:
    """Measure a bundle on labelled photos: the test or val split where there is one, else all of them.

    Example: inarch evaluate mine new-photos
    """
    share_of("--goal", goal)
    from inarch.commands.evaluate.evaluate import evaluate as run
    from inarch.report.evaluation import to_text
    from inarch.report.wording import make_printable

    with progress() as show:
        figures, skipped = run(bundle, photos, show, goal=goal)
    if as_json:
        content = {**asdict(figures), "skipped": [asdict(each) for each in skipped]}
        typer.echo(json.dumps(content, indent=2, ensure_ascii=False, allow_nan=False))
        return
    typer.echo(to_text(figures))
    for each in skipped:
        typer.echo(make_printable(f"left out: {each.path}: {each.reason}"))


COMMANDS = (Command(evaluate, place=20),)

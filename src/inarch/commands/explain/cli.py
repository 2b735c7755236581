"""``inarch explain``"""

from pathlib import Path
from typing import Annotated

import typer

from inarch.commands.command import BundleArgument, Command, Output, PhotosArgument
from inarch.commands.explain.options import ExplainOptions
from inarch.commands.explain.records import SCHEMA


def explain(
    bundle: BundleArgument,
    photos: PhotosArgument,
    *,
    out: Annotated[Path, typer.Option(help="The folder of the page and its figures.")] = Path("explained"),
    options: ExplainOptions,
    output: Output,
) -> None:
    """Show what a bundle's model sees, stage by stage and in single photos, next to a randomly initialised model.

    Example: inarch explain mine new-photos
    """
    from inarch.commands.explain.explain import PAGE
    from inarch.commands.explain.explain import explain as run
    from inarch.commands.explain.text import to_text

    with output.progress() as show:
        result = run(bundle, photos, out, options, show)
    output.show(result, to_text, SCHEMA)
    if output.is_text:
        output.say(f"\npage    {out / PAGE}")


COMMANDS = (Command(explain, place=30, results={SCHEMA: "inarch.commands.explain.records.Explanation"}),)

"""``inarch explain``"""

from pathlib import Path
from typing import Annotated

import typer

from inarch.commands.command import Command
from inarch.progress import progress


def explain(
    bundle: Annotated[Path, typer.Argument(help="A bundle that `inarch train` wrote.")],
    photos: Annotated[Path, typer.Argument(help="Labelled photos, arranged as for `inarch train`.")],
    out: Annotated[Path, typer.Option(help="The folder of the page and its figures.")] = Path("explained"),
    count: Annotated[int, typer.Option("--photos", help="Photos that stages and borders are judged on.")] = 300,
    shown: Annotated[int, typer.Option(help="Photos whose maps are drawn and checked.")] = 16,
    channels: Annotated[int, typer.Option(help="Channels of a stage that patches and an image are shown of.")] = 3,
    before: Annotated[
        str | None,
        typer.Option(help="What the net was before fine-tuning: a bundle, a file of weights, or the name of some."),
    ] = None,
    seed: Annotated[int, typer.Option(help="Of photos, folds, channels and the net with first weights.")] = 0,
    as_json: Annotated[bool, typer.Option("--json", help="Print the figures as JSON.")] = False,
) -> None:
    """Show what a bundle's net sees: stage by stage, and in single photos, each beside a net that has learned nothing.

    Example: inarch explain mine new-photos
    """
    from inarch.commands.explain.explain import PAGE, ExplainOptions
    from inarch.commands.explain.explain import explain as run
    from inarch.commands.explain.text import to_json, to_text

    options = ExplainOptions(photos=count, shown=shown, channels=channels, before=before, seed=seed)
    with progress() as show:
        found = run(bundle, photos, out, options, show)
    if as_json:
        typer.echo(to_json(found), nl=False)
        return
    typer.echo(to_text(found))
    typer.echo(f"\npage    {out / PAGE}")


COMMANDS = (Command(explain, place=30),)

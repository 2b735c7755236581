"""``inarch inspect``"""

from pathlib import Path
from typing import Annotated

import typer


def inspect(
    model: Annotated[str, typer.Argument(help="A model of `inarch models`, or a bundle.", metavar="MODEL|BUNDLE")],
    image_size: Annotated[int | None, typer.Option(help="Pixels a side; by default what the net is made for.")] = None,
    output: Annotated[str, typer.Option("--format", help="text, json, svg or html.")] = "text",
    layers: Annotated[bool, typer.Option("--layers", help="With text: every layer, not just stages.")] = False,
    out: Annotated[Path | None, typer.Option(help="Write to this file instead of the terminal.")] = None,
) -> None:
    """Show what a net is made of: shapes, parameters, multiply-adds, receptive fields.

    Example: inarch inspect googlenet --format html --out googlenet.html
    """
    from inarch.api.inspect import drawn, write_text

    picture = drawn(model, output, image_size=image_size, layers=layers)
    if out is None:
        typer.echo(picture)
    else:
        write_text(out, picture)
        typer.echo(f"written to {out}")

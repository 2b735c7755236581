"""``inarch inspect``"""

from pathlib import Path
from typing import Annotated

import typer

from inarch.errors import UserError


def inspect(
    model: Annotated[
        str,
        typer.Argument(
            help="A model of `inarch models`, perhaps varied, as resnet18:width=0.5 or googlenet:without_reduction; "
            "or a bundle.",
            metavar="MODEL|BUNDLE",
        ),
    ],
    against: Annotated[
        str | None, typer.Option(help="Say how it differs from this one.", metavar="MODEL|BUNDLE")
    ] = None,
    variants: Annotated[
        bool, typer.Option("--variants", help="How it departs from its paper, its siblings, how it can be varied.")
    ] = False,
    image_size: Annotated[int | None, typer.Option(help="Pixels a side; by default what the net is made for.")] = None,
    output: Annotated[
        str, typer.Option("--format", help="text, json, svg or html; with --against or --variants text or json.")
    ] = "text",
    layers: Annotated[bool, typer.Option("--layers", help="With text: every layer, not just stages.")] = False,
    out: Annotated[Path | None, typer.Option(help="Write to this file instead of the terminal.")] = None,
) -> None:
    """Show what a net is made of: shapes, parameters, multiply-adds, receptive fields.

    Example: inarch inspect googlenet --against googlenet:without_reduction
    """
    options = {"--against": against, "--variants": variants, "--layers": layers}
    asked = [option for option, given in options.items() if given]
    if variants and image_size is not None:
        raise UserError("With --variants every net is measured at its own image size; leave --image-size out.")
    if len(asked) > 1:
        raise UserError(f"{' and '.join(asked)} answer different questions; ask one at a time.")
    picture = _picture(model, output, against=against, variants=variants, image_size=image_size, layers=layers)
    if out is None:
        typer.echo(picture)
        return
    from inarch.api.inspect import write_text

    write_text(out, picture)
    typer.echo(f"written to {out}")


def _picture(
    model: str, output: str, *, against: str | None, variants: bool, image_size: int | None, layers: bool
) -> str:
    from inarch.api.compare import compared_text, ledger_shown
    from inarch.api.inspect import drawn

    if against is not None:
        return compared_text(model, against, output, image_size=image_size)
    if variants:
        return ledger_shown(model, output)
    return drawn(model, output, image_size=image_size, layers=layers)

"""``inarch inspect``"""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from inarch.commands.command import UNDERSTAND, Command
from inarch.commands.inspect.models_cli import models
from inarch.errors import UserError
from inarch.progress import progress

if TYPE_CHECKING:
    from inarch.commands.inspect.inspect import Drawing


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
    measure: Annotated[
        bool,
        typer.Option("--measure", help="Run it, too: milliseconds of layers, effective receptive fields, gradients."),
    ] = False,
    image_size: Annotated[int | None, typer.Option(help="Pixels a side; by default what the net is made for.")] = None,
    output: Annotated[
        str,
        typer.Option(
            "--format", help="text, json, svg, png, html or mermaid; with --against or --variants text or json."
        ),
    ] = "text",
    layers: Annotated[bool, typer.Option("--layers", help="With text: every layer, not just stages.")] = False,
    part: Annotated[
        str, typer.Option(help="With svg or png: net for the whole at a glance, a stage or a block by its name.")
    ] = "",
    colour: Annotated[
        str,
        typer.Option(help="With svg or png: macs, parameters or memory; with --measure ms, onnx-ms or gradient, too."),
    ] = "macs",
    out: Annotated[Path | None, typer.Option(help="Write to this file instead of the terminal.")] = None,
) -> None:
    """Show what a net is made of: shapes, parameters, multiply-adds, memory, receptive fields, what layers are for.

    Example: inarch inspect googlenet --format html --out googlenet.html
    """
    options = {"--against": against, "--variants": variants, "--layers": layers, "--measure": measure}
    asked = [option for option, given in options.items() if given]
    if variants and image_size is not None:
        raise UserError("With --variants every net is measured at its own image size; leave --image-size out.")
    if len(asked) > 1 and (against or variants):
        raise UserError(f"{' and '.join(asked)} answer different questions; ask one at a time.")
    if (part or colour != "macs") and output not in ("svg", "png"):
        raise UserError(
            f"--part and --colour are for --format svg and png, not {output}; the html page has both inside."
        )
    from inarch.commands.inspect.compare import render_comparison, render_ledger
    from inarch.commands.inspect.inspect import Drawing

    if against is not None:
        picture: str | bytes = render_comparison(model, against, output, image_size=image_size)
    elif variants:
        picture = render_ledger(model, output)
    else:
        how = Drawing(layers=layers, part=part, colour=colour)
        picture = _picture(model, output, image_size=image_size, measured=measure, how=how)
    _write_picture(picture, out)


def _picture(model: str, output: str, *, image_size: int | None, measured: bool, how: "Drawing") -> str | bytes:
    from inarch.bundle.model import trace
    from inarch.commands.inspect.inspect import PNG, find_form
    from inarch.commands.inspect.picture import to_png

    show = find_form("svg" if output == PNG else output)
    if measured:
        from inarch.commands.inspect.measure import measure

        with progress() as told:
            record, measurements = measure(model, image_size=image_size, progress=told)
        picture = show(record, measurements, how)
    else:
        picture = show(trace(model, image_size=image_size), None, how)
    return to_png(picture) if output == PNG else picture


def _write_picture(picture: str | bytes, out: Path | None) -> None:
    from inarch.storage.files import write_text

    if out is not None:
        write_text(out, picture)
        typer.echo(f"written to {out}")
    elif isinstance(picture, bytes):
        raise UserError("A PNG is no text for a terminal; say where to with --out net.png.")
    else:
        typer.echo(picture)


COMMANDS = (
    Command(inspect, UNDERSTAND, 20),
    Command(models, UNDERSTAND, 10),
)

"""``inarch inspect`` and ``inarch models``"""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from inarch.commands.command import UNDERSTAND, Command, Output
from inarch.commands.inspect.options import InspectOptions, InspectOutput
from inarch.commands.inspect.schemas import Schema
from inarch.errors import UserError

if TYPE_CHECKING:
    from inarch.commands.inspect.records import ModelCatalog

RECORDS = "inarch.commands.inspect.records"


def inspect(
    model: Annotated[
        str,
        typer.Argument(
            help="A model of `inarch models`, perhaps varied, as resnet18:width=0.5 or googlenet:without_reduction; "
            "or a bundle.",
            metavar="MODEL|BUNDLE",
        ),
    ],
    *,
    out: Annotated[Path | None, typer.Option(help="Write to this file instead of the terminal.")] = None,
    options: InspectOptions,
    output: InspectOutput,
) -> None:
    """Show what a model is made of: shapes, parameters, multiply-adds, memory, receptive fields, what layers are for.

    Example: inarch inspect googlenet --format html --out googlenet.html
    """
    from inarch.commands.inspect.compare import render_comparison, render_ledger

    options.check_form(output.form)
    if options.against is not None:
        picture: str | bytes = render_comparison(model, options.against, output.form, image_size=options.image_size)
    elif options.variants:
        picture = render_ledger(model, output.form)
    else:
        picture = _draw(model, options, output)
    _write_picture(picture, out, output)


def _draw(model: str, options: InspectOptions, output: InspectOutput) -> str | bytes:
    from inarch.commands.inspect.inspect import inspect as run
    from inarch.commands.inspect.picture import to_png

    with output.progress() as show:
        found = run(model, measured=options.measure, image_size=options.image_size, progress=show)
    is_png = output.form == "png"
    picture = found.draw(
        "svg" if is_png else output.form, layers=options.layers, part=options.part, colour=options.colour
    )
    return to_png(picture) if is_png else picture


def _write_picture(picture: str | bytes, out: Path | None, output: InspectOutput) -> None:
    from inarch.storage.files import write_text

    if out is not None:
        write_text(out, picture)
        if not output.quiet:
            typer.echo(f"written to {out}")
    elif isinstance(picture, bytes):
        raise UserError("A PNG is no text for a terminal; say where to with --out model.png.")
    else:
        output.write(picture)


def models(
    *,
    everything: Annotated[bool, typer.Option("--all", help="List the tiny variants, made for tests, too.")] = False,
    output: Output,
) -> None:
    """List the architectures: parameters, multiply-adds, image size, source.

    Example: inarch models --json
    """
    from inarch.commands.inspect.inspect import catalog

    output.show(catalog(everything=everything), _to_text, Schema.CATALOG)


def _to_text(listed: "ModelCatalog") -> str:
    from inarch.commands.inspect.drawing.catalog_text import catalog_text
    from inarch.weights.embedded import list_embedded_models

    return catalog_text(listed.models, list_embedded_models())


COMMANDS = (
    Command(
        inspect,
        UNDERSTAND,
        20,
        {
            Schema.MODEL: f"{RECORDS}.ModelAnatomy",
            Schema.AGAINST: "inarch.models.anatomy.records.ModelComparison",
            Schema.VARIANTS: "inarch.models.anatomy.records.Ledger",
        },
    ),
    Command(models, UNDERSTAND, 10, {Schema.CATALOG: f"{RECORDS}.ModelCatalog"}),
)

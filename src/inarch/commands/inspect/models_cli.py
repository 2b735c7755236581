"""``inarch models``"""

import json
from typing import Annotated

import typer


def models(
    everything: Annotated[bool, typer.Option("--all", help="List the tiny variants, made for tests, too.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """List the architectures: parameters, multiply-adds, image size, source.

    Example: inarch models --json
    """
    from inarch.commands.inspect.drawing.catalog_text import catalog_json, catalog_text
    from inarch.commands.inspect.inspect import catalog
    from inarch.weights.embedded import list_embedded_models

    rows = catalog(everything=everything)
    typer.echo(json.dumps(catalog_json(rows), indent=2) if as_json else catalog_text(rows, list_embedded_models()))

"""``inarch predict``"""

import sys
from pathlib import Path
from typing import Annotated

import typer


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

    failed = show(load(bundle).predict(photos_in(images)), sys.stdout)
    if failed:
        raise typer.Exit(1)

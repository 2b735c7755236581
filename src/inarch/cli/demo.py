"""``inarch demo``"""

from pathlib import Path
from typing import Annotated

import typer

from inarch.cli.progress import progress
from inarch.cli.train import print_bundle


def demo(
    out: Annotated[Path, typer.Option(help="Folder for the demo's photos and bundle.")] = Path("inarch-demo"),
    seed: Annotated[int, typer.Option(help="Everything that is drawn follows from it.")] = 0,
    as_json: Annotated[bool, typer.Option("--json", help="Print the figures as JSON.")] = False,
) -> None:
    """Train on 1,797 scans of handwritten digits that are already on your machine; no network needed.

    Example: inarch demo --out /tmp/demo
    """
    from inarch.api.demo import demo as run

    with progress() as show:
        bundle = run(out, seed, show)
    print_bundle(bundle, as_json=as_json)
    if not as_json:
        typer.echo(f"\nnext    inarch predict {bundle.path} {out / 'photos' / '7'}/*.png")

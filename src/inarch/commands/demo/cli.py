"""``inarch demo``"""

import json
from pathlib import Path
from typing import Annotated

import typer

from inarch.commands.command import FIRST_STEPS, Command
from inarch.progress import progress


def demo(
    out: Annotated[Path, typer.Option(help="Folder for the demo's photos and bundles.")] = Path("inarch-demo"),
    seed: Annotated[int, typer.Option(help="Everything that is drawn follows from it.")] = 0,
    as_json: Annotated[bool, typer.Option("--json", help="Print the figures as JSON.")] = False,
) -> None:
    """Graft a backbone, and train a small net from scratch, on scans of digits that are already on your machine.

    Example: inarch demo --out /tmp/demo
    """
    from inarch.bundle.format import REPORT
    from inarch.commands.demo.demo import demo as run
    from inarch.commands.train.text import comparison_lines

    with progress() as show:
        made = run(out, seed, show)
    if as_json:
        typer.echo(json.dumps({name: bundle.metrics for name, bundle in made._asdict().items()}, indent=2))
        return
    typer.echo("\n".join(comparison_lines({name: bundle.metrics for name, bundle in made._asdict().items()})))
    typer.echo("\nThe backbone has learned from photos, never from digits: a far source. It is quick all the same.")
    typer.echo(f"\nreports {made.grafted.path / REPORT}\n        {made.scratch.path / REPORT}")
    typer.echo(f"next    inarch predict {made.grafted.path} {out / 'photos' / '7'}/*.png")


COMMANDS = (Command(demo, FIRST_STEPS, 10),)

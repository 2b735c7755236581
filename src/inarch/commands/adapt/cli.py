"""``inarch adapt``"""

import json
from pathlib import Path
from typing import Annotated

import typer

from inarch.commands.command import Command
from inarch.options.durations import seconds_of
from inarch.options.sizes import bytes_of
from inarch.progress import progress


def adapt(
    bundle: Annotated[Path, typer.Argument(help="A bundle that `inarch train` wrote; it stays as it is.")],
    target: Annotated[Path, typer.Argument(help="Photos of the new domain; no labels are read here.")],
    out: Annotated[Path, typer.Option(help="The folder of the adapted bundle.")] = Path("inarch-adapted"),
    source: Annotated[
        Path | None, typer.Option(help="The labelled photos that the bundle was trained on, if they have moved.")
    ] = None,
    oracle: Annotated[
        Path | None,
        typer.Option(help="Labelled photos of the new domain: accuracies are printed, and nothing is chosen by them."),
    ] = None,
    labelled: Annotated[
        Path | None,
        typer.Option(
            help="Labelled photos of the new domain that may be learned from, but for their test or val split; where "
            "they have none and there is no --oracle, a fifth is kept to report on."
        ),
    ] = None,
    method: Annotated[
        list[str] | None,
        typer.Option(help="Without labels: adabn, coral, mcc or dann; may be given more than once. [default: all]"),
    ] = None,
    validator: Annotated[
        str | None,
        typer.Option(
            help="What chooses without labels: agreement, information, certainty or density. [default: agreement, "
            "or information where fewer than two methods are tried]"
        ),
    ] = None,
    time_budget: Annotated[str, typer.Option(help="For all methods together: 90s, 10m, 1h.")] = "10m",
    seed: Annotated[int, typer.Option(help="Everything that is drawn follows from it.")] = 0,
    cache_size: Annotated[str, typer.Option(help="What the cache may hold: 500M, 20G, 1T.")] = "20G",
    as_json: Annotated[bool, typer.Option("--json", help="Print the figures as JSON.")] = False,
) -> None:
    """Adapt a bundle to photos of another domain (another camera, season or place), with few labels or none.

    Example: inarch adapt mine new-photos --labelled a-few-labelled-ones --out adapted
    """
    from inarch.bundle.format import REPORT
    from inarch.commands.adapt.adapt import AdaptOptions
    from inarch.commands.adapt.adapt import adapt as run
    from inarch.commands.adapt.methods import METHODS
    from inarch.commands.adapt.text import adaptation_lines

    options = AdaptOptions(
        source=source,
        oracle=oracle,
        labelled=labelled,
        validator=validator,
        time_budget=seconds_of(time_budget),
        seed=seed,
        cache_size=bytes_of(cache_size),
        methods=tuple(dict.fromkeys(method or METHODS)),
    )
    with progress() as show:
        adapted = run(bundle, target, out, options, show)
    figures = adapted.metrics["adaptation"]
    if as_json:
        typer.echo(json.dumps(figures, indent=2, ensure_ascii=False))
        return
    typer.echo("\n".join(adaptation_lines(figures)))
    typer.echo(f"\nbundle  {adapted.path}\nreport  {adapted.path / REPORT}")


COMMANDS = (Command(adapt, place=40),)

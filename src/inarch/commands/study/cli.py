"""``inarch study``"""

import json
import math
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from inarch.commands.command import UNDERSTAND, Command
from inarch.errors import UserError, WorkError
from inarch.options.durations import seconds_of
from inarch.options.sizes import bytes_of
from inarch.progress import progress

if TYPE_CHECKING:
    from inarch.commands.study.run import StudyOptions

HOUR = "60m"


def study(
    name: Annotated[str | None, typer.Argument(help="Which one; --list has their names.")] = None,
    listed: Annotated[bool, typer.Option("--list", help="Print every claim: source, cost, what it says.")] = False,
    every: Annotated[bool, typer.Option("--all", help="All of them, the cheapest first.")] = False,
    pages: Annotated[
        bool, typer.Option("--pages", help="Measure nothing; write the pages of the ledgers in --out anew.")
    ] = False,
    data: Annotated[
        Path | None, typer.Option(help="Your photos, for the claims that are about photos; else scans of digits.")
    ] = None,
    seeds: Annotated[int | None, typer.Option(help="How often it is measured; by default what --list says.")] = None,
    budget: Annotated[
        str | None,
        typer.Option(help=f"No measurement is begun that would end later: 10m, 1h. With --all {HOUR}, else none."),
    ] = None,
    out: Annotated[Path, typer.Option(help="Folder for ledgers and pages.")] = Path("inarch-studies"),
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object for each study.")] = False,
    cache_size: Annotated[str, typer.Option(help="What the cache may hold: 500M, 20G, 1T.")] = "20G",
) -> None:
    """Put a claim of the literature to the test on this machine: SUPPORTED, CONTRADICTED or UNDECIDED.

    Stop it whenever you like: the same command goes on where it stopped.

    Example: inarch study reduction-cost
    """
    asked = [
        words for words, given in (("NAME", name), ("--list", listed), ("--all", every), ("--pages", pages)) if given
    ]
    if len(asked) != 1:
        raise UserError(f"Say one of NAME, --list, --all and --pages; {' and '.join(asked) or 'none'} was given.")
    unused = [
        words for words, given in (("--data", data), ("--seeds", seeds), ("--budget", budget)) if given is not None
    ]
    if unused and (listed or pages):
        raise UserError(f"With {asked[0]} nothing is measured; leave {' and '.join(unused)} out.")
    from inarch.commands.study.run import StudyOptions, claims, write_pages
    from inarch.commands.study.study_text import list_json, list_text

    if listed:
        typer.echo(json.dumps(list_json(claims())) if as_json else list_text(claims()))
        return
    if pages:
        typer.echo(f"{len(write_pages(out))} ledgers, pages written to {out}")
        return
    limit = budget or (HOUR if every else None)
    options = StudyOptions(
        data=data,
        seeds=seeds,
        budget=math.inf if limit is None else seconds_of(limit),
        cache_size=bytes_of(cache_size),
    )
    _run(name, out, options, as_json=as_json)


def _run(name: str | None, out: Path, options: "StudyOptions", *, as_json: bool) -> None:
    from inarch.commands.study.run import (
        PAGE,
        FailedStudy,
        every_study,
        study,
    )
    from inarch.commands.study.study_text import finding_json, finding_text

    failed = []
    with progress() as show:
        results = every_study(out, options, show) if name is None else iter([study(name, out, options, show)])
        for each in results:
            if isinstance(each, FailedStudy):
                failed.append(each.claim.name)
                typer.echo(f"{each.claim.name} could not be measured: {each.why}", err=True)
                continue
            typer.echo(finding_json(each) if as_json else f"{each.ledger.claim.name}\n{finding_text(each)}\n")
    if failed:
        raise WorkError(f"{len(failed)} of the studies could not be measured: {', '.join(failed)}.")
    if not as_json:
        typer.echo(f"pages   {out / PAGE if name is None else out / f'{name}.html'}")


COMMANDS = (Command(study, UNDERSTAND, 30),)

"""``inarch study``"""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from inarch.commands.command import UNDERSTAND, Command, Output
from inarch.commands.study.options import StudyOptions
from inarch.errors import UserError, WorkError
from inarch.options.option import Option

if TYPE_CHECKING:
    from inarch.commands.study.records import ClaimCatalog, StudyResult

SCHEMA, CLAIMS = "inarch.study/1", "inarch.study-list/1"


@dataclass(frozen=True, kw_only=True)
class Selection:
    """The alternatives to a single claim."""

    listed: Annotated[bool, Option("Print every claim: source, cost, what it says.", name="list")] = False
    every: Annotated[
        bool, Option("Put all of them to the test, the cheapest first, within an hour or --budget.", name="all")
    ] = False
    pages: Annotated[bool, Option("Measure nothing; write the pages of the ledgers in --out anew.")] = False


def study(
    name: Annotated[str | None, typer.Argument(help="Which one; --list has their names.")] = None,
    *,
    selection: Selection,
    out: Annotated[Path, typer.Option(help="Folder for ledgers and pages.")] = Path("inarch-studies"),
    options: StudyOptions,
    output: Output,
) -> None:
    """Put a claim of the literature to the test on this machine: SUPPORTED, CONTRADICTED or UNDECIDED.

    Stop it whenever you like: the same command goes on where it stopped. As JSON it prints one object for each study,
    on a line of its own.

    Example: inarch study reduction-cost
    """
    _check(name, selection, options)
    if selection.listed:
        _list(output)
    elif selection.pages:
        from inarch.commands.study.run import write_pages

        output.say(f"{len(write_pages(out))} ledgers, pages written to {out}")
    else:
        hour = 3600.0  # for all claims together, where no other budget is given
        budget = hour if selection.every and options.budget is None else options.budget
        _run(name, out, replace(options, budget=budget), output)


def _check(name: str | None, selection: Selection, options: StudyOptions) -> None:
    given = {"NAME": name, "--list": selection.listed, "--all": selection.every, "--pages": selection.pages}
    asked = [words for words, value in given.items() if value]
    if len(asked) != 1:
        raise UserError(f"Say one of NAME, --list, --all and --pages; {' and '.join(asked) or 'none'} was given.")
    measuring = {"--data": options.data, "--seeds": options.seeds, "--budget": options.budget}
    unused = [words for words, value in measuring.items() if value is not None]
    if unused and (selection.listed or selection.pages):
        raise UserError(f"With {asked[0]} nothing is measured; leave {' and '.join(unused)} out.")


def _list(output: Output) -> None:
    from inarch.commands.study.run import claims
    from inarch.commands.study.study_text import list_text

    def to_text(listed: "ClaimCatalog") -> str:
        return list_text(listed.claims)

    output.show(claims(), to_text, CLAIMS)


def _run(name: str | None, out: Path, options: StudyOptions, output: Output) -> None:
    from inarch.commands.study.run import PAGE, FailedStudy, every_study, study

    failed = []
    with output.progress() as show:
        results = every_study(out, options, show) if name is None else iter([study(name, out, options, show)])
        for each in results:
            if isinstance(each, FailedStudy):
                failed.append(each.claim.name)
                typer.echo(f"{each.claim.name} could not be measured: {each.why}", err=True)
            else:
                output.show(each, _to_text, SCHEMA, lines=True)
    if failed:
        raise WorkError(f"{len(failed)} of the studies could not be measured: {', '.join(failed)}.")
    if output.is_text:
        output.say(f"pages   {out / PAGE if name is None else out / f'{name}.html'}")


def _to_text(studied: "StudyResult") -> str:
    from inarch.commands.study.study_text import finding_text

    return f"{studied.ledger.claim.name}\n{finding_text(studied)}\n\n"


COMMANDS = (
    Command(
        study,
        UNDERSTAND,
        30,
        {
            SCHEMA: "inarch.commands.study.records.StudyResult",
            CLAIMS: "inarch.commands.study.records.ClaimCatalog",
        },
    ),
)

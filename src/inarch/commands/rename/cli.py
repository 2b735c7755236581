"""``inarch rename``"""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from inarch.commands.command import Command, Output

if TYPE_CHECKING:
    from inarch.commands.rename.rename import RenamedClass

SCHEMA = "inarch.rename/1"


def rename(
    bundle: Annotated[Path, typer.Argument(help="A bundle that `inarch train` wrote; it is changed in place.")],
    old: Annotated[str, typer.Argument(help="The name of a class.")],
    new: Annotated[str, typer.Argument(help="Its new name.")],
    output: Output,
) -> None:
    """Give a class of a bundle another name, without training again.

    Example: inarch rename mine dgo dog
    """
    from inarch.commands.rename.rename import rename as run

    output.show(run(bundle, old, new), _to_text, SCHEMA)


def _to_text(renamed: "RenamedClass") -> str:
    from inarch.report.wording import make_printable

    return make_printable(
        f"{renamed.old} is now {renamed.new}; the classes are {', '.join(renamed.classes)}. The report page keeps the "
        "old name."
    )


COMMANDS = (Command(rename, place=60, results={SCHEMA: "inarch.commands.rename.rename.RenamedClass"}),)

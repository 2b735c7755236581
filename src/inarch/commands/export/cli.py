"""``inarch export``"""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from inarch.commands.command import BundleArgument, Command, Output
from inarch.commands.export.options import ExportOptions

if TYPE_CHECKING:
    from inarch.commands.export.export import Parity

SCHEMA = "inarch.export/1"


def export(
    bundle: BundleArgument,
    *,
    out: Annotated[Path, typer.Option(help="A new folder.")] = Path("inarch-export"),
    options: ExportOptions,
    output: Output,
) -> None:
    """Write a bundle's model for another runtime, and prove there that it answers as the bundle does.

    Example: inarch export mine --to openvino --photos new-photos
    """
    from inarch.commands.export.export import ExportFile
    from inarch.commands.export.export import export as run
    from inarch.report.wording import make_printable

    parity = run(bundle, out, options.to, photos=options.photos, target_accuracy=options.target_accuracy)
    output.show(parity, _to_text, SCHEMA)
    if output.is_text:
        output.say(make_printable(f"Written to {out}; python {out / ExportFile.ANSWER} PHOTO answers without inarch."))


def _to_text(parity: "Parity") -> str:
    from inarch.report.wording import count_of, make_printable

    return make_printable(
        f"{count_of(parity.photos, 'JPEG')} ({parity.source}): the same answers, logits within {parity.largest:.1e} of "
        "their size."
    )


COMMANDS = (Command(export, place=50, results={SCHEMA: "inarch.commands.export.export.Parity"}),)

"""``inarch adapt``"""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from inarch.commands.adapt.options import AdaptOptions
from inarch.commands.command import BundleArgument, Command, Output
from inarch.storage.home import expand

if TYPE_CHECKING:
    from inarch.transfer.records.adaptation import Adaptation

SCHEMA = "inarch.adapt/1"


def adapt(
    bundle: BundleArgument,
    target: Annotated[Path, typer.Argument(help="Photos of the new domain; no labels are read here.")],
    *,
    out: Annotated[
        Path, typer.Option(help="The folder of the adapted bundle; an older bundle there is replaced.")
    ] = Path("inarch-adapted"),
    options: AdaptOptions,
    output: Output,
) -> None:
    """Adapt a bundle to photos of another domain (another camera, season or place), with few labels or none.

    Example: inarch adapt mine new-photos --labelled a-few-labelled-ones --out adapted
    """
    from inarch.bundle.format import BundleFile
    from inarch.commands.adapt.adapt import adapt as run

    replaced = " (an older one was replaced)" if (expand(out) / BundleFile.CONFIG).exists() else ""
    with output.progress() as show:
        adapted = run(bundle, target, out, options, show)
    if (adaptation := adapted.report.adaptation) is not None:
        output.show(adaptation, _to_text, SCHEMA)
    if output.is_text:
        output.say(f"\nbundle  {adapted.path}{replaced}\nreport  {adapted.path / BundleFile.REPORT}")


def _to_text(adaptation: "Adaptation") -> str:
    from inarch.commands.adapt.text import adaptation_lines

    return "\n".join(adaptation_lines(adaptation))


COMMANDS = (Command(adapt, place=40, results={SCHEMA: "inarch.transfer.records.adaptation.Adaptation"}),)

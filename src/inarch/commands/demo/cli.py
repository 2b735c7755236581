"""``inarch demo``"""

from pathlib import Path
from typing import Annotated

import typer

from inarch.commands.command import FIRST_STEPS, Command, Output
from inarch.commands.demo.options import DemoOptions

SCHEMA = "inarch.demo/1"


def demo(
    *,
    out: Annotated[Path, typer.Option(help="Folder for the demo's photos and bundles.")] = Path("inarch-demo"),
    options: DemoOptions,
    output: Output,
) -> None:
    """Train on scans of digits that are already on your machine: by transfer of a backbone, and from scratch.

    Example: inarch demo --out /tmp/demo
    """
    from inarch.bundle.format import BundleFile
    from inarch.commands.demo.demo import demo as run
    from inarch.commands.demo.records import DemoReports
    from inarch.commands.train.text import comparison_lines

    with output.progress() as show:
        made = run(out, options, show)
    reports = DemoReports(transfer=made.transfer.report, scratch=made.scratch.report)
    output.show(reports, lambda each: "\n".join(comparison_lines(vars(each))), SCHEMA)
    if output.is_text:
        output.say("\nThe backbone was pre-trained on photos, never on digits: a distant source domain.")
        output.say(
            f"\nreports {made.transfer.path / BundleFile.REPORT}\n        {made.scratch.path / BundleFile.REPORT}"
        )
        output.say(f"next    inarch predict {made.transfer.path} {out / 'photos' / '7'}/*.png")


COMMANDS = (Command(demo, FIRST_STEPS, 10, {SCHEMA: "inarch.commands.demo.records.DemoReports"}),)

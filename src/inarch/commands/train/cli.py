"""``inarch train``"""

import time
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from inarch.commands.command import FIRST_STEPS, Command, Output, PhotosArgument
from inarch.storage.home import expand
from inarch.transfer.options import TrainOptions

if TYPE_CHECKING:
    from inarch.transfer.records.plan import Plan

SCHEMA = "inarch.train/1"


def train(
    photos: PhotosArgument,
    *,
    out: Annotated[Path, typer.Option(help="The bundle to write; an older bundle there is replaced.")] = Path("bundle"),
    options: TrainOptions,
    output: Output,
    verify_resume: Annotated[
        bool,
        typer.Option(
            "--verify-resume",
            help="Prove that a killed run loses nothing: after the run, do it again, kill it at random moments, resume "
            "it, and compare the bundles byte by byte. Takes about three times as long; implies --deterministic.",
        ),
    ] = False,
) -> None:
    """Train a classifier on a folder of photos.

    Example: inarch train photos --out mine
    """
    from inarch.bundle.format import BundleFile
    from inarch.commands.train.run import train as run
    from inarch.commands.train.text import training_lines

    options = replace(options, deterministic=options.deterministic or verify_resume)
    replaced = " (an older one was replaced)" if (expand(out) / BundleFile.CONFIG).exists() else ""
    with output.progress() as show:
        began = time.perf_counter()
        bundle = run(photos, out, options, show, partial(_say_plan, options=options, output=output))
        taken = time.perf_counter() - began
    output.show(bundle.report, lambda report: "\n".join(training_lines(report)), SCHEMA)
    if output.is_text:
        output.say(f"\nbundle  {bundle.path}{replaced}\nreport  {bundle.path / BundleFile.REPORT}")
    if verify_resume:
        _verify_resume(photos, out, options, taken, output)


def _say_plan(plan: "Plan", *, options: TrainOptions, output: Output) -> None:
    """Before the start. A plan is made of times: where nothing is timed, that is said in its place."""
    from inarch.commands.train.run import UNTIMED
    from inarch.commands.train.text import plan_lines

    output.say("\n".join((UNTIMED, "") if options.deterministic else plan_lines(plan)))


def _verify_resume(photos: Path, out: Path, options: TrainOptions, seconds: float, output: Output) -> None:
    from inarch.commands.train.verify_resume import COMPARED, RandomKills
    from inarch.commands.train.verify_resume import verify_resume as verify

    with output.progress() as show:
        killed = verify(photos, out, options, RandomKills(seconds), show)
    output.say(f"resume  killed {killed} times and resumed: {', '.join(COMPARED)} are the same, byte by byte")


COMMANDS = (Command(train, FIRST_STEPS, 20, {SCHEMA: "inarch.transfer.records.report.TrainingReport"}),)

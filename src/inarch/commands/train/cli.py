"""``inarch train``"""

import time
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from inarch.commands.command import FIRST_STEPS, Command
from inarch.options.durations import seconds_of
from inarch.options.sizes import bytes_of
from inarch.progress import progress

if TYPE_CHECKING:
    from inarch.bundle.reading import Bundle
    from inarch.transfer.options import TrainOptions
    from inarch.transfer.records.plan import Plan


def train(
    photos: Annotated[Path, typer.Argument(help="Folder of class folders, of train/ val/ test/, or a CSV manifest.")],
    out: Annotated[Path, typer.Option(help="The bundle to write.")] = Path("bundle"),
    model: Annotated[
        str | None,
        typer.Option(
            help="A model of `inarch models`, efficientnet_lite0, timm:NAME, or a bundle whose backbone to graft "
            "again; by default those at hand are compared."
        ),
    ] = None,
    weights: Annotated[
        Path | None,
        typer.Option(
            help="Pre-trained weights: a file (safetensors, PyTorch, Keras .h5, .npz), or a name: imagenet, "
            "torchvision:IMAGENET1K_V1, timm:resnet18.a1_in1k, embedded, random. This machine is searched first.",
            metavar="FILE|NAME",
        ),
    ] = None,
    strategy: Annotated[str, typer.Option(help="auto, probe, finetune or scratch.")] = "auto",
    time_budget: Annotated[str, typer.Option(help="How long training may take: 90s, 10m, 1h.")] = "10m",
    augmented_copies: Annotated[
        int,
        typer.Option(min=0, help="Augmented copies of each training image that probe and finetune learn from, too."),
    ] = 0,
    freeze_until: Annotated[
        str | None,
        typer.Option(
            help="Stage or block (see `inarch inspect`) up to which finetune keeps the model frozen; by default all "
            "but the last stage is frozen.",
            metavar="NAME",
        ),
    ] = None,
    image_size: Annotated[int | None, typer.Option(help="Pixels a side; by default what the weights expect.")] = None,
    class_weighting: Annotated[
        str,
        typer.Option(
            help="What is done about class imbalance: none; loss, every class counts alike in training; "
            "logit-adjustment, answers no longer lean towards the frequent classes."
        ),
    ] = "none",
    unlabelled: Annotated[
        Path | None,
        typer.Option(help="Folder of more photos without labels; they are learned from where that proves better."),
    ] = None,
    group_by: Annotated[
        str | None,
        typer.Option(
            help="What else stays on one side of the split: folder (inside the class folder), burst (by EXIF), or a "
            "pattern such as '(patient\\d+)'.",
            metavar="folder|burst|PATTERN",
        ),
    ] = None,
    near_duplicates: Annotated[
        bool, typer.Option(help="Look for near-duplicates and keep them on one side of the split.")
    ] = True,
    measure_leakage: Annotated[
        bool,
        typer.Option(
            "--measure-leakage",
            help="Measure the accuracy inflation that a split with near-duplicates or groups on both sides shows.",
        ),
    ] = False,
    seed: Annotated[int, typer.Option(help="Everything that is drawn follows from it.")] = 0,
    flip: Annotated[
        bool, typer.Option(help="Mirrored photos keep their class (not so for writing or left and right hands).")
    ] = True,
    learning_curves: Annotated[
        bool,
        typer.Option(
            "--learning-curves",
            help="Measure probe, finetune and scratch with 5, 10, 20 … photos of each class, too; takes half of the "
            "time budget.",
        ),
    ] = False,
    cache_size: Annotated[str, typer.Option(help="What the cache may hold: 500M, 20G, 1T.")] = "20G",
    resume: Annotated[bool, typer.Option("--resume", help="Go on where an interrupted run stopped.")] = False,
    deterministic: Annotated[
        bool,
        typer.Option(
            "--deterministic",
            help="Let the clock decide nothing: the same photos, options and machine give the same bundle, byte by "
            "byte. The time budget is not obeyed.",
        ),
    ] = False,
    verify_resume: Annotated[
        bool,
        typer.Option(
            "--verify-resume",
            help="Prove that a killed run loses nothing: after the run, do it again, kill it at random moments, resume "
            "it, and compare the bundles byte by byte. Takes about three times as long; implies --deterministic.",
        ),
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the figures as JSON.")] = False,
) -> None:
    """Train a classifier on a folder of photos.

    Example: inarch train photos --weights inception_v3.safetensors --out mine
    """
    from inarch.commands.train.run import train as run
    from inarch.data.augmentation import Augmentation
    from inarch.transfer.options import TrainOptions

    options = TrainOptions(
        model=model,
        weights=weights,
        strategy=strategy,
        time_budget=seconds_of(time_budget),
        augmented_copies=augmented_copies,
        freeze_until=freeze_until,
        image_size=image_size,
        seed=seed,
        class_weighting=class_weighting,
        unlabelled=unlabelled,
        group_by=group_by,
        near_duplicates=near_duplicates,
        measure_leakage=measure_leakage,
        resume=resume,
        deterministic=deterministic or verify_resume,
        learning_curves=learning_curves,
        cache_size=bytes_of(cache_size),
        augmentation=Augmentation(flip=flip),
    )
    with progress() as show:
        announce = partial(_print_plan, untimed=options.deterministic, as_json=as_json)
        began = time.perf_counter()
        bundle = run(photos, out, options, show, announce)
        taken = time.perf_counter() - began
    print_bundle(bundle, as_json=as_json)
    if verify_resume:
        _verify_resume(photos, out, options, taken, as_json=as_json)


def _verify_resume(photos: Path, out: Path, options: "TrainOptions", seconds: float, *, as_json: bool) -> None:
    from inarch.commands.train.verify_resume import COMPARED
    from inarch.commands.train.verify_resume import verify_resume as verify

    with progress() as show:
        killed = verify(photos, out, options, seconds=seconds, progress=show)
    typer.echo(
        f"resume  killed {killed} times and resumed: {', '.join(COMPARED)} are the same, byte by byte", err=as_json
    )


def _print_plan(plan: "Plan", *, untimed: bool, as_json: bool) -> None:
    """Before the start; where JSON is asked for, it holds the plan, and this goes to stderr.

    A plan is made of times: where nothing is timed, that is said in its place.
    """
    from inarch.commands.train.run import UNTIMED
    from inarch.commands.train.text import plan_lines

    typer.echo("\n".join((UNTIMED, "") if untimed else plan_lines(plan)), err=as_json)


def print_bundle(bundle: "Bundle", *, as_json: bool) -> None:
    """Print what came out, and where it lies."""
    from inarch.bundle.format import METRICS, REPORT
    from inarch.commands.train.text import training_lines

    if as_json:
        typer.echo((bundle.path / METRICS).read_text(encoding="utf-8"), nl=False)
        return
    typer.echo("\n".join(training_lines(bundle.metrics)))
    typer.echo(f"\nbundle  {bundle.path}\nreport  {bundle.path / REPORT}")


COMMANDS = (Command(train, FIRST_STEPS, 20),)

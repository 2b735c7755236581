"""``inarch doctor``"""

from pathlib import Path
from typing import Annotated

import typer

from inarch.commands.command import Command
from inarch.errors import UnknownNameError, UserError
from inarch.options.sizes import bytes_of
from inarch.progress import progress

FORMATS = ("text", "json")


def doctor(
    photos: Annotated[Path, typer.Argument(help="Folder of class folders, of train/ val/ test/, or a CSV manifest.")],
    out: Annotated[Path, typer.Option(help="The folder for report.html, patch.csv and manifest.csv.")] = Path(
        "inarch-doctor"
    ),
    apply: Annotated[
        Path | None,
        typer.Option(help="Write manifest.csv as this patch decides, and look for nothing else.", metavar="PATCH"),
    ] = None,
    output: Annotated[str, typer.Option("--format", help="text or json.")] = "text",
    labels: Annotated[bool, typer.Option(help="Look for wrong labels, which takes the longest.")] = True,
    model: Annotated[
        str | None, typer.Option(help="The backbone that judges labels, as for `inarch train`.", metavar="NAME|BUNDLE")
    ] = None,
    weights: Annotated[Path | None, typer.Option(help="Its weights.", metavar="FILE|NAME")] = None,
    seed: Annotated[int, typer.Option(help="Of the folds by which labels are judged.")] = 0,
    cache_size: Annotated[str, typer.Option(help="What the cache may hold: 500M, 20G, 1T.")] = "20G",
) -> None:
    """Look for what is wrong with photos: broken files, duplicates, leaks between splits, wrong labels, and more.

    No photo is changed. What is proposed stands in a patch; edit it, and --apply makes a manifest to train on.

    Example: inarch doctor photos --out check, then inarch doctor photos --out check --apply check/patch.csv
    """
    from inarch.commands.doctor.doctor import PATCH, REPORT, DoctorOptions
    from inarch.commands.doctor.doctor import apply_patch as make_manifest
    from inarch.commands.doctor.doctor import doctor as run
    from inarch.commands.doctor.text import to_json, to_text

    if output not in FORMATS:
        raise UnknownNameError("format", output, FORMATS)
    if apply is not None and output == "json":
        raise UserError("With --apply nothing is found that JSON could hold; leave --format out.")
    options = DoctorOptions(labels=labels, model=model, weights=weights, seed=seed, cache_size=bytes_of(cache_size))
    with progress() as show:
        if apply is not None:
            manifest = make_manifest(photos, apply, out, options, show)
        else:
            diagnosis = run(photos, out, options, show)
    if apply is not None:
        typer.echo(f"manifest  {manifest}\ntrain     inarch train {manifest}")
        return
    typer.echo(to_json(diagnosis) if output == "json" else to_text(diagnosis))
    if output == "text":
        typer.echo(f"\nreport   {out / REPORT}\npatch    {out / PATCH}")


COMMANDS = (Command(doctor, place=10),)

"""``inarch doctor``"""

from pathlib import Path
from typing import Annotated

import typer

from inarch.commands.command import Command, Output, PhotosArgument
from inarch.commands.doctor.options import DoctorOptions

SCHEMA, APPLIED = "inarch.doctor/1", "inarch.doctor-apply/1"


def doctor(
    photos: PhotosArgument,
    *,
    out: Annotated[Path, typer.Option(help="The folder for report.html, patch.csv and manifest.csv.")] = Path(
        "inarch-doctor"
    ),
    options: DoctorOptions,
    output: Output,
    apply: Annotated[
        Path | None,
        typer.Option(help="Write manifest.csv as this patch decides, and look for nothing else.", metavar="PATCH"),
    ] = None,
) -> None:
    """Look for what is wrong with photos: broken files, duplicates, train/test leakage, wrong labels, and more.

    No photo is changed. What is proposed stands in a patch; edit it, and --apply makes a manifest to train on.

    Example: inarch doctor photos --out check, then inarch doctor photos --out check --apply check/patch.csv
    """
    from inarch.commands.doctor.doctor import DoctorFile, apply_patch
    from inarch.commands.doctor.doctor import doctor as run
    from inarch.commands.doctor.text import manifest_text, to_text

    with output.progress() as show:
        if apply is not None:
            manifest = apply_patch(photos, apply, out, options, show)
        else:
            diagnosis = run(photos, out, options, show)
    if apply is not None:
        output.show(manifest, manifest_text, APPLIED)
        return
    output.show(diagnosis, to_text, SCHEMA)
    if output.is_text:
        output.say(f"\nreport   {out / DoctorFile.REPORT}\npatch    {out / DoctorFile.PATCH}")


COMMANDS = (
    Command(
        doctor,
        place=10,
        results={
            SCHEMA: "inarch.commands.doctor.records.Diagnosis",
            APPLIED: "inarch.commands.doctor.records.PatchedManifest",
        },
    ),
)

"""``inarch evaluate``"""

from typing import TYPE_CHECKING

from inarch.commands.command import BundleArgument, Command, Output, PhotosArgument
from inarch.commands.evaluate.options import EvaluateOptions

if TYPE_CHECKING:
    from inarch.commands.evaluate.records import EvaluationReport

SCHEMA = "inarch.evaluate/1"


def evaluate(bundle: BundleArgument, photos: PhotosArgument, options: EvaluateOptions, output: Output) -> None:
    """Measure a bundle on labelled photos: the test or val split where there is one, else all of them.

    Example: inarch evaluate mine new-photos
    """
    from inarch.commands.evaluate.evaluate import evaluate as run

    with output.progress() as show:
        report = run(bundle, photos, show, target_accuracy=options.target_accuracy, arrangement=options.arrangement)
    output.show(report, _to_text, SCHEMA)


def _to_text(report: "EvaluationReport") -> str:
    from inarch.data.sidecars import condense
    from inarch.report.wording import make_printable

    left_out = (make_printable(f"left out: {each.path}: {each.reason}") for each in condense(report.skipped))
    notes = (f"note: {make_printable(note)}" for note in report.notes)
    return "\n".join([str(report), *notes, *left_out])


COMMANDS = (Command(evaluate, place=20, results={SCHEMA: "inarch.commands.evaluate.records.EvaluationReport"}),)

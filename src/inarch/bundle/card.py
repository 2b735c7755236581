"""The model card of a bundle."""

from inarch.metrics.records import Evaluation
from inarch.report.answering import answered_sentence, rule_sentence
from inarch.report.wording import correct_count, headline
from inarch.transfer.records.report import Candidate, TrainingReport


def model_card(report: TrainingReport) -> str:
    """``README.md`` of a bundle, in Markdown with the front matter that model hubs read."""
    photos = sum(sum(counts) for _, counts in report.counts)
    classes = "\n".join(f"- {name}" for name in report.classes)
    notes = "\n".join(f"- {note}" for note in report.notes) or "- none"
    return f"""---
library_name: inarch
pipeline_tag: image-classification
tags: [image-classification, {report.model}]
{_metrics_line(report)}---
# {report.model}, {report.strategy}, {len(report.classes)} classes

{_accuracy_text(report)}

## Training
- model: {report.model} ({report.variant}), backbone up to {report.cut}
- initial weights: {report.weights}
- strategy: {report.strategy}, random seed {report.seed}
- dataset: {photos} in {len(report.classes)} classes, {len(report.skipped)} files skipped
- preprocessing: {report.preprocessing.image_size} pixels a side, the shorter side resized, centre crop

## Notes
{notes}

## Classes
{classes}

## Use
```
inarch predict THIS_FOLDER PHOTO...
```
{_figures_text(report)}
"""


def _metrics_line(report: TrainingReport) -> str:
    return "" if report.evaluation is None else "metrics: [accuracy]\n"


def _accuracy_text(report: TrainingReport) -> str:
    figures = report.evaluation
    if figures is not None:
        caveat = f"**Do not trust this accuracy:** {report.caveat}\n" if report.caveat else ""
        return (
            f"{caveat}"
            f"**{headline(figures.accuracy, figures.split)}**: {correct_count(figures.accuracy)} photos of the split\n"
            f'"{figures.split}", which took no part in training or model selection. Balanced accuracy\n'
            f"{figures.balanced_accuracy}; log loss {figures.log_loss:.3f}."
        )
    chosen = next((each for each in report.candidates if each.chosen), None)
    return "**Test accuracy was not measured**: every photo was used for training." + _validation_text(chosen)


def _validation_text(chosen: Candidate | None) -> str:
    if chosen is None:
        return ""
    return (
        f" Validation accuracy {chosen.accuracy}\non validation folds of the training set; settings were chosen by "
        "these, so it may be too high."
    )


def _figures_text(report: TrainingReport) -> str:
    if report.evaluation is None:
        return "`metrics.json` tells how it was trained. `inarch evaluate THIS_FOLDER PHOTOS` measures its accuracy."
    return (
        "`metrics.json` has all figures with their intervals, `report.html` shows them. They hold for photos from the "
        f"same\ndistribution as the test set. {_abstention_text(report.evaluation)}"
    )


def _abstention_text(figures: Evaluation) -> str:
    if figures.answered is None:
        return "The model has no abstention rule: it predicts one of these classes for a photo of anything else, too."
    return (
        f"{rule_sentence(figures.answered.rule)} {answered_sentence(figures.answered)} The model may still predict "
        "one of these classes for a photo of something else."
    )

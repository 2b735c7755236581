"""The model card: what a stranger must know before using the bundle."""

from inarch.metrics.records import Evaluation
from inarch.report.answering import answered_sentence, rule_sentence
from inarch.transfer.records.report import TrainingReport


def model_card(report: TrainingReport) -> str:
    """``README.md`` of a bundle, in Markdown with the front matter that model hubs read."""
    figures = report.evaluation
    photos = sum(sum(counts) for _, counts in report.counts)
    classes = "\n".join(f"- {name}" for name in report.classes)
    notes = "\n".join(f"- {note}" for note in report.notes) or "- none"
    return f"""---
library_name: inarch
pipeline_tag: image-classification
tags: [image-classification, {report.model}]
metrics: [accuracy]
---
# {report.model}, {report.strategy}, {len(report.classes)} classes

Right on **{figures.accuracy}** of the photos of the split "{figures.split}", which no choice had looked at.
Balanced accuracy {figures.balanced_accuracy}; log loss {figures.log_loss:.3f}.

## How it was made
- net: {report.model} ({report.variant}), ending after {report.cut}
- weights it started from: {report.weights}
- strategy: {report.strategy}, seed {report.seed}
- photos: {photos} in {len(report.classes)} classes, {len(report.skipped)} files left out
- input: {report.preprocessing.image_size} pixels a side, the shorter side resized and the centre kept

## What to know
{notes}

## Classes
{classes}

## Use
```
inarch predict THIS_FOLDER PHOTO...
```
Figures with intervals stand in `metrics.json`, pictures in `report.html`. They hold for photos like those it was
measured on, taken in the same way of the same things. {_abstention_text(figures)}
"""


def _abstention_text(figures: Evaluation) -> str:
    if figures.answered is None:
        return "A photo of something else gets one of these classes too."
    return (
        f"{rule_sentence(figures.answered.rule)} {answered_sentence(figures.answered)} A photo of something else may "
        "get one of these classes all the same."
    )

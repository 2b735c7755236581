"""An evaluation as plain text, for the terminal."""

from collections.abc import Iterator

from inarch.metrics.records import ClassScore, Estimate, Evaluation
from inarch.report.answering import answered_sentence, rule_sentence
from inarch.report.text_table import table_lines
from inarch.report.wording import (
    correct_count,
    count_of,
    headline,
    interval,
    make_printable,
    percent,
    photos_wanted,
    shorten,
)

SHOWN = 30
"""Classes that are listed; those with the lowest recall come first."""


def to_text(evaluation: Evaluation) -> str:
    """Accuracy with its interval, a table of the classes, and the most confident mistakes."""
    return "\n".join([*summary_lines(evaluation), "", *_class_lines(evaluation), "", *_mistake_lines(evaluation)])


def summary_lines(evaluation: Evaluation) -> tuple[str, ...]:
    """The figures of the whole set, one a line."""
    weighting, gap = evaluation.balanced_accuracy, evaluation.calibration_error
    return (
        headline(evaluation.accuracy, evaluation.split),
        f"Photos             {correct_count(evaluation.accuracy)} correct ({make_printable(evaluation.split)})",
        f"Balanced accuracy  {percent(weighting.value)} ({interval(weighting)}): mean recall over the classes",
        f"Calibration error  {percent(gap.value)} ({interval(gap)}): mean gap of confidence and accuracy (ECE)",
        f"Log loss           {evaluation.log_loss:.3f}",
        *_more_lines(evaluation),
    )


def _more_lines(evaluation: Evaluation) -> Iterator[str]:
    if evaluation.answered:
        yield f"Abstention         {rule_sentence(evaluation.answered.rule)}"
        yield f"                   {answered_sentence(evaluation.answered)}"
    if wanted := photos_wanted(evaluation):
        yield f"More photos        {wanted}"


def _class_lines(evaluation: Evaluation) -> Iterator[str]:
    scores = sort_weakest_first(evaluation)
    rows = [("class", "photos", "recall", "precision")]
    for score in scores[:SHOWN]:
        name = _class_name(score.name)
        rows.append((name, str(score.n), _figure(score.recall), _figure(score.precision)))
    yield from table_lines(rows, "lrll")
    if len(scores) > SHOWN:
        yield f"… and {count_of(len(scores) - SHOWN, 'class', 'classes')} with better recall or without photos"


def sort_weakest_first(evaluation: Evaluation) -> list[ClassScore]:
    """The classes by recall, lowest first; those without photos last."""
    return sorted(evaluation.per_class, key=lambda score: (score.recall is None, score.recall and score.recall.value))


def _class_name(name: str) -> str:
    return shorten(make_printable(name), 24)


def _figure(estimate: Estimate | None) -> str:
    return f"{percent(estimate.value)} ({interval(estimate)})" if estimate else "–"


def _mistake_lines(evaluation: Evaluation) -> Iterator[str]:
    if not evaluation.mistakes:
        yield "No mistakes."
        return
    names = [score.name for score in evaluation.per_class]
    yield "Most confident mistakes:"
    for mistake in evaluation.mistakes:
        label, answer = (_class_name(names[at]) for at in (mistake.label, mistake.predicted))
        sure = percent(mistake.confidence, 0)
        yield f"  true class {label}, predicted {answer} with confidence {sure}: {make_printable(mistake.path)}"

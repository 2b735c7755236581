"""An evaluation as plain text, for the terminal."""

from collections.abc import Iterator

from inarch.metrics.records import ClassScore, Estimate, Evaluation
from inarch.report.answering import answered_sentence, rule_sentence
from inarch.report.wording import (
    count_of,
    headline,
    interval,
    make_printable,
    percent,
    photos_wanted,
    shorten,
)

NAME_WIDTH = 24
SHOWN = 30
"""Classes that are listed; the weakest come first."""


def to_text(evaluation: Evaluation) -> str:
    """Accuracy with its interval, a table of the classes, and the worst mistakes."""
    return "\n".join([*summary_lines(evaluation), "", *_class_lines(evaluation), "", *_mistake_lines(evaluation)])


def summary_lines(evaluation: Evaluation) -> tuple[str, ...]:
    """The figures of the whole set, one a line."""
    weighting, gap = evaluation.balanced_accuracy, evaluation.calibration_error
    return (
        f"{headline(evaluation.accuracy)} (95 % interval {interval(evaluation.accuracy)}).",
        f"Photos measured    {make_printable(evaluation.split)}, {count_of(evaluation.n, 'photo')}",
        f"Balanced accuracy  {percent(weighting.value)} ({interval(weighting)}): every class counts alike",
        f"Calibration error  {percent(gap.value)} ({interval(gap)}): how far confidence is off, on average",
        f"Log loss           {evaluation.log_loss:.3f}",
        *_more_lines(evaluation),
    )


def _more_lines(evaluation: Evaluation) -> Iterator[str]:
    if evaluation.answered:
        yield f"Don't know         {rule_sentence(evaluation.answered.rule)}"
        yield f"                   {answered_sentence(evaluation.answered)}"
    if wanted := photos_wanted(evaluation):
        yield f"More photos        {wanted}"


def _class_lines(evaluation: Evaluation) -> Iterator[str]:
    scores = sort_weakest_first(evaluation)
    width = max([5, *(min(NAME_WIDTH, len(score.name)) for score in scores)])
    yield f"{'class':{width}}  {'photos':>6}  {'found (recall)':25}  {'right when answered (precision)'}"
    for score in scores[:SHOWN]:
        name = shorten(make_printable(score.name), width)
        yield f"{name:{width}}  {score.n:6}  {_figure(score.recall):25}  {_figure(score.precision)}".rstrip()
    if len(scores) > SHOWN:
        yield f"… and {count_of(len(scores) - SHOWN, 'class', 'classes')} with better recall or without photos"


def sort_weakest_first(evaluation: Evaluation) -> list[ClassScore]:
    """The classes by recall, lowest first; those without photos last."""
    return sorted(evaluation.per_class, key=lambda score: (score.recall is None, score.recall and score.recall.value))


def _figure(estimate: Estimate | None) -> str:
    return f"{percent(estimate.value)} ({interval(estimate)})" if estimate else "–"


def _mistake_lines(evaluation: Evaluation) -> Iterator[str]:
    if not evaluation.mistakes:
        yield "No mistakes."
        return
    names = [score.name for score in evaluation.per_class]
    yield "Worst mistakes (wrong, and sure of it):"
    for mistake in evaluation.mistakes:
        label, answer = (shorten(make_printable(names[at]), NAME_WIDTH) for at in (mistake.label, mistake.predicted))
        sure = percent(mistake.confidence, 0)
        yield f"  is {label}, answered {answer}, {sure} sure: {make_printable(mistake.path)}"

"""``report.html``: a training run on one self-contained page."""

from collections.abc import Iterator, Mapping, Sequence
from math import ceil, floor, log10
from pathlib import Path

from markupsafe import Markup

from inarch.commands.train.charts import interval_plot, phase_bar
from inarch.commands.train.curves_drawing import (
    forecast_sentences,
    held_out_chart,
    training_chart,
    verdict_sentences,
)
from inarch.commands.train.wording import describe_changes, describe_forecast, describe_leakage
from inarch.data.sidecars import condense
from inarch.errors import WorkError
from inarch.metrics.answering import KEPT
from inarch.metrics.records import Curve, Evaluation, SelectiveResult
from inarch.report import wording
from inarch.report.charts import line_chart, reliability_diagram
from inarch.report.confusion import confusion_matrix
from inarch.report.evaluation import sort_weakest_first
from inarch.report.page import data_uri, environment
from inarch.report.theme import CSS
from inarch.transfer.records.learning import LearningCurve
from inarch.transfer.records.report import TrainingReport
from inarch.transfer.records.strategy_curves import StrategyCurves

SAMPLES, SKIPPED = 24, 50
"""At most this many sample photos and skipped files are shown."""
FEW_PHOTOS = 30
"""A class with fewer test photos than this has an interval too wide to rank it by."""


def to_html(report: TrainingReport, thumbnails: Mapping[str, bytes]) -> str:
    """The report as one HTML page; the same record gives the same page.

    Args:
        report: the record of the run.
        thumbnails: a small JPEG, PNG, WebP or GIF by the photo's path; photos without one get an empty frame.

    Raises:
        WorkError: the run has no test figures.
    """
    evaluation = report.evaluation
    if evaluation is None:
        raise WorkError("A run without test figures has no report to show; metrics.json tells how it was trained.")
    return (
        environment(
            Path(__file__).parent,
            forecast=describe_forecast,
            leak=describe_leakage,
            moved=describe_changes,
            verdict_sentences=verdict_sentences,
            forecast_sentences=forecast_sentences,
        )
        .get_template("report.html.j2")
        .render(
            report=report,
            evaluation=evaluation,
            css=Markup(CSS),
            headline=wording.headline(evaluation.accuracy, evaluation.split).replace(" %", "\N{NO-BREAK SPACE}%"),
            images={path: data_uri(content) for path, content in thumbnails.items()},
            samples=report.samples[:SAMPLES],
            counts=_count_rows(report),
            skipped=condense(report.skipped)[:SKIPPED],
            unlisted=max(0, len(condense(report.skipped)) - SKIPPED),
            scores=sort_weakest_first(evaluation),
            commonest=_commonest_class(evaluation),
            claimed=_mean_confidence(evaluation),
            few=FEW_PHOTOS,
            kept=KEPT,
            small_classes=sum(score.n < FEW_PHOTOS for score in evaluation.per_class),
            total_seconds=sum((phase.seconds for phase in report.phases), start=0.0),
            charts=_charts(report, evaluation),
        )
    )


def _charts(report: TrainingReport, evaluation: Evaluation) -> dict[str, Markup | list[Markup]]:
    """The charts as `Markup`, because they escape their own texts."""
    return {
        "candidates": Markup(interval_plot(report.candidates)),
        "photos": Markup(_photos_chart(report.learning_curve)),
        "strategies": [Markup(chart) for chart in _strategy_charts(report.strategy_curves)],
        "curves": [Markup(chart) for chart in _curve_charts(report.curves)],
        "confusion": Markup(confusion_matrix(evaluation.confusion, report.classes)),
        "reliability": Markup(reliability_diagram(evaluation.reliability)),
        "coverage": Markup(_coverage_chart(evaluation.answered)),
        "phases": Markup(phase_bar(report.phases)),
    }


def _photos_chart(curve: LearningCurve | None) -> str:
    """Validation accuracy by the number of training photos, with its intervals; empty without a curve."""
    if curve is None:
        return ""
    points = tuple((float(point.photos), point.accuracy.value) for point in curve.points)
    bounds = [(point.accuracy.low, point.accuracy.high) for point in curve.points]
    line = Curve("validation accuracy", "training photos", "accuracy", points)
    return line_chart([line], title="Learning curve", as_percent=True, intervals={line.name: bounds})


def _coverage_chart(answered: SelectiveResult | None) -> str:
    """Selective accuracy by coverage; empty without a rule, or if every photo is out-of-distribution."""
    if answered is None or not answered.curve:
        return ""
    points = tuple((100 * point.coverage, point.accuracy.value) for point in answered.curve)
    bounds = [(point.accuracy.low, point.accuracy.high) for point in answered.curve]
    line = Curve("most confident first", "coverage, %", "selective accuracy", points)
    return line_chart([line], title="Selective accuracy by coverage", as_percent=True, intervals={line.name: bounds})


def _strategy_charts(curves: StrategyCurves | None) -> list[str]:
    """Charts of validation and training accuracy; none if nothing was measured."""
    return [held_out_chart(curves), training_chart(curves)] if curves and curves.curves else []


def _curve_charts(curves: Sequence[Curve]) -> Iterator[str]:
    """One chart for each pair of axes, in the order in which they first occur."""
    for x_label, y_label in dict.fromkeys((curve.x_label, curve.y_label) for curve in curves):
        together = [curve for curve in curves if (curve.x_label, curve.y_label) == (x_label, y_label)]
        yield line_chart(
            together,
            title=f"{y_label} by {x_label}",
            as_percent="accuracy" in y_label.lower(),
            doubling=_powers_of_ten([x for curve in together for x, _ in curve.points]),
        )


def _powers_of_ten(values: Sequence[float]) -> tuple[float, ...]:
    """The ticks of a logarithmic axis for values that span three powers of ten or more; else none."""
    if min(values, default=0) <= 0 or max(values) < 1000 * min(values):
        return ()
    return tuple(10.0**power for power in range(floor(log10(min(values))), ceil(log10(max(values))) + 1))


def _count_rows(report: TrainingReport) -> list[tuple[str, tuple[int, ...]]]:
    """For each class its number of photos in each split, in the order of ``report.counts``."""
    return [(name, tuple(counts[at] for _, counts in report.counts)) for at, name in enumerate(report.classes)]


def _commonest_class(evaluation: Evaluation) -> tuple[str, float]:
    """The most frequent class and its fraction: the accuracy of always predicting it."""
    largest = max(evaluation.per_class, key=lambda score: score.n)
    return largest.name, largest.n / evaluation.n


def _mean_confidence(evaluation: Evaluation) -> float:
    return sum(each.n * each.confidence for each in evaluation.reliability) / evaluation.n

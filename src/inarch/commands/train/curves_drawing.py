"""Learning curves of every strategy: two charts, and the comparisons between strategies in words."""

from collections.abc import Callable, Sequence
from itertools import groupby

from inarch.metrics.records import Curve, Estimate
from inarch.report.charts import line_chart
from inarch.report.text_table import table_lines
from inarch.report.wording import count_of, percent
from inarch.transfer.records.strategy_curves import (
    StrategyCurves,
    StrategyPoint,
    StrategyVerdict,
)

NAMES = {"probe": "the probe", "finetune": "fine-tuning", "scratch": "a model trained from scratch"}


def held_out_chart(curves: StrategyCurves) -> str:
    """Validation accuracy by photos per class, with its intervals."""
    return _chart(curves, "validation accuracy", lambda point: point.held_out)


def training_chart(curves: StrategyCurves) -> str:
    """Training accuracy by photos per class."""
    return _chart(curves, "training accuracy", lambda point: point.learned)


def _chart(curves: StrategyCurves, label: str, estimate_of: Callable[[StrategyPoint], Estimate]) -> str:
    lines, bands = [], {}
    for each in curves.curves:
        estimates = [(float(point.of_class), estimate_of(point)) for point in each.points]
        lines.append(Curve(each.strategy, "photos per class", label, tuple((x, e.value) for x, e in estimates)))
        bands[each.strategy] = [(estimate.low, estimate.high) for _, estimate in estimates]
    sizes = sorted({float(point.of_class) for each in curves.curves for point in each.points})
    return line_chart(lines, title=label, as_percent=True, intervals=bands, doubling=tuple(sizes))


def verdict_sentences(curves: StrategyCurves) -> tuple[str, ...]:
    """One sentence for each pair: ``Fine-tuning compared with the probe: inconclusive up to 20 photos per class …``"""
    pairs = dict.fromkeys((each.strategy, each.other) for each in curves.verdicts)
    return tuple(
        _sentence(pair, [each for each in curves.verdicts if (each.strategy, each.other) == pair]) for pair in pairs
    )


def _sentence(pair: tuple[str, str], verdicts: Sequence[StrategyVerdict]) -> str:
    one, other = (NAMES.get(name, name) for name in pair)
    runs = [(name, [each.of_class for each in run]) for name, run in groupby(verdicts, _verdict_of)]
    if len(runs) == 1:
        sizes = runs[0][1]
        where = (
            f"with {sizes[0]} photos"
            if len(sizes) == 1
            else f"with every number of photos from {sizes[0]} to {sizes[-1]}"
        )
        said = f"{runs[0][0]} {where} per class"
    else:
        said = ", ".join(f"{name} {_describe_sizes(at, len(runs), sizes)}" for at, (name, sizes) in enumerate(runs))
    return f"{one[:1].upper()}{one[1:]} compared with {other}: {said}."


def _verdict_of(verdict: StrategyVerdict) -> str:
    return verdict.comparison.verdict


def _describe_sizes(at: int, runs: int, sizes: Sequence[int]) -> str:
    if at == 0:
        return f"{'up to' if len(sizes) > 1 else 'with'} {sizes[-1]} photos per class"
    if at == runs - 1:
        return f"from {sizes[0]} on" if len(sizes) > 1 else f"with {sizes[0]}"
    return f"from {sizes[0]} to {sizes[-1]}" if len(sizes) > 1 else f"with {sizes[0]}"


def forecast_sentences(curves: StrategyCurves) -> tuple[str, ...]:
    """The forecast for twice as many photos, for each strategy."""
    return tuple(_forecast(each.strategy, each.doubled) for each in curves.curves if each.doubled)


def _forecast(strategy: str, gain: Estimate) -> str:
    name = NAMES.get(strategy, strategy)
    said = f"about {100 * gain.value:.1f} points ({100 * gain.low:.1f} to {100 * gain.high:.1f})"
    if gain.low > 0:
        return f"Twice as many photos would add {said} to {name}."
    return f"Inconclusive: twice as many photos would add {said} to {name}."


def strategy_lines(curves: StrategyCurves) -> tuple[str, ...]:
    """The curves and comparisons in lines for a terminal."""
    lines = []
    if curves.curves:
        lines.append(
            f"learning curves, cross-validated on the same {count_of(curves.judged, 'photo')} in "
            f"{count_of(curves.folds, 'fold')} (validation accuracy, training accuracy):"
        )
        lines += _table(curves)
    said = [*verdict_sentences(curves), *forecast_sentences(curves)]
    said += [f"Not measured: {each}" for each in curves.left_out]
    return (*lines, *(f"- {each}" for each in said), "")


def _table(curves: StrategyCurves) -> list[str]:
    points = {(each.strategy, point.of_class): point for each in curves.curves for point in each.points}
    names = [each.strategy for each in curves.curves]
    rows = [
        (f"{size}", *(_cell(points.get((name, size))) for name in names)) for size in sorted({at for _, at in points})
    ]
    return table_lines([("      photos per class", *names), *rows], "r" + "l" * len(names))


def _cell(point: StrategyPoint | None) -> str:
    if point is None:
        return "–"
    held = point.held_out
    return f"{percent(held.value)} ({100 * held.low:.1f} to {100 * held.high:.1f}), {percent(point.learned.value)}"

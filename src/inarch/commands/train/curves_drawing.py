"""Every strategy by the number of photos: two charts, and what can be said of one beside another in words."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import groupby
from typing import Any

from inarch.metrics.records import Comparison, Curve, Estimate
from inarch.report.charts import line_chart
from inarch.report.wording import count_of, percent
from inarch.transfer.records.strategy_curves import (
    StrategyCurve,
    StrategyCurves,
    StrategyPoint,
    StrategyVerdict,
)

NAMES = {"probe": "the probe", "finetune": "fine-tuning", "scratch": "a net from scratch"}


def held_out_chart(curves: StrategyCurves) -> str:
    """Accuracy on photos that were held out, by photos of each class, with its intervals."""
    return _chart(curves, "accuracy on held-out photos", lambda point: point.held_out)


def training_chart(curves: StrategyCurves) -> str:
    """The same on the photos that were learned from."""
    return _chart(curves, "accuracy on the photos learned from", lambda point: point.learned)


def _chart(curves: StrategyCurves, label: str, estimate_of: Callable[[StrategyPoint], Estimate]) -> str:
    lines, bands = [], {}
    for each in curves.curves:
        estimates = [(float(point.of_class), estimate_of(point)) for point in each.points]
        lines.append(Curve(each.strategy, "photos of each class", label, tuple((x, e.value) for x, e in estimates)))
        bands[each.strategy] = [(estimate.low, estimate.high) for _, estimate in estimates]
    sizes = sorted({float(point.of_class) for each in curves.curves for point in each.points})
    return line_chart(lines, title=label, as_percent=True, intervals=bands, doubling=tuple(sizes))


def verdict_sentences(curves: StrategyCurves) -> tuple[str, ...]:
    """One sentence for each two strategies: ``Fine-tuning beside the probe: too close to call up to 20 photos …``"""
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
        said = f"{runs[0][0]} {where} of each class"
    else:
        said = ", ".join(f"{name} {_describe_sizes(at, len(runs), sizes)}" for at, (name, sizes) in enumerate(runs))
    return f"{one[:1].upper()}{one[1:]} beside {other}: {said}."


def _verdict_of(verdict: StrategyVerdict) -> str:
    return verdict.comparison.verdict


def _describe_sizes(at: int, runs: int, sizes: Sequence[int]) -> str:
    if at == 0:
        return f"{'up to' if len(sizes) > 1 else 'with'} {sizes[-1]} photos of each class"
    if at == runs - 1:
        return f"from {sizes[0]} on" if len(sizes) > 1 else f"with {sizes[0]}"
    return f"from {sizes[0]} to {sizes[-1]}" if len(sizes) > 1 else f"with {sizes[0]}"


def forecast_sentences(curves: StrategyCurves) -> tuple[str, ...]:
    """What twice the photos would bring to each strategy."""
    return tuple(_forecast(each.strategy, each.doubled) for each in curves.curves if each.doubled)


def _forecast(strategy: str, gain: Estimate) -> str:
    name = NAMES.get(strategy, strategy)
    said = f"about {100 * gain.value:.1f} points ({100 * gain.low:.1f} to {100 * gain.high:.1f})"
    if gain.low > 0:
        return f"Twice as many photos would add {said} to {name}."
    return f"Whether twice as many photos would help {name} is too close to call: {said}."


def strategy_lines(read: Mapping[str, Any]) -> tuple[str, ...]:
    """All of it for a terminal, from the curves in a bundle's ``metrics.json``."""
    curves = _read(read)
    lines = []
    if curves.curves:
        lines.append(
            f"with fewer photos, judged on the same {count_of(curves.judged, 'photo')} in "
            f"{count_of(curves.folds, 'fold')} (held out, learned from):"
        )
        lines += _rows(curves)
    said = [*verdict_sentences(curves), *forecast_sentences(curves)]
    said += [f"Left out: {each}" for each in curves.left_out]
    return (*lines, *(f"- {each}" for each in said), "")


def _rows(curves: StrategyCurves) -> Iterator[str]:
    points = {(each.strategy, point.of_class): point for each in curves.curves for point in each.points}
    names = [each.strategy for each in curves.curves]
    yield "  photos of each class" + "".join(f"  {name:<34}" for name in names).rstrip()
    for size in sorted({size for _, size in points}):
        cells = [points.get((name, size)) for name in names]
        yield f"  {size:>20}" + "".join(f"  {_cell(point):<34}" for point in cells).rstrip()


def _cell(point: StrategyPoint | None) -> str:
    if point is None:
        return "–"
    held = point.held_out
    return f"{percent(held.value)} ({100 * held.low:.1f} to {100 * held.high:.1f}), {percent(point.learned.value)}"


def _read(read: Mapping[str, Any]) -> StrategyCurves:
    """JSON knows no records."""
    return StrategyCurves(
        curves=tuple(
            StrategyCurve(
                each["strategy"],
                each["settings"],
                tuple(
                    StrategyPoint(
                        **{**point, **{name: Estimate(**point[name]) for name in ("held_out", "learned", "gap")}}
                    )
                    for point in each["points"]
                ),
                Estimate(**each["doubled"]) if each["doubled"] else None,
            )
            for each in read["curves"]
        ),
        verdicts=tuple(
            StrategyVerdict(
                **{
                    **each,
                    "comparison": Comparison(**{**each["comparison"], "gain": Estimate(**each["comparison"]["gain"])}),
                }
            )
            for each in read["verdicts"]
        ),
        photos=read["photos"],
        judged=read["judged"],
        folds=read["folds"],
        left_out=tuple(read["left_out"]),
    )

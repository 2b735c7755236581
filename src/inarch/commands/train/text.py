"""What a training run came to, in lines for a terminal."""

from collections.abc import Mapping, Sequence
from typing import Any

from inarch.commands.train.curves_drawing import strategy_lines
from inarch.commands.train.wording import describe_changes, describe_forecast, describe_leakage
from inarch.metrics.records import AnswerRule, Estimate, SelectiveResult
from inarch.report.answering import answered_sentence, rule_sentence
from inarch.report.wording import (
    count_of,
    duration,
    headline,
    interval,
    percent,
)
from inarch.transfer.records.learning import LeakageMeasurement, LearningCurve, LearningPoint
from inarch.transfer.records.plan import Plan, PlannedStrategy
from inarch.transfer.records.report import CURVES_PHASE, ParameterChanges


def training_lines(metrics: Mapping[str, Any]) -> tuple[str, ...]:
    """The headline, the candidates, the notes and the times of a bundle's ``metrics.json``."""
    evaluation = metrics["evaluation"]
    return (
        f"{headline(Estimate(**evaluation['accuracy']))}; balanced accuracy {_describe_balanced_accuracy(evaluation)}",
        f"{metrics['model']}, {metrics['strategy']}, seed {metrics['seed']}, from {metrics['weights']}",
        "",
        *_backbones(metrics["ranking"]),
        *_candidates(metrics["candidates"]),
        *(f"- {note}" for note in metrics["notes"]),
        "",
        *(strategy_lines(metrics["strategy_curves"]) if metrics["strategy_curves"] else ()),
        *(f"moved   in {each['phase']}, {describe_changes(_parse_changes(each))}" for each in metrics["movements"]),
        *_abstention_lines(evaluation.get("answered")),
        *_forecast(metrics["learning_curve"]),
        *_leakage_lines(metrics["leakage"]),
        *_promise(metrics),
        *_times(metrics["phases"]),
    )


def _times(phases: Sequence[Mapping[str, Any]]) -> list[str]:
    if not phases:
        return []
    return ["time    " + ", ".join(f"{phase['name']} {duration(phase['seconds'])}" for phase in phases)]


def _parse_changes(read: Mapping[str, Any]) -> ParameterChanges:
    """JSON knows no tuples."""
    return ParameterChanges(read["phase"], tuple(read["moved"]), read["kept"])


def _describe_balanced_accuracy(evaluation: Mapping[str, Any]) -> str:
    estimate = Estimate(**evaluation["balanced_accuracy"])
    return f"{percent(estimate.value)} ({interval(estimate)})"


def comparison_lines(runs: Mapping[str, Mapping[str, Any]]) -> tuple[str, ...]:
    """One line for each run's ``metrics.json``: its accuracy, how long it took in all, and with which net."""
    width = max(map(len, runs))
    lines = []
    for name, metrics in runs.items():
        accuracy = Estimate(**metrics["evaluation"]["accuracy"])
        lines.append(
            f"{name:<{width}}  {headline(accuracy)} ({interval(accuracy)}) in {duration(_seconds(metrics))}: "
            f"{metrics['model']}, from {metrics['weights'].partition(' (')[0]}"
        )
    return tuple(lines)


def plan_lines(plan: Plan) -> tuple[str, ...]:
    """What each strategy should take and reach, before it starts."""
    rows = [
        (
            each.strategy,
            f"about {duration(each.seconds)}",
            f"{100 * each.low:.0f} to {100 * each.high:.0f} %",
            each.settings,
            "" if each.planned else f"not tried: {each.why}",
        )
        for each in plan.strategies
    ]
    header = ("plan", "whole run", "accuracy", "what", "")
    widths = [max(len(row[at]) for row in (header, *rows)) for at in range(len(header) - 1)]
    lines = [
        "  ".join([*(f"{cell:<{width}}" for cell, width in zip(row, widths, strict=False)), row[-1]]).rstrip()
        for row in (header, *rows)
    ]
    return (*lines, *(f"- {note}" for note in plan.notes), "")


def promise_sentence(plan: Plan, strategy: str, seconds: float) -> str:
    """What was promised, and what it took."""
    promised = plan.seconds(strategy)
    off = 100 * (seconds / promised - 1)
    return f"about {duration(promised)} promised for {strategy}, {duration(seconds)} taken ({off:+.0f} %)"


def _promise(metrics: Mapping[str, Any]) -> list[str]:
    if metrics["plan"] is None:
        return []
    plan = Plan(tuple(PlannedStrategy(**each) for each in metrics["plan"]["strategies"]), ())
    return [f"promise {promise_sentence(plan, metrics['strategy'], _promised_seconds(metrics))}"]


def _promised_seconds(metrics: Mapping[str, Any]) -> float:
    """What the phases took of which a plan promises anything."""
    return sum(phase["seconds"] for phase in metrics["phases"] if phase["name"] != CURVES_PHASE)


def _seconds(metrics: Mapping[str, Any]) -> float:
    """What all phases took."""
    return sum(phase["seconds"] for phase in metrics["phases"])


def _backbones(ranking: Mapping[str, Any] | None) -> list[str]:
    if ranking is None or len(ranking["backbones"]) < 2:
        return []
    rows = ranking["backbones"]
    width = max(len(row["model"]) for row in rows)
    lines = [f"backbones at hand, tried with the same {count_of(ranking['sampled'], 'training photo')}:"]
    for row in rows:
        speed = f"{row['photos_per_second']:.0f} photos a second" if row["photos_per_second"] else "not timed"
        measured = row["why"]
        if row["accuracy"] is not None:
            accuracy = Estimate(**row["accuracy"])
            measured = f"{accuracy}  log loss {row['log_loss']:.3f}  LogME {row['logme']:.2f}"
        mark = "→" if row["chosen"] else " "
        lines.append(f"{mark} {row['model']:<{width}} {row['image_size']:>4} px  {speed:>19}  {measured}")
    return [*lines, ""]


def _forecast(curve: Mapping[str, Any] | None) -> list[str]:
    if curve is None:
        return []
    points = tuple(LearningPoint(each["photos"], Estimate(**each["accuracy"])) for each in curve["points"])
    read = LearningCurve(points, curve["photos"], Estimate(**curve["doubled"]))
    return [f"photos  {describe_forecast(read)}"]


def _abstention_lines(read: Mapping[str, Any] | None) -> list[str]:
    """Bundles of older inarchs say nothing of it."""
    if read is None:
        return []
    rule = AnswerRule(**{**read["rule"], "coverage": Estimate(**read["rule"]["coverage"])})
    shares = {name: read[name] and Estimate(**read[name]) for name in ("coverage", "accuracy")}
    answered = SelectiveResult(rule=rule, **shares, unlike=read["unlike"], close=read["close"], curve=())
    return [f"unsure  {rule_sentence(rule)}", f"        {answered_sentence(answered)}"]


def _leakage_lines(read: Mapping[str, Any] | None) -> list[str]:
    if read is None:
        return []
    shares = {name: Estimate(**read[name]) for name in ("apart", "parted", "tax")}
    return [f"leak    {describe_leakage(LeakageMeasurement(**shares, grouped=read['grouped']))}"]


def _candidates(candidates: Sequence[Mapping[str, Any]]) -> list[str]:
    if not candidates:
        return []
    lines = ["measured on training photos that were held out:"]
    for each in candidates:
        mark = "→" if each["chosen"] else " "
        lines.append(f"{mark} {each['strategy']:<9} {Estimate(**each['accuracy'])}  log loss {each['log_loss']:.3f}")
    return [*lines, ""]

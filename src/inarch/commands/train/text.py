"""A training run in lines for a terminal."""

from collections.abc import Mapping, Sequence

from inarch.commands.train.curves_drawing import strategy_lines
from inarch.commands.train.wording import describe_changes, describe_forecast, describe_leakage
from inarch.metrics.records import Estimate, Evaluation, SelectiveResult
from inarch.report.answering import answered_sentence, rule_sentence
from inarch.report.text_table import table_lines
from inarch.report.wording import (
    count_of,
    duration,
    headline,
    interval,
    percent,
)
from inarch.transfer.records.plan import Plan
from inarch.transfer.records.ranking import RankedBackbone, Ranking
from inarch.transfer.records.report import Candidate, Phase, TrainingReport


def training_lines(report: TrainingReport) -> tuple[str, ...]:
    """The headline, the candidates, the notes and the times."""
    evaluation = report.evaluation
    return (
        *([f"Do not trust the test accuracy: {report.caveat}"] if report.caveat else ()),
        _accuracy_text(evaluation),
        f"{report.model}, {report.strategy}, seed {report.seed}, weights: {report.weights}",
        "",
        *_backbones(report.ranking),
        *_candidates(report.candidates),
        *(f"- {note}" for note in report.notes),
        "",
        *(strategy_lines(report.strategy_curves) if report.strategy_curves else ()),
        *(f"updated by {each.phase}: {describe_changes(each)}" for each in report.movements),
        *_abstention_lines(None if evaluation is None else evaluation.answered),
        *([f"photos  {describe_forecast(report.learning_curve)}"] if report.learning_curve else ()),
        *([f"leakage {describe_leakage(report.leakage)}"] if report.leakage else ()),
        *([f"plan    {promise_sentence(report.plan, report.strategy, report.seconds)}"] if report.plan else ()),
        *_times(report.phases),
    )


def _accuracy_text(evaluation: Evaluation | None) -> str:
    if evaluation is None:
        return "Test accuracy not measured: there is no test set"
    balanced = _share(evaluation.balanced_accuracy)
    return f"{headline(evaluation.accuracy, evaluation.split)}; balanced accuracy {balanced}"


def _times(phases: Sequence[Phase]) -> list[str]:
    if not phases:
        return []
    return ["time    " + ", ".join(f"{phase.name} {duration(phase.seconds)}" for phase in phases)]


def _share(estimate: Estimate) -> str:
    return f"{percent(estimate.value)} ({interval(estimate)})"


def comparison_lines(runs: Mapping[str, TrainingReport]) -> tuple[str, ...]:
    """One line for each run: its accuracy, run time, model and weights."""
    rows = []
    for name, report in runs.items():
        accuracy = _accuracy_text(report.evaluation).partition(";")[0]
        taken = duration(sum(phase.seconds for phase in report.phases))
        model = f"{report.model}, weights: {report.weights.partition(' (')[0]}"
        rows.append((name, f"{accuracy} in {taken}: {model}"))
    return tuple(table_lines(rows, "ll"))


def plan_lines(plan: Plan) -> tuple[str, ...]:
    """The expected run time and accuracy of each strategy."""
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
    header = ("plan", "run time", "accuracy", "settings", "")
    lines = table_lines((header, *rows), "lllll")
    return (*lines, *(f"- {note}" for note in plan.notes), "")


def promise_sentence(plan: Plan, strategy: str, seconds: float) -> str:
    """The planned and the actual run time."""
    promised = plan.seconds(strategy)
    off = 100 * (seconds / promised - 1)
    return f"planned {duration(promised)} for {strategy}, took {duration(seconds)} ({off:+.0f} %)"


def _backbones(ranking: Ranking | None) -> list[str]:
    if ranking is None or len(ranking.backbones) < 2:
        return []
    rows = [
        (
            f"{'→' if each.chosen else ' '} {each.model}",
            f"{each.image_size} px",
            f"{each.photos_per_second:.0f} photos/s" if each.photos_per_second else "not timed",
            _measured(each),
        )
        for each in ranking.backbones
    ]
    title = f"backbones compared on the same {count_of(ranking.sampled, 'training photo')}:"
    return [title, *table_lines(rows, "lrrl"), ""]


def _measured(backbone: RankedBackbone) -> str:
    if backbone.accuracy is None:
        return backbone.why
    return f"{backbone.accuracy}  log loss {backbone.log_loss:.3f}  LogME {backbone.logme:.2f}"


def _abstention_lines(answered: SelectiveResult | None) -> list[str]:
    """Empty for bundles of older versions, which have no rule."""
    if answered is None:
        return []
    return [f"abstain {rule_sentence(answered.rule)}", f"        {answered_sentence(answered)}"]


def _candidates(candidates: Sequence[Candidate]) -> list[str]:
    if not candidates:
        return []
    rows = [
        (
            f"{'→' if each.chosen else ' '} {each.strategy}",
            str(each.accuracy),
            f"log loss {each.log_loss:.3f}",
            duration(each.seconds) if each.seconds else "",
            each.settings,
        )
        for each in candidates
    ]
    return ["validation accuracy of the candidates:", *table_lines(rows, "lllrl"), ""]

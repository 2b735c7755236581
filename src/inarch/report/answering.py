"""Sentences about selective classification: when a model answers, its coverage, and why it abstains."""

from inarch.metrics.records import AnswerRule, SelectiveResult
from inarch.report.wording import count_of, interval, percent


def rule_sentence(rule: AnswerRule) -> str:
    """When the model answers, and whether the target accuracy is guaranteed."""
    if rule.confidence is None:
        return (
            f"The model abstains on every photo: on the {count_of(rule.n, 'validation photo')}, no confidence "
            f"threshold reaches the target accuracy of {percent(rule.target_accuracy)}. A lower --target-accuracy, or "
            "--always-answer, makes it answer."
        )
    confident = f"its confidence is above {percent(rule.confidence)} and " if rule.confidence > 0 else ""
    chosen = (
        f"The model answers a photo if {confident}the photo resembles the training set (in distribution). On the "
        f"{count_of(rule.n, 'validation photo')}, its coverage is {percent(rule.coverage.value)}"
    )
    if rule.promised:
        return (
            f"{chosen} and at least {percent(rule.target_accuracy)} of its answers are correct. For photos like these, "
            "this target accuracy is guaranteed, with 95 % confidence over the choice of validation photos."
        )
    return f"{chosen}. {no_promise(rule)}"


def caution(rule: AnswerRule | None) -> str:
    """The warning that predictions carry; empty where the target accuracy is guaranteed."""
    if rule is None:
        return "This bundle has no abstention rule, so every photo is answered: it was adapted, or is an older one."
    return "" if rule.promised else no_promise(rule)


def no_promise(rule: AnswerRule) -> str:
    """Why the target accuracy of a rule is not guaranteed."""
    if rule.confidence is None:
        return rule_sentence(rule)
    return (
        f"The target accuracy of {percent(rule.target_accuracy)} is not guaranteed: the "
        f"{count_of(rule.n, 'validation photo')} are too few for that, or too many of the answers on them are wrong. A "
        "lower --target-accuracy may be guaranteed."
    )


def answered_sentence(answered: SelectiveResult) -> str:
    """Coverage, selective accuracy, and the reasons for abstaining."""
    right = answered.accuracy
    share = f"Coverage {percent(answered.coverage.value)} ({interval(answered.coverage)})"
    correct = f"; selective accuracy {percent(right.value)} ({interval(right)})" if right else ""
    return (
        f"{share}{correct}. The model abstained on {count_of(answered.unlike, 'photo')} as out-of-distribution and on "
        f"{count_of(answered.close, 'photo')} because of low confidence."
    )

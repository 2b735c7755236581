"""When a classifier answers, and what that comes to, in sentences."""

from inarch.metrics.records import AnswerRule, SelectiveResult
from inarch.report.wording import count_of, interval, percent


def rule_sentence(rule: AnswerRule) -> str:
    """When it answers, and whether the goal is promised."""
    if rule.confidence is None:
        return (
            f"It answers nothing: on the {count_of(rule.n, 'held-out photo')} no confidence had {percent(rule.goal)} "
            "of the answers right. A lower --goal, or --always-answer, makes it answer."
        )
    chosen = (
        f"It answers if it is more than {percent(rule.confidence)} sure and the photo is like those that it learned "
        f"from; by {count_of(rule.n, 'held-out training photo')}, that answers {percent(rule.coverage.value)} of them"
    )
    if rule.promised:
        return (
            f"{chosen}, and {percent(rule.goal)} of the answers or more are right: a promise, for photos like these, "
            "that bad luck with the held-out ones breaks 1 time in 20 at most."
        )
    return f"{chosen}. {no_promise(rule)}"


def caution(rule: AnswerRule | None) -> str:
    """What to know beside the answers; nothing where the goal is promised."""
    if rule is None:
        return (
            "This bundle cannot say when it is unsure, so every photo is answered: it was adapted, or is an older one."
        )
    return "" if rule.promised else no_promise(rule)


def no_promise(rule: AnswerRule) -> str:
    """Why the goal of a rule is not promised."""
    if rule.confidence is None:
        return rule_sentence(rule)
    return (
        f"That {percent(rule.goal)} of the answers are right is not promised: for that, the "
        f"{count_of(rule.n, 'held-out photo')} are too few or the wrong answers among them too many. A lower --goal "
        "may be kept."
    )


def answered_sentence(answered: SelectiveResult) -> str:
    """How many photos were answered, how many answers are right, and why there was none for the others."""
    right = answered.accuracy
    share = f"Answered: {percent(answered.coverage.value)} ({interval(answered.coverage)})"
    correct = f"; of the answers {percent(right.value)} ({interval(right)}) are right" if right else ""
    return (
        f"{share}{correct}. No answer: {count_of(answered.unlike, 'photo')} unlike those that it learned from, "
        f"{count_of(answered.close, 'photo')} too close between two classes."
    )

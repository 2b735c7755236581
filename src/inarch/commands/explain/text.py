"""An explanation in lines for a terminal."""

from collections import Counter
from collections.abc import Iterator, Sequence

from inarch.commands.explain.records import (
    ChannelPreference,
    DepthProfile,
    Explanation,
    FaithfulnessCheck,
    Filters,
    UntunedStage,
)
from inarch.report.text_table import table_lines
from inarch.report.wording import (
    count_of,
    interval,
    make_printable,
    percent,
    points,
)

LIMITS = (
    "A linear probe shows which classes are linearly separable at a stage, not which features the model uses.",
    "An attribution map shows which fields change a prediction, not why, and not what the model would predict for "
    "another photo. Photos with deleted fields are out-of-distribution.",
    "A channel is not a concept: patches with the same response need not show the same thing, and most channels are "
    "not shown.",
    "A synthesised image shows one way to activate a channel, not the only one.",
    "The border test uses the attribution map alone: the object itself may reach the border.",
)
"""The limitations of all methods."""


def to_text(explanation: Explanation) -> str:
    """The probes stage by stage, then the faithfulness of the maps, then the borders."""
    return "\n".join(map(make_printable, _lines(explanation)))


def cut_sentence(depth: DepthProfile) -> str:
    """The best stage for a linear classifier, and its significance."""
    last = depth.stages[-1].stage
    if depth.tested is None:
        return f"The last stage, {last}, is the best one for a linear probe."
    tested = depth.tested
    return (
        f"{depth.cut} is the first stage within one standard error of the best. Compared with the last stage, {last}, "
        f"its probe is {tested.verdict}: {points(tested.gain.value)}, p = {tested.p:.2g}."
    )


def before_sentence(explanation: Explanation) -> str:
    """The effect of fine-tuning on the last stage; empty if the weights before it are unknown."""
    moved = explanation.depth.moved
    if moved is None:
        return ""
    last = explanation.depth.stages[-1].stage
    return (
        f"Compared with {explanation.before} before fine-tuning, a linear probe of {last} is {moved.verdict}: "
        f"{points(moved.gain.value)} ({interval(moved.gain, 'points')}), p = {moved.p:.2g}."
    )


def filters_sentence(filters: Filters) -> str:
    """How similar the filters of the first convolution are to Gabor filters."""
    dead = sum(each.likeness is None for each in filters.filters)
    return (
        f"{count_of(len(filters.filters), 'filter')} of {filters.side} x {filters.side} ({filters.layer}"
        f"{f', {dead} of them dead' if dead else ''}): the best Gabor filter explains {percent(filters.likeness)} of a "
        f"filter's energy, and {percent(filters.chance)} of a random filter's: "
        f"{points(filters.over_chance.value)} ({interval(filters.over_chance, 'points')}), {filters.verdict}."
    )


def channels_sentence(channels: Sequence[ChannelPreference]) -> str:
    """The number of synthesised images by verdict."""
    verdicts = Counter(each.made.verdict for each in channels)
    return "; ".join(f"{count} × {verdict}" for verdict, count in verdicts.most_common())


def _stages(depth: DepthProfile) -> list[str]:
    rows = [
        (
            f"{'→' if each.stage == depth.cut else ' '} {each.stage}",
            f"{each.channels} channels",
            percent(each.accuracy.value),
            f"({interval(each.accuracy)})",
            f"log loss {each.log_loss:.3f}",
            f"random weights {percent(each.random_accuracy.value)}",
            _format_untuned(each.before),
        )
        for each in depth.stages
    ]
    return table_lines(rows, "lrrllll")


def _format_untuned(before: UntunedStage | None) -> str:
    return "" if before is None else f"before {percent(before.accuracy.value)}, CKA {before.alike:.2f}"


def _check_sentence(check: FaithfulnessCheck) -> str:
    return (
        f"deleting its strongest fields lowers the confidence by {percent(check.over_random.value)} "
        f"({interval(check.over_random)}) more than a random order, {percent(check.over_centre.value)} "
        f"({interval(check.over_centre)}) more than centre first; correlation with random weights "
        f"{check.alike.value:.2f} ({check.alike.low:.2f} to {check.alike.high:.2f}): {check.verdict}"
    )


def _lines(explanation: Explanation) -> Iterator[str]:
    depth = explanation.depth
    yield f"{explanation.model} in {explanation.bundle}, on {count_of(depth.photos, 'photo')} of {explanation.root}"
    yield ""
    yield "linear probe of every stage, cross-validated, compared with a randomly initialised model:"
    yield from _stages(depth)
    yield cut_sentence(depth)
    if depth.moved:
        yield before_sentence(explanation)
    yield ""
    yield filters_sentence(explanation.filters)
    if explanation.channels:
        made = count_of(len(explanation.channels), "channel")
        yield f"synthesised images for {made}: {channels_sentence(explanation.channels)}"
    yield ""
    yield f"attribution maps of {count_of(len(explanation.answers), 'prediction')}, deletion metric:"
    yield from table_lines([(f"  {check.method}", _check_sentence(check)) for check in explanation.checks], "ll")
    yield ""
    yield f"photos with more attribution at the border ({explanation.border_method}) than its area:"
    for border in explanation.borders:
        mark = "!" if border.is_suspicious else " "
        yield f"{mark} {border.label}: {percent(border.share.value)} ({interval(border.share)}, n={border.share.n})"
    yield ""
    yield from (f"- {limit}" for limit in LIMITS)

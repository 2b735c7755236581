"""What a net sees, in lines for a terminal, and as JSON."""

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict

from inarch.commands.explain.records import (
    ChannelPreference,
    DepthProfile,
    Explanation,
    Filters,
    UntunedStage,
)
from inarch.report.wording import (
    count_of,
    interval,
    make_printable,
    percent,
    points,
)

LIMITS = (
    "A linear classifier on a stage says what can be read there in a straight line, not what the net reads.",
    "A map shows which fields an answer changes with, not why, and not what the net would do on another photo. Deleted "
    "fields make photos that nobody took.",
    "A channel is not a concept: patches that move it alike need not show one thing, most channels are not drawn, and "
    "a map shows the places that move a channel, not what the net makes of it.",
    "An image made for a channel shows one way to move it, not the only one.",
    "Borders are judged by the map alone: what is at the border may belong to the thing.",
)
"""What none of it shows."""


def to_text(explanation: Explanation) -> str:
    """Stage by stage, then what the maps are worth, then the borders."""
    return "\n".join(map(make_printable, _lines(explanation)))


def to_json(explanation: Explanation) -> str:
    """Everything but the pictures."""
    kept = asdict(explanation, dict_factory=lambda pairs: {name: value for name, value in pairs if name != "picture"})
    content = {**kept, "limits": LIMITS}
    return json.dumps(content, indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def cut_sentence(depth: DepthProfile) -> str:
    """Where a linear classifier had better read, and whether that is certain."""
    last = depth.stages[-1].stage
    if depth.tested is None:
        return f"The last stage, {last}, is the one to read."
    tested = depth.tested
    return (
        f"One standard error cannot tell {depth.cut} from the best stage. Against the last, {last}, a classifier on it "
        f"is {tested.verdict}: {points(tested.gain.value)}, p = {tested.p:.2g}."
    )


def before_sentence(explanation: Explanation) -> str:
    """What fine-tuning did to the last stage; empty where the net before is not known."""
    moved = explanation.depth.moved
    if moved is None:
        return ""
    last = explanation.depth.stages[-1].stage
    return (
        f"Against {explanation.before}, what the net was before, a classifier on {last} is {moved.verdict}: "
        f"{points(moved.gain.value)} ({interval(moved.gain, 'points')}), p = {moved.p:.2g}."
    )


def filters_sentence(filters: Filters) -> str:
    """How much the first convolution is like Gabor filters."""
    dead = sum(each.likeness is None for each in filters.filters)
    return (
        f"{count_of(len(filters.filters), 'filter')} of {filters.side} x {filters.side} ({filters.layer}"
        f"{f', {dead} of them dead' if dead else ''}): a Gabor filter explains {percent(filters.likeness)} of a "
        f"filter's energy, and {percent(filters.chance)} of noise: "
        f"{points(filters.over_chance.value)} ({interval(filters.over_chance, 'points')}), {filters.verdict}."
    )


def channels_sentence(channels: Sequence[ChannelPreference]) -> str:
    """How many of the images that were made say anything."""
    verdicts = Counter(each.made.verdict for each in channels)
    return "; ".join(f"{count} × {verdict}" for verdict, count in verdicts.most_common())


def _format_untuned(before: UntunedStage) -> str:
    return f"  before {percent(before.accuracy.value):>7}, CKA {before.alike:.2f}"


def _lines(explanation: Explanation) -> Iterator[str]:
    depth = explanation.depth
    yield f"{explanation.model} in {explanation.bundle}, on {count_of(depth.photos, 'photo')} of {explanation.root}"
    yield ""
    yield "a linear classifier on every stage, cross-validated, and on the same net with first weights:"
    width = max(len(each.stage) for each in depth.stages)
    for each in depth.stages:
        mark = "→" if each.stage == depth.cut else " "
        first = percent(each.random_accuracy.value)
        yield (
            f"{mark} {each.stage:<{width}}  {each.channels:>5} channels  {percent(each.accuracy.value):>7} "
            f"({interval(each.accuracy)})  log loss {each.log_loss:.3f}  first weights {first:>7}"
            f"{'' if each.before is None else _format_untuned(each.before)}"
        )
    yield cut_sentence(depth)
    if depth.moved:
        yield before_sentence(explanation)
    yield ""
    yield filters_sentence(explanation.filters)
    if explanation.channels:
        made = count_of(len(explanation.channels), "channel")
        yield f"images made for {made}: {channels_sentence(explanation.channels)}"
    yield ""
    yield f"maps of {count_of(len(explanation.answers), 'answer')}:"
    for check in explanation.checks:
        yield (
            f"  {check.method:<21} deleting by it costs {percent(check.over_random.value)} "
            f"({interval(check.over_random)}) more confidence than by chance, {percent(check.over_centre.value)} "
            f"({interval(check.over_centre)}) more than from the centre; alike with first weights: "
            f"{check.alike.value:.2f} ({check.alike.low:.2f} to {check.alike.high:.2f}): {check.verdict}"
        )
    yield ""
    yield f"photos whose border has more of the map ({explanation.border_method}) than of the area:"
    for border in explanation.borders:
        mark = "!" if border.is_suspicious else " "
        yield f"{mark} {border.label}: {percent(border.share.value)} ({interval(border.share)}, n={border.share.n})"
    yield ""
    yield from (f"- {limit}" for limit in LIMITS)

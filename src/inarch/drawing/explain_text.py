"""What a net sees, in lines for a terminal, and as JSON."""

import json
from collections.abc import Iterator
from dataclasses import asdict

from inarch.drawing.wording import counted, interval, percent, points, printable
from inarch.records.explain import Depth, Explanation

LIMITS = (
    "A linear classifier on a stage says what can be read there in a straight line, not what the net reads.",
    "A map shows which fields an answer changes with, not why, and not what the net would do on another photo. Deleted "
    "fields make photos that nobody took.",
    "Borders are judged by the map alone: what is at the border may belong to the thing.",
)
"""What none of it shows."""


def to_text(explanation: Explanation) -> str:
    """Stage by stage, then what the maps are worth, then the borders."""
    return "\n".join(map(printable, _lines(explanation)))


def to_json(explanation: Explanation) -> str:
    """Everything."""
    content = {**asdict(explanation), "limits": LIMITS}
    return json.dumps(content, indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def cut_sentence(depth: Depth) -> str:
    """Where a linear classifier had better read, and whether that is certain."""
    last = depth.stages[-1].stage
    if depth.tested is None:
        return f"The last stage, {last}, is the one to read."
    tested = depth.tested
    return (
        f"One standard error cannot tell {depth.cut} from the best stage. Against the last, {last}, a classifier on it "
        f"is {tested.verdict}: {points(tested.gain.value)}, p = {tested.p:.2g}."
    )


def _lines(explanation: Explanation) -> Iterator[str]:
    depth = explanation.depth
    yield f"{explanation.model} in {explanation.bundle}, on {counted(depth.photos, 'photo')} of {explanation.root}"
    yield ""
    yield "a linear classifier on every stage, cross-validated, and on the same net with first weights:"
    width = max(len(each.stage) for each in depth.stages)
    for each in depth.stages:
        mark = "→" if each.stage == depth.cut else " "
        first = percent(each.random_accuracy.value)
        yield (
            f"{mark} {each.stage:<{width}}  {each.channels:>5} channels  {percent(each.accuracy.value):>7} "
            f"({interval(each.accuracy)})  log loss {each.log_loss:.3f}  first weights {first:>7}"
        )
    yield cut_sentence(depth)
    yield ""
    yield f"maps of {counted(len(explanation.answers), 'answer')}:"
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

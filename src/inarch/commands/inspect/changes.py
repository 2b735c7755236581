"""Similar differences, grouped: 152 layers that differ in the same way are one change."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from fractions import Fraction

from inarch.commands.inspect.differences import Difference
from inarch.models.anatomy.layers import FOLLOWERS, place_of
from inarch.models.anatomy.records import Change, ModelTrace, Node

Differences = Sequence[Difference]
Traces = Sequence[ModelTrace]


def gather_changes(found: Iterable[Difference], traces: Traces) -> tuple[Change, ...]:
    """The differences grouped by kind, those with the most parameters and MACs first; figures are summed."""
    differences = [*found]
    ratios = {_ratio(each) for each in differences if each.widths}
    few = len(ratios) <= 3  # widths that differ by more ratios are reported as one range
    buckets: dict[tuple[object, ...], list[Difference]] = defaultdict(list)
    for each in differences:
        buckets[*_key(each), _ratio(each) if few else bool(each.widths)].append(each)
    changes = [_change(run, traces) for bucket in buckets.values() for run in _split_by_blocks(bucket, traces)]
    return tuple(sorted(changes, key=lambda each: (-abs(each.macs), -abs(each.parameters))))


def _key(each: Difference) -> tuple[object, ...]:
    if each.what == "block":
        return each.what, each.stage, bool(each.here)
    if each.what == "branch":
        return each.what, each.place, bool(each.here)
    return each.what, each.kind, each.here, each.there


def _ratio(each: Difference) -> Fraction:
    return Fraction(*each.widths) if each.widths else Fraction(1)


def _texts(run: Differences) -> tuple[str, str]:
    """The descriptions of both sides: widths if all are the same, else ratios."""
    first = run[0]
    if first.what in ("block", "branch"):
        return (first.what if first.here else ""), (first.what if first.there else "")
    if first.widths is None:
        return first.here, first.there
    unit = "outputs" if first.kind == "linear" else "channels"
    widths = f"{first.widths[0]:,} {unit}", f"{first.widths[1]:,} {unit}"
    if len({each.widths for each in run}) > 1:
        least, most = (f"{float(end(map(_ratio, run))):.3g}" for end in (min, max))
        widths = f"{least if least == most else f'{least} to {most}'} times the {unit}", ""
    return ", ".join(filter(None, (first.here, widths[0]))), ", ".join(filter(None, (first.there, widths[1])))


def _split_by_blocks(bucket: Differences, traces: Traces) -> Iterator[Differences]:
    """The bucket as one group, or split so that every place in a part is in the same blocks."""
    if _is_unplaced(bucket[0]) or _is_everything(bucket, traces):
        yield bucket
        return
    places: dict[str, list[Difference]] = defaultdict(list)
    for each in bucket:
        places[each.place].append(each)
    by_blocks: dict[tuple[str, ...], list[Difference]] = defaultdict(list)
    for run in places.values():
        by_blocks[tuple(each.block for each in run)] += run
    yield from by_blocks.values()


def _is_unplaced(each: Difference) -> bool:
    """Whether it is reported for all layers of a kind together."""
    return each.what in ("bias", "input", "map") or (each.what == "layer" and each.kind in FOLLOWERS)


def _is_everything(bucket: Differences, traces: Traces) -> bool:
    """Whether a change of width covers every layer of the kind, on both sides."""
    first = bucket[0]
    most = max(sum(node.kind == first.kind for node in trace.nodes) for trace in traces)
    return first.what == "width" and len(bucket) == most > 1


def _change(run: Differences, traces: Traces) -> Change:
    first = run[0]
    blocks = tuple(dict.fromkeys(each.block for each in run))
    places = tuple(dict.fromkeys(each.place for each in run if each.place))
    if _is_unplaced(first):
        places = ()
    nodes = [node for trace in traces for node in trace.nodes if _is_of_change(node, first, places)]
    here, there = _texts(run)
    return Change(
        what=first.what,
        kind=first.kind,
        here=here,
        there=there,
        layers=() if _is_everything(run, traces) else places,
        blocks=blocks,
        stages=tuple(dict.fromkeys(each.stage for each in run)),
        every={node.block for node in nodes} == set(blocks),
        count=sum(each.count for each in run),
        parameters=sum(each.parameters for each in run),
        macs=sum(each.macs for each in run),
    )


def _is_of_change(node: Node, first: Difference, places: Sequence[str]) -> bool:
    """Whether a layer is one of those that a change describes."""
    if first.what in ("branch", "path"):
        return node.branch == first.place
    if first.what in ("order", "shortcut"):
        return node.kind == {"order": "batch norm", "shortcut": "addition"}[first.what]
    return node.kind == first.kind and (not places or place_of(node) in places)

"""Two models compared block by block and path by path: every layer that differs."""

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from math import prod
from operator import attrgetter

from inarch.models.anatomy.figures import WEIGHTED
from inarch.models.anatomy.layers import (
    ACTIVATIONS,
    NORMS,
    POOLS,
    bias_of,
    is_shortcut,
    kernels,
    label_of,
    norm_position,
    place_of,
    settings_of,
    shortcut_of,
)
from inarch.models.anatomy.records import ModelTrace, Node

Nodes = Sequence[Node]
Blocks = Mapping[tuple[str, str], Nodes]


@dataclass(frozen=True, kw_only=True)
class Difference:
    """One layer, branch or block that differs; see `Change` for the fields."""

    what: str
    stage: str
    block: str
    kind: str = ""
    here: str = ""
    there: str = ""
    place: str = ""
    widths: tuple[int, int] | None = None
    """The layer's width here and there, if it differs; the texts omit it."""
    count: int = 1
    parameters: int
    macs: int


def blocks_of(trace: ModelTrace) -> Blocks:
    """The layers by stage and block, in running order."""
    return {key: tuple(nodes) for key, nodes in groupby(trace.nodes, attrgetter("stage", "block"))}


def differences(here: ModelTrace, there: ModelTrace) -> Iterator[Difference]:
    """Every difference between two models with matching blocks; their figures add up to the models' difference."""
    left, right = blocks_of(here), blocks_of(there)
    for (stage, block), nodes in left.items():
        if (stage, block) in right:
            for each in _block_differences(nodes, right[stage, block]):
                yield replace(each, stage=stage, block=block)
        else:
            yield _one_sided_difference("block", nodes, ())
    for key, nodes in right.items():
        if key not in left:
            yield _one_sided_difference("block", (), nodes)


def _block_differences(here: Nodes, there: Nodes) -> Iterator[Difference]:
    """The differences between two blocks of one name."""
    skips = shortcut_of(here), shortcut_of(there)
    if skips[0] != skips[1]:
        aside = [[each for each in side if is_shortcut(each) or each.kind == "addition"] for side in (here, there)]
        yield replace(_sum_difference("shortcut", *aside), here=skips[0], there=skips[1])
        here, there = _remove_nodes(here, aside[0]), _remove_nodes(there, aside[1])
    orders = norm_position(here), norm_position(there)
    if all(orders) and orders[0] != orders[1]:
        aside = [[each for each in side if each.kind in NORMS | ACTIVATIONS] for side in (here, there)]
        yield replace(_sum_difference("order", *aside), kind="batch norm", here=orders[0], there=orders[1])
        here, there = _remove_nodes(here, aside[0]), _remove_nodes(there, aside[1])
    yield from _branch_differences(here, there)


def _branch_differences(here: Nodes, there: Nodes) -> Iterator[Difference]:
    left, right = _group_by_branch(here), _group_by_branch(there)
    told: set[str] = set()
    for branch in dict.fromkeys((*left, *right)):
        if any(branch.startswith(f"{gone}/") for gone in told):
            continue
        if branch in left and branch in right:
            yield from _path_differences(left[branch], right[branch])
        elif branch.partition("/")[0] not in ("residual", "shortcut", ""):
            told.add(branch)
            sides = [[each for each in side if f"{each.branch}/".startswith(f"{branch}/")] for side in (here, there)]
            yield replace(_one_sided_difference("branch", *sides), place=branch)
        else:
            yield from _path_differences(left.get(branch, ()), right.get(branch, ()))


def _path_differences(here: Nodes, there: Nodes) -> Iterator[Difference]:
    """The differences between two paths of one name, layer by layer, or as a whole if their layers do not match."""
    pairs = _pair_layers(here, there)
    left = _remove_nodes(here, [one for one, _ in pairs])
    right = _remove_nodes(there, [other for _, other in pairs])
    if any(each.kind == "convolution" for each in left) and any(each.kind == "convolution" for each in right):
        whole = replace(_sum_difference("path", here, there), place=(*here, *there)[0].branch)
        yield replace(whole, here=kernels(here), there=kernels(there))
        return
    for one, other in pairs:
        yield from _layer_differences(one, other)
    yield from (_one_sided_difference("layer", unit, ()) for unit in _units(left))
    yield from (_one_sided_difference("layer", (), unit) for unit in _units(right))


def _pair_layers(here: Nodes, there: Nodes) -> list[tuple[Node, Node]]:
    """Matching layers of one path: by name, the others by their order among their kind."""
    pairs = _pair_by_key(here, there, lambda node: (label_of(node), _kind_group(node)))
    left = _remove_nodes(here, [one for one, _ in pairs])
    right = _remove_nodes(there, [other for _, other in pairs])
    if kernels(left) == kernels(right):
        pairs += _pair_by_key(left, right, _kind_group)
    return sorted(pairs, key=lambda pair: here.index(pair[0]))


def _pair_by_key(here: Nodes, there: Nodes, key: Callable[[Node], object]) -> list[tuple[Node, Node]]:
    waiting: dict[object, list[Node]] = defaultdict(list)
    for node in there:
        waiting[key(node)].append(node)
    return [(node, waiting[key(node)].pop(0)) for node in here if waiting[key(node)]]


def _layer_differences(here: Node, there: Node) -> Iterator[Difference]:
    whole = _sum_difference("", [here], [there])
    bias, other = bias_of(here), bias_of(there)
    if bool(bias) != bool(other):
        yield replace(
            whole,
            what="bias",
            here=_bias_text(bias),
            there=_bias_text(other),
            parameters=bias - other,
            macs=0,
            place=place_of(here),
        )
        whole = replace(whole, parameters=whole.parameters - bias + other)
    left, right = settings_of(here), settings_of(there)
    differing = [name for name in left if left[name] != right.get(name)]
    if here.kind in WEIGHTED and here.out_shape[0] != there.out_shape[0]:
        whole = replace(whole, widths=(here.out_shape[0], there.out_shape[0]))
    if differing or whole.widths:
        texts = [", ".join(own[name] for name in differing) for own in (left, right)]
        what = ", ".join([*differing, *(["width"] if whole.widths else [])])
        whole = replace(whole, what=what, here=texts[0], there=texts[1])
    elif whole.parameters or whole.macs:
        what, told = _input(here, there)
        whole = replace(whole, what=what, here=told)
    if whole.what:
        yield replace(whole, place=place_of(here))


def _input(here: Node, there: Node) -> tuple[str, str]:
    """The same layer with other input channels or, if they are as many, with another grid."""
    if here.in_shape[0] != there.in_shape[0]:
        return "input", "more channels" if here.in_shape[0] > there.in_shape[0] else "fewer channels"
    return "map", "larger feature maps" if prod(here.in_shape) > prod(there.in_shape) else "smaller feature maps"


def _units(nodes: Nodes) -> Iterator[Nodes]:
    """The layers grouped by their convolution; the others one by one."""
    by_label: dict[str, list[Node]] = defaultdict(list)
    for node in nodes:
        by_label[label_of(node)].append(node)
    for unit in by_label.values():
        if any(node.kind == "convolution" for node in unit):
            yield unit
        else:
            yield from ([node] for node in unit)


def _one_sided_difference(what: str, here: Nodes, there: Nodes) -> Difference:
    """Layers that exist on one side only."""
    nodes = [*here, *there]
    main = next((node for node in nodes if node.kind == "convolution"), nodes[0])
    text = settings_of(main).get("kernel", main.kind)
    whole = replace(_sum_difference(what, here, there), stage=main.stage, block=main.block)
    return replace(
        whole,
        kind=main.kind if what == "layer" else "",
        here=text if here else "",
        there=text if there else "",
        place=place_of(main) if what == "layer" else "",
    )


def _sum_difference(what: str, here: Nodes, there: Nodes) -> Difference:
    nodes = [*here, *there]
    sums = [(sum(each.parameters for each in side), sum(each.macs for each in side)) for side in (here, there)]
    return Difference(
        what=what,
        stage=nodes[0].stage if nodes else "",
        block=nodes[0].block if nodes else "",
        kind=nodes[0].kind if len({_kind_group(node) for node in nodes}) == 1 else "",
        parameters=sums[0][0] - sums[1][0],
        macs=sums[0][1] - sums[1][1],
    )


def _group_by_branch(nodes: Nodes) -> dict[str, list[Node]]:
    by_branch: dict[str, list[Node]] = defaultdict(list)
    for node in nodes:
        by_branch[node.branch].append(node)
    return dict(by_branch)


def _remove_nodes(nodes: Nodes, gone: Nodes) -> list[Node]:
    left_out = {id(node) for node in gone}
    return [node for node in nodes if id(node) not in left_out]


def _kind_group(node: Node) -> str:
    """The group of a layer's kind: layers of one group can match."""
    return "pool" if node.kind in POOLS else node.kind


def _bias_text(bias: int) -> str:
    return "a bias" if bias else "no bias"

"""The sums of a trace: by stage, and in total."""

from collections.abc import Sequence
from itertools import groupby
from operator import attrgetter

from inarch.models.anatomy.records import ModelFigures, ModelTrace, Node, StageFigures

WEIGHTED = frozenset({"convolution", "linear"})
"""The kinds of layers that depth counts."""


def model_figures(trace: ModelTrace) -> ModelFigures:
    """The figures of the whole model."""
    backbone = [node for node in trace.nodes if node.path.startswith("backbone.")]
    return ModelFigures(
        name=trace.name,
        variant=trace.variant,
        image_size=trace.image_size,
        classes=trace.classes,
        parameters=trace.parameters,
        macs=trace.macs,
        depth=depth_of(trace.nodes),
        receptive_field=backbone[-1].receptive_field,
    )


def stage_figures(trace: ModelTrace) -> tuple[StageFigures, ...]:
    """Every stage, in running order."""
    return tuple(_stage(name, tuple(nodes)) for name, nodes in groupby(trace.nodes, attrgetter("stage")))


def depth_of(nodes: Sequence[Node]) -> int:
    """Convolutions and linear layers on the longest path; parallel paths of a block count by the longest."""
    return sum(_longest_path_depth(tuple(block)) for _, block in groupby(nodes, attrgetter("stage", "block")))


def _stage(name: str, nodes: Sequence[Node]) -> StageFigures:
    last = nodes[-1]
    return StageFigures(
        name=name,
        blocks=len({node.block for node in nodes}),
        out_shape=last.out_shape,
        stride=last.stride,
        parameters=sum(node.parameters for node in nodes),
        macs=sum(node.macs for node in nodes),
        receptive_field=last.receptive_field,
    )


def _longest_path_depth(nodes: Sequence[Node], branch: str = "") -> int:
    """The depth of ``branch`` of a block, including the paths that fork off from it."""
    begin = f"{branch}/" if branch else ""
    inside = [node.branch.removeprefix(begin) for node in nodes if node.branch != branch]
    forks = {f"{begin}{name.partition('/')[0]}" for name in inside}
    below = [[node for node in nodes if f"{node.branch}/".startswith(f"{fork}/")] for fork in forks]
    own = sum(node.kind in WEIGHTED for node in nodes if node.branch == branch)
    return own + max((_longest_path_depth(each, fork) for fork, each in zip(forks, below, strict=True)), default=0)

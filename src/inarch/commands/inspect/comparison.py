"""Two models compared: their figures side by side, and every layer that differs."""

from collections.abc import Sequence
from itertools import groupby, zip_longest

from inarch.commands.inspect.changes import gather_changes
from inarch.commands.inspect.differences import differences
from inarch.models.anatomy.figures import model_figures, stage_figures
from inarch.models.anatomy.records import ModelComparison, ModelTrace, StageFigures, StagePair

StagePairs = tuple[StagePair, ...]


def compare(here: ModelTrace, there: ModelTrace) -> ModelComparison:
    """How ``here`` differs from ``there``; figures are *here* minus *there*.

    Blocks are matched by stage and name, their paths by name, the layers of a path by name and order. If two models
    share few block names, only their stages are compared.
    """
    alike = _is_one_plan(here, there)
    sides = stage_figures(here), stage_figures(there)
    return ModelComparison(
        here=model_figures(here),
        there=model_figures(there),
        stages=_pair_by_name(*sides) if alike else _pair_by_stride(*sides),
        alike=alike,
        changes=gather_changes(differences(here, there), (here, there)) if alike else (),
    )


def _is_one_plan(here: ModelTrace, there: ModelTrace) -> bool:
    """Whether at least half of the smaller model's paths have a namesake; stems and heads do not count."""
    paths = [_paths(trace) for trace in (here, there)]
    return 2 * len(paths[0] & paths[1]) >= min(map(len, paths))


def _paths(trace: ModelTrace) -> set[tuple[str, ...]]:
    """Stage, block and branch of every convolution between stem and head."""
    nodes = (node for node in trace.nodes if node.kind == "convolution" and node.stage not in ("stem", "head"))
    return {(node.stage, node.block, node.branch) for node in nodes}


def _pair_by_name(here: Sequence[StageFigures], there: Sequence[StageFigures]) -> StagePairs:
    left, right = ({stage.name: stage for stage in side} for side in (here, there))
    names = sorted({**left, **right}, key=lambda name: name == "head")
    return tuple(StagePair(left.get(name), right.get(name)) for name in names)


def _pair_by_stride(here: Sequence[StageFigures], there: Sequence[StageFigures]) -> StagePairs:
    """Stages with the same grid are matched; of several with the same grid, the last ones."""
    left, right = ({key: list(run) for key, run in groupby(side, key=_grid)} for side in (here, there))
    pairs: list[StagePair] = []
    for key in sorted({**left, **right}):
        ends = zip_longest(reversed(left.get(key, [])), reversed(right.get(key, [])))
        pairs += reversed([StagePair(*each) for each in ends])
    return tuple(pairs)


def _grid(stage: StageFigures) -> tuple[bool, int]:
    is_head = len(stage.out_shape) == 1
    return is_head, 0 if is_head else stage.stride

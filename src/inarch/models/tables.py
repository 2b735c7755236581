"""Tables of whole models: the rows that stand for blocks, the one reading of them, and tables made from tables.

A model is stages of named rows. A row is a convolution, a pool, the branches of an Inception module, or a scaled
residual around such branches. `backbone_of` reads them in order, so that in-channels and strides are computed.
"""

from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from itertools import groupby
from math import prod
from typing import Any, NamedTuple, TypeVar, Union, cast

from torch import nn

from inarch.errors import UserError
from inarch.models.backbone import Backbone, Block
from inarch.models.blocks import Inception
from inarch.models.convolution import (
    ChainStep,
    Conv,
    Pool,
    Unit,
    chain,
)
from inarch.models.scaled_residual import ScaledResidualBlock

Path = Sequence[Union[Conv, Pool, "Fork"]]
Branches = Mapping[str, Path]


class Fork(NamedTuple):
    """The end of a path that fans out into branches of its own, which are concatenated."""

    name: str
    branches: Branches


class ScaledResidual(NamedTuple):
    """A block that adds what its branches compute, brought back to the block's width, to what came in."""

    branches: Branches
    scaling: Callable[[], nn.Module]
    activation: Callable[[], nn.Module] = nn.ReLU


TableRow = Conv | Pool | ScaledResidual | Branches
Stages = Mapping[str, Mapping[str, TableRow]]
Variation = Callable[[Branches], Branches]
"""One table of branches made from another: `remove_reduction`, `keep_single_branch("3x3")`."""


def backbone_of(stages: Stages, unit: Unit, *, in_channels: int = 3) -> Backbone:
    """The backbone that a table says."""
    blocks: dict[str, list[Block]] = {}
    channels, stride = in_channels, 1
    for stage, rows in stages.items():
        for name, row in rows.items():
            module, channels = _build_row(channels, row, unit)
            stride *= _stride(row)
            blocks.setdefault(stage, []).append(Block(name, module, channels, stride))
    return Backbone(blocks)


def rows_of(steps: Sequence[ChainStep]) -> dict[str, TableRow]:
    """A row for each step, under the step's name: how a stem stands in a table."""
    return {step.name: step for step in steps}


def repeat_row(letter: str, row: TableRow, depth: int) -> dict[str, TableRow]:
    """``depth`` times the same row, as ``a1``, ``a2`` …"""
    return {f"{letter}{place}": row for place in range(1, depth + 1)}


def _build_row(in_channels: int, row: TableRow, unit: Unit) -> tuple[nn.Module, int]:
    match row:
        case Conv():
            return unit(in_channels, row), row.out_channels
        case Pool():
            return row.module(), in_channels
        case ScaledResidual():
            return _scaled_residual(in_channels, row, unit), in_channels
        case _:
            return _inception(in_channels, row, unit)


def _inception(in_channels: int, branches: Branches, unit: Unit) -> tuple[Inception, int]:
    built = {name: _path(in_channels, path, unit) for name, path in branches.items()}
    module = Inception({name: branch for name, (branch, _) in built.items()})
    return module, sum(channels for _, channels in built.values())


def _path(in_channels: int, path: Path, unit: Unit) -> tuple[nn.Sequential, int]:
    steps, channels = chain(in_channels, [step for step in path if not isinstance(step, Fork)], unit)
    for fork in path:
        if isinstance(fork, Fork):
            module, channels = _inception(channels, fork.branches, unit)
            steps.add_module(fork.name, module)
    return steps, channels


def _scaled_residual(in_channels: int, row: ScaledResidual, unit: Unit) -> ScaledResidualBlock:
    module, channels = _inception(in_channels, row.branches, unit)
    expand = nn.Conv2d(channels, in_channels, 1)
    residual = nn.Sequential(OrderedDict(module=module, expand=expand, scaling=row.scaling()))
    return ScaledResidualBlock(residual, row.activation())


def _stride(row: TableRow | Fork) -> int:
    """Input values per output value; every branch of a module has the same."""
    match row:
        case Conv():
            return row.stride
        case Pool():
            pools = (each for each in row.module().modules() if isinstance(each, nn.MaxPool2d | nn.AvgPool2d))
            return prod(each.stride if isinstance(each.stride, int) else each.stride[0] for each in pools)
        case Fork() | ScaledResidual():
            return 1
        case _:
            first: Path = next(iter(row.values()))
            return prod(_stride(step) for step in first)


AnyTable = TypeVar("AnyTable")


def scale_widths(table: AnyTable, *, width: float) -> AnyTable:
    """The same table (a row, a stage, a model) with every width multiplied, rounded, and at least 1.

    Where a table writes 0 for a branch that is not there, it stays 0.
    """
    return cast(AnyTable, _scale_entry(table, width))


def _scale_entry(entry: Any, width: float) -> Any:
    match entry:
        case Conv():
            return entry._replace(out_channels=_scale_entry(entry.out_channels, width))
        case Fork() | ScaledResidual():
            return entry._replace(branches=_scale_entry(entry.branches, width))
        case Mapping():
            return {name: _scale_entry(each, width) for name, each in entry.items()}
        case list() | tuple():
            each_scaled = [_scale_entry(each, width) for each in entry]
            return entry._make(each_scaled) if hasattr(entry, "_make") else each_scaled
        case int():
            return max(1, round(entry * width)) if entry else 0
        case _:
            return entry


Modules = TypeVar("Modules")


def keep_last_modules(modules: Mapping[str, Modules], depths: Sequence[int]) -> dict[str, Modules]:
    """A shallower model: of each stage the last modules, as many as ``depths`` says, stage by stage.

    A module's first character names its stage. The last ones stay because they set what a stage puts out.

    Raises:
        UserError: a stage would keep no module, or more than it has, or the number of stages is another.
    """
    stages = [list(names) for _, names in groupby(modules, lambda name: name[0])]
    sizes = [len(names) for names in stages]
    fitting = len(depths) == len(sizes) and all(1 <= depth <= size for depth, size in zip(depths, sizes, strict=True))
    if not fitting:
        raise UserError(f"The stages have {sizes} modules; {list(depths)} cannot be kept. Keep 1 or more of each.")
    names = [name for depth, stage in zip(depths, stages, strict=True) for name in stage[-depth:]]
    return {name: modules[name] for name in names}


def keep_branches(branches: Branches) -> Branches:
    """The variation that varies nothing."""
    return branches


def remove_reduction(branches: Branches) -> Branches:
    """No 1x1 before the larger convolutions, which see all channels; every output width stays, as does the pool."""
    return {
        name: [step for step in path if not (isinstance(step, Conv) and step.name == "reduce")]
        for name, path in branches.items()
    }


def scale_reduction(factor: float) -> Variation:
    """The width of every 1x1 before a larger convolution multiplied, rounded, at least 1; all else stays."""

    def varied(branches: Branches) -> Branches:
        return {
            name: [
                scale_widths(step, width=factor) if isinstance(step, Conv) and step.name == "reduce" else step
                for step in path
            ]
            for name, path in branches.items()
        }

    return varied


def keep_single_branch(name: str) -> Variation:
    """Only branch ``name`` of every module, its widths multiplied so that it alone gives the module's channels.

    A module that hands its pool's channels on (a grid reduction) stays whole: it has to shrink the map in any case.

    Raises:
        UserError: (when it is applied) a module has no branch of that name.
    """

    def only(branches: Branches) -> Branches:
        widths = {each: _out_channels(path) for each, path in branches.items()}
        if 0 in widths.values():
            return branches
        if name not in branches:
            raise UserError(f"No branch is called {name!r}; the module has {', '.join(branches)}.")
        return {name: scale_widths(branches[name], width=sum(widths.values()) / widths[name])}

    return only


def _out_channels(path: Path) -> int:
    """The channels of a path's last convolution; 0 if it has none and passes its input on."""
    for step in reversed(path):
        match step:
            case Conv():
                return step.out_channels
            case Fork():
                return sum(_out_channels(side) for side in step.branches.values())
    return 0

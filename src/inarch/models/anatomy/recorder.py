"""Records every operator of a model as it runs, with its layer."""

import re
import time
import weakref
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any, NamedTuple

from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from torch.utils.weak import WeakIdKeyDictionary

from inarch.errors import UserError
from inarch.models.anatomy.operators import (
    RESHAPES,
    collapse_of,
    detail_of,
    grid_of,
    kind_of,
    macs_of,
    window_of,
)
from inarch.models.anatomy.receptive import Field, join_fields
from inarch.models.anatomy.records import Node


class _Work(NamedTuple):
    """One operator that ran."""

    kind: str
    detail: str
    macs: int
    in_shape: tuple[int, ...]
    out_shape: tuple[int, ...]
    field: Field
    moved: int
    alive: int
    seconds: float


@dataclass(frozen=True)
class _Run:
    """A module whose forward pass is running."""

    path: str
    module: nn.Module
    works: list[_Work] = field(default_factory=list)

    @property
    def is_leaf(self) -> bool:
        return next(self.module.children(), None) is None


class Recorder(TorchDispatchMode):
    """A leaf module becomes one node, and so does each operator that a block runs itself.

    Args:
        images: the input of the model.
        cannot: the beginning of the error for images that are too small.
        seen: the receptive field of ``images``, if they are feature maps.
    """

    def __init__(self, images: Tensor, cannot: str, seen: Field | None = None) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.nodes: list[Node] = []
        self.seconds: list[float] = []
        """The seconds of each node's operators, without Python's overhead between them."""
        self._cannot = cannot
        self._open: list[_Run] = []
        self._counted: set[nn.Module] = set()
        # Nothing here keeps a tensor, so that the model's memory is freed as usual.
        self._fields: WeakIdKeyDictionary = WeakIdKeyDictionary()
        self._fields[images] = seen or Field()
        self._alive = 0
        self._storages: dict[int, weakref.ref[Any]] = {}
        self._hold(images)

    @contextmanager
    def following(self, model: nn.Module, path: str = "") -> Iterator[None]:
        """Keep track of the running module of ``model``; ``path`` is the model's own path."""
        hooks = []
        for inside, module in model.named_modules():
            where = ".".join(filter(None, (path, inside)))
            hooks.append(module.register_forward_pre_hook(partial(self._enter, where)))
            hooks.append(module.register_forward_hook(self._leave))
        try:
            yield
        finally:
            for hook in hooks:
                hook.remove()

    def _enter(self, path: str, module: nn.Module, _inputs: Any) -> None:
        self._open.append(_Run(path, module))

    def _leave(self, _module: nn.Module, _inputs: Any, _outputs: Any) -> None:
        run = self._open.pop()
        if run.works:
            self._note(run, run.works)

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        operator = func.overloadpacket
        began = time.perf_counter()
        results = self._ran(func, operator, args, kwargs or {})
        seconds = time.perf_counter() - began
        tensors = [each for each in tree_leaves(args) if isinstance(each, Tensor)]
        sources = [each for each in tensors if each in self._fields]
        if not sources:  # computed from weights alone
            return results
        made = [each for each in tree_leaves(results) if isinstance(each, Tensor)]
        after = made[0]
        window = window_of(operator, args) or collapse_of(operator, sources[0], after)
        seen = join_fields([self._fields[each] for each in sources])
        self._fields[after] = seen.through(window) if window else seen
        for each in made:
            self._hold(each)
        if operator not in RESHAPES:
            self._credit(
                _Work(
                    kind=kind_of(operator),
                    detail=detail_of(operator, args),
                    macs=macs_of(operator, args, after),
                    in_shape=tuple(sources[0].shape[1:]),
                    out_shape=tuple(after.shape[1:]),
                    field=self._fields[after],
                    moved=sum(map(_bytes_of, {id(each): each for each in [*tensors, after]}.values())),
                    alive=self._alive,
                    seconds=seconds,
                )
            )
        return results

    def _ran(self, func: Any, operator: Any, args: Any, kwargs: Any) -> Any:
        """The operator's own result, or an error in the caller's words."""
        try:
            return func(*args, **kwargs)
        except RuntimeError as error:
            window = window_of(operator, args)
            if window is None or window.fits(grid_of(args[0])):
                raise
            kernel, grid = ("x".join(map(str, pair)) for pair in (window.kernel, grid_of(args[0])))
            where = self._open[-1].path
            raise UserError(
                f"{self._cannot}: at {where} a {kernel} window meets a map of {grid}; a larger image size is needed."
            ) from error

    def _hold(self, tensor: Tensor) -> None:
        """Count a tensor's memory as long as it exists; views share it."""
        storage = tensor.untyped_storage()
        if id(storage) in self._storages:
            return
        size = storage.nbytes() // tensor.itemsize * _bytes_per_value(tensor)
        self._alive += size
        self._storages[id(storage)] = weakref.ref(storage, partial(self._let_go, id(storage), size))

    def _let_go(self, storage: int, size: int, _reference: Any) -> None:
        self._alive -= size
        del self._storages[storage]

    def _credit(self, work: _Work) -> None:
        run = self._open[-1]
        if run.is_leaf:
            run.works.append(work)
        else:
            self._note(run, [work])

    def _note(self, run: _Run, works: Sequence[_Work]) -> None:
        first, last = works[0], works[-1]
        stage, block, branch = place(run.path)
        self.seconds.append(sum(work.seconds for work in works))
        self.nodes.append(
            Node(
                path=run.path,
                kind=first.kind if len(works) == 1 else _words(type(run.module).__name__),
                detail=first.detail if len(works) == 1 else "",
                stage=stage,
                block=block,
                branch=branch,
                in_shape=first.in_shape,
                out_shape=last.out_shape,
                stride=max(last.field.jump),
                parameters=self._parameters(run.module),
                macs=sum(work.macs for work in works),
                receptive_field=max(last.field.widest),
                receptive_field_min=max(last.field.narrowest),
                concept="",
                moved=sum(work.moved for work in works),
                alive=max(work.alive for work in works),
            )
        )

    def _parameters(self, module: nn.Module) -> int:
        """The module's own parameters, counted the first time it runs."""
        if module in self._counted:
            return 0
        self._counted.add(module)
        return sum(each.numel() for each in module.parameters(recurse=False))


def _bytes_of(tensor: Tensor) -> int:
    return tensor.numel() * _bytes_per_value(tensor)


def _bytes_per_value(tensor: Tensor) -> int:
    """Figures are those of float32, 4 bytes, whatever the weights' type."""
    return 4 if tensor.is_floating_point() else tensor.itemsize


def place(path: str) -> tuple[str, str, str]:
    """Stage, block and branch of a module; a part outside the backbone is its own stage and block.

    An auxiliary classifier's stage is ``auxiliary`` and its block its tap.
    """
    parts = path.split(".")
    if parts[0] == "auxiliary":
        return parts[0], parts[1], ""
    if parts[:2] != ["backbone", "stages"]:
        return parts[0], parts[0], ""
    stage, block, *inside = parts[2:]
    branches = [
        part
        for before, part in zip([block, *inside], inside, strict=False)
        if before == "branches" or part in ("residual", "shortcut")
    ]
    return stage, block, "/".join(branches)


def _words(class_name: str) -> str:
    """``LocalResponseNorm`` to ``local response norm``."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])", " ", class_name).lower()

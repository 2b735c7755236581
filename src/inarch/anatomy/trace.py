"""A net, measured layer by layer: shapes, parameters, multiply-adds, receptive fields."""

import copy
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from inarch.anatomy.operators import RESHAPES, collapse_of, detail_of, grid_of, kind_of, macs_of, window_of
from inarch.anatomy.receptive import Field, joined
from inarch.errors import UserError
from inarch.nets import Classifier, architecture, build
from inarch.records import NetTrace, Node


def trace(model: Classifier, *, name: str, image_size: int, variant: str = "", source: str = "") -> NetTrace:
    """Measure ``model`` in evaluation on one square image.

    Nothing is computed: a copy without weights runs on PyTorch's meta device, and every operator that runs is
    seen, so what a block does between its layers (concatenation, addition) is a node as well. ``model`` is not
    touched. Receptive fields are the theoretical ones: not clipped to the image, and a global average pool over
    a map of m pixels a side, s input pixels apart, adds (m - 1) * s.

    Args:
        model: a classifier of RGB images, on any device.
        name: what the record calls it.
        image_size: side of the image in pixels.
        variant: which of the nets of this name it is (``v1.5``).
        source: where the architecture is published.

    Raises:
        UserError: the image is too small: somewhere in the net the map is smaller than the window that slides over it.
    """
    if image_size < 1:
        raise UserError(f"An image needs at least one pixel a side; image_size={image_size} was asked for.")
    bare = _without_weights(model).eval()
    images = torch.empty(1, 3, image_size, image_size, device="meta", dtype=next(bare.parameters()).dtype)
    recorder = _Recorder(images, f"{name} cannot run on images of {image_size} x {image_size} pixels")
    recorder.follow(bare)
    with torch.no_grad(), recorder:
        logits = bare(images)
    return NetTrace(name, variant, source, image_size, int(logits.shape[-1]), tuple(recorder.nodes))


def trace_architecture(name: str, *, classes: int = 1000, image_size: int | None = None) -> NetTrace:
    """Measure an architecture of the catalog, at the image size it was designed for unless told otherwise.

    ``name`` may have variations behind it, as `inarch.nets.architecture` reads them.

    Raises:
        UnknownNameError: no architecture, or no variation, has that name.
        UserError: the image is too small for the net, or ``classes`` is not positive.
    """
    row = architecture(name)
    model = build(row, classes=classes, device="meta")
    size = row.image_size if image_size is None else image_size
    return trace(model, name=name, image_size=size, variant=row.variant, source=row.source)


def _without_weights(model: Classifier) -> Classifier:
    """A copy on the meta device and without the caller's hooks; ``deepcopy`` finds every tensor already copied."""
    parameters = {id(each): nn.Parameter(each.detach().to("meta"), False) for each in model.parameters()}
    buffers = {id(each): each.to("meta") for each in model.buffers()}
    bare = copy.deepcopy(model, {**parameters, **buffers})
    for module in bare.modules():
        module._forward_pre_hooks.clear()
        module._forward_hooks.clear()
    return bare


class _Work(NamedTuple):
    """One operator that ran."""

    kind: str
    detail: str
    macs: int
    before: Tensor
    after: Tensor


@dataclass(frozen=True)
class _Run:
    """A module whose forward is under way."""

    path: str
    module: nn.Module
    works: list[_Work] = field(default_factory=list)

    @property
    def is_leaf(self) -> bool:
        return next(self.module.children(), None) is None


class _Recorder(TorchDispatchMode):
    """Sees every operator; a leaf module becomes one node, and so does each operator that a block runs itself."""

    def __init__(self, images: Tensor, cannot: str) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.nodes: list[Node] = []
        self._cannot = cannot
        self._open: list[_Run] = []
        self._counted: set[nn.Module] = set()
        # Keyed by identity; the tensors are kept, or a later one could be taken for an earlier one.
        self._fields: dict[int, tuple[Tensor, Field]] = {id(images): (images, Field())}

    def follow(self, model: nn.Module) -> None:
        """Keep track of which of ``model``'s modules is running."""
        for path, module in model.named_modules():
            module.register_forward_pre_hook(partial(self._enter, path))
            module.register_forward_hook(self._leave)

    def _enter(self, path: str, module: nn.Module, _inputs: Any) -> None:
        self._open.append(_Run(path, module))

    def _leave(self, _module: nn.Module, _inputs: Any, _outputs: Any) -> None:
        run = self._open.pop()
        if run.works:
            self._note(run, run.works)

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        operator = func.overloadpacket
        results = self._ran(func, operator, args, kwargs or {})
        sources = [each for each in tree_leaves(args) if isinstance(each, Tensor) and id(each) in self._fields]
        if not sources:  # computed from weights alone
            return results
        after = next(each for each in tree_leaves(results) if isinstance(each, Tensor))
        window = window_of(operator, args) or collapse_of(operator, sources[0], after)
        seen = joined([self._fields[id(each)][1] for each in sources])
        self._fields[id(after)] = (after, seen.through(window) if window else seen)
        if operator not in RESHAPES:
            detail, macs = detail_of(operator, args), macs_of(operator, args, after)
            self._credit(_Work(kind_of(operator), detail, macs, sources[0], after))
        return results

    def _ran(self, func: Any, operator: Any, args: Any, kwargs: Any) -> Any:
        """The operator's own result, or the caller's mistake said in the caller's words."""
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

    def _credit(self, work: _Work) -> None:
        run = self._open[-1]
        if run.is_leaf:
            run.works.append(work)
        else:
            self._note(run, [work])

    def _note(self, run: _Run, works: Sequence[_Work]) -> None:
        first, last = works[0], works[-1]
        seen = self._fields[id(last.after)][1]
        stage, block, branch = _place(run.path)
        self.nodes.append(
            Node(
                path=run.path,
                kind=first.kind if len(works) == 1 else _words(type(run.module).__name__),
                detail=first.detail if len(works) == 1 else "",
                stage=stage,
                block=block,
                branch=branch,
                in_shape=tuple(first.before.shape[1:]),
                out_shape=tuple(last.after.shape[1:]),
                stride=max(seen.jump),
                parameters=self._parameters(run.module),
                macs=sum(work.macs for work in works),
                receptive_field=max(seen.widest),
                receptive_field_min=max(seen.narrowest),
            )
        )

    def _parameters(self, module: nn.Module) -> int:
        """The module's own parameters, counted the first time it runs."""
        if module in self._counted:
            return 0
        self._counted.add(module)
        return sum(each.numel() for each in module.parameters(recurse=False))


def _place(path: str) -> tuple[str, str, str]:
    """Stage, block and branch of a module; what stands outside the backbone is its own stage and block."""
    parts = path.split(".")
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

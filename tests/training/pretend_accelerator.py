"""Trains a tiny net on a device that only pretends to be one, and on the CPU: the losses of both, as JSON.

Its tensors hold a tensor of the CPU, which computes for them. It refuses to compute with tensors of the CPU beside its
own, as an accelerator would. It runs in a process of its own: a device cannot be unregistered.
"""

import json
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import torch
from torch import Tensor
from torch.utils import backend_registration
from torch.utils._pytree import tree_flatten, tree_map

from inarch.models import build
from inarch.training.config import TrainingConfig
from inarch.training.loop import Batch, ExampleSource, Run
from inarch.training.losses import CrossEntropy, auxiliary_cross_entropy

COPIES = {torch.ops.aten._to_copy.default, torch.ops.aten.copy_.default, torch.ops.aten.copy.default}


class Backend(backend_registration._DummyBackendModule):
    """What PyTorch asks of a device's module."""

    def get_amp_supported_dtype(self) -> list[torch.dtype]:
        """Of autocast."""
        return [torch.bfloat16, torch.float16]


backend_registration._setup_privateuseone_for_python_backend("pretend", backend_module=Backend())
DEVICE = torch.device("pretend", 0)


class Pretend(Tensor):
    """A tensor of that device."""

    inner: Tensor

    @staticmethod
    def __new__(cls, inner: Tensor) -> "Pretend":
        """Around a tensor of the CPU."""
        made: Pretend = torch.Tensor._make_wrapper_subclass(
            cls,
            inner.size(),
            strides=inner.stride(),
            storage_offset=inner.storage_offset(),
            dtype=inner.dtype,
            layout=inner.layout,
            device=DEVICE,
        )
        made.inner = inner
        return made

    @classmethod
    def __torch_dispatch__(
        cls, func: Callable[..., Any], types: Sequence[type], args: Any = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        """By the CPU."""
        return compute(func, args, kwargs or {})


def compute(func: Any, args: Any, kwargs: Mapping[str, Any]) -> Any:
    """Compute on the CPU what concerns tensors of the pretended device; refuse to mix them with others."""
    tensors = [each for each in tree_flatten((args, dict(kwargs)))[0] if isinstance(each, Tensor)]
    kinds = {isinstance(each, Pretend) for each in tensors if each.dim() or isinstance(each, Pretend)}
    if func not in COPIES and len(kinds) > 1:
        raise RuntimeError(f"{func}: two devices: {[str(each.device) for each in tensors]}")
    given, named = tree_map(unwrap, args), tree_map(unwrap, dict(kwargs))
    asked = kwargs.get("device")
    if asked is not None:
        named["device"] = torch.device("cpu")
    out = func(*given, **named)
    there = any(isinstance(each, Pretend) for each in tensors)
    if asked is not None:
        there = torch.device(asked).type == "pretend"
    known = {id(unwrap(each)): each for each in tensors if isinstance(each, Pretend)}

    def wrap(each: Any) -> Any:
        if not isinstance(each, Tensor):
            return each
        return known[id(each)] if id(each) in known else Pretend(each)

    return tree_map(wrap, out) if there else out


def unwrap(value: Any) -> Any:
    """The CPU's tensor in one of the pretended device."""
    return value.inner if isinstance(value, Pretend) else value


def main(name: str, statistics: str) -> None:
    """Three epochs on either device, with the ``batch``'s statistics or with ``kept`` ones."""
    library = torch.library.Library("_", "IMPL")
    library.fallback(lambda op, *args, **kwargs: compute(op, args, kwargs), "PrivateUse1")
    autocast = torch.library.Library("_", "IMPL")
    autocast.fallback(torch.library.fallthrough_kernel, "AutocastPrivateUse1")
    draw = torch.Generator().manual_seed(0)
    images, labels = torch.randn(8, 3, 64, 64, generator=draw), torch.arange(8) % 3

    def batch(indices: Tensor, epoch: int) -> Batch:
        return images[indices], labels[indices]

    losses, devices = {}, set()
    for device in ("cpu", "pretend"):
        model = build(name, classes=3, seed=0)
        config = TrainingConfig(
            epochs=3, batch_size=4, optimiser="adamw", lr=1e-3, clip_norm=1.0, stage_decay=0.8, device=device
        )
        config = replace(config, keeps_statistics=statistics == "kept")
        criterion = CrossEntropy(smoothing=0.1, class_weights=torch.tensor([1.0, 2.0, 0.5]))
        run = Run(model, config)
        loss = partial(auxiliary_cross_entropy, criterion=criterion)
        losses[device] = [epoch.loss for epoch in run.epochs(ExampleSource(8, batch), loss)]
        if device == "pretend":
            devices = {str(each.device) for each in run.model.state_dict().values()}
    try:
        model(images)
        refused = False
    except RuntimeError as error:
        refused = "two devices" in str(error)
    print(json.dumps({"losses": losses, "devices": sorted(devices), "refused": refused}))


if __name__ == "__main__":
    main(*sys.argv[1:])

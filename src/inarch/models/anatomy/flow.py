"""Forward values and gradients of a model in one training step, before any update."""

import copy
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from inarch.models import Classifier
from inarch.models.anatomy.records import BlockFlow, Flow, ModelTrace


def flow(model: Classifier, trace: ModelTrace, *, images: int = 4, seed: int = 0) -> Flow:
    """Run one forward and one backward pass in training mode on images of noise with random labels.

    A copy runs; ``model`` is not changed. Gradients are those of the mean cross-entropy of the logits; auxiliary
    classifiers and dropout are left out, so that two models of one seed can be compared.

    Args:
        model: on the CPU, with its present weights: for properties of the initialisation, freshly built.
        trace: its record; gives the image size.
        images: the number of images; batch normalisation needs two at least.
        seed: of the noise and the labels.
    """
    draws = torch.Generator().manual_seed(seed)
    noise = torch.randn(images, 3, trace.image_size, trace.image_size, generator=draws)
    labels = torch.randint(0, trace.classes, (images,), generator=draws)
    copied = copy.deepcopy(model).requires_grad_(True).train()
    for module in copied.modules():
        module.train(not isinstance(module, nn.Dropout))
    watched = {}
    for stage, row in copied.backbone.stages.items():
        for name, block in row.named_children():
            watched[stage, name] = _Gradients()
            _watch(block, watched[stage, name])
    F.cross_entropy(copied.head(copied.backbone(noise)), labels).backward()
    return Flow(
        images=images,
        seed=seed,
        blocks=tuple(each.told(stage, name) for (stage, name), each in watched.items()),
        layers=tuple(_weight_gradients(copied)),
    )


def _weight_gradients(model: nn.Module) -> Iterator[tuple[str, float]]:
    for path, module in model.named_modules():
        if isinstance(module, nn.Conv2d | nn.Linear) and module.weight.grad is not None:
            yield path, float(module.weight.grad.norm())


class _Gradients:
    """The gradients recorded at one block."""

    def __init__(self) -> None:
        self.activation = 0.0
        self.parts: dict[str, Tensor] = {}

    def keep(self, part: str, gradient: Tensor) -> None:
        self.parts[part] = gradient

    def told(self, stage: str, block: str) -> BlockFlow:
        parts = self.parts
        residual, shortcut = parts.get("residual"), None
        if residual is not None:
            shortcut = parts["input"] - residual
        return BlockFlow(
            stage=stage,
            block=block,
            activation=self.activation,
            gradient=float(parts["output"].norm()),
            residual=None if residual is None else float(residual.norm()),
            shortcut=None if shortcut is None else float(shortcut.norm()),
        )


def _watch(block: nn.Module, seen: _Gradients) -> None:
    """Keep the gradients at a block's two ends and at the beginning of its residual path.

    The shortcut's gradient is the rest: the gradient by a block's input is the sum over its paths.
    """
    block.register_forward_pre_hook(partial(_keep_input_gradient, partial(seen.keep, "input")))
    block.register_forward_hook(partial(_record_output, seen))
    residual = getattr(block, "residual", None)
    if isinstance(residual, nn.Module):
        residual.register_forward_pre_hook(partial(_keep_input_gradient, partial(seen.keep, "residual")))


def _keep_input_gradient(
    keep: Callable[[Tensor], None], _module: nn.Module, inputs: tuple[Any, ...]
) -> tuple[Any, ...]:
    """The module's input through an identity, so that its gradient is this module's contribution alone."""
    own = inputs[0].view_as(inputs[0])
    if own.requires_grad:
        own.register_hook(keep)
    return (own, *inputs[1:])


def _record_output(seen: _Gradients, _module: nn.Module, _inputs: Any, output: Tensor) -> None:
    seen.activation = float(output.detach().square().mean().sqrt())
    output.register_hook(partial(seen.keep, "output"))

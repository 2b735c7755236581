"""The magnitudes of activations and gradients in every stage during training."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import NamedTuple, TypeVar

import torch
from torch import Tensor, nn

from inarch.models import Backbone

Some = TypeVar("Some")


class StageState(NamedTuple):
    """The magnitudes of one stage: root mean squares over the last batch of an epoch."""

    stage: str
    activation: float
    """Root mean square of the stage's output."""
    gradient: float
    """Root mean square of the loss's gradient by the stage's weights, before the last update."""


class StageMonitor:
    """Records the stages of a model in training, in the last batch of those that `watching` hands on."""

    def __init__(self, model: nn.Module) -> None:
        backbones = (each for each in model.modules() if isinstance(each, Backbone))
        self.stages = {name: stage for backbone in backbones for name, stage in backbone.stages.items()}
        self._activations: dict[str, float] = {}

    def states(self) -> tuple[StageState, ...]:
        """The magnitudes of the last batch; stages whose weights got no gradient are left out."""
        slopes = {
            name: [each.grad.flatten() for each in stage.parameters() if each.grad is not None]
            for name, stage in self.stages.items()
        }
        return tuple(
            StageState(name, self._activations[name], _root_mean_square(torch.cat(parts)))
            for name, parts in slopes.items()
            if parts and name in self._activations
        )

    def watching(self, batches: Iterable[Some], count: int) -> Iterator[Some]:
        """The ``count`` batches as they are; what the last one does in the model is recorded."""
        for number, batch in enumerate(batches, start=1):
            if number < count:
                yield batch
                continue
            with self._recording():
                yield batch

    @contextmanager
    def _recording(self) -> Iterator[None]:
        handles = [  # the last block, because a tapped stage does not run as a whole
            [*stage.children()][-1].register_forward_hook(partial(self._look, name))
            for name, stage in self.stages.items()
        ]
        try:
            yield
        finally:
            for handle in handles:
                handle.remove()

    def _look(self, name: str, module: nn.Module, given: tuple[Tensor, ...], put_out: Tensor) -> None:
        self._activations[name] = _root_mean_square(put_out.detach())


def _root_mean_square(values: Tensor) -> float:
    return float(torch.linalg.vector_norm(values, dtype=torch.float32)) / values.numel() ** 0.5

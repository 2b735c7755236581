"""A model over many images, batch by batch."""

from collections.abc import Callable, Iterable

import torch
from torch import Tensor, nn

from inarch.models import evaluating


@torch.no_grad()
def predict_batches(
    model: nn.Module, batches: Iterable[Tensor], compute: Callable[[Tensor], Tensor] | None = None
) -> Tensor:
    """The output of ``model`` for all images on the CPU, in evaluation mode; every module gets its own mode back.

    Args:
        model: takes a batch.
        batches: may be made one by one; they are moved to the model's device.
        compute: what is wanted of a batch instead, by the same model: pooled features, say.
    """
    first = next(model.parameters(), None)
    there = torch.device("cpu") if first is None else first.device
    with evaluating(model):
        return torch.cat([(compute or model)(batch.to(there)).cpu() for batch in batches])

"""Frozen means weights *and* statistics; borrowed modes are given back."""

from collections.abc import Iterator
from contextlib import contextmanager

from torch import Tensor, nn

Norm = nn.BatchNorm2d | nn.BatchNorm1d


def norms_of(model: nn.Module) -> list[Norm]:
    """Every batch normalisation that keeps statistics."""
    return [each for each in model.modules() if isinstance(each, Norm) and each.track_running_stats]


class FrozenModule(nn.Module):
    """``inner`` as it is: no gradient, and batch normalisation keeps to its running statistics.

    ``requires_grad_(False)`` alone lets the statistics drift in training mode, and a later ``.train()`` undoes
    ``.eval()``; here it cannot.
    """

    def __init__(self, inner: nn.Module) -> None:
        super().__init__()
        self.inner = inner.requires_grad_(False).eval()

    def forward(self, images: Tensor) -> Tensor:
        """The output of ``inner`` in evaluation mode."""
        return self.inner(images)

    def train(self, mode: bool = True) -> "FrozenModule":
        """Set the mode of this module, but never of ``inner``."""
        super().train(mode)
        self.inner.eval()
        return self


@contextmanager
def evaluating(model: nn.Module) -> Iterator[None]:
    """Evaluation mode inside the ``with``; afterwards every module has its own mode again."""
    modes = [(module, module.training) for module in model.modules()]
    model.eval()
    try:
        yield
    finally:
        for module, training in modes:
            module.training = training

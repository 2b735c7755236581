"""Muon: momentum whose update is the nearest orthogonal matrix. Jordan et al. 2024, "Muon: an optimizer for hidden
layers in neural networks"; scaled as in Liu et al. 2025 (arXiv 2502.16982, section 2.2), so that learning rate and
weight decay mean the same as for AdamW."""

from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor, nn, optim

COEFFICIENTS = (3.4445, -4.7750, 2.0315)
"""Coefficients of the quintic whose iteration pushes every singular value towards 1 (Jordan et al. 2024)."""
ITERATIONS = 4
LIKE_ADAMW = 0.2
"""Root mean square of an AdamW update, to which the orthogonal one is scaled (Liu et al. 2025, eq. 4)."""


def orthogonalise_update(update: Tensor) -> Tensor:
    """About U @ V.T for ``update`` = U S V.T, by Newton-Schulz iteration: singular values between 0.5 and 1.5.

    Args:
        update: (rows, columns).
    """
    a, b, c = COEFFICIENTS
    is_tall = update.shape[0] > update.shape[1]
    matrix = update.T if is_tall else update
    matrix = matrix / (matrix.norm() + 1e-7)
    for _ in range(ITERATIONS):
        gram = matrix @ matrix.T
        matrix = a * matrix + (b * gram + c * gram @ gram) @ matrix
    return matrix.T if is_tall else matrix


class Muon(optim.Optimizer):
    """Muon for the kernels of convolutions, each read as a matrix (out_channels, everything else).

    Args:
        groups: parameters of two dimensions or more, as for any optimiser of torch.
        lr: as for AdamW.
        momentum: of the gradient, with Nesterov's look-ahead.
        weight_decay: decoupled, as for AdamW.
    """

    def __init__(
        self, groups: Iterable[dict[str, Any]], *, lr: float, momentum: float = 0.95, weight_decay: float = 0.0
    ) -> None:
        super().__init__(groups, {"lr": lr, "momentum": momentum, "weight_decay": weight_decay})

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> None:  # type: ignore[override]
        """One update of every parameter that has a gradient; closures are not supported."""
        for group in self.param_groups:
            for kernel in group["params"]:
                if kernel.grad is not None:
                    self._update(kernel, kernel.grad, group)

    def _update(self, kernel: nn.Parameter, gradient: Tensor, group: dict[str, Any]) -> None:
        state = self.state[kernel]
        if not state:
            state["momentum"] = torch.zeros_like(kernel)
        momentum = state["momentum"]
        momentum.lerp_(gradient, 1 - group["momentum"])
        ahead = torch.lerp(gradient, momentum, group["momentum"]).flatten(1)
        scale = LIKE_ADAMW * max(ahead.shape) ** 0.5
        kernel.mul_(1 - group["lr"] * group["weight_decay"])
        kernel.add_(orthogonalise_update(ahead).view_as(kernel), alpha=-group["lr"] * scale)

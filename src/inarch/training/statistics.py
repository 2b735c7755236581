"""Adaptive batch normalisation: the weights stay, and the statistics become those of the target photos."""

from collections.abc import Iterable

import torch
from torch import Tensor, nn

from inarch.models import evaluating, norms_of


@torch.no_grad()
def adopt_statistics(model: nn.Module, batches: Iterable[Tensor]) -> None:
    """Make the running statistics of ``model`` the mean over ``batches`` of each batch's own; all else stays.

    Li et al. 2016, arXiv 1603.04779. Each batch must be a sample of the whole, not photos of one class. Dropout stays
    off, and every module gets its own mode back.
    """
    norms = norms_of(model)
    momenta = [norm.momentum for norm in norms]
    try:
        with evaluating(model):
            for norm in norms:
                norm.reset_running_stats()
                norm.momentum = None  # the plain mean over all batches
                norm.train()
            for batch in batches:
                model(batch)
    finally:
        for norm, momentum in zip(norms, momenta, strict=True):
            norm.momentum = momentum

"""Adaptive batch normalisation: the net's weights stay, its statistics become those of the target photos."""

from collections.abc import Iterable

import torch
from torch import Tensor, nn

from inarch.models import evaluating, norms_of


@torch.no_grad()
def adopt_statistics(net: nn.Module, batches: Iterable[Tensor]) -> None:
    """Make the running statistics of ``net`` the mean over ``batches`` of each batch's own; all else stays.

    Li et al. 2016, arXiv 1603.04779. Each batch must be a mixture like the whole, not photos of one class. Dropout
    stays off, and every module has its own mode again afterwards.
    """
    norms = norms_of(net)
    momenta = [norm.momentum for norm in norms]
    try:
        with evaluating(net):
            for norm in norms:
                norm.reset_running_stats()
                norm.momentum = None  # the plain mean over all batches
                norm.train()
            for batch in batches:
                net(batch)
    finally:
        for norm, momentum in zip(norms, momenta, strict=True):
            norm.momentum = momentum

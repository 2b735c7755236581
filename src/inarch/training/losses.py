"""What a training step minimises."""

from collections.abc import Callable
from typing import Any

import torch.nn.functional as F
from torch import Tensor, nn

from inarch.models import Classifier
from inarch.models.shapes import Images, Labels, Logits

Loss = Callable[[nn.Module, Any, Labels], tuple[Tensor, Tensor]]
"""Takes model, inputs and labels; returns the scalar to minimise and the logits of the main head.

The model may run in 16 bits; a loss is computed in 32, so logits are widened first."""


def cross_entropy(
    model: nn.Module, inputs: Tensor, labels: Labels, *, smoothing: float = 0.0, class_weights: Tensor | None = None
) -> tuple[Tensor, Tensor]:
    """Cross-entropy with label smoothing (Szegedy et al. 2016, section 7).

    Args:
        model: takes ``inputs`` and returns logits (n, classes).
        inputs: n of them.
        labels: their classes, (n,).
        smoothing: the share of every label that is spread over all classes.
        class_weights: how much an example of each class counts, (classes,); None is 1 for all.
    """
    logits = model(inputs).float()
    return _mean_loss(logits, labels, smoothing, class_weights), logits


def auxiliary_cross_entropy(
    model: Classifier,
    images: Images,
    labels: Labels,
    *,
    smoothing: float = 0.0,
    weight: float = 0.3,
    class_weights: Tensor | None = None,
) -> tuple[Tensor, Tensor]:
    """Cross-entropy of the head plus ``weight`` times that of every auxiliary head (Szegedy et al. 2015, section 5)."""
    last = model.backbone.info[-1].name
    maps = model.backbone.tapped(images, [*model.auxiliary, last])
    logits = model.head(maps[last]).float()
    loss = _mean_loss(logits, labels, smoothing, class_weights)
    for tap, head in model.auxiliary.items():
        loss = loss + weight * _mean_loss(head(maps[tap]).float(), labels, smoothing, class_weights)
    return loss, logits


def _mean_loss(logits: Logits, labels: Labels, smoothing: float, class_weights: Tensor | None) -> Tensor:
    """The mean over the batch of each example's loss, times what its class counts.

    PyTorch's own class weights would weight the smoothed share of every *other* class too, and divide by the weights
    in the batch: with classes of very different size the best answer would then be a wrong one.
    """
    if class_weights is None:
        return F.cross_entropy(logits, labels, label_smoothing=smoothing)
    losses = F.cross_entropy(logits, labels, label_smoothing=smoothing, reduction="none")
    return (class_weights[labels] * losses).mean()

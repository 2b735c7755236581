"""What a training step minimises."""

from collections.abc import Callable
from typing import Any

import torch.nn.functional as F
from torch import Tensor, nn

from inarch.nets import Classifier
from inarch.shapes import Images, Labels

Loss = Callable[[nn.Module, Any, Labels], tuple[Tensor, Tensor]]
"""Takes model, inputs and labels; returns the scalar to minimise and the logits of the main head.

The model may run in 16 bits; a loss is computed in 32, so logits are widened first."""


def cross_entropy(
    model: nn.Module, inputs: Tensor, labels: Labels, *, smoothing: float = 0.0, class_weights: Tensor | None = None
) -> tuple[Tensor, Tensor]:
    """Cross-entropy with label smoothing (Szegedy et al. 2016, section 7), and a weight for each class."""
    logits = model(inputs).float()
    return F.cross_entropy(logits, labels, class_weights, label_smoothing=smoothing), logits


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
    loss = F.cross_entropy(logits, labels, class_weights, label_smoothing=smoothing)
    for tap, head in model.auxiliary.items():
        aside = head(maps[tap]).float()
        loss = loss + weight * F.cross_entropy(aside, labels, class_weights, label_smoothing=smoothing)
    return loss, logits

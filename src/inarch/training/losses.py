"""The losses of a training step."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch.nn.functional as F
from torch import Tensor, nn

from inarch.models import Classifier
from inarch.models.shapes import Images, Labels, Logits

Loss = Callable[[nn.Module, Any, Labels], tuple[Tensor, Tensor]]
"""Takes model, inputs and labels; returns the scalar to minimise and the logits of the main head.

The model may run in bfloat16; a loss is computed in float32, so logits are widened first."""


def cross_entropy(
    model: nn.Module, inputs: Tensor, labels: Labels, *, smoothing: float = 0.0, class_weights: Tensor | None = None
) -> tuple[Tensor, Tensor]:
    """Cross-entropy with label smoothing (Szegedy et al. 2016, section 7).

    Args:
        model: takes ``inputs`` and returns logits (n, classes).
        inputs: n of them.
        labels: their classes, (n,).
        smoothing: the fraction of every label that is spread over all classes.
        class_weights: how much an example of each class counts, (classes,); None is 1 for all.
    """
    logits = model(inputs).float()
    return CrossEntropy(smoothing=smoothing, class_weights=class_weights)(logits, labels), logits


def auxiliary_cross_entropy(
    model: Classifier,
    images: Images,
    labels: Labels,
    criterion: "CrossEntropy | None" = None,
    *,
    weight: float = 0.3,
) -> tuple[Tensor, Tensor]:
    """Cross-entropy plus ``weight`` times that of every auxiliary classifier (Szegedy et al. 2015, section 5)."""
    criterion = criterion or CrossEntropy()
    last = model.backbone.info[-1].name
    maps = model.backbone.tapped(images, [*model.auxiliary, last])
    logits = model.head(maps[last]).float()
    loss = criterion(logits, labels)
    for tap, head in model.auxiliary.items():
        loss = loss + weight * criterion(head(maps[tap]).float(), labels)
    return loss, logits


@dataclass(frozen=True, kw_only=True, eq=False)
class CrossEntropy:
    """The mean over the batch of each example's loss times the weight of its class.

    PyTorch's own class weights would also weight the smoothed fraction of every *other* class, and divide by the
    weights in the batch: with a large class imbalance, the loss would then be minimal for a wrong class.
    """

    smoothing: float = 0.0
    """The share of every label that is spread over all classes."""
    class_weights: Tensor | None = None
    """How much an example of each class counts, (classes,); None is 1 for all."""

    def __call__(self, logits: Logits, labels: Labels) -> Tensor:
        """The loss of logits (n, classes) for labels (n,)."""
        if self.class_weights is None:
            return F.cross_entropy(logits, labels, label_smoothing=self.smoothing)
        losses = F.cross_entropy(logits, labels, label_smoothing=self.smoothing, reduction="none")
        return (self.class_weights.to(labels.device)[labels] * losses).mean()

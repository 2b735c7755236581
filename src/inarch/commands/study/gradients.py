"""The first layer's gradient at initialisation."""

from dataclasses import dataclass

import torch
from torch import nn

from inarch.models import Architecture, architecture, build
from inarch.models.anatomy.flow import flow
from inarch.models.anatomy.trace import trace
from inarch.models.initialisation import open_residuals
from inarch.models.shapes import Images, Labels
from inarch.training.losses import auxiliary_cross_entropy


@dataclass(frozen=True, kw_only=True)
class NoiseBatch:
    """Images of noise with drawn labels, for one gradient."""

    images: int
    """Batch normalisation takes its statistics from them."""
    classes: int

    def draw(self, image_size: int, seed: int, dtype: torch.dtype = torch.float32) -> tuple[Images, Labels]:
        """The images and their labels; the same seed draws the same."""
        draws = torch.Generator().manual_seed(seed)
        noise = torch.randn(self.images, 3, image_size, image_size, generator=draws, dtype=dtype)
        return noise, torch.randint(0, self.classes, (self.images,), generator=draws)


NOISE = NoiseBatch(images=8, classes=10)


def first_layer_gradient(name: str | Architecture, seed: int, *, zero_start: bool = False) -> float:
    """The norm of the loss's gradient by the first layer's weights, in training mode, on noise.

    Args:
        name: a name of the catalog, or a row.
        seed: of the weights, the noise and the labels.
        zero_start: whether residual paths start at zero, as in `initialise`; else as in He et al. 2016.
    """
    row = architecture(name)
    model = build(name, classes=NOISE.classes, seed=seed)
    if not zero_start:
        open_residuals(model)
    record = trace(model, name=row.family, image_size=row.image_size)
    return flow(model, record, images=NOISE.images, seed=seed).layers[0][1]


def growth(shallow: str | Architecture, deep: str | Architecture, seed: int, *, zero_start: bool = False) -> float:
    """The ratio of the first layer's gradient in the deep model to that in the shallow one."""
    below = first_layer_gradient(shallow, seed, zero_start=zero_start)
    return first_layer_gradient(deep, seed, zero_start=zero_start) / below


def stem_gradient(name: str, seed: int, *, auxiliary: bool, image_size: int) -> float:
    """The norm with or without the paper's auxiliary classifiers, whose losses are included."""
    taps = architecture(name).auxiliary_taps if auxiliary else ()
    model = build(name, classes=NOISE.classes, auxiliary=taps, seed=seed).train()
    for module in model.modules():
        module.train(not isinstance(module, nn.Dropout))
    loss, _ = auxiliary_cross_entropy(model, *NOISE.draw(image_size, seed))
    first = next(module for module in model.modules() if isinstance(module, nn.Conv2d))
    (gradient,) = torch.autograd.grad(loss, [first.weight])
    return float(gradient.norm())

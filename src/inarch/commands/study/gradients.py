"""The first layer's gradient at initialisation."""

import torch
from torch import nn

from inarch.commands.inspect.flow import flow
from inarch.models import Architecture, architecture, build
from inarch.models.anatomy.trace import trace
from inarch.models.initialisation import open_residuals
from inarch.training.losses import auxiliary_cross_entropy

CLASSES = 10
IMAGES = 8
"""The number of noise images for one gradient; batch normalisation takes its statistics from them."""


def first_layer_gradient(name: str | Architecture, seed: int, *, zero_start: bool = False) -> float:
    """The norm of the loss's gradient by the first layer's weights, in training mode, on noise.

    Args:
        name: a name of the catalog, or a row.
        seed: of the weights, the noise and the labels.
        zero_start: whether residual paths start at zero, as in `initialise`; else as in He et al. 2016.
    """
    row = architecture(name)
    model = build(name, classes=CLASSES, seed=seed)
    if not zero_start:
        open_residuals(model)
    record = trace(model, name=row.family, image_size=row.image_size)
    return flow(model, record, images=IMAGES, seed=seed).layers[0][1]


def growth(shallow: str | Architecture, deep: str | Architecture, seed: int, *, zero_start: bool = False) -> float:
    """The ratio of the first layer's gradient in the deep model to that in the shallow one."""
    below = first_layer_gradient(shallow, seed, zero_start=zero_start)
    return first_layer_gradient(deep, seed, zero_start=zero_start) / below


def stem_gradient(name: str, seed: int, *, auxiliary: bool, image_size: int) -> float:
    """The norm with or without the paper's auxiliary classifiers, whose losses are included."""
    taps = architecture(name).auxiliary_taps if auxiliary else ()
    model = build(name, classes=CLASSES, auxiliary=taps, seed=seed).train()
    for module in model.modules():
        module.train(not isinstance(module, nn.Dropout))
    draws = torch.Generator().manual_seed(seed)
    noise = torch.randn(IMAGES, 3, image_size, image_size, generator=draws)
    labels = torch.randint(0, CLASSES, (IMAGES,), generator=draws)
    loss, _ = auxiliary_cross_entropy(model, noise, labels)
    first = next(module for module in model.modules() if isinstance(module, nn.Conv2d))
    (gradient,) = torch.autograd.grad(loss, [first.weight])
    return float(gradient.norm())

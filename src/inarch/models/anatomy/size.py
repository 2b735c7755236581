"""The size of a model: parameters and multiply-adds alone, several times faster than a trace."""

import torch
from torch import Tensor, nn

from inarch.models import architecture, build
from inarch.models.anatomy.records import ModelSize


def size_of(name: str, *, classes: int = 1000) -> ModelSize:
    """Count an architecture of the catalog, perhaps with variations behind its name, at its own image size.

    Raises:
        UnknownNameError: no architecture, or no variation, has that name.
        UserError: a variation is not defined for the model.
    """
    row = architecture(name)
    model = build(row, classes=classes, auxiliary=row.auxiliary_taps, device="meta").eval()
    heads = sum(each.numel() for each in model.auxiliary.parameters())
    parameters = sum(each.numel() for each in model.parameters())
    return ModelSize(
        name=name,
        variant=row.variant,
        source=row.source,
        image_size=row.image_size,
        parameters=parameters - heads,
        training_parameters=parameters,
        macs=_macs(model, torch.empty(1, 3, row.image_size, row.image_size, device="meta")),
    )


def _macs(model: nn.Module, images: Tensor) -> int:
    """Multiply-adds of ``model``, without the layers that have none but take most of the time on the meta device."""
    counts: list[int] = []

    def note(module: nn.Module, _inputs: object, output: Tensor) -> None:
        counts.append(output.numel() * next(module.parameters())[0].numel())

    for module in [*model.modules()]:
        for name, child in [*module.named_children()]:
            if isinstance(child, nn.BatchNorm2d | nn.ReLU | nn.Dropout):
                module.add_module(name, nn.Identity())
        if isinstance(module, nn.Conv2d | nn.Linear):
            module.register_forward_hook(note)
    with torch.no_grad():
        model(images)
    return sum(counts)

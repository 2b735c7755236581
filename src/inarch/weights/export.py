"""Our weights under others' names, to load there with ``strict=True``."""

from torch import Tensor

from inarch.errors import UserError
from inarch.nets import Classifier, architecture
from inarch.weights.torchvision_names import names

TIMM_HAS_NOT = ("googlenet",)


def to_torchvision(model: Classifier, name: str) -> dict[str, Tensor]:
    """The state dict of torchvision's net ``name``, auxiliary heads included where the model has them.

    Raises:
        UserError: torchvision has no such net (the paper's GoogLeNet, ResNet v1), an auxiliary head that its net
            has not, or batch normalisation is folded.
    """
    if architecture(name).variant == "v1":
        raise UserError(
            f"{name} has its stride on the first 1x1; torchvision's and timm's nets have it on the 3x3 and would load "
            "these weights without a word and answer wrongly."
        )
    translation = names(model, name)
    state = model.state_dict()
    if any(ours.endswith("conv.bias") for ours in state):
        raise UserError("Batch normalisation is folded into this model; export the model that it was folded from.")
    return {theirs: state[ours].clone() for ours, theirs in translation.items()}


def to_timm(model: Classifier, name: str) -> dict[str, Tensor]:
    """The state dict of timm's net ``name``: ResNet and Inception v3, whose names are torchvision's.

    Raises:
        UserError: as for `to_torchvision`, and timm has no GoogLeNet.
    """
    if name.startswith(TIMM_HAS_NOT):
        raise UserError(f"timm has no {name}; it has the ResNets and inception_v3.")
    return to_torchvision(model, name)

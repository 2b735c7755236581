"""Our weights under others' names and in their layout, to load there with nothing missing and nothing left over."""

from collections.abc import Mapping

from torch import Tensor

from inarch.errors import UserError
from inarch.models import Classifier, architecture
from inarch.weights.sources import source

TIMM_HAS_NOT = ("googlenet",)
PYTORCH = ("torchvision", "timm", "akamaster")


def export_weights(model: Classifier, name: str, library: str) -> dict[str, Tensor]:
    """The weights of ``model`` as a library names and lays them out.

    TensorFlow's and Keras' nets have no scale in batch normalisation: it moves into the convolution before it, which
    changes no answer. Their background class is not invented: build theirs with as many classes as the model has.

    Args:
        model: an architecture of the catalog, not folded.
        name: the architecture.
        library: a source of names: ``torchvision``, ``timm``, ``TF-slim``, ``Keras`` …

    Raises:
        UnknownNameError: no source of names is called ``library``.
        UserError: the library has no such net, or lacks a layer that the model has, or batch normalisation is folded.
    """
    other = source(library)
    if name not in other.layers:
        raise UserError(f"{library} has no net like {name}; it names {', '.join(other.layers)}.")
    if architecture(name).variant == "v1" and library in PYTORCH:
        raise UserError(
            f"{name} has its stride on the first 1x1; torchvision's and timm's nets have it on the 3x3 and would load "
            "these weights without a word and answer wrongly."
        )
    state = model.state_dict()
    if any(ours.endswith("conv.bias") for ours in state):
        raise UserError("Batch normalisation is folded into this model; export the model that it was folded from.")
    if other.omitted:
        state = _absorb_scales(state)
    laid_out = {}
    for ours, tensor in state.items():
        theirs = other.theirs(ours, name)
        laid_out[theirs] = other.outgoing(theirs.rpartition(other.separator)[0], tensor).clone()
    return laid_out


def to_torchvision(model: Classifier, name: str) -> dict[str, Tensor]:
    """The state dict of torchvision's net ``name``, auxiliary heads included where the model has them.

    Raises:
        UserError: torchvision has no such net (the paper's GoogLeNet, ResNet v1), an auxiliary head that its net
            has not, or batch normalisation is folded.
    """
    return export_weights(model, name, "torchvision")


def to_timm(model: Classifier, name: str) -> dict[str, Tensor]:
    """The state dict of timm's net ``name``.

    Raises:
        UserError: as for `to_torchvision`, and timm has no GoogLeNet.
    """
    if name.startswith(TIMM_HAS_NOT):
        raise UserError(f"timm has no {name}; it has the ResNets and the later Inception nets.")
    return export_weights(model, name, "timm" if name in source("timm").layers else "torchvision")


def _absorb_scales(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The same net with every scale 1, and without counters.

    ``scale * (conv(x) - mean) / deviation`` is ``(scale * conv(x) - scale * mean) / deviation``.
    """
    scales = {name.removesuffix(".norm.weight"): each for name, each in state.items() if name.endswith(".norm.weight")}
    moved = {}
    for name, tensor in state.items():
        unit, _, rest = name.rpartition(".norm." if ".norm." in name else ".conv.")
        if rest == "num_batches_tracked" or (rest == "weight" and ".norm." in name):
            continue
        if unit in scales and rest == "weight":
            tensor = tensor * scales[unit][:, None, None, None]
        elif unit in scales and rest == "running_mean":
            tensor = tensor * scales[unit]
        moved[name] = tensor
    return moved

"""Our weights under others' names and in their layout, to load there with nothing missing and nothing left over."""

from collections.abc import Mapping

from torch import Tensor

from inarch.errors import UserError
from inarch.models import Classifier, architecture, build
from inarch.weights.sources import WeightsSource, source


def export_state_dict(model: Classifier, library: str) -> dict[str, Tensor]:
    """The state dict of ``model`` under the names and in the layout of another library, ready for its own loader.

    Auxiliary heads are included where the model has them. TensorFlow's and Keras' models have no scale in batch
    normalisation: it moves into the convolution before it, which changes no answer. Their background class is not
    invented: build theirs with as many classes as the model has. torchvision's GoogLeNet and Inception v3 are to be
    built with ``transform_input=False``, as the normalisation is that of `inarch.transform_for`.

    Args:
        model: of `inarch.create_model`, or of a bundle; a whole architecture of the catalog.
        library: ``torchvision``, ``timm``, ``TF-slim``, ``Keras`` or another source of names.

    Returns:
        Tensors by the library's names; they share no memory with the model.

    Raises:
        UnknownNameError: no source of names is called ``library``; offers the nearest one.
        UserError: the library has no such model (the paper's GoogLeNet, ResNet v1), or lacks a layer that the model
            has; the model ends early, its head reads several stages, or its batch normalisation is folded.

    Examples:
        >>> model = inarch.create_model("resnet18", num_classes=5)
        >>> theirs = torchvision.models.resnet18(num_classes=5)
        >>> theirs.load_state_dict(inarch.export_state_dict(model, "torchvision"))
        <All keys matched successfully>
    """
    name, other = model.name, _naming_source(model.name, library)
    _check_variant(name, library)
    _check_whole(model, library)
    state: Mapping[str, Tensor] = model.state_dict()
    if any(ours.endswith("conv.bias") for ours in state):
        raise UserError("Batch normalisation is folded into this model; export the model that it was folded from.")
    if other.omitted:
        state = _absorb_scales(state)
    laid_out = {}
    for ours, tensor in state.items():
        theirs = other.theirs(ours, name)
        laid_out[theirs] = other.outgoing(theirs.rpartition(other.separator)[0], tensor).clone()
    return laid_out


def _naming_source(name: str, library: str) -> WeightsSource:
    """Whose tables have the names that ``library`` gives to the architecture ``name``."""
    own = source(library)
    if name in own.layers:
        return own
    borrowed = source("torchvision") if library == "timm" else own
    # timm names as torchvision the models that both have, and has no GoogLeNet
    known = [each for each in borrowed.layers if not each.startswith("googlenet")] if borrowed is not own else []
    if name not in known:
        raise UserError(f"{library} has no model like {name}; it names {', '.join((*own.layers, *known))}.")
    return borrowed


def _check_variant(name: str, library: str) -> None:
    if architecture(name).variant == "v1" and library in ("torchvision", "timm", "akamaster"):
        raise UserError(
            f"{name} has its stride on the first 1x1; torchvision's and timm's models have it on the 3x3 and would "
            "load these weights without a word and answer wrongly."
        )


def _check_whole(model: Classifier, library: str) -> None:
    backbone, whole = model.backbone, build(model.name, device="meta").backbone
    if backbone.gathered:
        raise UserError(
            f"The head of this model reads {', '.join(backbone.gathered)} too; {library} has no such model."
        )
    if backbone.end != whole.end:
        raise UserError(
            f"This model ends after {backbone.end}, and {model.name} after {whole.end}; {library} has no such model."
        )


def _absorb_scales(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The same model with every scale 1, and without counters.

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

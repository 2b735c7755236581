"""Whose names a weights file uses: one row per source, each with its tables, read in both directions.

A table goes from our layers to theirs; the way back is the same table inverted, so the two cannot disagree.
"""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from functools import cache, cached_property
from types import MappingProxyType

from torch import Size, Tensor, nn

from inarch.errors import UnknownNameError, UserError
from inarch.models import architecture, build
from inarch.models.foreign import foreign_layer_name, is_foreign, plan_chain
from inarch.weights.names import (
    cifar as cifar_names,
)
from inarch.weights.names import (
    efficientnet as efficientnet_names,
)
from inarch.weights.names import (
    huggingface as huggingface_names,
)
from inarch.weights.names import (
    keras as keras_names,
)
from inarch.weights.names import (
    numbered as numbered_names,
)
from inarch.weights.names import (
    open_nsfw as open_nsfw_names,
)
from inarch.weights.names import (
    slim as slim_names,
)
from inarch.weights.names import (
    timm_inception as timm_inception_names,
)
from inarch.weights.names import (
    timm_resnet as timm_resnet_names,
)
from inarch.weights.names import (
    torchvision as torchvision_names,
)
from inarch.weights.tensorflow_arrays import kind_of, ours_from_tensorflow, tensorflow_from_ours

Shapes = Mapping[str, Size]
Layers = Mapping[str, Callable[[str], str]]
"""By architecture: our layer's name to theirs; raises KeyError where they have no such layer."""


def _keep_tensor(_layer: str, tensor: Tensor) -> Tensor:
    return tensor


def _keep_names(names: Collection[str]) -> Mapping[str, str]:
    return {name: name for name in names}


@dataclass(frozen=True, kw_only=True, eq=False)
class WeightsSource:
    """One library's way of naming and laying out the tensors of a model."""

    name: str
    layers: Layers
    separator: str = "."
    """The separator between the layer and the tensor's own name."""
    leaves: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    """By kind of layer: our word for a tensor to theirs (``weight`` to ``kernel``); the same where it is not listed."""
    omitted: Collection[tuple[str, str]] = ()
    """Kinds of layer and our words for tensors that its models do not have: a scale that is always 1."""
    spelled: Callable[[Collection[str]], Mapping[str, str]] = _keep_names
    """For each name in a file the name that the table means; drops none."""
    incoming: Callable[[str, Tensor], Tensor] = _keep_tensor
    """Takes our layer's name and their tensor, and gives ours: order of the axes, classes that nobody predicts."""
    outgoing: Callable[[str, Tensor], Tensor] = _keep_tensor
    """The way back; takes their layer's name."""
    heads: Mapping[str, str] = field(default_factory=dict)
    """How names of heads begin that need not be in the table (someone put layers of their own there), to ours."""
    left_over: tuple[str, ...] = ()
    """The suffixes of names of training state besides the model."""
    lacks: Collection[str] = ()
    """Architectures that its tables cover but that it has never published weights of."""
    notes: Mapping[str, str] = field(default_factory=dict)
    """By architecture, what its weights expect and this model does not do."""

    def theirs(self, ours: str, name: str) -> str:
        """Their name of our tensor ``ours`` of architecture ``name``.

        Raises:
            UserError: they have no such model, or their model has no such layer.
        """
        if name not in self.layers:
            raise UserError(f"{self.name} has no model like {name}; it names {', '.join(self.layers)}.")
        layer, _, leaf = ours.rpartition(".")
        try:
            their_layer = self.layers[name](layer)
        except KeyError:
            raise UserError(f"{self.name}'s {name} has no layer for our {layer!r}; leave it out.") from None
        return f"{their_layer}{self.separator}{self.leaves.get(kind_of(layer), {}).get(leaf, leaf)}"

    def ours(self, theirs: str, name: str) -> str | None:
        """Our name of their tensor ``theirs``; None where architecture ``name`` has no such layer."""
        layer, _, leaf = theirs.rpartition(self.separator)
        ours = our_layers(self, name).get(layer)
        if ours is None:
            return None
        return f"{ours}.{self._leaves_back.get(kind_of(ours), {}).get(leaf, leaf)}"

    @cached_property
    def _leaves_back(self) -> Mapping[str, Mapping[str, str]]:
        return {kind: {theirs: ours for ours, theirs in words.items()} for kind, words in self.leaves.items()}

    def omits(self, ours: str) -> bool:
        """Whether its models do without our tensor ``ours``."""
        layer, _, leaf = ours.rpartition(".")
        return (kind_of(layer), leaf) in self.omitted


def _tensorflow_leaves(weight: str, bias: str) -> Mapping[str, Mapping[str, str]]:
    """TensorFlow's words for a layer's tensors; its libraries have their own for a kernel and its bias."""
    kernel = {"weight": weight, "bias": bias}
    norm = {"weight": "gamma", "bias": "beta", "running_mean": "moving_mean", "running_var": "moving_variance"}
    return {"norm": norm, "conv": kernel, "linear": kernel}


SOURCES: tuple[WeightsSource, ...] = (
    WeightsSource(name="torchvision", layers=torchvision_names.TRANSLATED, heads={"fc.": "head."}),
    WeightsSource(
        name="timm",
        layers=MappingProxyType({**timm_inception_names.TRANSLATED, **timm_resnet_names.TRANSLATED}),
        incoming=timm_resnet_names.ours_from_timm,
        outgoing=timm_resnet_names.timm_from_ours,
        heads={"fc.": "head.", "last_linear.": "head.", "classif.": "head."},
    ),
    WeightsSource(name="torchvision, numbered", layers=numbered_names.TRANSLATED),
    WeightsSource(
        name="transformers",
        layers=huggingface_names.TRANSLATED,
        spelled=huggingface_names.spelled,
        heads={"classifier.": "head."},
        lacks=[name for name in huggingface_names.TRANSLATED if "_v1" in name],
    ),
    WeightsSource(
        name="akamaster",
        layers=cifar_names.TRANSLATED,
        heads={"linear.": "head."},
        lacks=[name for name in cifar_names.TRANSLATED if name.startswith("plain")],
    ),
    WeightsSource(name="EfficientNet-PyTorch", layers=efficientnet_names.TRANSLATED, heads={"_fc.": "head."}),
    WeightsSource(
        name="open_nsfw",
        layers=open_nsfw_names.TRANSLATED,
        spelled=open_nsfw_names.spelled,
        incoming=open_nsfw_names.incoming,
        outgoing=open_nsfw_names.outgoing,
        heads={"fc_nsfw.": "head."},
        left_over=("new_shape__650", "const_fold_opt__652"),  # shapes that the graph stores with the weights
        notes={
            "resnet50_half": "These weights were made for content moderation: Yahoo trained them on ImageNet, then to "
            "tell pornographic photos from others (open_nsfw)."
        },
    ),
    WeightsSource(
        name="TF-slim",
        layers=slim_names.TRANSLATED,
        separator="/",
        leaves=_tensorflow_leaves("weights", "biases"),
        omitted=(("norm", "weight"),),
        spelled=slim_names.normalise_names,
        incoming=ours_from_tensorflow,
        outgoing=tensorflow_from_ours,
        heads=slim_names.HEADS,
        left_over=("global_step", "/RMSProp", "/RMSProp_1", "/Momentum", "/Adam", "/Adam_1"),
        notes={
            "googlenet": "TensorFlow pads the first convolution by 2 pixels before and 3 after, this model by 3 on "
            "both sides: features are those of a photo shifted by one pixel.",
            "inception_v3": "TensorFlow's average pools leave the padding out of the mean, those of this model count "
            "it: features differ a little near the borders.",
        },
    ),
    WeightsSource(
        name="Keras",
        layers=keras_names.TRANSLATED,
        separator="/",
        leaves=_tensorflow_leaves("kernel", "bias"),
        omitted=(("norm", "weight"),),
        spelled=keras_names.normalise_names,
        incoming=ours_from_tensorflow,
        outgoing=tensorflow_from_ours,
        heads={"predictions/": "head."},
        notes={
            "inception_v3": "Keras' average pools leave the padding out of the mean, those of this model count it: "
            "features differ a little near the borders."
        },
    ),
)


def source(name: str) -> WeightsSource:
    """The source called ``name``.

    Raises:
        UnknownNameError: there is none.
    """
    for each in SOURCES:
        if each.name == name:
            return each
    raise UnknownNameError("source of weights", name, [each.name for each in SOURCES])


def sources_of(name: str) -> tuple[WeightsSource, ...]:
    """The sources that name the layers of architecture ``name``."""
    return (foreign_source(name),) if is_foreign(name) else tuple(each for each in SOURCES if name in each.layers)


@cache
def foreign_source(name: str) -> WeightsSource:
    """The names that a foreign model has in the library that it comes from."""
    return WeightsSource(
        name=name.partition(":")[0],
        layers={name: lambda layer: foreign_layer_name(name, layer)},
        heads=dict.fromkeys(plan_chain(name).heads, "head."),
    )


@cache
def shapes_of(name: str) -> Shapes:
    """The names and shapes of all tensors of architecture ``name``, in running order, auxiliary heads included.

    Raises:
        UnknownNameError: no architecture has that name.
    """
    model = build(name, auxiliary=architecture(name).auxiliary_taps, device="meta")
    return MappingProxyType({tensor: each.shape for tensor, each in model.state_dict().items()})


@cache
def our_layers(source: WeightsSource, name: str) -> Mapping[str, str]:
    """Our layers by theirs, auxiliary heads included; without those that they do not have."""
    if name not in source.layers:
        return MappingProxyType({})
    found = {}
    for layer in dict.fromkeys(tensor.rpartition(".")[0] for tensor in shapes_of(name)):
        try:
            found[source.layers[name](layer)] = layer
        except KeyError:
            continue
    return MappingProxyType(found)


def names(model: nn.Module, name: str, source: WeightsSource) -> dict[str, str]:
    """For every tensor of ``model`` their name, by ours.

    Raises:
        UserError: they have no such model, or their model has no such layer.
    """
    return {ours: source.theirs(ours, name) for ours in model.state_dict()}

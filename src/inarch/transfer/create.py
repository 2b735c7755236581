"""Models by name, with or without weights: what users of timm and torchvision begin with."""

import warnings
from fnmatch import fnmatchcase
from pathlib import Path

import torch
from torch import nn

from inarch.errors import UserError
from inarch.models import ARCHITECTURES, Classifier, architecture, build, head_for
from inarch.models.backbone import Backbone
from inarch.models.initialisation import initialise
from inarch.transfer.backbones import RANDOM, FoundWeights, find_weights, load_starting_point
from inarch.weights.embedded import list_embedded_models
from inarch.weights.identification import translate_state_dict
from inarch.weights.loading import load
from inarch.weights.locating import is_local
from inarch.weights.named import NAMED


def create_model(
    name: str,
    *,
    num_classes: int | None = None,
    weights: Path | str | None = None,
    device: torch.device | str = "cpu",
    seed: int = 0,
) -> Classifier:
    """Build a model: an ``nn.Module`` from images (n, 3, h, w) to logits (n, classes), in training mode.

    The images are normalised RGB; `inarch.transform_for` makes them of photos. ``model.backbone.info`` lists the
    stages, ``model.backbone.tapped(images, names)`` gives feature maps, and ``model.head`` is what you would replace.

    Args:
        name: a model of `inarch.list_models`, perhaps with variations (``resnet50:width=0.5``), or ``timm:NAME`` for
            one of timm's that is a chain of blocks.
        num_classes: the length of the logits. None takes as many as the head of the weights has, and without weights
            as many as the architecture was designed for: 1000, or 10 for CIFAR's.
        weights: None for random initialisation; ``imagenet``, ``embedded`` (those that come with inarch), a full name
            such as ``torchvision:IMAGENET1K_V2``, or a file: safetensors, PyTorch, Keras, TF-slim or a bundle's. This
            machine is searched before anything is downloaded. Every tensor is accounted for, or none is loaded.
            The backbone ends where the weights end. Their head is loaded if it has ``num_classes``; otherwise the head
            is randomly initialised and has to be trained. So are the heads of weights that have none, and of timm's.
        device: where the tensors live. ``meta`` gives shapes without memory, and takes no weights.
        seed: every random weight follows from it, the same ones on each device.

    Raises:
        UnknownNameError: no model, no variation, or no weights of the model, have that name; offers the nearest one.
        WeightsError: the file is another model's or damaged, or the weights are not on this machine and cannot be
            fetched; the message lists the ways to get them.
        UserError: ``num_classes`` is not positive, or weights were asked for on ``meta``.

    Warns:
        UserWarning: the weights have no head that could be loaded, and ``num_classes`` was not said: the logits mean
            nothing before the head is trained.

    Examples:
        >>> model = inarch.create_model("resnet18", num_classes=10)
        >>> model(torch.zeros(1, 3, 224, 224)).shape
        torch.Size([1, 10])
        >>> maps = model.backbone.tapped(torch.zeros(1, 3, 224, 224), ["stage2", "stage4"])
        >>> {name: tuple(each.shape) for name, each in maps.items()}
        {'stage2': (1, 128, 28, 28), 'stage4': (1, 512, 7, 7)}
        >>> photo_model = inarch.create_model("resnet18_narrow", weights="embedded", num_classes=5)
        >>> photo_model.image_size
        128
    """
    place = torch.device(device)
    row = architecture(name)
    if weights is None or str(weights) == RANDOM:
        where = "meta" if place.type == "meta" else "cpu"
        return build(name, classes=_first_of(num_classes, row.classes), seed=seed, device=where).to(place)
    if place.type == "meta":
        raise UserError(
            "Weights take memory, and device 'meta' has none; leave out the weights or name another device."
        )
    found = find_weights(name, weights)
    if found is None:
        raise UserError(f"No weights are called {weights!r}; leave them out for random initialisation.")
    return _load_model(found, num_classes, seed).to(place)


def list_models(pattern: str = "*", pretrained: bool = False) -> list[str]:
    """The names of the models that `inarch.create_model` builds, sorted.

    Args:
        pattern: as for file names (`fnmatch`): ``*`` any characters, ``?`` one, ``[ab]`` one of these.
        pretrained: only those whose weights are on this machine: in an installed package, in PyTorch's folder or in
            the hub's cache. Nothing is downloaded.

    Names that end in ``_tiny`` are small versions for tests. timm's models, ``timm:NAME``, are not listed.

    Examples:
        >>> inarch.list_models("resnet1*_v2")
        ['resnet101_v2', 'resnet110_v2', 'resnet152_v2', 'resnet164_v2', 'resnet18_v2']
        >>> "resnet18_narrow" in inarch.list_models(pretrained=True)
        True
    """
    names = _models_with_weights() if pretrained else set(ARCHITECTURES)
    return sorted(name for name in names if fnmatchcase(name, pattern))


def _models_with_weights() -> set[str]:
    local = {row.architecture for row in NAMED.values() if is_local(row)}
    return {*list_embedded_models(), *local}


def _first_of(num_classes: int | None, otherwise: int) -> int:
    return otherwise if num_classes is None else num_classes


def _load_model(found: FoundWeights, num_classes: int | None, seed: int) -> Classifier:
    name = found.architecture
    start, row = load_starting_point(found), architecture(name)
    own = _classes_of_head(found, start.backbone)
    classes = _first_of(num_classes, own or row.classes)
    model = Classifier(start.backbone, _new_head(name, start.backbone, classes, seed))
    model.name, model.mean, model.std = name, row.mean, row.std
    model.image_size = start.image_size or row.image_size
    if classes == own:
        load(model, found.file, architecture=name, ignore=("auxiliary.",))
    elif num_classes is None:
        warnings.warn(
            f"The weights ({found.origin}) have no head for {name}: its {classes} logits are random until you train "
            "it. Say num_classes=… for a head of your own.",
            stacklevel=3,
        )
    return model.train()


def _classes_of_head(found: FoundWeights, backbone: Backbone) -> int | None:
    """How many logits the head of the weights has; None where they have none that the whole model could take."""
    name = found.architecture
    whole = build(name, device="meta")
    given = translate_state_dict(found.file.tensors, name).tensors
    head = [f"head.{each}" for each in whole.head.state_dict()]
    if backbone.end != whole.backbone.end or not all(each in given for each in head):
        return None
    return given[head[-1]].shape[0]


def _new_head(name: str, backbone: Backbone, classes: int, seed: int) -> nn.Module:
    """The architecture's own head, or a linear one where the backbone ends earlier than the architecture's."""
    whole = build(name, classes=classes, device="meta")
    head = whole.head if backbone.end == whole.backbone.end else head_for(backbone, classes)
    head = head.to_empty(device="cpu")
    initialise(head, torch.Generator().manual_seed(seed))
    return head

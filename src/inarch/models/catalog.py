"""Every architecture by name: one immutable table, and `build`, which reads it."""

from collections.abc import Collection, Mapping
from types import MappingProxyType

import torch
from torch import nn

from inarch.errors import UnknownNameError, UserError
from inarch.models.architecture import Architecture
from inarch.models.backbone import Backbone, Classifier
from inarch.models.efficientnet_rows import EFFICIENTNET_ROWS
from inarch.models.foreign import build_foreign, foreign_model, is_foreign
from inarch.models.inception_rows import INCEPTION_ROWS
from inarch.models.initialisation import initialise
from inarch.models.resnet_rows import RESNET_ROWS
from inarch.models.variation import apply_variations

ARCHITECTURES: Mapping[str, Architecture] = MappingProxyType({**INCEPTION_ROWS, **RESNET_ROWS, **EFFICIENTNET_ROWS})
"""The catalog: every architecture by its name."""


def architecture(model: str | Architecture) -> Architecture:
    """The row that ``model`` means: a name of the catalog, or of another library's model; a row is its own.

    Behind a name of the catalog may stand variations: ``resnet50:width=0.5:without_shortcut``.

    Raises:
        UnknownNameError: no architecture, or no variation, has that name; offers the nearest one.
        UserError: a variation makes no sense for this model.
    """
    if isinstance(model, Architecture):
        return model
    if is_foreign(model):
        library, name, *variations = model.split(":")
        if variations:
            more = model.removeprefix(f"{library}:{name}")
            raise UserError(f"Models of other libraries cannot be varied; leave {more!r} out.")
        return Architecture(**vars(foreign_model(model)))
    name, *variations = model.split(":")
    if name not in ARCHITECTURES:
        raise UnknownNameError("model", name, ARCHITECTURES)
    return apply_variations(name, ARCHITECTURES[name], variations)


def auxiliary_heads(
    model: str | Architecture, backbone: Backbone, classes: int, taps: Collection[str]
) -> dict[str, nn.Module]:
    """The auxiliary classifiers of the architecture ``model`` at ``taps``, by tap.

    Raises:
        UnknownNameError: the backbone has no such stage or block.
        UserError: the architecture has no auxiliary heads.
    """
    head = architecture(model).auxiliary_head
    if not taps:
        return {}
    if head is None:
        raise UserError(f"{_display_name(model)} has no auxiliary heads; leave `auxiliary` empty.")
    heads = {}
    for tap in taps:
        if tap not in backbone.taps:
            raise UnknownNameError("stage or block", tap, backbone.taps)
        heads[tap] = head(backbone.taps[tap].channels, classes)
    return heads


def _display_name(model: str | Architecture) -> str:
    return model if isinstance(model, str) else f"{model.family} ({model.variant})"


def build(
    name: str | Architecture,
    *,
    classes: int = 1000,
    auxiliary: Collection[str] = (),
    seed: int = 0,
    device: str = "cpu",
) -> Classifier:
    """Build an architecture, of the catalog or varied, freshly initialised.

    Args:
        name: a name, perhaps with variations behind it (see `architecture`), or a row like those of `ARCHITECTURES`.
        classes: the length of the logits.
        auxiliary: the stages or blocks that get an auxiliary head; the paper's are ``auxiliary_taps``.
        seed: every weight follows from it.
        device: where the tensors live; ``"meta"`` gives shapes without memory.

    Raises:
        UnknownNameError: no such architecture, or no such stage or block.
        UserError: the architecture has no auxiliary heads, or ``classes`` is not positive.
    """
    row = architecture(name)
    if classes < 1:
        raise UserError(f"A classifier needs at least one class; classes={classes} was asked for.")
    if isinstance(name, str) and is_foreign(name):
        model = build_foreign(name, classes=classes, seed=seed, device=device)
        model.auxiliary.update(auxiliary_heads(name, model.backbone, classes, auxiliary))
        return _introduce(model, name, row)
    with torch.device("meta"):
        model = row.builder(classes)
        model.auxiliary.update(auxiliary_heads(name, model.backbone, classes, auxiliary))
    if device != "meta":
        model = model.to_empty(device=device)
        initialise(model, torch.Generator(device).manual_seed(seed))
    return _introduce(model, _display_name(name), row)


def _introduce(model: Classifier, name: str, row: Architecture) -> Classifier:
    """``model``, knowing what it is called and which images it is made for."""
    model.name, model.image_size, model.mean, model.std = name, row.image_size, row.mean, row.std
    return model

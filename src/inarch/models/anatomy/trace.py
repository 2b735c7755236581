"""A model, measured layer by layer: shapes, parameters, multiply-adds, memory, receptive fields."""

import copy
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from inarch.errors import UserError
from inarch.models import Classifier, architecture, build
from inarch.models.anatomy.concepts import add_concepts
from inarch.models.anatomy.receptive import Field
from inarch.models.anatomy.recorder import Recorder
from inarch.models.anatomy.records import ModelTrace, Node


def trace(model: Classifier, *, name: str, image_size: int, variant: str = "", source: str = "") -> ModelTrace:
    """Measure ``model`` in evaluation mode on one square image.

    Nothing is computed: a copy without weights runs on PyTorch's meta device, and every operator is recorded, so the
    operations of a block between its layers (concatenation, addition) are nodes as well. ``model`` is not
    changed. Receptive fields are the theoretical ones: not clipped to the image, and a global average pool over
    a map of m pixels a side, s input pixels apart, adds (m - 1) * s.

    Args:
        model: a classifier of RGB images, on any device.
        name: the model's name in the record.
        image_size: side of the image in pixels.
        variant: the variant among the models of this name (``v1.5``).
        source: where the architecture is published.

    Raises:
        UserError: the image is too small: somewhere in the model the map is smaller than the window that slides over
            it.
    """
    if image_size < 1:
        raise UserError(f"An image needs at least one pixel a side; image_size={image_size} was asked for.")
    bare = _copy_without_weights(model).eval()
    images = torch.empty(1, 3, image_size, image_size, device="meta", dtype=next(bare.parameters()).dtype)
    recorder = Recorder(images, cannot_run_text(name, image_size))
    with torch.no_grad(), recorder.following(bare), recorder:
        logits = bare(images)
    nodes = add_concepts(recorder.nodes)
    return ModelTrace(
        name, variant, source, image_size, int(logits.shape[-1]), nodes, _heads(bare, images, nodes, name)
    )


def cannot_run_text(name: str, image_size: int) -> str:
    """The beginning of an error about images that are too small for the model."""
    return f"{name} cannot run on images of {image_size} x {image_size} pixels"


def _heads(bare: Classifier, images: Tensor, nodes: Sequence[Node], name: str) -> tuple[Node, ...]:
    """The layers of the auxiliary classifiers, each on its tap's feature map."""
    found: list[Node] = []
    with torch.no_grad():
        maps = bare.backbone.tapped(images, [*bare.auxiliary]) if bare.auxiliary else {}
        for tap, head in bare.auxiliary.items():
            at = [node for node in nodes if tap in (node.block, node.stage)][-1]
            seen = Field(*((side, side) for side in (at.receptive_field, at.receptive_field_min, at.stride)))
            recorder = Recorder(maps[tap], cannot_run_text(name, images.shape[-1]), seen)
            with recorder.following(head, f"auxiliary.{tap}"), recorder:
                head(maps[tap])
            found += recorder.nodes
    return add_concepts(found)


def trace_architecture(name: str, *, classes: int = 1000, image_size: int | None = None) -> ModelTrace:
    """Measure an architecture of the catalog, by default at the image size it was designed for.

    ``name`` may have variations behind it, as `inarch.models.architecture` reads them.

    Raises:
        UnknownNameError: no architecture, or no variation, has that name.
        UserError: the image is too small for the model, or ``classes`` is not positive.
    """
    row = architecture(name)
    model = build(row, classes=classes, auxiliary=row.auxiliary_taps, device="meta")
    size = row.image_size if image_size is None else image_size
    return trace(model, name=name, image_size=size, variant=row.variant, source=row.source)


def _copy_without_weights(model: Classifier) -> Classifier:
    """A copy on the meta device and without the caller's hooks; ``deepcopy`` finds every tensor already copied."""
    parameters = {id(each): nn.Parameter(each.detach().to("meta"), False) for each in model.parameters()}
    buffers = {id(each): each.to("meta") for each in model.buffers()}
    bare = copy.deepcopy(model, {**parameters, **buffers})
    for module in bare.modules():
        module._forward_pre_hooks.clear()
        module._forward_hooks.clear()
    return bare

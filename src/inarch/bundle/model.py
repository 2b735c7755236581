"""The model of a bundle as a PyTorch module, and the trace of a model or a bundle."""

import os
from pathlib import Path

from inarch.bundle.reading import Bundle, read_bundle
from inarch.errors import UnknownNameError
from inarch.models import ARCHITECTURES, Classifier, architecture, build, fold_batch_norm, head_for
from inarch.models.anatomy.records import ModelTrace
from inarch.models.anatomy.trace import trace as trace_model
from inarch.models.anatomy.trace import trace_architecture
from inarch.models.foreign import is_foreign
from inarch.weights.files import read_weights


def trace(model: str | Path, *, image_size: int | None = None) -> ModelTrace:
    """The structure of a model, layer by layer.

    Args:
        model: a name of the catalog, perhaps with variations (``googlenet:without_reduction``), or a bundle's folder.
        image_size: pixels a side; None takes the size that the model was designed or trained for.

    Raises:
        UnknownNameError: neither a model nor a bundle, or no variation of that name.
        UserError: the images are too small for the model, or a variation is not defined for it.

    Examples:
        >>> inarch.trace("googlenet").parameters
        6624904
        >>> [node.path for node in inarch.trace("resnet18").nodes][:2]
        ['backbone.stages.stem.conv1.conv', 'backbone.stages.stem.conv1.norm']
    """
    if not means_bundle(model):
        if not _is_of_catalog(model):
            raise UnknownNameError("model or bundle", str(model), ARCHITECTURES)
        return trace_architecture(str(model), image_size=image_size)
    return trace_bundle(read_bundle(model), image_size)


def trace_bundle(bundle: Bundle, image_size: int | None = None) -> ModelTrace:
    row = architecture(bundle.config.architecture)
    side = bundle.preprocessing.image_size if image_size is None else image_size
    name = bundle.path.resolve().name
    return trace_model(build_meta_model(bundle), name=name, variant=row.variant, source=row.source, image_size=side)


def means_bundle(model: str | Path) -> bool:
    """Whether ``model`` names a bundle: a folder or a path that is no name of the catalog."""
    return not _is_of_catalog(model) and (Path(model).is_dir() or os.path.dirname(model) != "")


def _is_of_catalog(model: str | Path) -> bool:
    """Whether it is a name of the catalog, perhaps with variations, or of another library's model."""
    return str(model).partition(":")[0] in ARCHITECTURES or is_foreign(str(model))


def build_meta_model(bundle: Bundle) -> Classifier:
    """The bundle's model without its weights (on the meta device)."""
    model = unfolded_model(bundle, build(bundle.config.architecture, device="meta"))
    model.head.to("meta")
    return fold_batch_norm(model) if bundle.config.folded else model


def unfolded_model(bundle: Bundle, whole: Classifier) -> Classifier:
    """``whole``, of the bundle's architecture, ending where the bundle's model ends, with a head for its classes."""
    backbone = whole.backbone.cut(bundle.config.after).gathering(bundle.config.gathered)
    model = Classifier(backbone, head_for(backbone, len(bundle.classes)))
    photos = bundle.preprocessing
    model.name, model.image_size, model.interpolation = whole.name, photos.image_size, photos.interpolation
    model.mean, model.std = photos.mean, photos.std
    return model


def load_model(bundle: Bundle) -> Classifier:
    """The bundle's model with its weights, in evaluation mode; it knows the preprocessing that it was trained with."""
    model = build_meta_model(bundle).to_empty(device="cpu")
    model.load_state_dict(read_weights(bundle.weights()).tensors)
    return model.eval()

"""The model of a bundle as a PyTorch module, and the trace of whatever a user names: a model or a bundle."""

import os
from pathlib import Path

from inarch.bundle.reading import Bundle, read_bundle
from inarch.errors import UnknownNameError
from inarch.models import ARCHITECTURES, Classifier, architecture, build, fold_batch_norm, head_for
from inarch.models.anatomy.records import ModelTrace
from inarch.models.anatomy.trace import trace as trace_net
from inarch.models.anatomy.trace import trace_architecture
from inarch.models.foreign import is_foreign
from inarch.weights.files import read_weights


def trace(net: str | Path, *, image_size: int | None = None) -> ModelTrace:
    """What a net is made of, layer by layer.

    Args:
        net: a name of the catalog, perhaps with variations (``googlenet:without_reduction``), or a bundle's folder.
        image_size: pixels a side; None takes the size that the net was designed or trained for.

    Raises:
        UnknownNameError: neither a model nor a bundle, or no variation of that name.
        UserError: the images are too small for the net, or a variation makes no sense for it.
    """
    if not means_bundle(net):
        if not _is_of_catalog(net):
            raise UnknownNameError("model or bundle", str(net), ARCHITECTURES)
        return trace_architecture(str(net), image_size=image_size)
    return _bundle_trace(read_bundle(net), image_size)


def _bundle_trace(bundle: Bundle, image_size: int | None = None) -> ModelTrace:
    row = architecture(bundle.config.architecture)
    side = bundle.preprocessing.image_size if image_size is None else image_size
    name = bundle.path.resolve().name
    return trace_net(build_meta_model(bundle), name=name, variant=row.variant, source=row.source, image_size=side)


def means_bundle(net: str | Path) -> bool:
    """Whether a user who writes ``net`` means a bundle: a folder or a path, but no name of the catalog."""
    return not _is_of_catalog(net) and (Path(net).is_dir() or os.sep in str(net))


def _is_of_catalog(net: str | Path) -> bool:
    """Whether it is a name of the catalog, perhaps with variations behind it, or that of another library's net."""
    return str(net).partition(":")[0] in ARCHITECTURES or is_foreign(str(net))


def build_meta_model(bundle: Bundle) -> Classifier:
    """The bundle's net, without its weights (on the meta device)."""
    model = unfolded_model(bundle, build(bundle.config.architecture, device="meta"))
    model.head.to("meta")
    return fold_batch_norm(model) if bundle.config.folded else model


def unfolded_model(bundle: Bundle, whole: Classifier) -> Classifier:
    """``whole``, of the bundle's architecture, ending where the bundle's net ends, with a head for its classes."""
    backbone = whole.backbone.cut(bundle.config.after).gathering(bundle.config.gathered)
    return Classifier(backbone, head_for(backbone, len(bundle.classes)))


def load_model(bundle: Bundle) -> Classifier:
    """The bundle's net with its weights, in evaluation mode."""
    model = build_meta_model(bundle).to_empty(device="cpu")
    model.load_state_dict(read_weights(bundle.weights()).tensors)
    return model.eval()

"""A pre-trained model as a teacher: its graph up to the pooled features, and its own head."""

import numpy as np

from inarch.commands.pretrain.teacher import Teacher
from inarch.data.photos import Preprocessing
from inarch.errors import UserError
from inarch.models import architecture
from inarch.runtime.onnx_graph import features_graph
from inarch.runtime.session import Graph
from inarch.storage.cache import cache_key
from inarch.transfer.backbones import starting_point
from inarch.weights.files import read_weights
from inarch.weights.identification import translate_state_dict
from inarch.weights.locating import locate
from inarch.weights.named import default_weights


def load_teacher(name: str, size: int, *, threads: int = 0) -> Teacher:
    """The teacher of that name.

    Args:
        name: a model whose usual weights are available or can be fetched: ``efficientnet_lite0``, ``resnet50``.
        size: side of the crops that it gets, in pixels.
        threads: cores that it may use; 0 takes all.

    Raises:
        UnknownNameError: there is no such model.
        UserError: it has no usual weights, or they come without a linear head.
        WeightsError: its weights cannot be fetched, or belong to a package that is not installed.
    """
    row = architecture(name)
    weights = default_weights(name)
    if weights is None:
        raise UserError(f"{name} has no pre-trained weights, so it cannot be a teacher; efficientnet_lite0 can.")
    tensors = translate_state_dict(read_weights(locate(weights)).tensors, name).tensors
    head = {each.rpartition(".")[2]: tensor for each, tensor in tensors.items() if each.startswith("head.")}
    if head.keys() != {"weight", "bias"}:
        raise UserError(
            f"The weights of {name} have no linear head, so it cannot be a teacher; efficientnet_lite0 can."
        )
    start = starting_point(name, weights.name)
    preprocessing = Preprocessing(image_size=size, mean=row.mean, std=row.std)
    return Teacher(
        graph=Graph(features_graph(start.backbone, preprocessing), threads=threads),
        weight=head["weight"].float().numpy().astype(np.float32),
        bias=head["bias"].float().numpy().astype(np.float32),
        digest=cache_key(start.digest, repr(preprocessing)),
        size=size,
    )

"""State dicts in and out: files, names, and the account of every tensor."""

from inarch.weights.export import to_timm, to_torchvision
from inarch.weights.files import WeightsFile, read_weights, weights_digest, write_weights
from inarch.weights.identification import identify
from inarch.weights.loading import LoadedBackbone, load, load_backbone
from inarch.weights.torchvision_names import names, to_foreign, to_ours

__all__ = [
    "LoadedBackbone",
    "WeightsFile",
    "identify",
    "load",
    "load_backbone",
    "names",
    "read_weights",
    "to_foreign",
    "to_ours",
    "to_timm",
    "to_torchvision",
    "weights_digest",
    "write_weights",
]

"""The architectures: torch only; no files, no data, no config."""

from inarch.nets.architecture import Architecture
from inarch.nets.backbone import SMALL, Backbone, Block, Classifier, head_for, linear_head, reader
from inarch.nets.catalog import ARCHITECTURES, architecture, build
from inarch.nets.folding import folded
from inarch.nets.freezing import Frozen, evaluating, norms_of

__all__ = [
    "ARCHITECTURES",
    "SMALL",
    "Architecture",
    "Backbone",
    "Block",
    "Classifier",
    "Frozen",
    "architecture",
    "build",
    "evaluating",
    "folded",
    "head_for",
    "linear_head",
    "norms_of",
    "reader",
]

"""The architectures: torch only; no files, no data, no config."""

from inarch.models.architecture import Architecture
from inarch.models.backbone import (
    SMALL,
    Backbone,
    Block,
    Classifier,
    head_for,
    linear_head,
    reader,
)
from inarch.models.catalog import ARCHITECTURES, architecture, build
from inarch.models.fast.folding import fold_batch_norm
from inarch.models.freezing import FrozenModule, evaluating, norms_of

__all__ = [
    "ARCHITECTURES",
    "SMALL",
    "Architecture",
    "Backbone",
    "Block",
    "Classifier",
    "FrozenModule",
    "architecture",
    "build",
    "evaluating",
    "fold_batch_norm",
    "head_for",
    "linear_head",
    "norms_of",
    "reader",
]

"""The files of a folder or a manifest, before any is opened."""

import hashlib
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple

from inarch.data.photos import SkippedFile

SPLITS: Mapping[str, str] = MappingProxyType(
    {"train": "train", "val": "val", "valid": "val", "validation": "val", "test": "test"}
)
"""Names that users give to splits, and ours."""


class CandidateFile(NamedTuple):
    """A file that may be a photo."""

    file: Path
    path: str
    """As `Photo.path`."""
    label: str
    split: str = ""
    group: str = ""


class Listing(NamedTuple):
    """All files of a folder or a manifest."""

    root: Path
    classes: tuple[str, ...]
    """The classes, those of train if there are splits; a class may lack photos."""
    splits: tuple[str, ...]
    """The names of the splits; one empty name without splits."""
    found: tuple[CandidateFile, ...]
    skipped: tuple[SkippedFile, ...] = ()
    notes: tuple[str, ...] = ()
    """Remarks for the user on how the photos were read, one sentence or two each."""
    faults: tuple[SkippedFile, ...] = ()
    """Rows of a manifest that contradict it or another row; a model is not trained or measured on the others alone."""


def digest_of(content: bytes) -> str:
    """The digest of a file, as in `Photo.digest`."""
    return hashlib.sha256(content).hexdigest()

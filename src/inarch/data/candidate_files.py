"""What a folder or a manifest lists, before anyone has looked into the files."""

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
    """Everything that a folder or a manifest names."""

    root: Path
    classes: tuple[str, ...]
    """Of train where there are splits; whether or not there is a photo of each."""
    splits: tuple[str, ...]
    """One empty name where there are none."""
    found: tuple[CandidateFile, ...]
    skipped: tuple[SkippedFile, ...] = ()


def digest_of(content: bytes) -> str:
    """What `Photo.digest` is."""
    return hashlib.sha256(content).hexdigest()

"""The findings about a folder of photos, and the user's decisions about them."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple

from inarch.storage.shown import in_json
from inarch.transfer.records.report import Phase


class Severity(StrEnum):
    """How much a finding matters, worst first."""

    ERROR = "error"
    """Figures are wrong or photos are lost."""
    WARNING = "warning"
    """Results may suffer."""
    NOTE = "note"
    """For information."""


class Kind(NamedTuple):
    """A kind of finding, with its severity, title and fix."""

    severity: Severity
    title: str
    fix: str


KINDS: Mapping[str, Kind] = MappingProxyType(
    {
        "unreadable": Kind(
            Severity.ERROR, "Unreadable photos", "Restore the file from its source; until then it is skipped."
        ),
        "row": Kind(
            Severity.ERROR,
            "Rows of the manifest that cannot be used",
            "Mend the row: one without its file is skipped, one with a fault stops training.",
        ),
        "class-mismatch": Kind(
            Severity.ERROR,
            "Splits with different classes",
            "Rename, add or remove folders until every split has all classes.",
        ),
        "copy-across-classes": Kind(
            Severity.ERROR,
            "The same file under two classes",
            "Keep the one with the correct label and drop the others.",
        ),
        "copy-across-splits": Kind(
            Severity.ERROR, "The same file in two splits", "Train/test leakage: drop it from the training set."
        ),
        "near-duplicate-across-splits": Kind(
            Severity.ERROR, "Near-duplicates in two splits", "Train/test leakage: drop the one in the training set."
        ),
        "few-photos": Kind(
            Severity.WARNING, "Classes with very few photos", "Add photos, or merge the class with another."
        ),
        "near-duplicate-across-classes": Kind(
            Severity.WARNING,
            "Near-duplicates under two classes",
            "One of the labels is probably wrong: relabel it, or drop both.",
        ),
        "alike": Kind(
            Severity.WARNING,
            "Classes whose photos all look alike",
            "Add photos taken at other times or places; until then they are divided between training and testing, and "
            "no accuracy can be trusted.",
        ),
        "label": Kind(
            Severity.WARNING, "Probable label errors", "Check the photo: relabel it, drop it, or keep its label."
        ),
        "copy": Kind(
            Severity.WARNING, "The same file twice", "Drop all but one; copies give a photo more weight than others."
        ),
        "blank": Kind(Severity.WARNING, "Photos of a single colour", "Drop it, unless its class is empty scenes."),
        "border": Kind(Severity.WARNING, "Photos that are mostly border", "Crop the border, or drop the photo."),
        "small": Kind(
            Severity.WARNING, "Photos with few pixels", "Look for a larger version: this one is enlarged and blurred."
        ),
        "class-name": Kind(
            Severity.WARNING,
            "Class names that are easily confused",
            "Rename the folder; if both are one class, merge them.",
        ),
        "file-name": Kind(
            Severity.WARNING, "File names that break", "Rename the file: a manifest cannot hold it, so it is left out."
        ),
        "imbalance": Kind(
            Severity.WARNING,
            "Class imbalance",
            "Add photos to the small classes, or train with --class-weighting logit-adjustment.",
        ),
        "aspect": Kind(
            Severity.WARNING, "Photos far from square", "Crop it to its subject: only the centre square is used."
        ),
        "near-duplicate": Kind(
            Severity.NOTE,
            "Near-duplicates",
            "Nothing has to be done: a split keeps them on one side, if there are others.",
        ),
        "burst": Kind(
            Severity.NOTE,
            "Photos taken within seconds",
            "Nothing has to be done: the manifest keeps each burst on one side.",
        ),
        "hidden": Kind(
            Severity.NOTE, "Hidden files and folders", "Remove them; other tools take such folders for classes."
        ),
        "stray": Kind(Severity.NOTE, "Files that are not photos of a class", "Move them elsewhere; they are skipped."),
        "extension": Kind(Severity.NOTE, "Names of another format", "Rename it; other tools rely on the name."),
        "orientation": Kind(
            Severity.NOTE, "Rotated photos", "Nothing has to be done here; other tools may need them upright."
        ),
        "mode": Kind(
            Severity.NOTE, "Photos that are not 8-bit RGB", "Nothing has to be done here; other tools may fail on them."
        ),
        "animation": Kind(
            Severity.NOTE, "Files of several frames", "Save the relevant frame; only the first one is used."
        ),
    }
)
"""Worst first."""


@dataclass(frozen=True)
class PatchedManifest:
    """A manifest that `train` takes for the photos."""

    path: Path
    photos: int
    """The number of photos that it lists."""
    left_out: int
    """Photos that the patch drops, or that cannot be read."""


@dataclass(frozen=True)
class Decision:
    """The decision about one photo."""

    path: str
    action: str
    """One of `ACTIONS`."""
    label: str = ""
    """The new class if the action is ``relabel``; with ``keep`` a suggestion without effect."""
    why: str = ""


ACTIONS = ("keep", "drop", "relabel")


@dataclass(frozen=True)
class Finding:
    """One fault, or one piece of information, about a file, a folder or a class."""

    kind: str
    """A key of `KINDS`."""
    path: str
    """The file, relative to the photos; or the name of a class; empty if the finding is about all of them."""
    problem: str
    """A sentence."""
    others: tuple[str, ...] = ()
    """Other files that it concerns."""
    decision: Decision | None = None
    """The proposed decision; None if the finding needs none about a single photo."""

    @property
    @in_json
    def severity(self) -> str:
        """How much it matters: ``error``, ``warning`` or ``note``."""
        return KINDS[self.kind].severity

    @property
    @in_json
    def title(self) -> str:
        """The title of its kind."""
        return KINDS[self.kind].title

    @property
    @in_json
    def fix(self) -> str:
        """The advice for this kind of finding."""
        return KINDS[self.kind].fix

    @property
    @in_json
    def id(self) -> str:
        """A stable identity while the file keeps its path: ``near-duplicate-1f0c9a3e``."""
        return f"{self.kind}-{hashlib.sha256(self.path.encode('utf-8', 'surrogateescape')).hexdigest()[:8]}"


@dataclass(frozen=True)
class Diagnosis:
    """All findings about a folder of photos."""

    root: str
    classes: tuple[str, ...]
    counts: tuple[tuple[str, tuple[int, ...]], ...]
    """For each split (one empty name without splits) the number of readable photos of each class."""
    findings: tuple[Finding, ...]
    """Worst first."""
    notes: tuple[str, ...]
    """Checks that were not made, and the reasons."""
    phases: tuple[Phase, ...]

    @property
    @in_json
    def photos(self) -> int:
        """The number of readable photos."""
        return sum(sum(counts) for _, counts in self.counts)

    def of_kind(self, kind: str) -> tuple[Finding, ...]:
        """The findings of one kind."""
        return tuple(finding for finding in self.findings if finding.kind == kind)

    @property
    def decisions(self) -> tuple[Decision, ...]:
        """One proposed decision per photo: the one of its most severe finding."""
        proposed: dict[str, Decision] = {}
        for finding in self.findings:
            if finding.decision is not None:
                proposed.setdefault(finding.decision.path, finding.decision)
        return tuple(proposed.values())

"""What is wrong with a folder of photos, and what its owner decides about it."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import NamedTuple

from inarch.transfer.records.report import Phase

ERROR, WARNING, NOTE = SEVERITIES = ("error", "warning", "note")
"""Figures would be wrong or photos are lost; results may suffer; worth knowing."""


class Kind(NamedTuple):
    """A kind of finding."""

    severity: str
    title: str
    fix: str


KINDS: Mapping[str, Kind] = MappingProxyType(
    {
        "unreadable": Kind(
            ERROR, "Photos that cannot be read", "Restore the file from its source; until then it is left out."
        ),
        "class-mismatch": Kind(
            ERROR, "Splits that disagree about the classes", "Rename, add or remove folders until every split has all."
        ),
        "copy-across-classes": Kind(
            ERROR, "The same file under two classes", "Keep the one whose label is right and drop the others."
        ),
        "copy-across-splits": Kind(
            ERROR, "The same file in two splits", "Drop it from the split that is learned from."
        ),
        "near-duplicate-across-splits": Kind(
            ERROR, "Near-duplicates in two splits", "Drop the one that is learned from: what it tests is known already."
        ),
        "few-photos": Kind(WARNING, "Classes with hardly any photos", "Add photos, or merge the class with another."),
        "near-duplicate-across-classes": Kind(
            WARNING,
            "Near-duplicates under two classes",
            "One of the labels is probably wrong: relabel it, or drop both.",
        ),
        "label": Kind(
            WARNING, "Labels that the photos around them contradict", "Look at it: relabel, drop, or keep as it is."
        ),
        "copy": Kind(WARNING, "The same file twice", "Drop all but one; copies make a photo count more than others."),
        "blank": Kind(WARNING, "Photos of a single colour", "Drop it, unless nothing is what the class shows."),
        "border": Kind(WARNING, "Photos that are mostly border", "Cut the border off, or drop the photo."),
        "small": Kind(WARNING, "Photos with few pixels", "Look for a larger version; enlarged, it is blurred."),
        "class-name": Kind(
            WARNING, "Class names that are easily confused", "Rename the folder; if both are one class, merge them."
        ),
        "imbalance": Kind(
            WARNING,
            "Classes of very different size",
            "Add photos to the small ones, or train with --class-weighting logit-adjustment.",
        ),
        "aspect": Kind(WARNING, "Photos far from square", "Crop it to what matters: only the centre square is seen."),
        "near-duplicate": Kind(
            NOTE, "Near-duplicates", "Nothing has to be done: they are kept on one side of every split."
        ),
        "burst": Kind(
            NOTE, "Photos taken within seconds", "Nothing has to be done: the manifest keeps each burst on one side."
        ),
        "hidden": Kind(NOTE, "Hidden files and folders", "Remove them; other tools take such folders for classes."),
        "stray": Kind(NOTE, "Files that are no photos of a class", "Move them elsewhere; they are left out."),
        "extension": Kind(NOTE, "Names that say another format", "Rename it; other tools go by the name."),
        "orientation": Kind(
            NOTE, "Photos that lie on their side", "Nothing has to be done here; other tools may need them turned."
        ),
        "mode": Kind(
            NOTE, "Photos that are not 8-bit RGB", "Nothing has to be done here; other tools may fail on them."
        ),
        "animation": Kind(NOTE, "Files of several frames", "Save the frame that matters; the first one is used."),
    }
)
"""Worst first."""


@dataclass(frozen=True)
class Decision:
    """What is to be done with one photo."""

    path: str
    action: str
    """One of `ACTIONS`."""
    label: str = ""
    """The new class where the action is ``relabel``; beside ``keep`` a suggestion that nobody follows."""
    why: str = ""


ACTIONS = ("keep", "drop", "relabel")


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong, or worth knowing, with a file, a folder or a class."""

    kind: str
    """A key of `KINDS`."""
    path: str
    """Of the file, relative to the photos; of a class, its name; empty where it is about all of them."""
    problem: str
    """A sentence."""
    others: tuple[str, ...] = ()
    """Files that it is about, too."""
    decision: Decision | None = None
    """What is proposed; None where nothing about a single photo is to be decided."""

    @property
    def severity(self) -> str:
        """One of `SEVERITIES`."""
        return KINDS[self.kind].severity

    @property
    def fix(self) -> str:
        """What to do about it."""
        return KINDS[self.kind].fix

    @property
    def id(self) -> str:
        """The same in every run, as long as the file keeps its place: ``near-duplicate-1f0c9a3e``."""
        return f"{self.kind}-{hashlib.sha256(self.path.encode('utf-8', 'surrogateescape')).hexdigest()[:8]}"


@dataclass(frozen=True)
class Diagnosis:
    """Everything that was found in a folder of photos."""

    root: str
    classes: tuple[str, ...]
    counts: tuple[tuple[str, tuple[int, ...]], ...]
    """For each split (one empty name where there are none) the number of readable photos of each class."""
    findings: tuple[Finding, ...]
    """Worst first."""
    notes: tuple[str, ...]
    """What was not looked at, and why."""
    phases: tuple[Phase, ...]

    @property
    def photos(self) -> int:
        """How many can be read."""
        return sum(sum(counts) for _, counts in self.counts)

    def of_kind(self, kind: str) -> tuple[Finding, ...]:
        """The findings of one kind."""
        return tuple(finding for finding in self.findings if finding.kind == kind)

    @property
    def decisions(self) -> tuple[Decision, ...]:
        """What is proposed, one for each photo: the first proposal is that of the worst finding."""
        proposed: dict[str, Decision] = {}
        for finding in self.findings:
            if finding.decision is not None:
                proposed.setdefault(finding.decision.path, finding.decision)
        return tuple(proposed.values())

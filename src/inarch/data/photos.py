"""Records of a folder of photos."""

from dataclasses import dataclass

from inarch.errors import UserError
from inarch.normalisation import IMAGENET_MEAN, IMAGENET_STD


@dataclass(frozen=True)
class Photo:
    """One readable photo with its label."""

    path: str
    """Relative to the set's root, with forward slashes."""
    label: int
    digest: str
    """SHA-256 of the file's bytes: the key of the caches."""
    split: str = ""
    """``train``, ``val``, ``test``, or empty if the user gave no splits."""
    group: str = ""
    """Photos of one group stay on one side of a split."""

    @property
    def unit(self) -> str:
        """The unit of splitting: the photo's group, else the copies of its file."""
        return self.group or self.digest


@dataclass(frozen=True)
class SkippedFile:
    """A skipped file, and the reason. The file itself was not changed."""

    path: str
    reason: str


@dataclass(frozen=True)
class PhotoSet:
    """A folder (or manifest) of labelled photos, with one class list for all splits."""

    root: str
    classes: tuple[str, ...]
    photos: tuple[Photo, ...]
    skipped: tuple[SkippedFile, ...] = ()
    alike: tuple[tuple[str, ...], ...] = ()
    """Paths of near-duplicates, cluster by cluster, if they were searched for."""
    divided: tuple[str, ...] = ()
    """Classes whose near-duplicates are on both sides of the split, because they have hardly any others."""
    left_out: tuple[str, ...] = ()
    """Classes that were left out because they have too few photos."""
    notes: tuple[str, ...] = ()
    """Remarks on how the photos were read: names of splits, columns of a manifest."""

    def of_split(self, split: str) -> tuple[Photo, ...]:
        """The photos of one split."""
        return tuple(photo for photo in self.photos if photo.split == split)


@dataclass(frozen=True, kw_only=True)
class Preprocessing:
    """The preprocessing of a model; saved with every bundle and part of its graph.

    The shorter side is resized to ``image_size``, the centre square is kept, and a pixel value p of 0 to 255
    becomes (p / 255 - mean) / std per channel.
    """

    image_size: int
    mean: tuple[float, float, float] = IMAGENET_MEAN
    std: tuple[float, float, float] = IMAGENET_STD
    interpolation: str = "bilinear"

    def __post_init__(self) -> None:
        if self.image_size < 8:
            raise UserError(f"Images need at least 8 pixels a side; image_size={self.image_size} was asked for.")
        if self.interpolation not in ("bilinear", "bicubic"):
            raise UserError(f"Interpolation is bilinear or bicubic, not {self.interpolation!r}.")
        if min(self.std) <= 0:
            raise UserError(f"Every std must be positive; got {self.std}.")


UNEVEN = 3
"""The ratio of the largest to the smallest class from which on class imbalance is reported."""

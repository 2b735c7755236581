"""What is known about a folder of photos."""

from dataclasses import dataclass, field

from inarch.errors import UserError


@dataclass(frozen=True)
class Photo:
    """One readable photo with its label."""

    path: str
    """Relative to the set's root, with forward slashes."""
    label: int
    digest: str
    """SHA-256 of the file's bytes: what the caches are keyed by."""
    split: str = ""
    """``train``, ``val``, ``test``, or empty where the user gave no splits."""
    group: str = ""
    """Photos of one group belong on one side of a split."""

    @property
    def unit(self) -> str:
        """What the photo is held out with: its group, else the copies of its file."""
        return self.group or self.digest


@dataclass(frozen=True)
class SkippedFile:
    """A file that was left out, and why. The file itself was not touched."""

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
    """Paths of photos that look the same although their files differ, cluster by cluster, where that was looked for."""

    def of_split(self, split: str) -> tuple[Photo, ...]:
        """The photos of one split."""
        return tuple(photo for photo in self.photos if photo.split == split)


@dataclass(frozen=True, kw_only=True)
class Preprocessing:
    """How a photo becomes the net's input; saved with every bundle and baked into its graph.

    The shorter side is resized to ``image_size``, the centre square is kept, and a pixel value p of 0 to 255
    becomes (p / 255 - mean) / std per channel.
    """

    image_size: int
    mean: tuple[float, float, float] = field(default=(0.485, 0.456, 0.406))
    std: tuple[float, float, float] = field(default=(0.229, 0.224, 0.225))
    interpolation: str = "bilinear"

    def __post_init__(self) -> None:
        if self.image_size < 8:
            raise UserError(f"Images need at least 8 pixels a side; image_size={self.image_size} was asked for.")
        if self.interpolation not in ("bilinear", "bicubic"):
            raise UserError(f"Interpolation is bilinear or bicubic, not {self.interpolation!r}.")
        if min(self.std) <= 0:
            raise UserError(f"Every std must be positive; got {self.std}.")


UNEVEN = 3
"""Times as many photos in the largest class as in the smallest: from there on it is said."""

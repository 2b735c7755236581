"""The header of an image file: everything but its pixels."""

import contextlib
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from PIL import ExifTags, Image

from inarch.data.decode import open_image, orientation_of
from inarch.errors import UnreadableImageError

SUFFIXES = {
    "JPEG": {".jpg", ".jpeg", ".jpe", ".jfif", ".mpo"},
    "MPO": {".jpg", ".jpeg", ".jpe", ".jfif", ".mpo"},
    "PNG": {".png", ".apng"},
    "WEBP": {".webp"},
    "GIF": {".gif"},
    "TIFF": {".tif", ".tiff"},
    "BMP": {".bmp"},
    "AVIF": {".avif", ".avifs"},
    "HEIF": {".heic", ".heif", ".hif"},
    "JPEG2000": {".jp2", ".j2k", ".jpf", ".jpx"},
    "PPM": {".ppm", ".pgm", ".pbm", ".pnm"},
    "QOI": {".qoi"},
    "ICO": {".ico"},
}
"""The file name suffixes of each format."""


@dataclass(frozen=True)
class Header:
    """The properties of an image before its pixels are decoded."""

    format: str
    mode: str
    """Pillow's name, such as ``RGB``, ``CMYK`` or ``I;16``."""
    width: int
    """As stored, before the photo is turned upright."""
    height: int
    orientation: int
    """1 to 8, as in EXIF."""
    is_transparent: bool
    frames: int
    taken: float | None
    """The time of the photo, in seconds of the camera's clock; None if unknown."""
    camera: str


def read_header(file: Path) -> Header:
    """Read the header alone.

    Raises:
        UnreadableImageError: the file cannot be opened, or is no image.
    """
    try:
        with file.open("rb") as stream, open_image(stream) as image:
            return _header(image)
    except OSError as error:
        raise UnreadableImageError(f"It cannot be opened ({error.strerror or error}).") from error


def _header(image: Image.Image) -> Header:
    exif = Image.Exif()
    with contextlib.suppress(Exception):  # damaged EXIF says nothing about the pixels
        exif = image.getexif()
    return Header(
        format=image.format or "",
        mode=image.mode,
        width=image.width,
        height=image.height,
        orientation=orientation_of(image),
        is_transparent=bool(image.has_transparency_data),
        frames=_frames(image),
        taken=_read_time_taken(exif),
        camera=" ".join(str(exif.get(tag, "")).strip("\0 ") for tag in (ExifTags.Base.Make, ExifTags.Base.Model)),
    )


def _frames(image: Image.Image) -> int:
    if image.format in ("MPO", "HEIF", "ICO"):  # cameras and programs add previews and sizes: it is no animation
        return 1
    try:
        return int(getattr(image, "n_frames", 1))
    except Exception:  # counting reads on, into parts that may be damaged
        return 1


def _read_time_taken(exif: Image.Exif) -> float | None:
    """EXIF 2.32: ``YYYY:MM:DD HH:MM:SS``, and fractions of a second as digits."""
    try:
        details = exif.get_ifd(ExifTags.IFD.Exif)
        said = str(details.get(ExifTags.Base.DateTimeOriginal, "")).strip("\0 ")
        moment = datetime.strptime(said, "%Y:%m:%d %H:%M:%S")
        fraction = str(details.get(ExifTags.Base.SubsecTimeOriginal, "")).strip("\0 ")
    except Exception:  # cameras with dead clocks write anything
        return None
    seconds = (moment - datetime(1970, 1, 1)).total_seconds()
    return seconds + (float(f"0.{fraction}") if fraction.isascii() and fraction.isdecimal() else 0.0)

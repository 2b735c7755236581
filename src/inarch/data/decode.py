"""The only preprocessing function: an image file becomes a square of 8-bit RGB, everywhere in the same way.

Training, evaluation, prediction and the server all call `decode`; nothing else in inarch opens an image, but for its
header.
It decides once:

- The first frame of an animation or a multi-page file counts, turned upright as its EXIF or XMP orientation says.
- Transparency is composed over white.
- Grey with more than 8 bits is scaled by the range of its kind, never by what the image happens to contain:
  65535 for 16 bits, 2^b - 1 for a TIFF of b bits; whole numbers of 32 bits count as 16-bit values; float counts as
  0 to 1, 0 to 255 or 0 to 65535, the smallest of these that holds all values. Resampling overshoots: up to a twentieth
  beyond a range is clipped. Values further outside, or so small in their range that all would be black, are an error.
- ICC profiles are ignored; CMYK is converted by Pillow's formula, LAB through littleCMS from D50 to sRGB.
- A JPEG is decoded at 1/2, 1/4 or 1/8 of its size where that still holds the target size.
- The text in a PNG is passed over, however long; XMP may turn the image.
- A TIFF of more than 8 bits stored plane by plane, and a camera's raw file, of which Pillow would give garbage and a
  thumbnail, are an error.
- A file that ends too early is an error, even where most of its pixels could be had.

Pillow's warnings pass through; under ``python -W error`` a file that merely makes Pillow warn cannot be read.
"""

import io
import logging
from collections.abc import Iterable, Iterator, Mapping
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import ExifTags, Image, ImageCms, UnidentifiedImageError
from PIL.JpegImagePlugin import JpegImageFile
from pillow_heif import HeifImageFile

from inarch.data.kinds import kind_of
from inarch.data.photos import Preprocessing
from inarch.errors import UnreadableImageError
from inarch.storage.parallel import map_in_order

PIXEL_LIMIT = 150_000_000
"""The most pixels that are decoded: Pillow needs 4 bytes for each. A JPEG may have more, of which few are decoded."""

logging.getLogger("PIL").addHandler(logging.NullHandler())  # what Pillow logs is in our errors, if it matters

PNG = b"\x89PNG\r\n\x1a\n"
JPEGS = ("JPEG", "MPO")
"""The formats that are decoded at a fraction of their size if that suffices."""

IMAGE_SUFFIXES = frozenset(
    {".jpg", ".jpeg", ".jpe", ".jfif", ".mpo", ".png", ".apng", ".webp", ".gif", ".tif", ".tiff", ".bmp"}
    | {".avif", ".avifs", ".heic", ".heif", ".hif", ".jp2", ".j2k", ".jpf", ".jpx"}
    | {".ppm", ".pgm", ".pbm", ".pnm", ".qoi", ".ico"}
)
"""A file of such a name is meant as an image: if it cannot be read, that is reported."""

RESAMPLING = MappingProxyType({"bilinear": Image.Resampling.BILINEAR, "bicubic": Image.Resampling.BICUBIC})

UPRIGHT = MappingProxyType(  # Exif 2.32, tag 0x0112: the operation that undoes each orientation
    {
        2: Image.Transpose.FLIP_LEFT_RIGHT,
        3: Image.Transpose.ROTATE_180,
        4: Image.Transpose.FLIP_TOP_BOTTOM,
        5: Image.Transpose.TRANSPOSE,
        6: Image.Transpose.ROTATE_270,
        7: Image.Transpose.TRANSVERSE,
        8: Image.Transpose.ROTATE_90,
    }
)


ImageSource = Path | bytes | Image.Image
"""The types that can be decoded: a file, the bytes of one, or an image that Pillow has opened."""


def decode(source: ImageSource, preprocessing: Preprocessing) -> NDArray[np.uint8]:
    """The centre square of an image as (image_size, image_size, 3) RGB.

    The shorter side becomes ``image_size`` by an antialiased resize of which only the centre is computed.

    Args:
        source: a file, the bytes of one, or a Pillow image, which keeps its size and mode. A JPEG that Pillow has
            opened but not decoded is read from its file, so it gives the same pixels as the file; one that is decoded
            already is taken at the size that it has.
        preprocessing: the geometry; mean and std are not applied here.

    Raises:
        UnreadableImageError: the file cannot be opened, is no image, is damaged, cut short or too large.
    """
    if isinstance(source, Path):
        source = read_bytes(source)
    elif isinstance(source, Image.Image) and (unread := _unread_jpeg(source)):
        source = unread
    try:
        if isinstance(source, Image.Image):
            return _crop_square(upright_rgb(source), preprocessing)
        with open_image(io.BytesIO(source)) as image:
            if image.format in JPEGS:
                image.draft(None, (preprocessing.image_size, preprocessing.image_size))
            _check_size(image)
            return _crop_square(upright_rgb(image), preprocessing)
    except UnreadableImageError:
        raise
    except Exception as error:  # Pillow's decoders raise errors of any kind for damaged files
        detail = " ".join(str(error).split()).rstrip(".") or type(error).__name__
        raise UnreadableImageError(f"It is damaged, cut short or of an unusual kind ({detail}).") from error


def decode_many(
    sources: Iterable[ImageSource], preprocessing: Preprocessing, workers: int = 2
) -> Iterator[NDArray[np.uint8] | UnreadableImageError]:
    """For each source, in order, the result or the error of `decode`; threads decode a little ahead of the consumer."""
    return map_in_order(partial(decode_or_error, preprocessing=preprocessing), sources, workers)


def decode_or_error(source: ImageSource, preprocessing: Preprocessing) -> NDArray[np.uint8] | UnreadableImageError:
    """The result of `decode`, or the error that it raises."""
    try:
        return decode(source, preprocessing)
    except UnreadableImageError as error:
        return error


def upright_rgb(image: Image.Image) -> Image.Image:
    """An image of any of Pillow's modes as 8-bit RGB, turned upright by its EXIF data; transparency becomes white.

    Raises:
        UnreadableImageError: its values have an unknown range of brightness.
    """
    _check_layout(image)
    image.load()
    return _turn_upright(_to_rgb(image), orientation_of(image))


def identify(file: Path) -> tuple[int, int]:
    """Width and height of an image as stored, from its header alone.

    Raises:
        UnreadableImageError: the file cannot be opened, or is no image.
    """
    try:
        with file.open("rb") as stream, open_image(stream) as image:
            return image.size
    except OSError as error:
        raise UnreadableImageError(f"It cannot be opened ({error.strerror or error}).") from error


def read_bytes(file: Path) -> bytes:
    """The content of a file.

    Raises:
        UnreadableImageError: it cannot be opened, or is not a regular file (a pipe would never end).
    """
    try:
        if file.exists() and not file.is_file():
            raise UnreadableImageError("It is not a file.")
        return file.read_bytes()
    except (OSError, ValueError) as error:  # ValueError: a null byte in the name
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise UnreadableImageError(f"It cannot be opened ({reason}).") from error


def open_image(stream: io.BytesIO | io.BufferedReader) -> Image.Image:
    """Read an image's header.

    Raises:
        UnreadableImageError: it is empty, no image, or its header is damaged.
    """
    # PostScript is not among Pillow's names of the formats: reading it runs Ghostscript.
    formats = ("JPEG", "PNG", "WEBP", "GIF", "TIFF", "BMP", "AVIF", "JPEG2000", "PPM", "QOI", "ICO")
    kinds = "JPEG, PNG, WebP, GIF, TIFF, BMP, AVIF, HEIC, JPEG 2000, PPM, QOI, ICO"
    head = stream.read(64)
    stream.seek(0)
    if not head:
        raise UnreadableImageError("The file is empty.")
    try:
        if _is_heif(head):
            return HeifImageFile(stream)
        if head.startswith(PNG):
            stream = io.BytesIO(without_text(stream.read()))
        return Image.open(stream, formats=formats)
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        if head.startswith(b"\xff\xd8"):
            stream.seek(0)
            return JpegImageFile(stream)  # which asks for no limit; `decode` has one of its own
        raise UnreadableImageError(f"It has too many pixels; {PIXEL_LIMIT:,} is the limit: save it smaller.") from error
    except UnidentifiedImageError as error:
        if kind := kind_of(head):
            raise UnreadableImageError(f"It is {kind}, which is not read: save it as JPEG or PNG.") from error
        raise UnreadableImageError(f"It is not an image ({kinds} are read), or its header is damaged.") from error
    except Exception as error:  # as in `decode`
        raise UnreadableImageError(f"Its header is damaged ({' '.join(str(error).split())}).") from error


def _check_size(image: Image.Image) -> None:
    """Refuse an image of which too many pixels would be in memory.

    A progressive JPEG keeps the coefficients of all its pixels until its end, whatever size it is decoded at.
    """
    width, height = image.size
    if image.info.get("progressive"):
        width, height = getattr(image, "_original_size", image.size)
    if width * height > PIXEL_LIMIT:
        raise UnreadableImageError(
            f"It has {width:,} x {height:,} pixels; {PIXEL_LIMIT:,} is the limit: save it smaller."
        )


def without_text(content: bytes) -> bytes:
    """A PNG without its text, but for XMP of up to 100 kB as it stands; any other file as it is.

    Pillow refuses the whole image where its text is long.
    """
    if not content.startswith(PNG):
        return content
    parts, at, size = [content[:8]], 8, len(content)
    while at + 8 <= size:
        end = at + 12 + int.from_bytes(content[at : at + 4])
        kind, data = content[at + 4 : at + 8], content[at + 8 : end - 4]
        is_xmp = data.startswith(b"XML:com.adobe.xmp\x00\x00") and len(data) < 100_000  # the second zero: uncompressed
        if kind not in (b"tEXt", b"zTXt", b"iTXt") or is_xmp:
            parts.append(content[at:end])
        at = end
    return b"".join((*parts, content[at:]))


def _check_layout(image: Image.Image) -> None:
    """Refuse what Pillow would read as something else."""
    tags = _tiff_tags(image)
    bits = max(tags.get(ExifTags.Base.BitsPerSample, (8,)))
    if tags.get(ExifTags.Base.PlanarConfiguration) == 2 and bits > 8 and tags.get(ExifTags.Base.Compression, 1) == 1:
        raise UnreadableImageError(
            f"It is a TIFF of {bits} bits whose colours are stored plane by plane, which is not read: save it "
            "interleaved, compressed or as PNG."
        )
    is_preview = bool(int(tags.get(ExifTags.Base.NewSubfileType, 0)) & 1) and ExifTags.Base.SubIFDs in tags
    if is_preview or ExifTags.Base.DNGVersion in tags:
        raise UnreadableImageError(
            "It is a camera's raw file, of which only a preview could be read: export it as JPEG."
        )


def _is_heif(head: bytes) -> bool:
    """Whether this is HEIC; AVIF shares the container, and Pillow reads it."""
    brands = (b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs", b"mif1", b"msf1")
    return head[4:8] == b"ftyp" and head[8:12] in brands and b"avif" not in head


def _unread_jpeg(image: Image.Image) -> bytes:
    """The file of a JPEG that Pillow has opened and not decoded; empty for every other image."""
    file = getattr(image, "fp", None)
    if image.format not in JPEGS or file is None or image.tell() > 0:
        return b""
    place = file.tell()
    file.seek(0)
    content: bytes = file.read()
    file.seek(place)
    return content


def _crop_square(upright: Image.Image, preprocessing: Preprocessing) -> NDArray[np.uint8]:
    size = preprocessing.image_size
    side = min(upright.size)
    left, top = (upright.width - side) / 2, (upright.height - side) / 2
    resample = RESAMPLING[preprocessing.interpolation]
    return np.array(upright.resize((size, size), resample, box=(left, top, left + side, top + side)))


def orientation_of(image: Image.Image) -> int:
    """The orientation of the stored pixels: 1 to 8, as in EXIF; 1 if the image does not say."""
    try:
        return int(image.getexif().get(ExifTags.Base.Orientation, 1))
    except Exception:  # damaged EXIF says nothing about the pixels, which may be sound
        return 1


def _turn_upright(image: Image.Image, orientation: int) -> Image.Image:
    method = UPRIGHT.get(orientation)
    return image if method is None else image.transpose(method)


def _to_rgb(image: Image.Image) -> Image.Image:
    """Any of Pillow's modes as 8-bit RGB."""
    if image.mode.startswith(("I", "F")):
        return _to_8_bit_grey(image).convert("RGB")
    if image.mode == "LAB":
        return _lab_to_rgb(image)
    if image.has_transparency_data:
        rgba = image.convert("RGBA")
        return Image.alpha_composite(Image.new("RGBA", rgba.size, "white"), rgba).convert("RGB")
    return image.convert("RGB")


def _to_8_bit_grey(image: Image.Image) -> Image.Image:
    """Grey of more than 8 bits as 8 bits; the one value that a PNG declares transparent becomes white."""
    white_is_zero = 0  # TIFF 6.0, tag 262: Pillow inverts such greys of 8 bits, but not those of 16
    values = np.asarray(image)
    grey = (
        np.rint(values.astype(np.float32) * np.float32(255 / _white_value(image, values))).clip(0, 255).astype(np.uint8)
    )
    if _tiff_tags(image).get(ExifTags.Base.PhotometricInterpretation) == white_is_zero:
        grey = 255 - grey
    if "transparency" in image.info:
        grey[values == image.info["transparency"]] = 255
    return Image.fromarray(grey)


def _tiff_tags(image: Image.Image) -> Mapping[int, Any]:
    return getattr(image, "tag_v2", {})


def _white_value(image: Image.Image, values: NDArray[Any]) -> int:
    """The value of white: see the docstring of this file."""
    if image.mode.startswith("I;16"):
        return int(2 ** _tiff_tags(image).get(ExifTags.Base.BitsPerSample, (16,))[0] - 1)
    low, high = float(values.min()), float(values.max())
    if image.mode == "I":
        if low >= 0 and high <= 65535:
            return 65535
    else:
        for white in (1, 255, 65535):
            is_black = white > 1 and high < white / 25
            if low >= -white / 20 and high <= white * 21 / 20 and not is_black:
                return white
    raise UnreadableImageError(
        f"Its values run from {low:g} to {high:g}, a range of unknown brightness: save it with 8 or 16 bits."
    )


def _lab_to_rgb(image: Image.Image) -> Image.Image:
    lab, srgb = ImageCms.createProfile("LAB"), ImageCms.createProfile("sRGB")
    converted = ImageCms.profileToProfile(image, lab, srgb, outputMode="RGB")
    if converted is None:
        raise UnreadableImageError("Its LAB colours cannot be converted.")
    return converted

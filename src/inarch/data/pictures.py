"""Photos as Python hands them over: paths, bytes, open files, Pillow images and arrays, one or several."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from inarch.data.decode import ImageSource
from inarch.errors import UserError
from inarch.storage.home import expand


def is_one_photo(photos: Any) -> bool:
    """Whether this is a single photo, and not several."""
    if isinstance(photos, np.ndarray):
        is_flat = photos.ndim == 2 and photos.shape[1] > 1
        return photos.dtype.kind not in "OUS" and (is_flat or (photos.ndim == 3 and photos.shape[2] in (1, 3, 4)))
    return isinstance(photos, str | Path | bytes | bytearray | memoryview | Image.Image) or hasattr(photos, "read")


def several(photos: Any) -> Iterable[Any]:
    """The photos of a list, an array, a column or a table of one column.

    Raises:
        UserError: it holds no photos in any order, or a table has several columns.
    """
    if hasattr(photos, "columns"):
        if len(photos.columns) != 1:
            named = ", ".join(map(str, list(photos.columns)[:8]))
            raise UserError(f"A table of photos has one column, and this has {len(photos.columns)}: {named}. Take one.")
        photos = photos[photos.columns[0]]
    if isinstance(photos, np.ndarray) and photos.ndim == 2 and photos.shape[1] == 1:
        return photos.ravel()
    if isinstance(photos, dict | set | frozenset) or not isinstance(photos, Iterable):
        raise UserError(f"Photos come in a list, an array or a column of a table, and this is {describe(photos)}.")
    return photos


def as_source(photo: Any, place: int) -> ImageSource:
    """The source to decode, of any kind of photo.

    Raises:
        UserError: it is no photo, or an array that could be read in several ways.
    """
    if isinstance(photo, str | Path):
        return expand(photo)
    if isinstance(photo, Image.Image | bytes):
        return photo
    if isinstance(photo, bytearray | memoryview):
        return bytes(photo)
    if hasattr(photo, "read"):
        content = photo.read()
        if isinstance(content, bytes):
            return content
        raise UserError(f"Photo {place} is a file that was opened as text; open it with mode 'rb'.")
    array = np.asarray(photo)
    if array.ndim == 3 and array.shape[2] == 1:
        array = array[..., 0]
    has_shape = array.ndim == 2 or (array.ndim == 3 and array.shape[2] in (3, 4))
    if array.dtype != np.uint8 or not has_shape or not array.size:
        raise UserError(
            f"Photo {place} is neither a path, the bytes of a file, an open file, a PIL image nor an array of uint8 of "
            f"shape (h, w), (h, w, 1), (h, w, 3) or (h, w, 4), but {describe(photo)}."
        )
    return Image.fromarray(array)


def describe(photo: Any) -> str:
    """Words for an object that was given in place of a photo."""
    if isinstance(photo, np.ndarray):
        return f"an array of {photo.dtype} of shape {photo.shape}"
    return repr(photo)[:80]

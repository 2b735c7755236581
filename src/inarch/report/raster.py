"""Small pictures made of pixels."""

import io

import numpy as np
from numpy.typing import NDArray
from PIL import Image

THUMBNAIL = 112
"""Pixels a side of a photo on a page."""


def png(pixels: NDArray[np.integer]) -> bytes:
    """An image of values from 0 to 255, (h, w) or RGB (h, w, 3), as PNG; the same pixels give the same bytes."""
    buffer = io.BytesIO()
    Image.fromarray(pixels.astype(np.uint8)).save(buffer, "PNG", optimize=True)
    return buffer.getvalue()


def jpeg(pixels: NDArray[np.uint8]) -> bytes:
    """A JPEG thumbnail of an RGB image (side, side, 3)."""
    image = Image.fromarray(pixels)
    image.thumbnail((THUMBNAIL, THUMBNAIL))
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=80)
    return buffer.getvalue()

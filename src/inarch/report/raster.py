"""Small pictures made of pixels."""

import io

import numpy as np
from numpy.typing import NDArray
from PIL import Image


def png(pixels: NDArray[np.integer]) -> bytes:
    """An image of values from 0 to 255, (h, w) or RGB (h, w, 3), as PNG; the same pixels give the same bytes."""
    buffer = io.BytesIO()
    Image.fromarray(pixels.astype(np.uint8)).save(buffer, "PNG", optimize=True)
    return buffer.getvalue()


def jpeg(pixels: NDArray[np.uint8], side: int = 112) -> bytes:
    """A JPEG thumbnail of an RGB image (h, h, 3), at most ``side`` pixels a side."""
    image = Image.fromarray(pixels)
    image.thumbnail((side, side))
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=80)
    return buffer.getvalue()

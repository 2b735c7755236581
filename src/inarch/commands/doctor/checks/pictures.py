"""Faults of the pixels: photos of a single colour, and photos that are mostly border."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from inarch.commands.doctor.checks.limits import LIMITS
from inarch.commands.doctor.records import Decision, Finding
from inarch.data.photos import PhotoSet


def report_image_problems(
    photos: PhotoSet, flatness: NDArray[np.float64], borders: NDArray[np.float64]
) -> Iterator[Finding]:
    """Findings about photos with little or no content.

    Args:
        photos: n of them.
        flatness: the result of `flatness_of`, (n,).
        borders: the result of `border_of`, (n,).
    """
    is_flat = flatness < LIMITS.flat
    is_border = (borders > LIMITS.mostly_border) & ~is_flat
    if is_border.mean() > LIMITS.border_style:
        is_border[:] = False
    for index, photo in enumerate(photos.photos):
        if is_flat[index]:
            problem = f"It shows a single colour (brightness varies by {flatness[index]:.1f} of 255)."
            yield Finding("blank", photo.path, problem, decision=Decision(photo.path, "drop", why=problem))
        elif is_border[index]:
            problem = f"{100 * borders[index]:.0f} % of its centre square is border of one colour."
            yield Finding("border", photo.path, problem, decision=Decision(photo.path, "keep", why=problem))


def flatness_of(images: NDArray[np.uint8]) -> NDArray[np.float64]:
    """The standard deviation of each image's brightness; images (n, side, side, 3)."""
    return np.asarray(images.mean(3, dtype=np.float32).std((1, 2)), dtype=np.float64)


def border_of(images: NDArray[np.uint8]) -> NDArray[np.float64]:
    """The fraction of each image outside the box of all pixels that differ from its corners; (n, side, side, 3)."""
    side = images.shape[1]
    corners = images[:, (0, 0, -1, -1), (0, -1, 0, -1)].astype(np.int16)  # (n, 4, 3)
    unlike = np.ones(images.shape[:3], dtype=bool)
    for corner in range(4):
        unlike &= np.abs(images - corners[:, corner, None, None]).max(3) > LIMITS.like_border
    rows, columns = unlike.mean(2) > 1 / side, unlike.mean(1) > 1 / side
    return 1 - _extent(rows) * _extent(columns) / side**2


def _extent(filled: NDArray[np.bool_]) -> NDArray[np.float64]:
    """The extent from the first to the last filled place, (n,); 0 if none is filled."""
    side = filled.shape[1]
    first, last = filled.argmax(1), side - filled[:, ::-1].argmax(1)
    return np.where(filled.any(1), last - first, 0).astype(np.float64)

"""The similarity of two aligned photos: their correlation after shift and zoom.

Lucas and Kanade 1981 for shift and zoom together, with free gain and offset, so that brightness and contrast do not
matter (after Evangelidis and Psarakis 2008, IEEE TPAMI 30(10)). Many pairs are aligned at once.
"""

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Boxes = Floats
"""For each pair, the part of the first photo that the second one shows: left, top and width as fractions, (n, 3)."""


def align_pairs(first: Floats, second: Floats, boxes: Boxes, steps: int) -> tuple[Floats, Boxes]:
    """The largest correlation of each pair near ``boxes``, and its position.

    Args:
        first: brightness of the larger photos, (n, 2 * side, 2 * side).
        second: brightness of the photos that show a part of them, (n, side, side).
        boxes: the initial positions, (n, 3).
        steps: the number of steps.

    Returns:
        Correlations from -1 to 1, (n,), and boxes, (n, 3).
    """
    largest = 0.05  # shift of a step, as a fraction of the side; a pair that needs more is not a near-duplicate
    side = second.shape[1]
    fine = _average_neighbours(first)
    wanted = _centre_rows(second.reshape(len(second), -1))
    best, where = np.full(len(first), -1, dtype=np.float32), boxes
    for step in range(steps + 1):
        seen, across, down = _sample_boxes(fine, boxes, side)
        scores = _correlation(_centre_rows(seen), wanted)
        where = np.where((scores > best)[:, None], boxes, where)
        best = np.maximum(scores, best)
        if step < steps:
            moved = _step(seen, across, down, wanted, side)
            boxes = boxes + np.clip(moved, -largest, largest)
    return best, where


def correlate_detail(first: Floats, second: Floats, boxes: Boxes) -> Floats:
    """The correlation of fine structure alone, (n,), which smooth regions lack; see `align_pairs`."""
    side = second.shape[1]
    seen, _, _ = _sample_boxes(_average_neighbours(first), boxes, side)
    fine = [_sharpen(each) for each in (seen.reshape(-1, side, side), second)]
    return _correlation(*(_centre_rows(each.reshape(len(each), -1)) for each in fine))


def _sharpen(images: Floats) -> Floats:
    """Each pixel minus the mean of the 5 x 5 around it; (n, side - 4, side - 4)."""
    sums = np.cumsum(np.cumsum(np.pad(images, ((0, 0), (1, 0), (1, 0))), 1, dtype=np.float64), 2)
    means = (sums[:, 5:, 5:] - sums[:, :-5, 5:] - sums[:, 5:, :-5] + sums[:, :-5, :-5]) / 25
    return (images[:, 2:-2, 2:-2] - means).astype(np.float32)


def _average_neighbours(images: Floats) -> Floats:
    """Means of 2 x 2 pixels around each inner corner, (n, side - 1, side - 1): every other one is a pixel of half."""
    rows = images[:, 1:] + images[:, :-1]
    return (rows[:, :, 1:] + rows[:, :, :-1]) * np.float32(0.25)


def _centres(side: int) -> Floats:
    return ((np.arange(side) + 0.5) / side).astype(np.float32)


def _sample_boxes(fine: Floats, boxes: Boxes, side: int) -> tuple[Floats, Floats, Floats]:
    """The box of each image at side x side pixels, and its slopes across and down by the whole image, (n, side²)."""
    edge = fine.shape[1]
    place = (boxes[:, :2, None] + boxes[:, 2, None, None] * _centres(side)) * (edge + 1) - 1
    low = np.clip(np.floor(place), 0, edge - 2)
    part = np.clip(place - low, 0, 1)
    corner = low.astype(np.int32)
    base = (np.arange(len(fine), dtype=np.int32) * edge**2)[:, None, None]
    index = base + corner[:, 1, :, None] * edge + corner[:, 0, None, :]
    pixels = fine.reshape(-1)
    upper, lower = pixels[index], pixels[index + edge]
    right, lower_right = pixels[index + 1] - upper, pixels[index + edge + 1] - lower
    x, y = part[:, 0, None, :], part[:, 1, :, None]
    top, bottom = upper + x * right, lower + x * lower_right
    across = right + y * (lower_right - right)
    flat = (len(fine), side * side)
    return (
        (top + y * (bottom - top)).reshape(flat),
        (across * (edge + 1)).reshape(flat),
        ((bottom - top) * (edge + 1)).reshape(flat),
    )


def _centre_rows(rows: Floats) -> Floats:
    return rows - rows.mean(1, keepdims=True)


def _correlation(one: Floats, other: Floats) -> Floats:
    """The correlation of rows whose mean is 0; 0 if one of them is constant."""
    size = np.sqrt(np.einsum("nd,nd->n", one, one) * np.einsum("nd,nd->n", other, other))
    return np.einsum("nd,nd->n", one, other) / np.maximum(size, 1e-6)


def _step(seen: Floats, across: Floats, down: Floats, wanted: Floats, side: int) -> Boxes:
    """Least squares for ``seen + slopes · step = gain · wanted + offset``; centring removes the offset."""
    stiffness = 1e-4  # keeps a step small if a photo lacks structure, as a fraction of its squared slopes
    x, y = np.tile(_centres(side), side), np.repeat(_centres(side), side)
    columns = np.stack([across, down, across * x + down * y, -wanted], axis=1)
    columns -= columns.mean(2, keepdims=True)
    square = columns @ columns.transpose(0, 2, 1)
    stiff = stiffness * np.einsum("nkk->n", square)[:, None, None] * np.eye(4, dtype=np.float32)
    aim = -(columns @ _centre_rows(seen)[:, :, None])
    return np.asarray(np.linalg.solve(square + stiff + 1e-3 * np.eye(4, dtype=np.float32), aim)[:, :3, 0])

"""The filters of the first convolution, and their similarity to Gabor filters.

A trained first layer detects edges and bars of some direction and width, as Gabor's function does (Gabor 1946; cells of
the visual cortex: Jones and Palmer 1987). Random filters can be fitted too, so every figure is compared with the same
fit of random filters.
"""

from enum import StrEnum
from functools import cache
from itertools import product

import numpy as np
from numpy.typing import NDArray
from torch import nn

from inarch.commands.explain.records import Filter, Filters
from inarch.metrics.comparison import t_interval
from inarch.metrics.records import Estimate
from inarch.models import Backbone


class GaborVerdict(StrEnum):
    """The Gabor similarity of filters, compared with that of random filters."""

    MORE = "more similar to Gabor filters than random filters are"
    CLOSE = "inconclusive"
    LESS = "less similar to Gabor filters than random filters are"


def first_filters(backbone: Backbone, seed: int, *, dead: float = 0.01, random_filters: int = 512) -> Filters:
    """The filters of the first convolution, with their Gabor similarity.

    Args:
        backbone: its first convolution takes images.
        seed: of the random filters.
        dead: a filter with less than this fraction of the largest norm is dead.
        random_filters: the number of random filters to compare with.
    """
    name, convolution = next((name, each) for name, each in backbone.named_modules() if isinstance(each, nn.Conv2d))
    weights = convolution.weight.detach().double().numpy()
    norms = np.sqrt((weights**2).sum((1, 2, 3)))
    alive = norms >= dead * norms.max()
    likeness = gabor_likeness(weights)
    noise = np.random.default_rng(seed).normal(size=(random_filters, *weights.shape[1:]))
    chance = gabor_likeness(noise)
    over = Estimate(*t_interval((likeness[alive] - chance.mean()).tolist(), 0.95), int(alive.sum()))
    verdict = GaborVerdict.MORE if over.low > 0 else GaborVerdict.LESS if over.high < 0 else GaborVerdict.CLOSE
    grey = np.full(3, 1 / np.sqrt(3))
    colours = 1 - ((weights.transpose(0, 2, 3, 1) @ grey) ** 2).sum((1, 2)) / np.maximum(norms**2, np.finfo(float).tiny)
    return Filters(
        layer=name.removeprefix("stages."),
        side=weights.shape[-1],
        filters=tuple(
            Filter(
                _render_pixels(weights[at]),
                float(likeness[at]) if alive[at] else None,
                float(colours[at]) if alive[at] else None,
            )
            for at in range(len(weights))
        ),
        likeness=float(likeness[alive].mean()),
        chance=float(chance.mean()),
        over_chance=over,
        verdict=verdict,
    )


def gabor_likeness(filters: NDArray[np.floating]) -> NDArray[np.float64]:
    """The fraction of each filter's energy that the best Gabor filter of one colour explains, (n,).

    The best of a fixed list of Gabor filters; phase, strength and colour are fitted in closed form. The longest wave
    has one period in the kernel.

    Args:
        filters: (n, colours, side, side).
    """
    n, colours, side, _ = filters.shape
    flat = np.asarray(filters, dtype=np.float64).reshape(n * colours, side * side)
    basis = _pairs(side)
    parts = (flat @ basis.reshape(-1, side * side).T).reshape(n, colours, len(basis), 2)
    # one colour for both phases: the largest squared singular value of (colours, 2), from its 2x2 Gram matrix
    even, odd = (parts[..., 0] ** 2).sum(1), (parts[..., 1] ** 2).sum(1)
    both = (parts[..., 0] * parts[..., 1]).sum(1)
    explained = (even + odd) / 2 + np.sqrt(((even - odd) / 2) ** 2 + both**2)
    energy = (flat**2).reshape(n, -1).sum(1)
    return np.asarray(explained.max(1) / np.maximum(energy, np.finfo(float).tiny))


@cache
def _pairs(side: int) -> NDArray[np.float64]:
    """Two orthonormal filters that span the phases of every Gabor filter: (waves, 2, side * side)."""
    middle = (side - 1) / 2
    rows, columns = np.indices((side, side)) - middle
    angles, waves = np.pi * np.arange(24) / 24, np.linspace(1 / side, 0.5, 2 * side)
    widths = (1 / 6, 1 / 4, 1 / 3)  # standard deviations of the Gaussian envelope, as fractions of the kernel's side
    shifts = (-side / 6, 0.0, side / 6) if side >= 5 else (0.0,)
    pairs = []
    for angle, wave, width, down, right in product(angles, waves, widths, shifts, shifts):
        y, x = rows - down, columns - right
        bell = np.exp(-(y**2 + x**2) / (2 * (width * side) ** 2))
        phase = 2 * np.pi * wave * (np.cos(angle) * x + np.sin(angle) * y)
        spanned = np.stack([(bell * np.cos(phase)).ravel(), (bell * np.sin(phase)).ravel()])
        norms = np.linalg.norm(spanned, axis=1)
        directions, sizes, _ = np.linalg.svd(spanned.T, full_matrices=False)
        # if the wave is too short for the pixels, one of the two phases vanishes
        pairs.append(np.where(sizes > 1e-6 * norms.max(), directions, 0.0).T)
    return np.array(pairs)


def _render_pixels(weights: NDArray[np.float64]) -> tuple[tuple[tuple[int, ...], ...], ...]:
    """Grey for a weight of 0, lighter above and darker below; rows of RGB pixels from 0 to 255."""
    most = max(np.abs(weights).max(), np.finfo(float).tiny)
    pixels = np.rint(127.5 + 127.5 * weights / most).astype(int).transpose(1, 2, 0)
    return tuple(tuple(tuple(pixel) for pixel in row) for row in pixels.tolist())

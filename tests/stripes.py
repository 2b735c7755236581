"""Drawn photos that a tiny net can learn to tell apart."""

import numpy as np
from numpy.typing import NDArray

NET, SIZE = "resnet_basic_tiny", 32
CLASSES = ("across", "aslant", "down")


def drawn(kind: str, seed: int) -> NDArray[np.uint8]:
    """Stripes across, down or aslant on noise, of any width and colour: (SIZE, SIZE, 3)."""
    draw = np.random.default_rng(seed)
    down, across = np.mgrid[:SIZE, :SIZE]
    along = {"across": down, "down": across, "aslant": (down + across) / 1.4}[kind]
    waves = np.sin(along * draw.uniform(0.5, 1.2) + draw.uniform(0, 6))
    noise = draw.integers(0, 60, (SIZE, SIZE, 3))
    return (noise + 80 + waves[..., None] * draw.integers(30, 80, 3)).astype(np.uint8)

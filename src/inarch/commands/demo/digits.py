"""Real photos for the demo, on every machine: the handwritten digits that come with scikit-learn."""

from pathlib import Path

import numpy as np
from PIL import Image
from sklearn.datasets import load_digits


def write_digits(folder: Path) -> int:
    """Write 1,797 scans of handwritten digits (UCI, 8x8, 17 grey levels) as PNG files in class folders.

    Returns:
        The number of files.
    """
    digits = load_digits()
    for place, (image, label) in enumerate(zip(digits.images, digits.target, strict=True)):
        path = folder / str(label) / f"{place:04}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.round(image * (255 / 16)).astype(np.uint8)).save(path)
    return len(digits.images)

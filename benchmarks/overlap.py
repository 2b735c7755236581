"""Are photos that transfer is judged on among those that our backbones learn from?

Every photo of the target sets is compared, as a grey thumbnail of 12 x 12 pixels less its mean, with every photo of the
pre-training sets; the cosine of a photo and its copy, whatever its size and compression, is above 0.97.

    python -m benchmarks.overlap
"""

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from benchmarks.measuring import ROOT, labelled_sample, table, unpacked, write
from inarch.data.photos import Preprocessing
from inarch.data.scan import scan
from inarch.data.store import store

LEARNED = {"tiny_imagenet32": 32, "imagenette_s128": 128, "imagenet_sample_s160/labels.csv": 144}
TARGETS = ("hymenoptera_s224", "dtd10_s128", "rsscn7_s128")
SIDE, SAME = 12, 0.97


def thumbnails(images: Iterable[NDArray[np.uint8]]) -> NDArray[np.float32]:
    """Of every image its centred thumbnail, of length 1: (n, SIDE * SIDE)."""
    small = [
        np.asarray(Image.fromarray(each).convert("L").resize((SIDE, SIDE), Image.Resampling.BOX)) for each in images
    ]
    flat = np.stack(small).reshape(len(small), -1).astype(np.float32)
    flat -= flat.mean(1, keepdims=True)
    return flat / (np.linalg.norm(flat, axis=1, keepdims=True) + 1e-6)


def main() -> None:
    """Print how many photos of each target are in each source, and in which classes."""
    cache = ROOT / ".data" / "cache"
    rows, figures = [], {}
    targets = {}
    for name in TARGETS:
        stored = store(scan(unpacked(name)), Preprocessing(image_size=64), cache)
        targets[name] = thumbnails(stored.images[:])
    for learned, side in LEARNED.items():
        photos = labelled_sample() if learned.endswith(".csv") else unpacked(learned)
        stored = store(scan(photos), Preprocessing(image_size=side), cache)
        known = thumbnails(stored.images[:])
        labels = np.array([photo.label for photo in stored.photos.photos])
        for name, thumbnail in targets.items():
            likeness = thumbnail @ known.T
            found = likeness.max(1) > SAME
            classes, counts = np.unique(labels[likeness[found].argmax(1)], return_counts=True)
            where = {stored.photos.classes[label]: int(n) for label, n in zip(classes, counts, strict=True)}
            rows.append([name, learned, f"{found.sum()} of {len(found)}", str(where) if where else ""])
            figures[f"{name} in {learned}"] = where
    print(table(["target", "learned from", f"cosine > {SAME}", "in classes"], rows))
    write("overlap", {"cosine": SAME, "found": figures})


if __name__ == "__main__":
    main()

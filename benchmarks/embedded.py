"""What the shipped backbones are worth: a linear probe on 20 photos a class, against random features and scratch.

For each seed 20 photos of every class are drawn to learn from; all others are judged on. *Embedded* and *random* are
the same net with the weights that come with inarch and with fresh ones of that seed, frozen; the probe reads the stage
that has the lower cross-validated loss of the last two, as ``inarch train`` does. *Scratch* is the same net trained on
the same photos by ``inarch train --strategy scratch`` for ``--minutes``.

    python -m benchmarks.embedded --seeds 5 --minutes 2
"""

import argparse
import json
import statistics
import tempfile
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from benchmarks.measuring import MEASURED, ROOT, spread, table, unpacked, write, write_manifest
from inarch.commands.train.run import train
from inarch.data.labels import PhotoLabels
from inarch.data.photos import Preprocessing
from inarch.data.scan import scan
from inarch.data.store import StoredPhotos, store
from inarch.models import (
    Backbone,
    architecture,
    build,
    evaluating,
)
from inarch.storage.cache import Rows
from inarch.training.pixels import normalise_photos
from inarch.transfer.linear import fit_probe
from inarch.transfer.options import TrainOptions
from inarch.weights.embedded import embedded_weights, list_embedded_models
from inarch.weights.files import read_weights
from inarch.weights.loading import load_backbone

TARGETS = ("hymenoptera_s224", "dtd10_s128", "rsscn7_s128")
PER_CLASS, SIZE = 20, 128


@torch.no_grad()
def features(backbone: Backbone, images: Rows | NDArray[np.uint8], name: str) -> dict[str, NDArray[np.float32]]:
    """Pooled maps of the last two stages, (n, d) each."""
    row = architecture(name)
    taps = [stage.name for stage in backbone.info[-2:]]
    parts: dict[str, list[NDArray[np.float32]]] = {tap: [] for tap in taps}
    with evaluating(backbone):
        for at in range(0, len(images), 64):
            maps = backbone.tapped(normalise_photos(images[at : at + 64], row), taps)
            for tap in taps:
                parts[tap].append(maps[tap].mean((2, 3)).numpy())
    return {tap: np.concatenate(part) for tap, part in parts.items()}


def drawn(labels: NDArray[np.int64], seed: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Rows to learn from, `PER_CLASS` of each class, and all others."""
    draw = np.random.default_rng(seed)
    learned = np.concatenate([draw.permutation(np.flatnonzero(labels == c))[:PER_CLASS] for c in np.unique(labels)])
    return learned, np.setdiff1d(np.arange(len(labels)), learned)


def probed(maps: dict[str, NDArray[np.float32]], labels: NDArray[np.int64], seed: int) -> float:
    """Accuracy of a probe on the stage that cross-validation prefers."""
    learned, judged = drawn(labels, seed)
    classes = int(labels.max()) + 1
    fits = {
        tap: fit_probe(every[learned][None], PhotoLabels(labels[learned], learned, classes), seed=seed)
        for tap, every in maps.items()
    }
    best = min(fits, key=lambda tap: min(loss for _, loss in fits[tap].searched))
    return float((fits[best].logits(maps[best][judged]).argmax(1) == labels[judged]).mean())


def scratch(name: str, stored: StoredPhotos, labels: NDArray[np.int64], seed: int, minutes: float) -> float:
    """Accuracy of the same net trained on the same photos."""
    learned, _ = drawn(labels, seed)
    is_learned = np.isin(np.arange(len(labels)), learned)
    with tempfile.TemporaryDirectory() as folder:
        photos = np.array(stored.photos.photos, dtype=object)
        manifest = write_manifest(
            Path(folder, "photos.csv"), stored.photos, {"train": photos[is_learned], "test": photos[~is_learned]}
        )
        options = TrainOptions(
            model=name, weights="random", strategy="scratch", image_size=SIZE, seed=seed, time_budget=60 * minutes
        )
        return float(train(manifest, Path(folder, "bundle"), options).metrics["evaluation"]["accuracy"]["value"])


def main() -> None:
    """Print points over random features and over scratch, by net and target."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--minutes", type=float, default=2.0, help="For each run from scratch; 0 leaves them out.")
    asked = parser.parse_args()
    MEASURED.mkdir(exist_ok=True)
    kept = MEASURED / "embedded.json"
    results: dict[str, dict[str, list[float]]] = json.loads(kept.read_text("utf-8")) if kept.exists() else {}
    for name in list_embedded_models():
        for target in TARGETS:
            _measure(name, target, asked, results.setdefault(f"{name} {target}", {}))
            kept.write_text(json.dumps(results, indent=2) + "\n", encoding="utf-8")
    _show(results)


def _measure(name: str, target: str, asked: argparse.Namespace, result: dict[str, list[float]]) -> None:
    stored = store(scan(unpacked(target)), Preprocessing(image_size=SIZE), ROOT / ".data" / "cache")
    labels = np.array([photo.label for photo in stored.photos.photos])
    maps = features(load_backbone(read_weights(embedded_weights(name)), name).backbone, stored.images, name)
    result["embedded"] = [probed(maps, labels, seed) for seed in range(asked.seeds)]
    result["random"] = [
        probed(features(build(name, classes=1, seed=seed).backbone, stored.images, name), labels, seed)
        for seed in range(asked.seeds)
    ]
    runs = result.setdefault("scratch", [])
    while asked.minutes and len(runs) < asked.seeds:
        runs.append(scratch(name, stored, labels, len(runs), asked.minutes))


def _show(results: dict[str, dict[str, list[float]]]) -> None:
    rows: list[list[str]] = []
    over: dict[str, list[float]] = {"random": [], "scratch": []}
    for place, kinds in results.items():
        cells = place.split()
        cells += [spread([100 * value for value in kinds[kind]]) if kinds[kind] else "" for kind in kinds]
        for kind, gains in over.items():
            points = [100 * (a - b) for a, b in zip(kinds["embedded"], kinds[kind], strict=False)]
            cells.append(spread(points) if points else "")
            gains += points
        rows.append(cells)
    header = ["net", "target", *next(iter(results.values())), "points over random", "points over scratch"]
    print(table(header, rows))
    means = {kind: statistics.mean(points) for kind, points in over.items() if points}
    print("on average " + ", ".join(f"{points:+.1f} points over {kind}" for kind, points in means.items()))
    write("embedded", {"per_class": PER_CLASS, "image_size": SIZE, "accuracy": results, "points_over": means})


if __name__ == "__main__":
    main()

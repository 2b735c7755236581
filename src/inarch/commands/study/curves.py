"""Learning curves of every strategy, which several claims share."""

from dataclasses import replace

import numpy as np

from inarch.commands.study.study import Bench, Readings, require_bench
from inarch.commands.train.curves import strategy_curves
from inarch.data.photos import PhotoSet
from inarch.data.split import split
from inarch.errors import PhotosError
from inarch.training.seeds import derive_seed

CURVES = "learning curves"
MOST = 25
"""The most training photos per class."""
SECONDS = 150.0
"""Seconds for all strategies, sizes and folds of one seed."""
PROBE, FINETUNE, SCRATCH = "probe", "finetune", "scratch"
FEW, ALL = "few photos", "all photos"


def accuracy_reading(strategy: str, photos: str) -> tuple[str, str]:
    """The reading of a strategy's validation accuracy."""
    return CURVES, f"{strategy}, {photos}"


def gap_reading(strategy: str, photos: str) -> tuple[str, str]:
    """The reading of a strategy's gap: training accuracy less validation accuracy."""
    return CURVES, f"{strategy}, {photos}, gap"


def measure(bench: Bench | None, arm: str, seed: int, *, most: int = MOST, seconds: float = SECONDS) -> Readings:
    """Measure every strategy with the fewest and with all photos, on the same folds.

    Args:
        bench: the photos.
        arm: the only arm.
        seed: of the photos and the folds.
        most: the most training photos per class.
        seconds: for all strategies, sizes and folds.
    """
    bench = require_bench(bench)
    curves = strategy_curves(bench.prepare(subsample_photos(bench.photos, seed, most), seed), seconds)
    points = {curve.strategy: curve.points for curve in curves.curves}
    lacking = [name for name in (PROBE, FINETUNE, SCRATCH) if len(points.get(name, ())) < 2]
    if lacking:
        raise PhotosError(f"{' and '.join(lacking)} could not be measured. {' '.join(curves.left_out)}")
    readings = {"folds": float(curves.folds), "validation photos": float(curves.judged)}
    for strategy, measured in points.items():
        for photos, point in ((FEW, measured[0]), (ALL, measured[-1])):
            readings[accuracy_reading(strategy, photos)[1]] = point.held_out.value
            readings[gap_reading(strategy, photos)[1]] = point.gap.value
            readings[f"photos per class, {photos}"] = float(point.of_class)
    return readings


def subsample_photos(photos: PhotoSet, seed: int, most: int) -> PhotoSet:
    """At most ``most`` training photos per class, drawn by the seed; test photos stay, unused."""
    found = split(photos, seed=seed)
    order = np.random.default_rng(derive_seed(seed, "curves")).permutation(len(found.photos))
    counts: dict[int, int] = {}
    kept = []
    for at in order:
        photo = found.photos[at]
        counts[photo.label] = counts.get(photo.label, 0) + (photo.split == "train")
        if photo.split != "train" or counts[photo.label] <= most:
            kept.append(photo)
    return replace(found, photos=tuple(kept))

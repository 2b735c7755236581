"""Learning curves of every strategy, which several claims share."""

from dataclasses import dataclass, replace
from enum import StrEnum

import numpy as np

from inarch.commands.study.study import Bench, Readings, require_bench
from inarch.commands.train.curves import strategy_curves
from inarch.data.photos import PhotoSet
from inarch.data.split import split
from inarch.errors import PhotosError
from inarch.training.seeds import derive_seed

CURVES = "learning curves"
"""The only arm: all strategies are measured together, on the same folds."""


class CurveEnd(StrEnum):
    """The two points of a curve that are read."""

    FEW = "few photos"
    ALL = "all photos"


@dataclass(frozen=True, kw_only=True)
class CurveDesign:
    """How far the curves go."""

    most: int
    """The most training photos per class."""
    seconds: float
    """For all strategies, sizes and folds of one seed."""


DESIGN = CurveDesign(most=25, seconds=150.0)


def accuracy_reading(strategy: str, photos: CurveEnd) -> tuple[str, str]:
    """The reading of a strategy's validation accuracy."""
    return CURVES, f"{strategy}, {photos}"


def gap_reading(strategy: str, photos: CurveEnd) -> tuple[str, str]:
    """The reading of a strategy's gap: training accuracy less validation accuracy."""
    return CURVES, f"{strategy}, {photos}, gap"


def measure(bench: Bench | None, arm: str, seed: int, design: CurveDesign = DESIGN) -> Readings:
    """Measure every strategy with the fewest and with all photos, on the same folds.

    Args:
        bench: the photos.
        arm: the only arm.
        seed: of the photos and the folds.
        design: how far the curves go.
    """
    bench = require_bench(bench)
    run = bench.prepare(subsample_photos(bench.photos, seed, design.most), seed)
    curves = strategy_curves(run, design.seconds)
    points = {curve.strategy: curve.points for curve in curves.curves}
    lacking = [name for name in ("probe", "finetune", "scratch") if len(points.get(name, ())) < 2]
    if lacking:
        raise PhotosError(f"{' and '.join(lacking)} could not be measured. {' '.join(curves.left_out)}")
    readings = {"folds": float(curves.folds), "validation photos": float(curves.judged)}
    for strategy, measured in points.items():
        for photos, point in ((CurveEnd.FEW, measured[0]), (CurveEnd.ALL, measured[-1])):
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

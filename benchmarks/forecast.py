"""Does the forecast of what twice the photos would bring hold what came?

For each set of photos and number of them: draw so many, forecast, then draw as many again and measure, on all others,
what they added. A forecast holds if the measured gain lies in its 95 % interval. Features of `resnet18_narrow`. The two
constants of `inarch.commands.train.learning_curve` were set on the first four sets; the last two had no say.

    python -m benchmarks.forecast --draws 8
"""

import argparse

import numpy as np
import torch
from numpy.typing import NDArray

from benchmarks.embedded import features
from benchmarks.measuring import ROOT, table, unpacked, write
from inarch.commands.train.learning_curve import CurveFit, learning_curve
from inarch.data.labels import PhotoLabels
from inarch.data.photos import Preprocessing
from inarch.data.scan import scan
from inarch.data.store import store
from inarch.transfer.linear import fit_probe
from inarch.weights.embedded import embedded_weights
from inarch.weights.files import read_weights
from inarch.weights.loading import load_backbone

NET, MOST = "resnet18_narrow", 5000
SETS = {
    "rsscn7_s128": 128,
    "dtd10_s128": 128,
    "cifar10": 32,
    "imagenette_s128": 128,
    "digits_shift/mnist": 32,
    "hymenoptera_s224": 128,
}
NUMBERS = (100, 200, 400, 800)
FEWEST_JUDGED = 150


def main() -> None:
    """Print, for each set and number, forecasts, what came, and how often the interval held it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--draws", type=int, default=8)
    parser.add_argument("--threads", type=int, default=2)
    asked = parser.parse_args()
    torch.set_num_threads(asked.threads)
    rows, held, of = [], 0, 0
    for name, side in SETS.items():
        for number, found in _measured(name, side, asked.draws).items():
            inside = int((np.abs(found[:, 0] - found[:, 1]) <= found[:, 2]).sum())
            held, of = held + inside, of + len(found)
            forecast, came, half = (f"{100 * each:.1f}" for each in found.mean(0))
            rows.append([name, str(number), forecast, half, came, f"{inside} of {len(found)}"])
    print(table(["photos of", "number", "forecast, points", "±", "came", "held"], rows))
    print(f"in all {held} of {of}")
    write("forecast", {"rows": rows, "held": held, "of": of})


def _measured(name: str, side: int, draws: int) -> dict[int, NDArray[np.float64]]:
    """By number of photos: forecast, gain and half the interval of each draw, (draws, 3)."""
    archive, _, below = name.partition("/")
    folder = (unpacked("cifar10_jpeg", name) if name == "cifar10" else unpacked(archive)) / below
    stored = store(scan(folder), Preprocessing(image_size=side), ROOT / ".data" / "cache")
    chosen = np.random.default_rng(0).permutation(len(stored.images))[:MOST]
    labels = np.unique([stored.photos.photos[row].label for row in chosen], return_inverse=True)[1]
    backbone = load_backbone(read_weights(embedded_weights(NET)), NET).backbone
    mine = features(backbone, stored.images[chosen], NET)["stage4"]
    classes = int(labels.max()) + 1
    found = {}
    for number in NUMBERS:
        if len(labels) - 2 * number < FEWEST_JUDGED:
            break
        lines = [_one(mine, labels, number, classes, seed) for seed in range(draws)]
        if kept := [line for line in lines if line is not None]:
            found[number] = np.array(kept)
    return found


def _one(
    mine: NDArray[np.float32], labels: NDArray[np.int64], number: int, classes: int, seed: int
) -> tuple[float, float, float] | None:
    order = np.random.default_rng(seed).permutation(len(labels))
    few, many, judged = order[:number], order[: 2 * number], order[2 * number :]
    if np.bincount(labels[few], minlength=classes).min() < 2:
        return None
    fits = [fit_probe(mine[rows][None], PhotoLabels(labels[rows], rows, classes), seed=0) for rows in (few, many)]
    before, after = ((fit.logits(mine[judged]).argmax(1) == labels[judged]).mean() for fit in fits)
    own = PhotoLabels(labels[few], np.arange(number), classes)
    curve = learning_curve(mine[few], own, CurveFit(fits[0].strength), seed=seed)
    if curve is None:
        return None
    return curve.doubled.value, float(after - before), (curve.doubled.high - curve.doubled.low) / 2


if __name__ == "__main__":
    main()

"""Near-duplicates: how many planted ones are found, and how many photos are taken for copies that are none.

    python -m benchmarks.duplicates --photos 300 --seeds 3

Of each set some photos are drawn, and one copy of each is added, changed in one way. Recall is the share of copies
found with their original; a false alarm is a photo taken for the copy of another original. Sets hold real copies too:
these count as false alarms here, so that share is an upper bound. Thresholds were chosen by looking at photos of the
sets in CHOSEN_ON; those in UNSEEN took no part.
"""

import argparse

import numpy as np
from PIL import Image

from benchmarks.measuring import table, write
from benchmarks.planted import CHANGES, files_of
from inarch.data.decode import decode
from inarch.data.near_duplicates import LOOK, brightness, find_near_duplicates
from inarch.data.photos import Preprocessing
from inarch.metrics.intervals import wilson
from inarch.metrics.records import Estimate

CHOSEN_ON = (
    "hymenoptera_s224",
    "dtd10_s128",
    "imagenette_s128",
    "rsscn7_s128",
    "digits_shift/mnist",
    "tiny_imagenet32/val",
    "cifar10/train",
)
UNSEEN = ("imagenet_sample_s160", "digits_shift/usps", "cifar10/test")
SQUARE = Preprocessing(image_size=LOOK)


def main() -> None:
    """Print a row for each set and change."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--photos", type=int, default=300)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--sets", nargs="+", default=[*UNSEEN, *CHOSEN_ON])
    asked = parser.parse_args()
    figures: dict[str, dict[str, Estimate]] = {}
    for name in asked.sets:
        found: dict[str, list[int]] = {change: [] for change in CHANGES}
        alarms: list[int] = []
        for seed in range(asked.seeds):
            one, flagged = _run(name, asked.photos, seed)
            for change, hits in one.items():
                found[change] += hits
            alarms += flagged
        figures[name] = {change: wilson(sum(hits), len(hits)) for change, hits in found.items()}
        figures[name]["all changes"] = wilson(sum(map(sum, found.values())), sum(map(len, found.values())))
        figures[name]["false alarms"] = wilson(sum(alarms), len(alarms))
        print(name, {what: str(figure) for what, figure in figures[name].items()}, flush=True)
    rows = [[what, *(_told(figures[name][what]) for name in figures)] for what in next(iter(figures.values()))]
    print(table(["recall", *figures], rows))
    shown = {name: {what: vars(figure) for what, figure in own.items()} for name, own in figures.items()}
    write("duplicates", {"photos": asked.photos, "seeds": asked.seeds, "chosen_on": CHOSEN_ON, "sets": shown})


def _run(name: str, photos: int, seed: int) -> tuple[dict[str, list[int]], list[int]]:
    """For each change which copies were found, and which originals were taken for copies of others."""
    draw = np.random.default_rng(seed)
    files = files_of(name, photos, draw)
    images = [Image.open(file).convert("RGB") for file in files]
    originals = brightness(np.stack([decode(file, SQUARE) for file in files]))
    n = len(files)
    found: dict[str, list[int]] = {}
    false: set[int] = set()
    for change, changed in CHANGES.items():
        copies = brightness(np.stack([decode(changed(image, draw), SQUARE) for image in images]))
        pairs = find_near_duplicates(np.concatenate([originals, copies]), lambda done, total: None)
        right = {pair.first for pair in pairs if pair.second == pair.first + n}
        found[change] = [int(index in right) for index in range(n)]
    for pair in find_near_duplicates(originals, lambda done, total: None):
        false |= {pair.first, pair.second}
    return found, [int(index in false) for index in range(n)]


def _told(figure: Estimate) -> str:
    return f"{100 * figure.value:.1f} ({100 * figure.low:.1f} to {100 * figure.high:.1f}, n={figure.n})"


if __name__ == "__main__":
    main()

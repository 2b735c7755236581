"""Whether `auto` is as good as the best strategy that could have been named, with few photos and with many.

    python -m benchmarks.strategies --seeds 3

For each set and 5, 20 and 80 photos a class: `probe`, `finetune`, `scratch` and `auto`, each by ``inarch train`` with
the same photos, seed and time, tested on the same 40 other photos a class. The best fixed strategy is the one with the
highest mean over the seeds, so it is known only afterwards: `auto` has to come within a point of it. A finished run is
kept in ``benchmarks/measured``, and the table can be filled over several sittings. The net is named, so that all four
graft the same one; ``scratch`` learns it anew.
"""

import argparse
import json
import tempfile
from collections import defaultdict
from collections.abc import Mapping
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.measuring import MEASURED, some, spread, table, unpacked, write
from inarch.commands.train.run import train
from inarch.data.augmentation import Augmentation
from inarch.transfer.options import TrainOptions

SETS: Mapping[str, tuple[tuple[str, str], str]] = {
    "ants and bees": (("hymenoptera_s224", "hymenoptera_s224"), "train"),
    "textures": (("dtd10_s128", "dtd10_s128"), "."),
    "land": (("rsscn7_s128", "rsscn7_s128"), "."),
    "things": (("imagenette_s128", "imagenette_s128"), "train"),
    "small photos": (("cifar10_jpeg", "cifar10"), "train"),
    "digits": (("digits_shift", "digits_shift"), "mnist/train"),
}
"""An archive and the folder it unpacks to, and where in it the classes are."""
SIZES, TESTED = (5, 20, 80), 40
STRATEGIES = ("probe", "finetune", "scratch", "auto")
SECONDS = 45.0
MODEL = "resnet18_narrow"
AIM = -1.0
"""Points that `auto` may be below the best."""


def reached(name: str, per_class: int, strategy: str, seed: int) -> dict[str, Any]:
    """One run of `inarch train`."""
    archive, inner = SETS[name]
    with tempfile.TemporaryDirectory() as folder:
        photos = some(unpacked(*archive) / inner, per_class, TESTED, Path(folder, "photos.csv"), seed=seed)
        options = TrainOptions(
            model=MODEL,
            strategy=strategy,
            seed=seed,
            time_budget=SECONDS,
            augmentation=Augmentation(flip=name != "digits"),
            cache=Path(folder, "cache"),
        )
        metrics = train(photos, Path(folder, "bundle"), options).metrics
    return {
        "accuracy": metrics["evaluation"]["accuracy"]["value"],
        "tested": metrics["evaluation"]["accuracy"]["n"],
        "strategy": metrics["strategy"],
        "seconds": sum(phase["seconds"] for phase in metrics["phases"]),
    }


def main() -> None:
    """Run what is not there yet, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sets", nargs="*", choices=SETS, default=list(SETS))
    parser.add_argument("--seeds", type=int, default=3)
    asked = parser.parse_args()
    runs: dict[tuple[str, int, str], list[dict[str, Any]]] = defaultdict(list)
    for seed, name, size, strategy in product(range(asked.seeds), asked.sets, SIZES, STRATEGIES):
        runs[name, size, strategy].append(_kept(name, size, strategy, seed))
    rows, behind = [], []
    for name in asked.sets:
        for size in SIZES:
            points = {each: [100 * run["accuracy"] for run in runs[name, size, each]] for each in STRATEGIES}
            best = max(STRATEGIES[:-1], key=lambda each: float(np.mean(points[each])))
            paired = np.subtract(points["auto"], points[best])
            behind.append(float(paired.mean()))
            chosen = "/".join(run["strategy"] for run in runs[name, size, "auto"])
            rows.append(
                [name, str(size), *(spread(points[each]) for each in STRATEGIES), chosen, best, spread(list(paired))]
            )
    print(table(["photos", "a class", *STRATEGIES, "auto came out as", "best fixed", "auto - best fixed"], rows))
    print(f"within {-AIM:.0f} point: {sum(each >= AIM for each in behind)} of {len(behind)}")
    write("strategies", {"runs": {" ".join(map(str, key)): each for key, each in runs.items()}})


def _kept(name: str, size: int, strategy: str, seed: int) -> dict[str, Any]:
    path = MEASURED / f"strategies_{name.replace(' ', '_')}_{size}_{strategy}_{seed}.json"
    if not path.exists():
        path.write_text(json.dumps(reached(name, size, strategy, seed)) + "\n", encoding="utf-8")
    figures: dict[str, Any] = json.loads(path.read_text("utf-8"))
    print(name, size, strategy, seed, figures, flush=True)
    return figures


if __name__ == "__main__":
    main()

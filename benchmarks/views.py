"""Do augmented views pay where few photos are probed? Each photo as it is, and beside 1, 3 and 7 augmented views.

    python -m benchmarks.views --seeds 5

For 5, 20 and 60 photos of a class the probe of every number of views, by the recipe that a run has, is tested on the
same 40 other photos of a class: accuracy and log loss, each less that of the photos as they are, paired by seed.
"""

import argparse
import tempfile
from collections import defaultdict
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np

from benchmarks import strategies
from benchmarks.finetuning import figures
from benchmarks.measuring import some, spread, table, unpacked, write
from inarch.api.train import TrainOptions, job_of
from inarch.data.augment import Augmentation
from inarch.data.scan import scan
from inarch.transfer.job import Job
from inarch.transfer.probe import probe_on

SETS = {name: strategies.SETS[name] for name in ("ants and bees", "land", "textures", "things", "digits")}
SIZES, TESTED, VIEWS = (5, 20, 60), 40, (1, 2, 4, 8)
MODEL = "resnet18_narrow"


def tested(job: Job) -> tuple[float, float]:
    """Accuracy in percent and log loss of the job's probe, calibrated as in a run, on the test photos."""
    probed = probe_on(job)
    held, labels = probed.probe.held_out, job.labels[job.train]
    temperature = job.balanced.temperature(held, labels[probed.probe.held_out_rows])
    view = probed.prefix.view(0, job.augmentation).compute(job.stored, job.test, lambda done, total: None)
    stage = replace(probed, views=(view,))
    return figures(probed.probe.logits(stage.features(probed.stage)[0]) / temperature, job.labels[job.test])


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=5)
    asked = parser.parse_args()
    found: dict[tuple[str, int, int], list[tuple[float, float]]] = defaultdict(list)
    for name, (archive, inner) in SETS.items():
        for size in SIZES:
            for seed in range(asked.seeds):
                with tempfile.TemporaryDirectory() as folder:
                    photos = some(unpacked(*archive) / inner, size, TESTED, Path(folder, "photos.csv"), seed=seed)
                    options = TrainOptions(model=MODEL, seed=seed, cache=Path(folder, "cache"))
                    options = replace(options, augmentation=Augmentation(flip=name != "digits"))
                    job = job_of(partial(scan, photos), options)
                    for views in VIEWS:
                        found[name, size, views].append(tested(replace(job, views=views)))
            print(
                name, size, {views: np.mean(found[name, size, views], axis=0).round(3) for views in VIEWS}, flush=True
            )
    rows = []
    for (name, size, views), reached in found.items():
        change = np.array(reached) - np.array(found[name, size, VIEWS[0]])
        cells = [f"{np.mean(reached, axis=0)[0]:.1f}", spread(list(change[:, 0])), spread(list(change[:, 1]), 3)]
        rows.append([name, str(size), str(views), *cells])
    print(table(["photos", "of a class", "views", "accuracy", "points more", "log loss more"], rows))
    write("views", {"runs": [[*of, reached] for of, reached in found.items()]})


if __name__ == "__main__":
    main()

"""How time and memory grow with the photos: 1,000, 10,000 and 100,000 of Tiny ImageNet at 32 pixels, 200 classes.

    python -m benchmarks.scaling

Each is one ``inarch train --strategy probe`` in a process of its own with an empty cache: everything from the scan of
the folder to the written bundle. 1,000 more photos are tested on each time.
"""

import json
import math
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.measuring import table, unpacked, write, write_manifest
from inarch.data.photos import Photo
from inarch.data.scan import scan

SIZES = (1_000, 10_000, 100_000)
MODEL, SIDE = "resnet18_narrow", 64
TESTED = 1_000


def in_turns(photos: Sequence[Photo]) -> list[Photo]:
    """Shuffled: one of each class, then another of each."""
    draw = np.random.default_rng(0)
    turns: dict[int, int] = {}
    ranked = []
    for place in draw.permutation(len(photos)):
        photo = photos[place]
        turns[photo.label] = turns.get(photo.label, -1) + 1
        ranked.append((turns[photo.label], photo))
    return [photo for _, photo in sorted(ranked, key=lambda each: each[0])]


def manifest(count: int, folder: Path) -> Path:
    """``count`` photos to learn from, and `TESTED` to test on, of all classes alike."""
    found = scan(unpacked("tiny_imagenet32"))
    learned = in_turns([photo for photo in found.photos if photo.split == "train"])[:count]
    tested = in_turns([photo for photo in found.photos if photo.split != "train"])[:TESTED]
    return write_manifest(folder / "photos.csv", found, {"train": learned, "test": tested})


def run(count: int) -> dict[str, Any]:
    """Seconds, the largest resident memory in bytes, and the accuracy, of one run."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        photos = manifest(count, folder)
        command = f"""
import json, resource, sys
from pathlib import Path
from inarch.commands.train.run import train
from inarch.transfer.options import TrainOptions
options = TrainOptions(
    model={MODEL!r}, strategy="probe", image_size={SIDE}, time_budget=7200,
    cache=Path({str(folder)!r}, "cache"))
metrics = train({str(photos)!r}, {str(folder / "bundle")!r}, options).metrics
phases = {{each["name"]: round(each["seconds"], 2) for each in metrics["phases"]}}
memory = 1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
print(json.dumps({{"accuracy": metrics["evaluation"]["accuracy"]["value"], "memory": memory, "phases": phases}}))
"""
        began = time.perf_counter()
        done = subprocess.run([sys.executable, "-c", command], check=True, capture_output=True, text=True)
        return {"photos": count, "seconds": time.perf_counter() - began, **json.loads(done.stdout)}


def main() -> None:
    """Print, and the exponent between each two sizes."""
    runs = []
    for count in SIZES:
        runs.append(run(count))
        print(runs[-1], file=sys.stderr, flush=True)
    rows, exponents = [], []
    for before, each in zip([None, *runs], runs, strict=False):
        exponent = ""
        if before is not None:
            exponents.append(
                math.log(each["seconds"] / before["seconds"]) / math.log(each["photos"] / before["photos"])
            )
            exponent = f"{exponents[-1]:.2f}"
        cells = [f"{each['photos']:,}", f"{each['seconds']:.1f} s", f"{each['memory'] / 2**30:.2f} GiB", exponent]
        rows.append([*cells, f"{each['accuracy']:.3f}"])
    print(table(["photos", "time", "memory", "exponent", "accuracy"], rows))
    write("scaling", {"model": MODEL, "image_size": SIDE, "runs": runs, "exponents": exponents})


if __name__ == "__main__":
    main()

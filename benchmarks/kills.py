"""Runs killed at random moments, by SIGKILL, and resumed: is the bundle the one of an unbroken run, to the last bit?

    python -m benchmarks.kills --kills 200

Each strategy trains on some photos with a cache of its own. A run is killed up to `KILLS` times, at moments drawn over
the whole length of a run, and begun again with ``--resume`` each time, until it ends. Then the shipped graph, the
weights, the golden answers and what the bundle knows of doubt must have the bytes that the unbroken run gave them, and
the bundle must answer. Nothing is decided by the clock in any of the runs (``--deterministic``).

Processes are forked from one that has imported everything, so that kills hit the work and not the start of Python.
"""

import argparse
import multiprocessing
import sys
import tempfile
import time
from collections import Counter
from dataclasses import replace
from multiprocessing.process import BaseProcess
from pathlib import Path

import numpy as np
import torch

from benchmarks.measuring import some, table, unpacked, write
from inarch.bundle.predictor import Predictor
from inarch.commands.train.run import train
from inarch.commands.train.verify_resume import kill_and_resume, list_differing_files
from inarch.transfer.options import TrainOptions

OPTIONS = {
    "probe": TrainOptions(model="resnet18_narrow", strategy="probe", augmented_copies=1),
    "finetune": TrainOptions(model="resnet18_narrow", strategy="finetune"),
    "scratch": TrainOptions(model="resnet20", strategy="scratch", image_size=32),
    "auto": TrainOptions(model="resnet18_narrow"),
}
PHOTOS, TESTED, KILLS = 8, 3, 5


def begun(photos: Path, out: Path, options: TrainOptions) -> BaseProcess:
    """A process that trains."""
    process = multiprocessing.get_context("fork").Process(target=_run, args=(photos, out, options))
    process.start()
    return process


def _run(photos: Path, out: Path, options: TrainOptions) -> None:
    with out.with_suffix(".log").open("w", encoding="utf-8") as log:
        sys.stdout = sys.stderr = log
        train(photos, out, options)


def survived(
    photos: Path, folder: Path, options: TrainOptions, moments: list[float], expected: Path
) -> tuple[str, int]:
    """Kill a run at these moments after each start, then let it end.

    Returns:
        what became of it, ``same`` is as it should be; and how often it was killed before it had ended.
    """
    out = folder / "bundle"
    options = replace(options, cache=folder / "cache", resume=True)
    kills = kill_and_resume(lambda: begun(photos, out, options), moments)
    if kills is None:
        print(out.with_suffix(".log").read_text("utf-8"))
        return "lost", len(moments)
    Predictor(out)
    different = list_differing_files(out, expected)
    return (f"different: {', '.join(different)}" if different else "same"), kills


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--only", nargs="*", choices=OPTIONS, default=list(OPTIONS))
    asked = parser.parse_args()
    torch.set_num_threads(1)  # a pool of threads would not survive the fork
    draw = np.random.default_rng(0)
    rows, figures = [], {}
    for name in asked.only:
        with tempfile.TemporaryDirectory() as folder:
            photos = some(unpacked("rsscn7_s128"), PHOTOS, TESTED, Path(folder, "photos.csv"))
            options = replace(OPTIONS[name], deterministic=True)
            began = time.monotonic()
            first = Path(folder, "first")
            begun(photos, first, replace(options, cache=Path(folder, "first-cache"))).join()
            seconds = time.monotonic() - began
            ends: Counter[str] = Counter()
            kills = 0
            while kills < asked.kills / len(asked.only):
                with tempfile.TemporaryDirectory(dir=folder) as own:
                    moments = draw.uniform(0, seconds, KILLS).tolist()
                    end, own_kills = survived(photos, Path(own), options, moments, first)
                    ends[end] += 1
                    kills += own_kills
                print(name, f"{seconds:.1f} s a run", kills, dict(ends), flush=True)
        rows.append(
            [
                name,
                str(kills),
                *(str(count) for count in (ends["same"], ends["lost"])),
                str(ends.total() - ends["same"] - ends["lost"]),
            ]
        )
        figures[name] = {"kills": kills, "ends": dict(ends)}
    print(table(["strategy", "kills", "runs that ended the same", "lost", "different"], rows))
    write("kills", {"runs": figures})


if __name__ == "__main__":
    main()

"""Runs killed at random moments, by SIGKILL, and resumed: is the bundle the one of an unbroken run, to the last bit?

    python -m benchmarks.kills --kills 200

Each strategy trains on some photos with a cache of its own. A run is killed up to `KILLS` times, at moments drawn over
the whole length of a run, and begun again with ``--resume`` each time, until it ends. Then the shipped graph, the
weights, the golden answers and what the bundle knows of doubt must have the bytes that the unbroken run gave them, and
the bundle must answer. Time is left out of the question: every run has far more than it needs.

Processes are forked from one that has imported everything, so that kills hit the work and not the start of Python.
"""

import argparse
import os
import signal
import sys
import tempfile
import time
import traceback
from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from benchmarks.measuring import some, table, unpacked, write
from inarch.api.train import TrainOptions, train
from inarch.bundle.format import ANSWERING, GOLDEN, GRAPH, WEIGHTS
from inarch.serving.predictor import Predictor

OPTIONS = {
    "probe": TrainOptions(model="resnet18_narrow", strategy="probe", views=2),
    "finetune": TrainOptions(model="resnet18_narrow", strategy="finetune"),
    "scratch": TrainOptions(model="resnet20", strategy="scratch", image_size=32),
    "auto": TrainOptions(model="resnet18_narrow"),
}
PHOTOS, TESTED, KILLS = 8, 3, 5
COMPARED = (GRAPH, WEIGHTS, GOLDEN, ANSWERING)
PLENTY = 1e5
"""Seconds."""


def begun(photos: Path, out: Path, options: TrainOptions) -> int:
    """The number of a process that trains."""
    process = os.fork()
    if process:
        return process
    try:
        sys.stdout = sys.stderr = open(out.with_suffix(".log"), "w", encoding="utf-8")  # noqa: SIM115
        train(photos, out, options)
    except BaseException:
        traceback.print_exc()
        sys.stdout.flush()
        os._exit(1)
    os._exit(0)


def contents(bundle: Path) -> list[bytes]:
    """What must not differ."""
    return [(bundle / name).read_bytes() for name in COMPARED]


def survived(
    photos: Path, folder: Path, options: TrainOptions, moments: list[float], expected: list[bytes]
) -> tuple[str, int]:
    """Kill a run at these moments after each start, then let it end.

    Returns:
        what became of it, ``same`` is as it should be; and how often it was killed before it had ended.
    """
    out = folder / "bundle"
    options = replace(options, cache=folder / "cache", resume=True)
    kills = 0
    for moment in [*moments, PLENTY]:
        process = begun(photos, out, options)
        ends = time.monotonic() + moment
        while time.monotonic() < ends:
            done, status = os.waitpid(process, os.WNOHANG)
            if done:
                break
            time.sleep(0.005)
        else:
            os.kill(process, signal.SIGKILL)
            os.waitpid(process, 0)
            kills += 1
            continue
        if status:
            print(out.with_suffix(".log").read_text("utf-8"))
            return "lost", kills
        break
    Predictor(out)
    different = [name for name, ours, theirs in zip(COMPARED, contents(out), expected, strict=True) if ours != theirs]
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
            options = replace(OPTIONS[name], time_budget=PLENTY)
            began = time.monotonic()
            first = Path(folder, "first")
            os.waitpid(begun(photos, first, replace(options, cache=Path(folder, "first-cache"))), 0)
            seconds, expected = time.monotonic() - began, contents(first)
            ends: Counter[str] = Counter()
            kills = 0
            while kills < asked.kills / len(asked.only):
                with tempfile.TemporaryDirectory(dir=folder) as own:
                    moments = draw.uniform(0, seconds, KILLS).tolist()
                    end, own_kills = survived(photos, Path(own), options, moments, expected)
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

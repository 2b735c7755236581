"""Ants and bees with the real Inception v3: `inarch train --strategy auto` against the PyTorch tutorial's loop.

    python -m benchmarks.hymenoptera [--seeds 3] [--accuracy]

Interleaved: for each seed, ours with an empty cache, then one epoch of the frozen loop, then one of the full loop;
the loops' epochs are alike, so one is timed and scaled to 25. With ``--accuracy`` the frozen loop's 25 epochs are
run too, for what they reach (about 8 minutes a seed).
"""

import argparse
import shutil
import tempfile
from pathlib import Path
from typing import Any

from benchmarks.measuring import INCEPTION, ratios, spread, table, unpacked, write
from benchmarks.tutorial import EPOCHS, frozen_accuracies, loop
from inarch.commands.train.run import train
from inarch.models import Backbone
from inarch.transfer.options import TrainOptions
from inarch.weights.files import read_weights
from inarch.weights.loading import load_backbone


def main() -> None:
    """Run, print, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--accuracy", action="store_true")
    arguments = parser.parse_args()
    photos = unpacked("hymenoptera_s224")
    runs: list[dict[str, Any]] = []
    for seed in range(arguments.seeds):
        run = {"seed": seed, **_ours(photos, seed)}
        run["frozen_epoch"] = next(iter(loop(_backbone(), photos, frozen=True, seed=seed))).seconds
        run["full_epoch"] = next(iter(loop(_backbone(), photos, frozen=False, seed=seed))).seconds
        runs.append(run)
        print(f"seed {seed}: {run}", flush=True)
    frozen = ratios([EPOCHS * run["frozen_epoch"] for run in runs], [run["seconds"] for run in runs])
    full = ratios([EPOCHS * run["full_epoch"] for run in runs], [run["seconds"] for run in runs])
    phases = {name: spread([run["phases"].get(name, 0.0) for run in runs]) for name in runs[0]["phases"]}
    print()
    print(table(["ours, by phase", "seconds"], [[name, seconds] for name, seconds in phases.items()]))
    rows = [
        ["inarch auto", "1", ", ".join(f"{run['accuracy']:.3f}" for run in runs)],
        ["tutorial, frozen, 25 epochs (scaled from 1)", spread(frozen) + " times longer", ""],
        ["tutorial, full, 25 epochs (scaled from 1)", spread(full) + " times longer", ""],
    ]
    figures = {"runs": runs, "frozen_ratio": frozen, "full_ratio": full}
    if arguments.accuracy:
        reached = [frozen_accuracies(_backbone(), photos, seed=seed) for seed in range(arguments.seeds)]
        figures["loop_accuracies"] = reached
        rows[1][2] = "last epoch " + ", ".join(f"{each[-1]:.3f}" for each in reached)
        rows[1][2] += "; best " + ", ".join(f"{max(each):.3f}" for each in reached)
    print()
    print(table(["hymenoptera, 153 validation photos", "time", "accuracy"], rows))
    write("hymenoptera", figures)


def _ours(photos: Path, seed: int) -> dict[str, Any]:
    folder = Path(tempfile.mkdtemp())
    options = TrainOptions(model="inception_v3", weights=INCEPTION, seed=seed, cache=folder / "cache")
    try:
        metrics = train(photos, folder / "bundle", options).metrics
    finally:
        shutil.rmtree(folder)
    phases = {phase["name"]: phase["seconds"] for phase in metrics["phases"]}
    return {
        "seconds": sum(phases.values()),
        "phases": phases,
        "accuracy": metrics["evaluation"]["accuracy"]["value"],
        "strategy": metrics["strategy"],
    }


def _backbone() -> Backbone:
    return load_backbone(read_weights(INCEPTION), "inception_v3").backbone


if __name__ == "__main__":
    main()

"""Whether a promise is kept: what `inarch train` says it will take, before it starts, beside what it took.

    python -m benchmarks.planner

Twelve jobs of different kinds, each with an empty cache: ants and bees, textures, land from the air, digits, small
photos; with a backbone that is named and one that is not; probing, fine-tuning and `auto`; one view and several. What
is promised is the whole run, scan to bundle, for the strategy that it ended with. The band is the accuracy promised.
The constants in `inarch.commands.train.plan` were set after a first run of all but the last two.
"""

import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from benchmarks.measuring import INCEPTION, some, table, unpacked, write
from inarch.commands.train.run import train
from inarch.data.augmentation import Augmentation
from inarch.report.wording import duration
from inarch.transfer.options import TrainOptions
from inarch.transfer.records.plan import Plan

PERCENT = 25
"""That a run may be off."""


def jobs(folder: Path) -> Mapping[str, tuple[Path, dict[str, Any]]]:
    """The photos and the options of each."""
    land, textures, bees = (unpacked(name) for name in ("rsscn7_s128", "dtd10_s128", "hymenoptera_s224"))
    digits = some(unpacked("digits_shift") / "mnist" / "train", 150, 30, folder / "digits.csv")
    small = some(unpacked("cifar10_jpeg", "cifar10") / "train", 200, 50, folder / "small.csv")
    many = some(unpacked("cifar10_jpeg", "cifar10") / "train", 600, 50, folder / "many.csv")
    usps = some(unpacked("digits_shift") / "usps" / "train", 60, 30, folder / "usps.csv")
    things = some(unpacked("imagenette_s128") / "train", 100, 40, folder / "things.csv")
    named = {"model": "resnet18_narrow"}
    return {
        "bees, auto": (bees, {"time_budget": 180.0}),
        "bees, Inception v3": (bees, {"weights": INCEPTION, "time_budget": 180.0}),
        "textures, auto": (textures, {"time_budget": 180.0}),
        "textures, fine-tuning": (textures, {**named, "strategy": "finetune", "time_budget": 240.0}),
        "land, probe, 3 views": (land, {"model": "googlenet", "strategy": "probe", "augmented_copies": 2}),
        "land, auto": (land, {**named, "time_budget": 240.0}),
        "land, fine-tuning in 60 s": (land, {**named, "strategy": "finetune", "time_budget": 60.0}),
        "digits, auto": (digits, {"augmentation": Augmentation(flip=False), "time_budget": 120.0}),
        "small photos, auto": (small, {**named, "time_budget": 120.0}),
        "many small photos, auto": (many, {**named, "time_budget": 180.0}),
        "USPS, auto": (usps, {**named, "augmentation": Augmentation(flip=False), "time_budget": 90.0}),
        "things, auto": (things, {"model": "googlenet", "time_budget": 120.0}),
    }


def main() -> None:
    """Print every promise, and how many were kept."""
    figures, rows = {}, []
    with tempfile.TemporaryDirectory() as name:
        for job, (photos, given) in jobs(Path(name)).items():
            plans: list[Plan] = []
            options = TrainOptions(cache=Path(name, job, "cache"), **given)
            began = time.perf_counter()
            metrics = train(photos, Path(name, job, "bundle"), options, announce=plans.append).metrics
            seconds = time.perf_counter() - began
            strategy, accuracy = metrics["strategy"], metrics["evaluation"]["accuracy"]
            promised = next(each for each in plans[0].strategies if each.strategy == strategy)
            off = 100 * (seconds / promised.seconds - 1)
            is_in_band = promised.low <= accuracy["high"] and accuracy["low"] <= promised.high
            figures[job] = {
                "strategy": strategy,
                "promised": promised.seconds,
                "seconds": seconds,
                "low": promised.low,
                "high": promised.high,
                "accuracy": accuracy,
                "phases": {phase["name"]: phase["seconds"] for phase in metrics["phases"]},
            }
            rows.append(
                [
                    job,
                    strategy,
                    duration(promised.seconds),
                    duration(seconds),
                    f"{off:+.0f} %",
                    f"{100 * promised.low:.0f} to {100 * promised.high:.0f} %",
                    f"{100 * accuracy['value']:.1f} %" + ("" if is_in_band else " (outside)"),
                ]
            )
            print(rows[-1], figures[job]["phases"], flush=True)
    kept = sum(abs(each["seconds"] / each["promised"] - 1) <= PERCENT / 100 for each in figures.values())
    print(table(["job", "came out as", "promised", "took", "off", "accuracy promised", "reached"], rows))
    print(f"within {PERCENT} %: {kept} of {len(figures)}")
    write("planner", {"jobs": figures, "kept": kept, "of": len(figures)})


if __name__ == "__main__":
    main()

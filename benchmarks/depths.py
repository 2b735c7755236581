"""Fine-tuning of every layer beside the probe, the last layers, `auto` and a plain PyTorch loop: accuracy against time.

    python -m benchmarks.depths --sets textures land --budgets 120 600 --seeds 1

Every arm gets EfficientNet-Lite0's ImageNet weights and the same photos; ours also gets the budget, from the scan to
the bundle with an empty cache. The plain loop is ``../shared/baselines/plain_loop.py``: every weight, 160 pixels,
AdamW, 8 epochs. It measures its test accuracy after each epoch; that time is taken off, as one pass over the test
photos where training is three over its own (a backward pass costs two forward passes). 70 % of each class are trained
on, or as many photos of a class as `SETS` says. A finished run is kept in ``benchmarks/measured``, so the table can be
filled over several sittings. The validation accuracy of each strategy stands beside its test accuracy: it shows how the
choice fared.
"""

import argparse
import csv
import json
import os
import re
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Mapping
from itertools import product
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from benchmarks.measuring import MEASURED, SHARED, table, unpacked, write, write_manifest
from inarch.commands.train.run import train
from inarch.data.augmentation import Augmentation
from inarch.data.photos import Photo
from inarch.data.scan import scan
from inarch.metrics.intervals import wilson
from inarch.transfer.options import TrainOptions

MODEL = "efficientnet_lite0"
PLAIN_LOOP = SHARED.parent / "baselines" / "plain_loop.py"
PLAIN = "plain loop"
ARMS: Mapping[str, Mapping[str, Any]] = {
    "probe": {"strategy": "probe"},
    "tail": {"strategy": "finetune", "freeze_until": "stage4"},
    "whole": {"strategy": "finetune", "freeze_until": "none"},
    "auto": {"strategy": "auto"},
}


class PhotoSource(NamedTuple):
    """Where a set's photos are, and how many of each class are trained and tested on."""

    archive: str
    folder: str
    train: int | None = None
    """None: 70 % of a class, and the rest to test on."""
    test: int = 40
    tested_in: str = ""
    """The folder of the test photos, where the set keeps them apart."""
    flip: bool = True


SETS: Mapping[str, PhotoSource] = {
    "textures": PhotoSource("dtd10_s128", "dtd10_s128"),
    "land": PhotoSource("rsscn7_s128", "rsscn7_s128"),
    "ants and bees": PhotoSource("hymenoptera_s224", "hymenoptera_s224/train", 10**6, 10**6, "hymenoptera_s224/val"),
    "things 20": PhotoSource("imagenette_s128", "imagenette_s128/train", 20, 40, "imagenette_s128/val"),
    "things 100": PhotoSource("imagenette_s128", "imagenette_s128/train", 100, 40, "imagenette_s128/val"),
    "small photos": PhotoSource("cifar10_jpeg", "cifar10/train", 100, 50, "cifar10/test"),
    "mnist": PhotoSource("digits_shift", "digits_shift/mnist/train", 100, 50, "digits_shift/mnist/test", flip=False),
    "usps": PhotoSource("digits_shift", "digits_shift/usps/train", 100, 50, "digits_shift/usps/test", flip=False),
}


def manifest(source: PhotoSource, out: Path, seed: int) -> Path:
    """The photos of a seed, drawn class by class."""
    folder = unpacked(source.archive, source.folder.split("/")[0]).parent
    found = scan(folder / source.folder)
    draw = np.random.default_rng(seed)
    labels = np.array([photo.label for photo in found.photos])
    sides: dict[str, list[Photo]] = {"train": [], "test": []}
    for label in range(len(found.classes)):
        own = [found.photos[row] for row in draw.permutation(np.flatnonzero(labels == label))]
        cut = round(0.7 * len(own)) if source.train is None else source.train
        sides["train"] += own[:cut]
        sides["test"] += own[cut:] if source.train is None else []
    path = write_manifest(out, found, sides)
    if source.tested_in:
        _add_tested(path, folder / source.tested_in, source.test)
    return path


def _add_tested(path: Path, folder: Path, count: int) -> None:
    """The same photos to test on, whatever the seed."""
    found = scan(folder)
    draw = np.random.default_rng(7)
    labels = np.array([photo.label for photo in found.photos])
    with path.open("a", newline="", encoding="utf-8") as stream:
        lines = csv.writer(stream)
        for label, name in enumerate(found.classes):
            for row in draw.permutation(np.flatnonzero(labels == label))[:count]:
                lines.writerow((Path(found.root, found.photos[row].path).resolve(), name, "test"))


def ours(photos: Path, arm: str, seconds: float, seed: int, *, flip: bool) -> dict[str, Any]:
    """One run of `inarch train`."""
    began = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        options = TrainOptions(
            model=MODEL,
            seed=seed,
            time_budget=seconds,
            augmentation=Augmentation(flip=flip),
            cache=Path(folder, "cache"),
            **ARMS[arm],
        )
        metrics = train(photos, Path(folder, "bundle"), options).metrics
    accuracy = metrics["evaluation"]["accuracy"]
    return {
        "accuracy": accuracy["value"],
        "tested": accuracy["n"],
        "seconds": time.perf_counter() - began,
        "strategy": metrics["strategy"],
        "candidates": [
            {**{name: each[name] for name in ("strategy", "settings", "log_loss", "chosen")}, **each["accuracy"]}
            for each in metrics["candidates"]
        ],
        "phases": {each["name"]: round(each["seconds"], 2) for each in metrics["phases"]},
    }


def plain(photos: Path, seed: int) -> dict[str, Any]:
    """The plain loop; what it trains is the same for every budget."""
    words = [sys.executable, str(PLAIN_LOOP), str(photos), "--seed", str(seed)]
    done = subprocess.run(words, capture_output=True, text=True, check=True)
    epochs = re.findall(r"epoch (\d+)  loss [\d.]+  test accuracy ([\d.]+)  (\d+) s", done.stdout)
    trained, tested = (int(re.findall(rf"(\d+) to {what} on", done.stdout)[0]) for what in ("train", "test"))
    share = 3 * trained / (3 * trained + tested)
    return {
        "accuracy": float(epochs[-1][1]),
        "tested": tested,
        "seconds": share * float(epochs[-1][2]),
        "epochs": [
            {"epoch": int(number), "accuracy": float(right), "seconds": share * int(at)} for number, right, at in epochs
        ],
    }


def cell(name: str, arm: str, seconds: float, seed: int) -> dict[str, Any]:
    """A run that is kept, or is run now."""
    budget = "" if arm == PLAIN else f"_{seconds:.0f}"
    path = MEASURED / f"depths_{name.replace(' ', '_')}_{arm.replace(' ', '_')}{budget}_{seed}.json"
    if path.exists():
        kept: dict[str, Any] = json.loads(path.read_text("utf-8"))
        return kept
    print(f"{name}, {arm}, {seconds:.0f} s, seed {seed} …", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        photos = manifest(SETS[name], Path(folder, "photos.csv"), seed)
        made = plain(photos, seed) if arm == PLAIN else ours(photos, arm, seconds, seed, flip=SETS[name].flip)
    flags = Path("/proc/cpuinfo").read_text("utf-8") if os.path.exists("/proc/cpuinfo") else ""
    made["avx512_bf16"] = "avx512_bf16" in flags
    path.write_text(json.dumps(made, indent=1) + "\n", encoding="utf-8")
    return made


def main() -> None:
    """Run what is not there yet, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sets", nargs="*", choices=SETS, default=list(SETS))
    parser.add_argument("--arms", nargs="*", choices=(*ARMS, PLAIN), default=[*ARMS, PLAIN])
    parser.add_argument("--budgets", nargs="*", type=float, default=[120.0, 600.0, 2400.0])
    parser.add_argument("--seeds", type=int, default=3)
    asked = parser.parse_args()
    rows, cells = [], defaultdict(list)
    for name, seconds in product(asked.sets, asked.budgets):
        for arm in asked.arms:
            runs = [cell(name, arm, seconds, seed) for seed in range(asked.seeds)]
            cells[name, seconds].append((arm, float(np.mean([run["accuracy"] for run in runs]))))
            tested = sum(run["tested"] for run in runs)
            right = round(sum(run["accuracy"] * run["tested"] for run in runs))
            band = wilson(right, tested)
            took = np.mean([run["seconds"] for run in runs])
            chosen = ", ".join(_chosen(run) for run in runs)
            said = f"{100 * band.value:.1f} ({100 * band.low:.1f} to {100 * band.high:.1f})"
            rows.append((name, f"{seconds:.0f} s", arm, said, str(tested), f"{took:.0f} s", chosen))
    print(table(("set", "budget", "arm", "test accuracy", "n", "took", "chosen (validation accuracy)"), rows))
    behind = [
        100 * (max(value for _, value in arms) - dict(arms)["auto"]) for arms in cells.values() if "auto" in dict(arms)
    ]
    if behind:
        near = sum(each <= 0.5 for each in behind)
        print(
            f"auto is the best or within 0.5 points of it in {near} of {len(behind)} cells; at most {max(behind):.1f}"
        )
    write("depths", {"rows": rows})


def _chosen(run: Mapping[str, Any]) -> str:
    """The strategy that was shipped, and what validation photos said of all that were tried."""
    tried = [
        f"{'→' if each['chosen'] else ''}{each['settings'].split(',')[0]} {100 * each['value']:.1f}"
        for each in run.get("candidates", ())
    ]
    return "; ".join(tried)


if __name__ == "__main__":
    main()

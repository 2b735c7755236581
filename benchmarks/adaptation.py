"""Adapting without labels, and what the choice by a label-free score costs.

    python -m benchmarks.adaptation digits --seeds 3     # MNIST to USPS and back
    python -m benchmarks.adaptation changed --seeds 1    # photos whose light, sharpness or colours were changed

Digits: a ResNet-20 learns from scratch on one kind of digits and is adapted to the training photos of the other, whose
labels nobody reads; it is judged on the other's test photos. The last column is a net that learned the same way from
the other's labels: what could be had.
Changed photos: `probe` on googlenet's features of half the photos; the other half is changed and adapted to. Those
were used to choose which score chooses by default; the digits had no say.

A finished run is kept in ``--out`` and not run again: the tables can be filled over several sittings.
"""

import argparse
import json
import statistics
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

import numpy as np
import torch
from PIL import Image, ImageEnhance, ImageFilter, ImageOps

from benchmarks.measuring import MEASURED, ROOT, spread, table, unpacked, write
from inarch.api.adapt import AdaptOptions, adapt
from inarch.api.train import TrainOptions, train
from inarch.data.augment import Augmentation
from inarch.metrics.validators import VALIDATORS
from inarch.transfer import scratch
from inarch.transfer.adaptation import methods

CACHE = ROOT / ".data" / "cache"
EPOCHS, UPDATES = 12, {"digits": 500, "changed": 150}
"""Of a net from scratch, and of each method that trains: fixed, so that a busy machine changes nothing."""
PLENTY = 1e6
"""Seconds."""
DIGITS = TrainOptions(
    model="resnet20",
    strategy="scratch",
    image_size=32,
    augmentation=Augmentation(flip=False),
    time_budget=PLENTY,
    cache=CACHE,
)
Run = dict[str, Any]


def _noise(image: Image.Image) -> Image.Image:
    pixels = np.asarray(image, np.float32)
    grain = np.random.default_rng(pixels.size).normal(0, 45, pixels.shape)
    return Image.fromarray(np.clip(pixels + grain, 0, 255).astype(np.uint8))


def _cast(image: Image.Image) -> Image.Image:
    return Image.fromarray(np.clip(np.asarray(image) * [0.55, 0.8, 1.25], 0, 255).astype(np.uint8))


def _dark(image: Image.Image) -> Image.Image:
    return ImageEnhance.Contrast(ImageEnhance.Brightness(image).enhance(0.35)).enhance(0.6)


def _coarse(image: Image.Image) -> Image.Image:
    small = image.resize((image.width // 4, image.height // 4))
    return small.resize(image.size, Image.Resampling.NEAREST)


CHANGES: dict[str, Callable[[Image.Image], Image.Image]] = {
    "noise": _noise,
    "cast": _cast,
    "blur": lambda image: image.filter(ImageFilter.GaussianBlur(2.2)),
    "dark": _dark,
    "grey": lambda image: ImageOps.grayscale(image).convert("RGB"),
    "coarse": _coarse,
    "negative": ImageOps.invert,
}
SETS = ("rsscn7_s128", "dtd10_s128")


class Task(NamedTuple):
    """One kind of shift; ``run(folder, seed)`` gives the figures of one run."""

    name: str
    run: Callable[[Path, int], Run]


def digits() -> Iterator[Task]:
    """MNIST to USPS, and back."""
    root = unpacked("digits_shift")
    for source, target in (("mnist", "usps"), ("usps", "mnist")):

        def run(folder: Path, seed: int, source: Path = root / source, target: Path = root / target) -> Run:
            nets = {kind: train(kind, folder / kind.name, replace(DIGITS, seed=seed)) for kind in (source, target)}
            options = AdaptOptions(oracle=target, time_budget=PLENTY, seed=seed, cache=CACHE)
            adapted = adapt(nets[source].path, target / "train", folder / "adapted", options)
            ceiling = nets[target].metrics["evaluation"]["accuracy"]["value"]
            return {**adapted.metrics["adaptation"], "ceiling": ceiling}

        yield Task(f"{source} to {target}", run)


def changed() -> Iterator[Task]:
    """Photos of two sets, changed in seven ways."""
    for name in SETS:
        for change in CHANGES:

            def run(folder: Path, seed: int, name: str = name, change: str = change) -> Run:
                source, target = _halves(unpacked(name), folder, change)
                options = TrainOptions(model="googlenet", strategy="probe", seed=seed, cache=CACHE)
                bundle = train(source, folder / "bundle", options)
                adapting = AdaptOptions(oracle=target, time_budget=PLENTY, seed=seed, cache=CACHE)
                return dict(adapt(bundle.path, target, folder / "adapted", adapting).metrics["adaptation"])

            yield Task(f"{name.partition('_')[0]} {change}", run)


def _halves(photos: Path, folder: Path, change: str) -> tuple[Path, Path]:
    """Every other photo as it is, and the rest changed."""
    files = sorted(path for path in photos.glob("*/*") if path.suffix == ".jpg")
    for number, path in enumerate(files):
        place = folder / ("changed" if number % 2 else "source") / path.parent.name / path.stem
        place.parent.mkdir(parents=True, exist_ok=True)
        if number % 2:
            with Image.open(path) as image:
                CHANGES[change](image.convert("RGB")).save(place.with_suffix(".png"))
        else:
            place.with_suffix(".jpg").symlink_to(path)
    return folder / "source", folder / "changed"


KEPT = ("photos", "validator", "candidates", "ceiling")
KINDS: dict[str, Callable[[], Iterator[Task]]] = {"digits": digits, "changed": changed}


def main() -> None:
    """Run what is missing and print the table."""
    scratch.MOST_EPOCHS = EPOCHS
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("kind", choices=KINDS)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--out", type=Path, default=MEASURED)
    asked = parser.parse_args()
    methods.UPDATES = UPDATES[asked.kind]
    torch.set_num_threads(asked.threads)
    asked.out.mkdir(parents=True, exist_ok=True)
    runs: dict[str, list[Run]] = {}
    for task in KINDS[asked.kind]():
        for seed in range(asked.seeds):
            kept = asked.out / f"adaptation_{task.name.replace(' ', '_')}_{seed}.json"
            if not kept.exists():
                with TemporaryDirectory() as folder:
                    figures = task.run(Path(folder), seed)
                kept.write_text(json.dumps({key: figures[key] for key in KEPT if key in figures}) + "\n", "utf-8")
            runs.setdefault(task.name, []).append(json.loads(kept.read_text("utf-8")))
    _show(asked.kind, runs)


def _show(kind: str, runs: dict[str, list[Run]]) -> None:
    """Accuracy of every candidate, and how far each score's choice is from the best one, in points."""
    names = [each["method"] for each in next(iter(runs.values()))[0]["candidates"]]
    rows = []
    for name, several in runs.items():
        accuracies = [{each["method"]: 100 * each["oracle"]["value"] for each in run["candidates"]} for run in several]
        chosen = [next(each["method"] for each in run["candidates"] if each["chosen"]) for run in several]
        ceiling = [100 * run["ceiling"] for run in several if "ceiling" in run]
        row = [name, *(spread([each[method] for each in accuracies]) for method in names)]
        rows.append([*row, ", ".join(chosen), spread(ceiling) if ceiling else ""])
    print(table(["task", *names, "chosen", "labels of the target"], rows), flush=True)
    gaps = {
        validator: [_gap(run, validator) for several in runs.values() for run in several] for validator in VALIDATORS
    }
    taken = [_gap(run, None) for several in runs.values() for run in several]
    print(f"\npoints below the best candidate, over {len(taken)} runs:")
    rows = [[name, f"{statistics.mean(gap):.1f}", f"{max(gap):.1f}"] for name, gap in {**gaps, "taken": taken}.items()]
    print(table(["chosen by", "mean", "most"], rows))
    write(f"adaptation_{kind}", {"runs": runs, "gaps": gaps, "taken": taken})


def _gap(run: Run, validator: str | None) -> float:
    """Points between the best candidate and the one with the highest score, or the one that was taken."""
    candidates = run["candidates"]
    taken = max(candidates, key=lambda each: each["chosen"] if validator is None else dict(each["scores"])[validator])
    return float(100 * (max(each["oracle"]["value"] for each in candidates) - taken["oracle"]["value"]))


if __name__ == "__main__":
    main()

"""Adapting without labels, what the choice by a label-free score costs, and what a few labels are worth.

    python -m benchmarks.adaptation digits --seeds 3     # MNIST to USPS and back
    python -m benchmarks.adaptation labelled --seeds 3   # the same, with a few labels of the target
    python -m benchmarks.adaptation changed --seeds 1    # photos whose light, sharpness or colours were changed

Digits: a ResNet-20 learns from scratch on one kind of digits and is adapted to the training photos of the other, whose
labels nobody reads; it is judged on the other's test photos. The last column is a net that learned the same way from
the other's labels: what could be had.
Labelled: 1, 5 or 20 photos of each class of the target may be learned from; in shorter runs, so that three seeds take
an hour. Beside the choice stands a linear classifier that learned from those photos alone, on the bundle's features.
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
from inarch.bundle.reading import Bundle, read_bundle
from inarch.commands.adapt.adapt import (
    adapt,
    build_problem,
    classifier_of,
    domain_of,
    load_source_run,
)
from inarch.commands.adapt.adapting import (
    UnsupervisedRuns,
    choose_unsupervised,
    run_supervised,
    run_unsupervised,
)
from inarch.commands.adapt.judging import choose_by_labels
from inarch.commands.adapt.labelled import LabelledTarget
from inarch.commands.adapt.methods import METHODS
from inarch.commands.adapt.options import AdaptOptions
from inarch.commands.adapt.problem import AdaptationProblem as AdaptationTask
from inarch.commands.adapt.recipe import AdaptRecipe
from inarch.commands.adapt.target import LabelledPhotos, decode_labelled_photos
from inarch.commands.adapt.training import features_of
from inarch.commands.adapt.validators import VALIDATORS
from inarch.commands.train.run import train
from inarch.data.augmentation import Augmentation
from inarch.data.labels import PhotoLabels
from inarch.data.scan import scan
from inarch.progress import ignore_progress
from inarch.transfer.class_weighting import unweighted
from inarch.transfer.linear import fit_at, fit_probe
from inarch.transfer.options import TrainOptions
from inarch.transfer.pixels import logits_of_photos
from inarch.transfer.recipes import Recipes, ScratchRecipe
from inarch.transfer.run import TrainingRun

CACHE = ROOT / ".data" / "cache"
EPOCHS = {"digits": 12, "labelled": 5, "changed": 12}
UPDATES = {"digits": 500, "labelled": 150, "changed": 150}
"""Of a net from scratch, and of each method that trains: fixed, so that a busy machine changes nothing."""
SHOTS, TUNED = (1, 5, 20), 60
"""Labelled photos of each class, and the updates of a tail that learns from them."""
PLENTY = 1e6
"""Seconds."""
Run = dict[str, Any]


def digits_options(kind: str, seed: int) -> TrainOptions:
    """How a net learns digits."""
    return TrainOptions(
        model="resnet20",
        strategy="scratch",
        image_size=32,
        augmentation=Augmentation(flip=False),
        time_budget=PLENTY,
        cache=CACHE,
        seed=seed,
        recipes=Recipes(scratch=ScratchRecipe(most_epochs=EPOCHS[kind])),
    )


def adapt_options(kind: str, seed: int, oracle: Path | None = None) -> AdaptOptions:
    """How a net adapts."""
    recipe = AdaptRecipe(updates=UPDATES[kind], tuned_updates=TUNED)
    return AdaptOptions(oracle=oracle, time_budget=PLENTY, seed=seed, cache=CACHE, recipe=recipe)


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
            nets = {kind: train(kind, folder / kind.name, digits_options("digits", seed)) for kind in (source, target)}
            options = adapt_options("digits", seed, oracle=target)
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
                adapting = adapt_options("changed", seed, oracle=target)
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


def few_labels() -> Iterator[Task]:
    """MNIST to USPS, and back, with a few labels of the target."""
    root = unpacked("digits_shift")
    for source, target in (("mnist", "usps"), ("usps", "mnist")):

        def run(folder: Path, seed: int, source: Path = root / source, target: Path = root / target) -> Run:
            nets = {kind: _net(kind, seed) for kind in (source, target)}
            options = adapt_options("labelled", seed)
            known = load_source_run(nets[source], options, ignore_progress)
            tested, pool = (
                decode_labelled_photos(target / side, scan(target / side, nets[source].classes), known)
                for side in ("test", "train")
            )
            task = build_problem(known, nets[source], classifier_of(known, nets[source]), pool.stored, options)
            blind = run_unsupervised(task, tuple(METHODS))
            unlabelled = choose_unsupervised(blind, None, seed=seed).name
            return {
                "ceiling": nets[target].metrics["evaluation"]["accuracy"]["value"],
                "unlabelled": unlabelled,
                "shots": {str(each): _with_shots(task, blind, unlabelled, pool, tested, known, each) for each in SHOTS},
            }

        yield Task(f"{source} to {target} labelled", run)


def _net(kind: Path, seed: int) -> Bundle:
    """Trained once for both ways."""
    folder = CACHE / "nets" / f"{kind.name}_{EPOCHS['labelled']}_{seed}"
    return read_bundle(folder) if folder.exists() else train(kind, folder, digits_options("labelled", seed))


def _with_shots(
    task: AdaptationTask,
    blind: UnsupervisedRuns,
    unlabelled: str,
    pool: LabelledPhotos,
    tested: LabelledPhotos,
    run: TrainingRun,
    shots: int,
) -> Run:
    """What every candidate is worth on the photos to test on, and which was taken."""
    order = np.random.default_rng(task.seed).permutation(len(pool.labels))
    rows = np.sort(np.concatenate([order[pool.labels[order] == each][:shots] for each in range(task.classes)]))
    few = LabelledTarget(domain_of(run, pool.stored, rows, task.cut), pool.labels[rows], pool.groups[rows])
    came = run_supervised(task, few, blind)
    choice = choose_by_labels(came.held_out, few.labels, few.groups, unlabelled_choice=unlabelled)
    answering = replace(run, stored=tested.stored)
    every = blind.joined(came.learned).adapted
    accuracies = {
        name: float((logits_of_photos(answering, each.model, tested.rows).argmax(1) == tested.labels).mean())
        for name, each in every.items()
    }
    moving = task.moving().eval()
    features, new = (
        features_of(moving, task, each) for each in (few.domain, domain_of(run, tested.stored, tested.rows, task.cut))
    )
    if shots == 1:  # nothing to cross-validate a penalty on
        alone = fit_at(features, few.labels, 0.01, unweighted(task.classes))
    else:
        alone = fit_probe(features[None], PhotoLabels(few.labels, few.groups, task.classes), seed=task.seed)
    accuracies["target only"] = float((alone.logits(new).argmax(1) == tested.labels).mean())
    return {"accuracies": accuracies, "chosen": choice.name, "why": choice.why}


KEPT = ("photos", "validator", "candidates", "ceiling", "unlabelled", "shots")
KINDS: dict[str, Callable[[], Iterator[Task]]] = {"digits": digits, "labelled": few_labels, "changed": changed}


def main() -> None:
    """Run what is missing and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("kind", choices=KINDS)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--out", type=Path, default=MEASURED)
    asked = parser.parse_args()
    torch.set_num_threads(asked.threads)
    asked.out.mkdir(parents=True, exist_ok=True)
    runs: dict[str, list[Run]] = {}
    for seed in range(asked.seeds):
        for task in KINDS[asked.kind]():
            kept = asked.out / f"adaptation_{task.name.replace(' ', '_')}_{seed}.json"
            if not kept.exists():
                with TemporaryDirectory() as folder:
                    figures = task.run(Path(folder), seed)
                kept.write_text(json.dumps({key: figures[key] for key in KEPT if key in figures}) + "\n", "utf-8")
            runs.setdefault(task.name, []).append(json.loads(kept.read_text("utf-8")))
    if asked.kind == "labelled":
        _show_labelled(runs)
    else:
        _show(asked.kind, runs)


def _show_labelled(runs: dict[str, list[Run]]) -> None:
    """Accuracy with so many labels of each class, in percent, and what was taken."""
    rows = []
    for name, several in runs.items():
        for shots in map(str, SHOTS):
            of = [run["shots"][shots]["accuracies"] for run in several]
            taken = [run["shots"][shots]["chosen"] for run in several]
            columns = [
                [each["none"] for each in of],
                [each[run["unlabelled"]] for each, run in zip(of, several, strict=True)],
                [each[one] for each, one in zip(of, taken, strict=True)],
                [each["head"] for each in of],
                [each["tune"] for each in of],
                [each["target only"] for each in of],
                [run["ceiling"] for run in several],
            ]
            free = ", ".join(run["unlabelled"] for run in several)
            rows.append([name, shots, *(spread([100 * x for x in each]) for each in columns), free, ", ".join(taken)])
    header = ["task", "labels", "as it was", "without labels", "with labels", "head", "tune", "target only"]
    print(table([*header, "all labels", "taken without", "taken with"], rows), flush=True)
    write("adaptation_labelled", {"runs": runs})


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

"""The time that fine-tuning and training from scratch need to the accuracy that both reach."""

import tempfile
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from torch import nn

from inarch import clock
from inarch.commands.study.curves import subsample_photos
from inarch.commands.study.records import Claim, Quantity
from inarch.commands.study.study import (
    Bench,
    Readings,
    Study,
    require_bench,
)
from inarch.commands.train.strategies import scratch
from inarch.commands.train.strategies.probe import probe_on
from inarch.commands.train.strategies.tuning import (
    feature_maps_of,
    obstacle_for_tail,
    tail_and_head,
)
from inarch.data.folds import folds
from inarch.data.store import ignore_counts
from inarch.errors import PhotosError
from inarch.metrics.accuracy import accuracy_of
from inarch.training.budget import affordable_epochs
from inarch.training.loop import Epoch, Run
from inarch.transfer import tail
from inarch.transfer.pixels import AugmentedPhotos, logits_of_photos
from inarch.transfer.run import TrainingRun

RACE = "fine-tuning and scratch"
"""The only arm, because the equal accuracy is known when both have ended."""

AccuracyCurve = Sequence[tuple[float, float]]
"""Seconds of training, and the test accuracy by then."""


class RaceReading(StrEnum):
    """The times to equal accuracy, and the accuracies."""

    FINETUNE = "seconds of fine-tuning"
    SCRATCH = "seconds from scratch"
    BOTH = "accuracy that both reach"
    BEST_FINETUNE = "best of fine-tuning"
    BEST_SCRATCH = "best from scratch"


@dataclass(frozen=True, kw_only=True)
class RaceDesign:
    """The sizes of the race."""

    of_class: int
    """The most photos per class; half of them are for training."""
    seconds: float
    """The time for training from scratch: its recipe's epochs, or as many as should fit."""


DESIGN = RaceDesign(of_class=50, seconds=120.0)


def measure(bench: Bench | None, arm: str, seed: int) -> Readings:
    """Train both on one half of the photos, and measure their accuracy on the other half after every epoch."""
    bench = require_bench(bench)
    run = bench.prepare(subsample_photos(bench.photos, seed, DESIGN.of_class), seed)
    if why := obstacle_for_tail(run):
        raise PhotosError(f"Fine-tuning cannot be measured: {why}.")
    halves = folds(run.labels[run.train], k=2, seed=seed, groups=run.groups[run.train])[0]
    learned, held = (run.train[half] for half in halves)
    return readings(
        _finetune_curve(run, learned, held),
        _scratch_curve(scratch.prepare_scratch_run(run, reserved=0.0), learned, held),
    )


def readings(finetuned: AccuracyCurve, alone: AccuracyCurve) -> Readings:
    """The times at which each first reaches the lower of their best accuracies."""
    bests = [max(accuracy for _, accuracy in course) for course in (finetuned, alone)]
    both = min(bests)
    first = [next(seconds for seconds, accuracy in course if accuracy >= both) for course in (finetuned, alone)]
    return dict(zip(RaceReading, (*first, both, *bests), strict=True))


def _finetune_curve(run: TrainingRun, learned: NDArray[np.int64], held: NDArray[np.int64]) -> AccuracyCurve:
    """From the first look at the photos: features, probe, then epochs of the tail; nothing is in the cache yet."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as empty:  # Windows keeps mapped files
        part = replace(run, train=learned, options=replace(run.options, cache=Path(empty)))
        began = clock.seconds()
        probed = probe_on(part, run.start.cut)
        taken = clock.seconds() - began
        model = nn.Sequential(*tail_and_head(part, probed, probed.fits[probed.last]))
        maps = probed.prefix.view(0, run.options.augmentation).compute(run.stored, held, ignore_counts)["map"]
        labels, rows = run.labels[held], np.arange(len(held))

        def accuracy(model: nn.Module) -> float:
            return accuracy_of(tail.logits_of(model, maps, rows), labels).value

        fit = Run(model, replace(run.options.recipes.finetune.config, seed=run.options.seed))
        epochs = tail.run_tail_epochs(part, fit, feature_maps_of(part, probed).source(np.arange(len(learned))))
        return [(taken, accuracy(model)), *_measure_curve(fit, epochs, taken, accuracy)]


def _scratch_curve(run: TrainingRun, learned: NDArray[np.int64], held: NDArray[np.int64]) -> AccuracyCurve:
    """The curve of a run whose photos are preprocessed for training from scratch."""
    source = AugmentedPhotos(run, learned).source
    config, step = scratch.timed_config(run.start.architecture, len(run.classes), source, run.options)
    epoch = step * source.steps(config)
    epochs = affordable_epochs(
        DESIGN.seconds, epoch, most=config.epochs, fewest=run.options.recipes.scratch.fewest_epochs
    )
    fit = Run(
        scratch.build_untrained_model(run.start.architecture, len(run.classes), run.options.seed),
        replace(config, epochs=epochs),
    )

    def accuracy(model: nn.Module) -> float:
        return accuracy_of(logits_of_photos(run, model, held), run.labels[held]).value

    return list(_measure_curve(fit, scratch.run_scratch_epochs(run, fit, source), 0.0, accuracy))


def _measure_curve(
    fit: Run, epochs: Iterable[Epoch], taken: float, accuracy: Callable[[nn.Module], float]
) -> Iterable[tuple[float, float]]:
    """After every epoch the seconds of training, without those of measuring, and the averaged weights' accuracy."""
    for epoch in epochs:
        taken += epoch.seconds
        yield taken, accuracy(fit.average or fit.model)


STUDY = Study(
    Claim(
        name="time-to-accuracy",
        statement="To the accuracy that both reach, fine-tuning takes at most half of the time of training from "
        "scratch.",
        source="He, Girshick and Dollar 2019, arXiv 1811.08883, sections 4 and 5",
        reported="COCO detection: two lengths of the usual schedule are enough with pre-training, five or six without.",
        design="The strategies `finetune` and `scratch` with their own models and recipes are trained on half of the "
        f"photos ({DESIGN.of_class} per class at most), one after the other; after every epoch the other half is "
        "predicted. Time is that of training: features of an empty cache, the probe and the epochs on one side, the "
        f"epochs on the other ({DESIGN.seconds:.0f} seconds at most); decoding and measuring are left out. Equal "
        "accuracy is the lower of the two bests, and the time is that by which each first reaches it. A seed draws the "
        "photos, the halves and the weights.",
        limits="Pre-training the backbone is not counted: whoever downloads one does not pay for it. "
        "Times are this machine's; the learning-rate schedule of either spans all its epochs, so that a shorter one "
        "would come sooner to a somewhat lower accuracy. If one never reaches the other's accuracy, only "
        "the part that both reach is compared: read the bests with the ratio.",
        quantities=(
            Quantity(
                words="time of scratch over time of fine-tuning, to equal accuracy",
                one=(RACE, RaceReading.SCRATCH),
                other=(RACE, RaceReading.FINETUNE),
                threshold=2.0,
            ),
        ),
        arms=(RACE,),
        seeds=5,
        seconds=120.0,
        photos=True,
    ),
    measure,
)

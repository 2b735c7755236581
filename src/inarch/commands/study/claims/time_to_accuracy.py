"""How long fine-tuning and training from scratch take to the accuracy that both reach."""

import tempfile
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
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
from inarch.commands.train.strategies.finetune import (
    FINETUNING,
    feature_maps_of,
    obstacle,
    tail_and_head,
)
from inarch.commands.train.strategies.probe import probe_on
from inarch.data.split import folds
from inarch.data.store import ignore_counts
from inarch.errors import PhotosError
from inarch.training.budget import affordable_epochs
from inarch.training.loop import Epoch, ExampleSource, Run
from inarch.transfer import tail
from inarch.transfer.linear import accuracy_of
from inarch.transfer.run import TrainingRun

OF_CLASS = 50
"""Photos of each class at most; half of them are learned from."""
SECONDS = 120.0
"""For the net from scratch: its recipe's epochs, or as many as should fit."""
RACE = "fine-tuning and scratch"
"""The only arm: what is equal is known when both have ended."""
FINETUNE, SCRATCH = "seconds of fine-tuning", "seconds from scratch"
BOTH, BEST_FINETUNE, BEST_SCRATCH = "accuracy that both reach", "best of fine-tuning", "best from scratch"

AccuracyCurve = Sequence[tuple[float, float]]
"""Seconds of training, and accuracy on held-out photos by then."""
Places = NDArray[np.int64]


def measure(bench: Bench | None, arm: str, seed: int) -> Readings:
    """Train both on one half of the photos, and look at their accuracy on the other half after every epoch."""
    bench = require_bench(bench)
    job = bench.job(subsample_photos(bench.photos, seed, OF_CLASS), seed)
    if why := obstacle(job):
        raise PhotosError(f"Fine-tuning cannot be measured: {why}.")
    halves = folds(job.labels[job.train], k=2, seed=seed, groups=job.groups[job.train])[0]
    learned, held = (job.train[half] for half in halves)
    return readings(
        _finetune_curve(job, learned, held),
        _scratch_curve(scratch.prepare_scratch_run(job, reserved=0.0), learned, held),
    )


def readings(finetuned: AccuracyCurve, alone: AccuracyCurve) -> Readings:
    """When each first reaches the lower of their best accuracies."""
    bests = [max(accuracy for _, accuracy in course) for course in (finetuned, alone)]
    both = min(bests)
    first = [next(seconds for seconds, accuracy in course if accuracy >= both) for course in (finetuned, alone)]
    return dict(zip((FINETUNE, SCRATCH, BOTH, BEST_FINETUNE, BEST_SCRATCH), (*first, both, *bests), strict=True))


def _finetune_curve(job: TrainingRun, learned: Places, held: Places) -> AccuracyCurve:
    """From the first look at the photos: features, probe, then epochs of the tail; nothing is in the cache yet."""
    with tempfile.TemporaryDirectory() as empty:
        part = replace(job, train=learned, cache=Path(empty))
        began = clock.seconds()
        probed = probe_on(part, job.start.cut)
        taken = clock.seconds() - began
        model = nn.Sequential(*tail_and_head(part, probed, probed.fits[probed.last]))
        maps = probed.prefix.view(0, job.augmentation).compute(job.stored, held, ignore_counts)["map"]
        labels, rows = job.labels[held], np.arange(len(held))

        def accuracy(model: nn.Module) -> float:
            return accuracy_of(tail.logits_of(model, maps, rows), labels).value

        run = Run(model, replace(FINETUNING, seed=job.seed))
        epochs = tail.run_tail_epochs(part, run, feature_maps_of(part, probed).source(np.arange(len(learned))))
        return [(taken, accuracy(model)), *_measure_curve(run, epochs, taken, accuracy)]


def _scratch_curve(job: TrainingRun, learned: Places, held: Places) -> AccuracyCurve:
    """Of a job whose photos are as the net from scratch sees them."""
    source = ExampleSource(len(learned), scratch.Pixels(job, learned).batch)
    config, step = scratch.timed_config(job.start.architecture, len(job.classes), source, job.seed)
    epoch = step * source.steps(config)
    epochs = affordable_epochs(SECONDS, epoch, most=config.epochs, fewest=scratch.FEWEST_EPOCHS)
    run = Run(
        scratch.build_untrained_model(job.start.architecture, len(job.classes), job.seed),
        replace(config, epochs=epochs),
    )

    def accuracy(model: nn.Module) -> float:
        return accuracy_of(scratch.logits_of(job, model, held), job.labels[held]).value

    return list(_measure_curve(run, scratch.run_scratch_epochs(job, run, source), 0.0, accuracy))


def _measure_curve(
    run: Run, epochs: Iterable[Epoch], taken: float, accuracy: Callable[[nn.Module], float]
) -> Iterable[tuple[float, float]]:
    """After every epoch the seconds of training, without those of looking, and what the averaged weights answer."""
    for epoch in epochs:
        taken += epoch.seconds
        yield taken, accuracy(run.average or run.model)


STUDY = Study(
    Claim(
        name="time-to-accuracy",
        statement="To the accuracy that both reach, a fine-tuned net takes at most half of the time that one from "
        "scratch takes.",
        source="He, Girshick and Dollar 2019, arXiv 1811.08883, sections 4 and 5",
        reported="COCO detection: two lengths of the usual schedule are enough with pre-training, five or six without.",
        design=f"The strategies `finetune` and `scratch` with their own nets and recipes learn from half of the photos "
        f"({OF_CLASS} of each class at most), one after the other; after every epoch the other half is answered. Time "
        "is that of training: features of an empty cache, the probe and the epochs on one side, the epochs on the "
        f"other ({SECONDS:.0f} seconds at most); decoding and looking are left out. Equal accuracy is the lower of the "
        "two bests, and the time is that by which each first reaches it. A seed draws the photos, the halves and the "
        "weights.",
        limits="What it took to train the backbone is not counted: whoever downloads one does not pay for it. "
        "Times are this machine's; the course of the rate of either is drawn over all its epochs, so that one made "
        "shorter would come sooner to a somewhat lower accuracy. Where one never reaches what the other does, only "
        "the part that both reach is compared: read the bests beside the ratio.",
        quantities=(
            Quantity(
                words="time of scratch over time of fine-tuning, to equal accuracy",
                one=(RACE, SCRATCH),
                other=(RACE, FINETUNE),
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

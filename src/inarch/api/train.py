"""Photos in, bundle out."""

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from inarch.api.reporting import bundle_config, evaluated, thumbnails, training_report
from inarch.bundle.format import WEIGHTS
from inarch.bundle.reading import Bundle, is_bundle, read_bundle
from inarch.bundle.writing import BundleContents, check_output, write_bundle
from inarch.data.augment import Augmentation
from inarch.data.cache import default_cache_folder
from inarch.data.scan import scan
from inarch.data.split import split
from inarch.data.store import Stored, store
from inarch.drawing.report import to_html
from inarch.errors import PhotosError, UserError
from inarch.nets import architecture
from inarch.records import PhotoSet, Preprocessing
from inarch.transfer.job import Job, Progress, StartingPoint, Stopwatch, silent
from inarch.transfer.starting import starting_point
from inarch.transfer.strategies import strategy

SMALL_IMAGE = 128
"""Image size when a large net learns from scratch: on a CPU, photos seen more often beat photos seen larger."""


@dataclass(frozen=True, kw_only=True)
class TrainOptions:
    """How to train; the defaults suit a folder of photos."""

    model: str | None = None
    """A model of the catalog, or a bundle whose backbone is grafted again."""
    weights: Path | None = None
    """A file of pre-trained weights."""
    strategy: str = "auto"
    time_budget: float = 600.0
    """Seconds."""
    image_size: int | None = None
    """Pixels a side; None takes what the weights were trained for."""
    seed: int = 0
    resume: bool = False
    augmentation: Augmentation = field(default_factory=Augmentation)
    cache: Path = field(default_factory=default_cache_folder)


def train(
    photos: str | Path, out: str | Path, options: TrainOptions | None = None, progress: Progress = silent
) -> Bundle:
    """Train a classifier on labelled photos and write it as a bundle.

    Args:
        photos: a folder of class folders, one holding ``train/ val/ test/``, or a CSV manifest.
        out: the bundle's folder.
        options: how.
        progress: called with a phase's name, what is done, and what there is to do.

    Raises:
        UserError: the photos, the weights, the output folder or an option cannot be used; the message says why.
        WorkError: the training itself failed.
    """
    options = options or TrainOptions()
    choose = strategy(options.strategy)
    check_output(Path(out))
    job = _job(photos, options, progress)
    outcome = choose(job)
    logits, evaluation = evaluated(job, outcome)
    report = training_report(job, outcome, evaluation, logits)
    contents = BundleContents(
        config=bundle_config(job, outcome),
        model=outcome.model,
        graph=outcome.graph,
        report=report,
        page=to_html(report, thumbnails(job, report)),
        golden=(job.stored.images[job.test[:1]], logits[:1]),
    )
    return write_bundle(Path(out), contents)


def _job(photos: str | Path, options: TrainOptions, progress: Progress) -> Job:
    """Everything that a strategy needs: photos scanned, split and decoded, and the backbone to start from."""
    stopwatch = Stopwatch()
    with stopwatch.phase("scan"):
        found = split(scan(photos), seed=options.seed)
    _check_class_names(found)
    with stopwatch.phase("weights"):
        start, preprocessing = _start(options)
    with stopwatch.phase("decode"):
        stored = store(found, preprocessing, options.cache, lambda done, total: progress("decode", done, total))
    learned, held = _rows(stored)
    if not len(held):
        raise PhotosError("None of the photos to test on can be read; add readable ones to the test or val split.")
    return Job(
        stored=stored,
        train=learned,
        test=held,
        start=start,
        preprocessing=preprocessing,
        augmentation=options.augmentation,
        cache=options.cache,
        seed=options.seed,
        time_budget=options.time_budget,
        resume=options.resume,
        progress=progress,
        stopwatch=stopwatch,
    )


def _check_class_names(photos: PhotoSet) -> None:
    """A bundle lists one class a line."""
    broken = [name for name in photos.classes if len(name.splitlines()) != 1 or name != name.strip()]
    if broken:
        raise PhotosError(f"A class name must be one line without spaces around it; rename {broken[0]!r}.")


def _start(options: TrainOptions) -> tuple[StartingPoint, Preprocessing]:
    """The backbone, and the preprocessing under which its weights were trained."""
    if options.model is not None and is_bundle(Path(options.model)):
        if options.weights is not None:
            raise UserError("A bundle brings its own weights; leave out --weights, or name a model instead.")
        bundle = read_bundle(options.model)
        start = starting_point(bundle.config.architecture, bundle.path / WEIGHTS)
        kept = bundle.preprocessing
        size = options.image_size or kept.image_size
        return start, Preprocessing(image_size=size, mean=kept.mean, std=kept.std, interpolation=kept.interpolation)
    start = starting_point(options.model, options.weights)
    row = architecture(start.architecture)
    size = options.image_size or (row.image_size if start.pretrained else min(row.image_size, SMALL_IMAGE))
    return start, Preprocessing(image_size=size, mean=row.mean, std=row.std)


def _rows(stored: Stored) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Rows to learn from, and rows to report on: the test split or, where there is none, the validation split.

    Where there are both, the validation photos are learned from: every choice is made by cross-validation.
    """
    splits = np.array([photo.split for photo in stored.photos.photos])
    name = "test" if "test" in splits else "val"
    return np.flatnonzero(splits != name), np.flatnonzero(splits == name)

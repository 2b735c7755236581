"""What every strategy is worth with fewer photos: on the same folds, the same parts of them, the same held-out photos.

A fold's photos to learn from are cut down to 5, 10, 20 … of each class, a smaller part lying in a larger one; each
strategy learns from every part by the recipe that it has in a run, and answers the photos that the fold holds out.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import combinations
from math import ceil

import numpy as np
from numpy.typing import NDArray
from torch import nn

from inarch import clock
from inarch.commands.train.learning_curve import (
    FEWEST_POINTS,
    accuracy_of_units,
    forecast_doubling,
    places_in_class,
)
from inarch.commands.train.strategies.finetune import (
    FINETUNING,
    feature_maps_of,
    obstacle,
    tail_and_head,
    tail_step_seconds,
)
from inarch.commands.train.strategies.probe import ProbeRun, choose_best_stage, probe_on
from inarch.commands.train.strategies.scratch import (
    Pixels,
    logits_of,
    prepare_scratch_run,
    timed_config,
    train_on_rows,
    wanted_epochs,
)
from inarch.data.split import count_groups, folds
from inarch.metrics.comparison import compare_classifiers
from inarch.metrics.intervals import difference, wilson
from inarch.progress import ignore_progress
from inarch.training.loop import ExampleSource
from inarch.transfer import tail
from inarch.transfer.class_weighting import class_weighting_of
from inarch.transfer.linear import Probe, fit_probe
from inarch.transfer.records.report import CURVES_PHASE
from inarch.transfer.records.strategy_curves import (
    StrategyCurve,
    StrategyCurves,
    StrategyPoint,
    StrategyVerdict,
)
from inarch.transfer.run import TrainingRun, rarest_class

FOLDS = 5
SMALLEST, GROWTH, MOST_SIZES = 5, 2, 5
"""Photos of each class in the smallest part, how many times as many the next has, and how many parts there are."""
NEARLY_ALL = 0.75
"""A part that is a larger share than this says nothing that all photos do not say."""
FEWEST_ALONE = 8
"""Epochs from scratch: with fewer, a point says more of the time than of the photos."""
SHARE = 0.85
"""Of the time is planned for: steps are timed on the machine as it is now."""

Logits = NDArray[np.float64]
Places = NDArray[np.int64]
"""In ``job.train``."""


@dataclass(frozen=True)
class CurveStrategy:
    """A strategy, as far as its curve needs it."""

    strategy: str
    settings: str
    answers: Callable[[Places, Places, int], tuple[Logits, Logits]]
    """Learn from photos in so many epochs: logits of these and of those held out, without logit adjustment."""
    epochs: Callable[[int], int] = lambda photos: 0
    """As many as the recipe has for so many photos; 0 where it has none."""
    fewest: int = 0
    epoch_seconds: Callable[[int], float] = lambda photos: 0.0


@dataclass
class _Cell:
    """One strategy with so many photos of each class, and what came of it fold by fold."""

    way: CurveStrategy
    of_class: int
    epochs: int
    correct: NDArray[np.bool_]
    """For every photo of ``job.train``, where a fold has held it out."""
    photos: list[int] = field(default_factory=list)
    learned: list[float] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)


def strategy_curves(job: TrainingRun, seconds: float) -> StrategyCurves:
    """Measure probing, fine-tuning and learning from scratch with growing numbers of photos.

    Where the time does not allow every epoch of a recipe, its points all get the same share of theirs; the largest
    numbers of photos are left out until that is enough. Folds are added while there is time.

    Args:
        job: the photos and the backbone; its test photos take no part.
        seconds: what this may take.
    """
    ends = clock.seconds() + seconds
    labels, groups = job.labels[job.train], np.unique(job.groups[job.train], return_inverse=True)[1]
    name, fewest = rarest_class(job)
    if fewest < FOLDS:
        why = f"Nothing was measured: it takes {FOLDS} different training photos of every class; {name!r} has {fewest}."
        return StrategyCurves((), (), len(labels), 0, 0, (why,))
    held_out = folds(labels, k=FOLDS, seed=job.seed, groups=groups)
    parts = _parts(job, [seen for seen, _ in held_out])
    ways, left_out = _measurable_strategies(job, held_out[0][0])
    with job.stopwatch.phase(CURVES_PHASE):
        photos = {size: len(rows) for size, rows in parts[0].items()}
        cells, too_long = _plan_cells(ways, photos, ends - clock.seconds(), len(labels))
        judged: list[Places] = []
        for (_, held), of_fold in zip(held_out, parts, strict=True):
            began = clock.seconds()
            if judged and began + sum(cell.seconds[-1] for cell in cells) > ends:
                break
            for done, cell in enumerate(cells):
                job.progress("learning curves", len(judged) * len(cells) + done, FOLDS * len(cells))
                _measure(job, cell, of_fold[cell.of_class], held)
            judged.append(held)
        job.progress("learning curves", FOLDS * len(cells), FOLDS * len(cells))
    if len(judged) < FOLDS:
        too_long.append(f"{FOLDS - len(judged)} of {FOLDS} folds: the time did not allow them.")
    rows = np.concatenate(judged)
    curves = [_curve(job, way, [cell for cell in cells if cell.way is way], rows) for way in ways]
    return StrategyCurves(
        tuple(curve for curve in curves if curve.points),
        tuple(_verdict(*pair, rows, groups) for pair in combinations(cells, 2) if pair[0].of_class == pair[1].of_class),
        len(labels),
        len(rows),
        len(judged),
        (*left_out, *too_long),
    )


def sizes_up_to(most: int) -> tuple[int, ...]:
    """How many photos of each class the parts have, if there are ``most``: a few round numbers, and all."""
    below = []
    size = SMALLEST
    while size <= NEARLY_ALL * most:
        below.append(size)
        size *= GROWTH
    return (*below[-(MOST_SIZES - 1) :], most)


def _parts(job: TrainingRun, folds_seen: Sequence[Places]) -> list[dict[int, Places]]:
    """For every fold its photos to learn from, cut down to so many of each class; only parts that can be probed."""
    labels, groups = job.labels[job.train], job.groups[job.train]
    most = min(int(np.bincount(labels[seen]).max()) for seen in folds_seen)
    parts = []
    for number, seen in enumerate(folds_seen):
        places = places_in_class(labels[seen], groups[seen], np.random.default_rng([job.seed, number]))
        parts.append({size: seen[places < size] if size < most else seen for size in sizes_up_to(most)})
    kept = [
        size
        for size in parts[0]
        if all(min(count_groups(labels[part[size]], groups[part[size]], len(job.classes))) >= 2 for part in parts)
    ]
    return [{size: part[size] for size in kept} for part in parts]


def _measurable_strategies(job: TrainingRun, seen: Places) -> tuple[list[CurveStrategy], list[str]]:
    """The strategies that can be measured, the cheapest first, and why the others cannot."""
    alone = _scratch_strategy(prepare_scratch_run(job, reserved=0.0), seen)
    if not job.start.pretrained:
        return [alone], [
            "The probe and fine-tuning: no pre-trained weights were given, so there is nothing to transfer."
        ]
    if why := obstacle(job):
        return [_probe_strategy(job, probe_on(job)), alone], [f"Fine-tuning: {why}."]
    probed = probe_on(job, job.start.cut)
    return [_probe_strategy(job, probed), _finetune_strategy(job, probed), alone], []


def _fit_probe_once(job: TrainingRun, features: NDArray[np.float32], seen: Places) -> Probe:
    """A linear classifier on those photos' features, (views, n, d), by the recipe of the probe, validated once."""
    labels, groups = job.labels[job.train][seen], job.groups[job.train][seen]
    classes = len(job.classes)
    return fit_probe(
        features[:, seen],
        labels,
        groups,
        classes=classes,
        seed=job.seed,
        class_weighting=job.class_weighting,
        repeats=1,
    )


def _probe_strategy(job: TrainingRun, probed: ProbeRun) -> CurveStrategy:
    features = {stage: probed.features(stage) for stage in probed.fits}

    def answers(seen: Places, held: Places, epochs: int) -> tuple[Logits, Logits]:
        fits = {stage: _fit_probe_once(job, each, seen) for stage, each in features.items()}
        labels = job.labels[job.train][seen]
        stage = choose_best_stage(fits, labels, class_weighting_of(job.class_weighting, labels, len(job.classes)))
        plain = features[stage][0]
        return fits[stage].logits(plain[seen]), fits[stage].logits(plain[held])

    return CurveStrategy("probe", f"{job.start.architecture}, {job.preprocessing.image_size} px", answers)


def _finetune_strategy(job: TrainingRun, probed: ProbeRun) -> CurveStrategy:
    features, maps = probed.features(probed.last), feature_maps_of(job, probed)
    config = replace(FINETUNING, seed=job.seed)
    whole = nn.Sequential(*tail_and_head(job, probed, probed.fits[probed.last]))
    step = tail_step_seconds(whole, maps.source(np.arange(len(job.train))), config)

    def answers(seen: Places, held: Places, epochs: int) -> tuple[Logits, Logits]:
        model = nn.Sequential(*tail_and_head(job, probed, _fit_probe_once(job, features, seen)))
        tail.train_tail(_restrict_run(job, seen), model, maps.source(seen), replace(config, epochs=epochs), None)
        return tail.logits_of(model, maps.views[0], seen), tail.logits_of(model, maps.views[0], held)

    return CurveStrategy(
        "finetune",
        f"the net behind {probed.prefix.tap}, {config.optimiser} {config.lr:g}",
        answers,
        epochs=lambda photos: config.epochs,
        fewest=tail.FEWEST_EPOCHS,
        epoch_seconds=lambda photos: step * ceil(photos / config.batch_size),
    )


def _scratch_strategy(job: TrainingRun, seen: Places) -> CurveStrategy:
    """Of a job whose photos are as the net from scratch sees them."""
    source = ExampleSource(len(seen), Pixels(job, job.train[seen]).batch)
    config, step = timed_config(job.start.architecture, len(job.classes), source, job.seed)

    def answers(seen: Places, held: Places, epochs: int) -> tuple[Logits, Logits]:
        model = train_on_rows(_restrict_run(job, seen), job.train[seen], replace(config, epochs=epochs))
        return logits_of(job, model, job.train[seen]), logits_of(job, model, job.train[held])

    return CurveStrategy(
        "scratch",
        f"{job.start.architecture}, {job.preprocessing.image_size} px, {config.optimiser} {config.lr:g}",
        answers,
        epochs=wanted_epochs,
        fewest=FEWEST_ALONE,
        epoch_seconds=lambda photos: step * photos / min(config.batch_size, len(seen)),
    )


def _restrict_run(job: TrainingRun, seen: Places) -> TrainingRun:
    """The job, if there were no other photos."""
    return replace(job, train=job.train[seen], progress=ignore_progress, resume=False)


def _plan_cells(
    ways: Sequence[CurveStrategy], photos: Mapping[int, int], seconds: float, n: int
) -> tuple[list[_Cell], list[str]]:
    """What will be measured, smallest numbers of photos first, and what the time does not allow.

    Ways that need less than an even share of the time leave the rest to the others.
    """
    cells, left_out = [], []
    left = SHARE * max(0.0, seconds)
    for done, way in enumerate(sorted(ways, key=lambda way: _full_seconds(way, photos.values()))):
        epochs = _epochs_within(way, photos, left / (len(ways) - done))
        left -= sum(each * way.epoch_seconds(photos[size]) for size, each in epochs.items())
        cells += [_Cell(way, size, each, np.zeros(n, dtype=np.bool_)) for size, each in epochs.items()]
        if dropped := [str(size) for size in photos if size not in epochs]:
            left_out.append(
                f"{way.strategy} with {', '.join(dropped)} photos of each class: the time does not allow {way.fewest} "
                "epochs."
            )
    order = {way.strategy: at for at, way in enumerate(ways)}
    return sorted(cells, key=lambda cell: (cell.of_class, order[cell.way.strategy])), left_out


def _full_seconds(way: CurveStrategy, photos: Iterable[int]) -> float:
    return sum(way.epochs(each) * way.epoch_seconds(each) for each in photos)


def _epochs_within(way: CurveStrategy, photos: Mapping[int, int], seconds: float) -> dict[int, int]:
    """The same share of the recipe's epochs for all numbers of photos but the largest, which would leave too few."""
    sizes = list(photos)
    while sizes:
        full = _full_seconds(way, [photos[size] for size in sizes])
        share = min(1.0, seconds / full) if full else 1.0
        wanted = {size: way.epochs(photos[size]) for size in sizes}
        epochs = {size: int(share * each) for size, each in wanted.items()}
        if all(epochs[size] >= min(way.fewest, wanted[size]) for size in sizes):
            return epochs
        sizes.pop()
    return {}


def _measure(job: TrainingRun, cell: _Cell, seen: Places, held: Places) -> None:
    """Learn from a part of a fold, and note what is right on it and on what the fold holds out."""
    began = clock.seconds()
    labels = job.labels[job.train]
    weighting = class_weighting_of(job.class_weighting, labels[seen], len(job.classes))
    learned, out = cell.way.answers(seen, held, cell.epochs)
    cell.correct[held] = weighting.answers(out, labels[held]).argmax(1) == labels[held]
    cell.learned.append(float((weighting.answers(learned, labels[seen]).argmax(1) == labels[seen]).mean()))
    cell.photos.append(len(seen))
    cell.seconds.append(clock.seconds() - began)


def _curve(job: TrainingRun, way: CurveStrategy, cells: Sequence[_Cell], judged: Places) -> StrategyCurve:
    units = np.unique(job.groups[job.train][judged], return_inverse=True)[1]
    errors = [(float(np.mean(cell.photos)), (~cell.correct[judged]).astype(np.float64)) for cell in cells]
    forecast = None
    if len(errors) >= FEWEST_POINTS:
        forecast = forecast_doubling(errors, units, len(job.train), np.random.default_rng(job.seed))
    points = [_point(cell, wrong, units) for cell, (_, wrong) in zip(cells, errors, strict=True)]
    return StrategyCurve(way.strategy, way.settings, tuple(points), forecast)


def _point(cell: _Cell, wrong: NDArray[np.float64], units: NDArray[np.intp]) -> StrategyPoint:
    photos = round(float(np.mean(cell.photos)))
    held_out = accuracy_of_units(wrong, units)
    learned = wilson(round(photos * float(np.mean(cell.learned))), photos)  # folds share photos: they count once
    gap = difference(learned, held_out)
    return StrategyPoint(cell.of_class, photos, cell.epochs, held_out, learned, gap, float(np.mean(cell.seconds)))


def _verdict(one: _Cell, other: _Cell, judged: Places, groups: NDArray[np.intp]) -> StrategyVerdict:
    """Of the dearer strategy beside the cheaper one, by their accuracies."""
    comparison = compare_classifiers((other.correct[judged], one.correct[judged]), groups[judged])
    return StrategyVerdict(other.way.strategy, one.way.strategy, one.of_class, comparison)

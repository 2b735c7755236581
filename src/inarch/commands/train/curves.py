"""Learning curves of every strategy, on the same folds, the same nested subsets and the same validation photos.

A fold's training photos are reduced to 5, 10, 20 … per class, each subset nested in the next; each strategy trains
on every subset by the recipe that it has in a run, and predicts the fold's validation photos.
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
    forecast_doubling,
    places_in_class,
)
from inarch.commands.train.strategies.probe import ProbeRun, choose_best_stage, probe_on
from inarch.commands.train.strategies.scratch import (
    prepare_scratch_run,
    timed_config,
    train_on_rows,
)
from inarch.commands.train.strategies.tuning import (
    feature_maps_of,
    obstacle_for_tail,
    tail_and_head,
    tail_step_seconds,
)
from inarch.data.folds import folds
from inarch.data.split import count_groups
from inarch.metrics.accuracy import accuracy_of, accuracy_of_units, is_correct
from inarch.metrics.comparison import compare_classifiers
from inarch.metrics.intervals import difference, wilson
from inarch.progress import ignore_progress
from inarch.training.loop import Run
from inarch.transfer import tail
from inarch.transfer.class_weighting import class_weighting_of
from inarch.transfer.linear import Probe, fit_probe
from inarch.transfer.pixels import AugmentedPhotos, logits_of_photos
from inarch.transfer.recipes import StrategyCurvesRecipe
from inarch.transfer.records.report import CURVES_PHASE
from inarch.transfer.records.strategy_curves import (
    StrategyCurve,
    StrategyCurves,
    StrategyPoint,
    StrategyVerdict,
)
from inarch.transfer.run import Places, TrainingRun, rarest_class


@dataclass(frozen=True)
class CurveStrategy:
    """A strategy, with all that its curve needs."""

    strategy: str
    settings: str
    answers: Callable[[Places, Places, int], tuple[NDArray[np.float64], NDArray[np.float64]]]
    """Train on photos for that many epochs: logits of these and of the validation photos, without logit adjustment."""
    epochs: Callable[[int], int] = lambda photos: 0
    """The recipe's epochs for that many photos; 0 for a strategy without epochs."""
    fewest: int = 0
    epoch_seconds: Callable[[int], float] = lambda photos: 0.0


@dataclass
class _Cell:
    """One strategy with one number of photos per class, and its results fold by fold."""

    way: CurveStrategy
    of_class: int
    epochs: int
    correct: NDArray[np.bool_]
    """For every photo of ``run.train``, if it was in a validation fold."""
    photos: list[int] = field(default_factory=list)
    learned: list[float] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)


def strategy_curves(run: TrainingRun, seconds: float) -> StrategyCurves:
    """Measure probing, fine-tuning and training from scratch with growing numbers of photos.

    If the time does not allow every epoch of a recipe, its points all get the same share of their epochs; the largest
    subsets are left out until that is enough. Folds are added while there is time.

    Args:
        run: the photos and the backbone; its test photos are not used.
        seconds: the time available.
    """
    ends = clock.seconds() + seconds
    k, photos = run.options.recipes.strategy_curves.folds, run.learned
    groups = np.unique(photos.groups, return_inverse=True)[1]
    name, fewest = rarest_class(run)
    if fewest < k:
        why = f"Nothing was measured: it takes {k} different training photos per class; {name!r} has {fewest}."
        return StrategyCurves((), (), len(photos), 0, 0, (why,))
    held_out = folds(photos.labels, k=k, seed=run.options.seed, groups=groups)
    parts = _parts(run, [seen for seen, _ in held_out])
    ways, left_out = _measurable_strategies(run, held_out[0][0])
    with run.stopwatch.phase(CURVES_PHASE):
        sizes = {size: len(rows) for size, rows in parts[0].items()}
        cells, too_long = _plan_cells(ways, sizes, ends - clock.seconds(), run)
        judged = _measure_folds(run, cells, [(of, held) for of, (_, held) in zip(parts, held_out, strict=True)], ends)
    if len(judged) < k:
        too_long.append(f"{k - len(judged)} of {k} folds: the time did not allow them.")
    rows = np.concatenate(judged)
    curves = [_curve(run, way, [cell for cell in cells if cell.way is way], rows) for way in ways]
    return StrategyCurves(
        tuple(curve for curve in curves if curve.points),
        tuple(_verdict(*pair, rows, groups) for pair in combinations(cells, 2) if pair[0].of_class == pair[1].of_class),
        len(photos),
        len(rows),
        len(judged),
        (*left_out, *too_long),
    )


def _measure_folds(
    run: TrainingRun, cells: Sequence[_Cell], folds: Sequence[tuple[Mapping[int, Places], Places]], ends: float
) -> list[Places]:
    """Measure the cells in one fold after another (its subsets and its validation photos) while there is time.

    Returns:
        the validation photos of those folds; the first fold is measured whatever it takes.
    """
    judged: list[Places] = []
    for parts, held in folds:
        began = clock.seconds()
        if judged and began + sum(cell.seconds[-1] for cell in cells) > ends:
            break
        for done, cell in enumerate(cells):
            run.progress("learning curves", len(judged) * len(cells) + done, len(folds) * len(cells))
            _measure(run, cell, parts[cell.of_class], held)
        judged.append(held)
    run.progress("learning curves", len(folds) * len(cells), len(folds) * len(cells))
    return judged


def sizes_up_to(most: int, recipe: StrategyCurvesRecipe) -> tuple[int, ...]:
    """The sizes of the subsets, in photos per class, up to ``most``: a few round numbers, and all."""
    below = []
    size = recipe.smallest
    while size <= recipe.nearly_all * most:
        below.append(size)
        size *= recipe.growth
    return (*below[-(recipe.most_sizes - 1) :], most)


def _parts(run: TrainingRun, folds_seen: Sequence[Places]) -> list[dict[int, Places]]:
    """For every fold its training photos, reduced to each size; only subsets that a probe can be fitted to."""
    labels, groups = run.learned.labels, run.learned.groups
    most = min(int(np.bincount(labels[seen]).max()) for seen in folds_seen)
    parts = []
    for number, seen in enumerate(folds_seen):
        places = places_in_class(labels[seen], groups[seen], np.random.default_rng([run.options.seed, number]))
        sizes = sizes_up_to(most, run.options.recipes.strategy_curves)
        parts.append({size: seen[places < size] if size < most else seen for size in sizes})
    kept = [
        size
        for size in parts[0]
        if all(min(count_groups(labels[part[size]], groups[part[size]], len(run.classes))) >= 2 for part in parts)
    ]
    return [{size: part[size] for size in kept} for part in parts]


def _measurable_strategies(run: TrainingRun, seen: Places) -> tuple[list[CurveStrategy], list[str]]:
    """The strategies that can be measured, the cheapest first, and why the others cannot be."""
    alone = _scratch_strategy(prepare_scratch_run(run, reserved=0.0), seen)
    if not run.start.pretrained:
        return [alone], ["The probe and fine-tuning: there are no pre-trained weights to transfer."]
    if why := obstacle_for_tail(run):
        return [_probe_strategy(run, probe_on(run)), alone], [f"Fine-tuning: {why}."]
    probed = probe_on(run, run.start.cut)
    return [_probe_strategy(run, probed), _finetune_strategy(run, probed), alone], []


def _fit_probe_once(run: TrainingRun, features: NDArray[np.float32], seen: Places) -> Probe:
    """A linear classifier on those photos' features, (views, n, d), by the recipe of the probe, validated once."""
    options = run.options
    recipe = options.recipes.probe.once()
    photos = run.learned.at(seen)
    return fit_probe(
        features[:, seen], photos, seed=options.seed, class_weighting=options.class_weighting, recipe=recipe
    )


def _probe_strategy(run: TrainingRun, probed: ProbeRun) -> CurveStrategy:
    features = {stage: probed.features(stage) for stage in probed.fits}

    def answers(seen: Places, held: Places, epochs: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        fits = {stage: _fit_probe_once(run, each, seen) for stage, each in features.items()}
        labels = run.learned.labels[seen]
        weighting = class_weighting_of(run.options.class_weighting, labels, len(run.classes))
        stage = choose_best_stage(fits, labels, weighting)
        plain = features[stage][0]
        return fits[stage].logits(plain[seen]), fits[stage].logits(plain[held])

    return CurveStrategy("probe", f"{run.start.architecture}, {run.preprocessing.image_size} px", answers)


def _finetune_strategy(run: TrainingRun, probed: ProbeRun) -> CurveStrategy:
    features, maps = probed.features(probed.last), feature_maps_of(run, probed)
    recipe = run.options.recipes.finetune
    config = replace(recipe.config, seed=run.options.seed)
    whole = nn.Sequential(*tail_and_head(run, probed, probed.fits[probed.last]))
    step = tail_step_seconds(whole, maps.source(np.arange(len(run.train))), config)

    def answers(seen: Places, held: Places, epochs: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        model = nn.Sequential(*tail_and_head(run, probed, _fit_probe_once(run, features, seen)))
        fit = Run(model, replace(config, epochs=epochs))
        tail.train_tail(_restrict_run(run, seen), fit, maps.source(seen))
        return tail.logits_of(model, maps.views[0], seen), tail.logits_of(model, maps.views[0], held)

    return CurveStrategy(
        "finetune",
        f"frozen until {probed.prefix.tap}, {config.optimiser} {config.lr:g}",
        answers,
        epochs=lambda photos: config.epochs,
        fewest=recipe.fewest_epochs,
        epoch_seconds=lambda photos: step * ceil(photos / config.batch_size),
    )


def _scratch_strategy(run: TrainingRun, seen: Places) -> CurveStrategy:
    """The strategy for a run whose photos are as the model from scratch sees them."""
    source = AugmentedPhotos(run, run.train[seen]).source
    config, step = timed_config(run.start.architecture, len(run.classes), source, run.options)

    def answers(seen: Places, held: Places, epochs: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        model = train_on_rows(_restrict_run(run, seen), run.train[seen], replace(config, epochs=epochs))
        return logits_of_photos(run, model, run.train[seen]), logits_of_photos(run, model, run.train[held])

    return CurveStrategy(
        "scratch",
        f"{run.start.architecture}, {run.preprocessing.image_size} px, {config.optimiser} {config.lr:g}",
        answers,
        epochs=run.options.recipes.scratch.epochs_for,
        fewest=run.options.recipes.strategy_curves.fewest_scratch_epochs,
        epoch_seconds=lambda photos: step * photos / min(config.batch_size, len(seen)),
    )


def _restrict_run(run: TrainingRun, seen: Places) -> TrainingRun:
    """The run, restricted to those training photos."""
    options = replace(run.options, resume=False)
    return replace(run, train=run.train[seen], progress=ignore_progress, options=options)


def _plan_cells(
    ways: Sequence[CurveStrategy], photos: Mapping[int, int], seconds: float, run: TrainingRun
) -> tuple[list[_Cell], list[str]]:
    """The cells to measure, smallest subsets first, and those for which there is no time.

    Strategies that need less than an even share of the time leave the rest to the others.
    """
    cells, left_out = [], []
    left = run.options.recipes.strategy_curves.share * max(0.0, seconds)
    for done, way in enumerate(sorted(ways, key=lambda way: _full_seconds(way, photos.values()))):
        epochs = _epochs_within(way, photos, left / (len(ways) - done))
        left -= sum(each * way.epoch_seconds(photos[size]) for size, each in epochs.items())
        cells += [_Cell(way, size, each, np.zeros(len(run.train), dtype=np.bool_)) for size, each in epochs.items()]
        if dropped := [str(size) for size in photos if size not in epochs]:
            left_out.append(
                f"{way.strategy} with {', '.join(dropped)} photos per class: the time does not allow {way.fewest} "
                "epochs."
            )
    order = {way.strategy: at for at, way in enumerate(ways)}
    return sorted(cells, key=lambda cell: (cell.of_class, order[cell.way.strategy])), left_out


def _full_seconds(way: CurveStrategy, photos: Iterable[int]) -> float:
    return sum(way.epochs(each) * way.epoch_seconds(each) for each in photos)


def _epochs_within(way: CurveStrategy, photos: Mapping[int, int], seconds: float) -> dict[int, int]:
    """The same share of the recipe's epochs for all sizes but the largest, which would leave too few."""
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


def _measure(run: TrainingRun, cell: _Cell, seen: Places, held: Places) -> None:
    """Train on a subset of a fold, and note the correct predictions on it and on the fold's validation photos."""
    began = clock.seconds()
    labels = run.learned.labels
    weighting = class_weighting_of(run.options.class_weighting, labels[seen], len(run.classes))
    learned, out = cell.way.answers(seen, held, cell.epochs)
    cell.correct[held] = is_correct(weighting.answers(out, labels[held]), labels[held])
    cell.learned.append(accuracy_of(weighting.answers(learned, labels[seen]), labels[seen]).value)
    cell.photos.append(len(seen))
    cell.seconds.append(clock.seconds() - began)


def _curve(run: TrainingRun, way: CurveStrategy, cells: Sequence[_Cell], judged: Places) -> StrategyCurve:
    units = np.unique(run.learned.groups[judged], return_inverse=True)[1]
    errors = [(float(np.mean(cell.photos)), (~cell.correct[judged]).astype(np.float64)) for cell in cells]
    forecast = None
    recipe = run.options.recipes.learning_curve
    if len(errors) >= recipe.fewest_points:
        forecast = forecast_doubling(errors, units, len(run.train), np.random.default_rng(run.options.seed), recipe)
    points = [_point(cell, wrong, units) for cell, (_, wrong) in zip(cells, errors, strict=True)]
    return StrategyCurve(way.strategy, way.settings, tuple(points), forecast)


def _point(cell: _Cell, wrong: NDArray[np.float64], units: NDArray[np.intp]) -> StrategyPoint:
    photos = round(float(np.mean(cell.photos)))
    held_out = accuracy_of_units(wrong, units)
    learned = wilson(round(photos * float(np.mean(cell.learned))), photos)  # folds share photos: they count once
    gap = difference(learned, held_out)
    return StrategyPoint(cell.of_class, photos, cell.epochs, held_out, learned, gap, float(np.mean(cell.seconds)))


def _verdict(one: _Cell, other: _Cell, judged: Places, groups: NDArray[np.intp]) -> StrategyVerdict:
    """The dearer strategy compared with the cheaper one, by accuracy."""
    comparison = compare_classifiers((other.correct[judged], one.correct[judged]), groups[judged])
    return StrategyVerdict(other.way.strategy, one.way.strategy, one.of_class, comparison)

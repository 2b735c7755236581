"""Estimates of each strategy's run time and accuracy, made before training from a sample and a few timed steps.

Times are measured on this machine: decoding, the frozen backbone and the linear fit while the backbones are compared,
then one training step of the tail and one of a whole model, on random input. Other times are constants. Accuracies are
ranges around the accuracy of a linear classifier on the sample; how accuracy grows with the photos, and how the other
strategies compare, was measured elsewhere: each number of `inarch.transfer.recipes.PlanRecipe` names its source.
"""

import copy
import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property

import torch
from torch import nn

from inarch import clock
from inarch.commands.train.strategies.probe import TOGETHER, choices
from inarch.commands.train.strategies.scratch import timed_config
from inarch.commands.train.strategies.tuning import (
    HELD_IN,
    judged_times,
    on_device,
    sizes_of,
    tail_step_seconds,
    whole_obstacle,
    whole_step_seconds,
)
from inarch.data.augment import augment
from inarch.data.folds import FOLDS
from inarch.data.photos import PhotoSet, Preprocessing
from inarch.data.split import training_photos
from inarch.data.store import count_undecoded
from inarch.metrics.records import Estimate
from inarch.models import Classifier, linear_head
from inarch.report.wording import count_of
from inarch.training.budget import affordable_epochs
from inarch.training.config import TrainingConfig
from inarch.training.loop import Batch, ExampleSource
from inarch.training.pixels import normalise_pixels
from inarch.transfer.cuts import later_cuts
from inarch.transfer.features import Prefix
from inarch.transfer.options import TrainOptions
from inarch.transfer.recipes import PlanRecipe
from inarch.transfer.records.plan import Plan, PlannedStrategy
from inarch.transfer.records.ranking import Ranking
from inarch.transfer.run import StartingPoint


@dataclass(frozen=True, kw_only=True)
class PlanInputs:
    """The known facts about a run before training."""

    found: PhotoSet
    unlabelled: PhotoSet | None = None
    """Unlabelled photos for the probe's self-training."""
    start: StartingPoint
    preprocessing: Preprocessing
    ranking: Ranking
    """The backbones' figures on a sample of these photos; its chosen row is this backbone's."""
    prefix: Prefix
    options: TrainOptions
    spent: float
    """Seconds since the start of the run."""
    obstacle: str = ""
    """The reason why fine-tuning is not possible at any depth; empty if it is."""

    @property
    def recipe(self) -> PlanRecipe:
        """The costs that cannot be timed beforehand."""
        return self.options.recipes.plan

    @property
    def is_far(self) -> bool:
        """Whether the photos are simple and the backbone adds little to their bare pixels."""
        without, with_it = self.ranking.pixels, self.ranking.chosen.accuracy
        if without is None or with_it is None:
            return False
        chance = 1 - 1 / len(self.found.classes)
        is_simple = 1 - without.value <= self.recipe.simple * chance
        return is_simple and 1 - with_it.value >= self.recipe.far * (1 - without.value)

    @property
    def is_large(self) -> bool:
        """Whether there are so many photos that a model trained from scratch may be as good."""
        return self.of_class >= self.recipe.large

    @property
    def times_scratch(self) -> bool:
        """Whether training from scratch is worth a trial, if there is time."""
        is_enough = self.of_class >= self.recipe.fewest_of_class
        return self.options.strategy == "auto" and (self.is_large or (self.is_far and is_enough))

    @property
    def mistakes(self) -> float:
        """The expected mistakes of the probe on the validation photos of a trial."""
        return (1 - _accuracy(self).value) * self.learned / FOLDS

    @property
    def may_prove(self) -> bool:
        """Whether `auto` would find enough mistakes for a significant improvement by fine-tuning."""
        return self.options.strategy == "auto" and self.mistakes >= self.options.recipes.finetune.provable

    @cached_property
    def learned(self) -> int:
        """The number of training photos."""
        return len(training_photos(self.found))

    @property
    def tested(self) -> int:
        """The number of test photos."""
        return len(self.found.photos) - self.learned

    @property
    def of_class(self) -> float:
        """The mean number of training photos per class."""
        return self.learned / len(self.found.classes)


@dataclass(frozen=True)
class _TuningPlan:
    """Fine-tuning at one depth."""

    depth: str
    """In words."""
    cut: str | None = None
    """The end of the frozen prefix; None if nothing is frozen."""
    obstacle: str = ""
    """The reason why it is not possible; empty if it is."""
    trial: float = 0.0
    final: float = 0.0
    """Seconds for the trial on four fifths of the photos, and for the fit to all."""
    epochs: int = 0
    is_fair: bool = False
    """Whether the trial has enough epochs to judge fine-tuning."""


@dataclass(frozen=True)
class _Times:
    """The estimated run time of every strategy, in seconds."""

    inputs: PlanInputs
    thinking: float
    """For the plan itself."""
    probed: float
    """The whole run with a probe alone."""
    tunings: tuple[_TuningPlan, ...]
    """Every depth of fine-tuning that is possible, the cheapest first."""
    alone: float
    epochs: int
    """Training from scratch."""

    @property
    def tuned(self) -> tuple[_TuningPlan, ...]:
        """The depths of fine-tuning that are tried."""
        return _tried_depths(self.inputs, self.tunings)

    @property
    def has_fair_epochs(self) -> bool:
        """Whether the time allows a fair trial of training from scratch."""
        return self.epochs >= self.inputs.recipe.fair_epochs

    @property
    def goes_alone(self) -> bool:
        """Whether training from scratch is tried after the others."""
        return self.inputs.times_scratch and self.has_fair_epochs

    @property
    def tried(self) -> float:
        """The run until one strategy is chosen."""
        trials = sum(each.trial for each in self.tuned) + self.goes_alone * self.alone
        return self.thinking + self.probed + trials

    @property
    def probe(self) -> float:
        """The whole run that ends with the probe."""
        return self.tried if self.inputs.options.strategy == "auto" else self.thinking + self.probed

    @property
    def finetune(self) -> float:
        """The whole run that ends with fine-tuning, at the most expensive depth that is tried."""
        if self.tuned:
            return self.tried + max(each.final for each in self.tuned)
        return self.tried + self.tunings[0].trial + self.tunings[0].final

    @property
    def scratch(self) -> float:
        """The whole run that ends with a model trained from scratch."""
        whole = self.tried if self.goes_alone else self.thinking + _common_seconds(self.inputs) + self.alone
        return self.inputs.recipe.export_seconds + whole


def plan(inputs: PlanInputs, obstacle_to: Callable[[StartingPoint], str] = lambda start: "") -> Plan:
    """Run time and accuracy of every strategy, and which of them the run will try.

    Args:
        inputs: the known facts.
        obstacle_to: the reason why fine-tuning a starting point is not possible; empty if it is.
    """
    began = clock.seconds()
    probed = _probe_seconds(inputs)
    tail, passed = _choose_tail(inputs, probed, obstacle_to)
    whole = _estimate_whole(inputs, probed + (tail.trial if inputs.options.strategy == "finetune" else 0.0))
    possible = tuple(each for each in (tail, whole) if not each.obstacle)
    tuned = _tried_depths(inputs, possible)
    passed = passed if tail in tuned else ""
    before = probed + sum(each.trial + each.final for each in tuned)
    alone, epochs = _scratch_seconds(inputs, before)
    times = _Times(inputs, clock.seconds() - began, probed, possible, alone, epochs)
    rows = [_probe_row(times), *([_finetune_row(times)] if possible else []), _scratch_row(times)]
    if not possible:
        passed = f"Fine-tuning is not possible: {tail.obstacle}."
    return Plan(tuple(rows), (*([passed] if passed else []), *_notes(inputs)), tail.cut)


def _tried_depths(inputs: PlanInputs, possible: tuple[_TuningPlan, ...]) -> tuple[_TuningPlan, ...]:
    """The depths of fine-tuning that are tried: all if it was asked for; in `auto` the deepest that time allows."""
    if inputs.options.strategy == "finetune":
        return possible
    return tuple(each for each in possible if inputs.may_prove and each.is_fair)[-1:]


def _probe_row(times: _Times) -> PlannedStrategy:
    inputs = times.inputs
    views = _describe_copies(inputs.options.views)
    settings = f"{inputs.start.architecture}, {inputs.preprocessing.image_size} px, {views}"
    asked = "the baseline of the other strategies" if times.tuned else "the fastest strategy"
    why = "requested" if inputs.options.strategy == "probe" else asked
    return PlannedStrategy("probe", settings, times.probe, *_reaches(inputs, (1.0, 1.0)), True, why)


def _finetune_row(times: _Times) -> PlannedStrategy:
    shown = times.tuned or times.tunings
    settings = "; ".join(f"{each.depth}, {count_of(each.epochs, 'epoch')}" for each in shown)
    reaches = _reaches(times.inputs, times.inputs.recipe.finetuned)
    return PlannedStrategy("finetune", settings, times.finetune, *reaches, bool(times.tuned), _why_finetune(times))


def _scratch_row(times: _Times) -> PlannedStrategy:
    name, side = _choose_scratch(times.inputs)
    settings, why = f"{name}, {side} px, {times.epochs} epochs", _why_scratch(times)
    reaches = _reaches(times.inputs, times.inputs.recipe.from_scratch)
    return PlannedStrategy("scratch", settings, times.scratch, *reaches, times.goes_alone, why)


def _reaches(inputs: PlanInputs, share: tuple[float, float]) -> tuple[float, float]:
    """The range of accuracy of a strategy with this multiple of the probe's errors."""
    low, high = _expected_errors(inputs)
    return max(0.0, 1 - high * share[1]), 1 - low * share[0]


def _choose_tail(
    inputs: PlanInputs, probed: float, obstacle_to: Callable[[StartingPoint], str]
) -> tuple[_TuningPlan, str]:
    """Fine-tuning with the usual frozen prefix or, if that allows no fair trial, with the next longer prefix that does;
    and a sentence about that."""
    usual = _estimate_tail(inputs, probed, obstacle_to)
    is_expected = inputs.may_prove or inputs.options.strategy == "finetune"
    if usual.is_fair or not is_expected or inputs.start.cut_after is not None:
        return usual, ""
    for cut in later_cuts(inputs.start.backbone):
        found = _estimate_tail(replace(inputs, start=replace(inputs.start, cut_after=cut)), probed, obstacle_to)
        if found.is_fair:
            why = usual.obstacle or f"the time allows {usual.epochs} epochs"
            return found, f"Fine-tuning freezes the backbone until {cut} instead of {usual.cut}: {why}."
    return usual, ""


def _estimate_tail(inputs: PlanInputs, probed: float, obstacle_to: Callable[[StartingPoint], str]) -> _TuningPlan:
    cut = inputs.start.cut
    depth = f"frozen until {cut}"
    if why := inputs.obstacle or obstacle_to(inputs.start):
        return _TuningPlan(depth, cut, why)
    trial, final, epochs = _tail_seconds(inputs, probed)
    is_fair = inputs.options.recipes.finetune.is_fair_trial(epochs)
    return _TuningPlan(depth, cut, "", trial, final, epochs, is_fair)


def _estimate_whole(inputs: PlanInputs, before: float) -> _TuningPlan:
    """Fine-tuning of every layer, after ``before`` seconds."""
    depth = "every layer"
    if why := inputs.obstacle or whole_obstacle(inputs.options):
        return _TuningPlan(depth, None, why)
    options, recipe = inputs.options, inputs.options.recipes.whole
    source = _random_photos(inputs, sizes_of(inputs.preprocessing.image_size, options).training, inputs.learned)
    epoch = _whole_step(inputs, source) * source.steps(recipe.config)
    shown = (sizes_of(inputs.preprocessing.image_size, options).prediction / inputs.preprocessing.image_size) ** 2
    answered, exported = inputs.learned * shown / inputs.ranking.chosen.photos_per_second, inputs.recipe.export_seconds
    left = options.time_budget - before - judged_times(recipe) * answered
    left *= options.recipes.finetune.share / (HELD_IN + recipe.continued)
    epochs = affordable_epochs(left, epoch, most=recipe.config.epochs, fewest=recipe.fewest_epochs)
    judging = (judged_times(recipe) - 1) * answered + (len(recipe.shares) + 1) * exported
    trial = HELD_IN * (_fit_seconds(inputs)[0] + epochs * epoch) + judging
    final = recipe.continued * epochs * epoch + answered + 2 * exported
    return _TuningPlan(depth, None, "", trial, final, epochs, recipe.is_fair_trial(epochs))


def _whole_step(inputs: PlanInputs, source: ExampleSource) -> float:
    """Seconds of a training step of every layer.

    A part of one is timed if the run will try it; else the speed of the frozen model gives an estimate.
    """
    options, config = inputs.options, inputs.options.recipes.whole.config
    if inputs.may_prove or options.strategy == "finetune":
        backbone = copy.deepcopy(inputs.start.backbone)
        model = Classifier(backbone, linear_head(backbone.channels, len(inputs.found.classes)))
        return whole_step_seconds(model, source, on_device(config, options, model))
    size = inputs.preprocessing.image_size
    smaller = (sizes_of(size, options).training / size) ** 2
    return inputs.recipe.trained * config.batch_size * smaller / inputs.ranking.chosen.photos_per_second


def _describe_copies(views: int) -> str:
    return "no augmented copies" if views == 1 else f"augmented copies: {views - 1} per photo"


def _expected_errors(inputs: PlanInputs) -> tuple[float, float]:
    """The least and the greatest error rate of the probe: the sample's interval, scaled to the training set's size."""
    accuracy = _accuracy(inputs)
    grown = min(1.0, (inputs.learned / max(inputs.ranking.sampled, 1)) ** -inputs.recipe.steepest)
    return (1 - accuracy.high) * grown, 1 - accuracy.low


def _accuracy(inputs: PlanInputs) -> Estimate:
    """The accuracy of the probe on the sample."""
    return inputs.ranking.chosen.accuracy or Estimate(0.5, 0.0, 1.0, 0)


def _notes(inputs: PlanInputs) -> tuple[str, ...]:
    """Notes on what is unusual about the photos."""
    notes = []
    without, with_it = inputs.ranking.pixels, inputs.ranking.chosen.accuracy
    if inputs.is_far and without is not None and with_it is not None:
        notes.append(
            f"These photos are far from the source domain of {inputs.start.architecture}: on a sample, a linear "
            f"classifier has an accuracy of {100 * with_it.value:.0f} % on its features and of "
            f"{100 * without.value:.0f} % on bare pixels."
        )
    if inputs.is_large:
        notes.append(
            f"There are {inputs.of_class:.0f} training photos per class: a model trained from scratch may be as good."
        )
    return tuple(notes)


def _why_finetune(times: _Times) -> str:
    inputs, strategy = times.inputs, times.inputs.options.strategy
    if strategy != "auto":
        return "requested" if times.tuned else f"{strategy} was requested"
    if inputs.may_prove and not times.tuned:
        return f"the time allows no fair trial: {max(each.epochs for each in times.tunings)} epochs"
    if not times.tuned:
        return (
            f"the probe should make about {count_of(round(inputs.mistakes), 'validation mistake')}, too few for a "
            "significant improvement"
        )
    return "kept if better on validation photos"


def _why_scratch(times: _Times) -> str:
    inputs, strategy = times.inputs, times.inputs.options.strategy
    if strategy != "auto":
        return f"{strategy} was requested"
    if not inputs.times_scratch and inputs.is_far:
        return f"{inputs.of_class:.0f} photos per class are too few to train a model from scratch"
    if not inputs.times_scratch:
        return f"with {inputs.of_class:.0f} photos per class, similar to the source domain, transfer learning is better"
    if not times.has_fair_epochs:
        return f"the time allows fewer than {inputs.recipe.fair_epochs} epochs"
    return "kept if significantly better on validation photos"


def _common_seconds(inputs: PlanInputs) -> float:
    """The seconds that every strategy spends before and after training."""
    sets = [inputs.found, *([inputs.unlabelled] if inputs.unlabelled else [])]
    files = sum(count_undecoded(each, inputs.preprocessing, inputs.prefix.cache) for each in sets)
    decoding = files * inputs.ranking.decode_seconds
    return (
        inputs.spent
        + decoding
        + inputs.tested / inputs.ranking.chosen.photos_per_second
        + inputs.recipe.writing_seconds
    )


def _probe_seconds(inputs: PlanInputs) -> float:
    """The run time if only a probe is fitted."""
    digests = [photo.digest for photo in training_photos(inputs.found)]
    views = [inputs.prefix.view(number, inputs.options.augmentation) for number in range(inputs.options.views)]
    unseen = sum(len(view.rows.missing(digests)) for view in views)
    fit, curve = _fit_seconds(inputs)
    if inputs.unlabelled is not None:
        unseen += len(views[0].rows.missing([photo.digest for photo in inputs.unlabelled.photos]))
        fit += _self_training_seconds(inputs)
    return _common_seconds(inputs) + unseen / inputs.ranking.chosen.photos_per_second + fit + curve


def _fit_seconds(inputs: PlanInputs) -> tuple[float, float]:
    """The probe's fits and its learning curve, in proportion to the fit of the sample."""
    recipes, learned = inputs.options.recipes, inputs.learned
    widths = {stage.name: stage.channels for stage in inputs.prefix.backbone.info}
    probed = choices(inputs.prefix, learned, recipes.probe)
    fitted = sum(widths[name] for choice in probed for name in choice.split(TOGETHER))
    wider = fitted / sum(widths[name] for name in inputs.prefix.stages)
    repeats, curve = recipes.probe.repeats_for(learned), recipes.learning_curve
    points = curve.folds * sum(curve.shares) * min(learned, curve.most_photos) * (1 - 1 / curve.folds)
    fits = wider * _unit_seconds(inputs) * _count_searched(inputs, learned, inputs.options.views, repeats)
    return fits, recipes.plan.cold_fit * _unit_seconds(inputs) * points * repeats


def _unit_seconds(inputs: PlanInputs) -> float:
    """The cost of a path of fits per photo, by that of the sample."""
    return inputs.ranking.chosen.fit_seconds / _count_searched(inputs, inputs.ranking.sampled, 1, 1)


def _self_training_seconds(inputs: PlanInputs) -> float:
    """Cold fits, one per round, of every fold and of all photos."""
    shares = inputs.options.recipes.self_training.shares
    others = 0 if inputs.unlabelled is None else len(inputs.unlabelled.photos)
    fitted = (1 + len(shares)) * inputs.options.views * inputs.learned + sum(shares) * others
    return inputs.recipe.cold_fit * _unit_seconds(inputs) * FOLDS * fitted


def _count_searched(inputs: PlanInputs, photos: int, views: int, repeats: int) -> int:
    """Photos in the fits of the strength search, and in the fit to all, with the fixed cost of each fit."""
    folds, before = (FOLDS - 1) * repeats, inputs.recipe.before_fits
    searched = min(photos, inputs.options.recipes.probe.search_photos)
    return folds * (views * searched + before) + views * photos + before


def _tail_seconds(inputs: PlanInputs, probed: float) -> tuple[float, float, int]:
    """The trial of fine-tuning on four fifths and the fit to all, after ``probed`` seconds; and its epochs."""
    prefix, tail = inputs.start.backbone.split(inputs.start.cut or "")
    model = nn.Sequential(tail, linear_head(tail.channels, len(inputs.found.classes)))
    side = math.ceil(inputs.preprocessing.image_size / prefix.info[-1].stride)

    def batch(indices: torch.Tensor, epoch: int) -> Batch:
        draw = torch.Generator().manual_seed(epoch)
        maps = torch.rand((len(indices), prefix.channels, side, side), generator=draw)
        return maps, torch.randint(len(inputs.found.classes), (len(indices),), generator=draw)

    source = ExampleSource(inputs.learned, batch)
    recipe = inputs.options.recipes.finetune
    config = recipe.config
    step = tail_step_seconds(model, source, config)
    epoch = step * source.steps(config)
    left = recipe.share * (inputs.options.time_budget - probed)
    left /= HELD_IN + recipe.continued
    epochs = affordable_epochs(left, epoch, most=config.epochs, fewest=recipe.fewest_epochs)
    answering = inputs.recipe.inference * step * inputs.learned / config.batch_size
    held = 1 / FOLDS
    trial = (1 - held) * (_fit_seconds(inputs)[0] + epochs * epoch) + held * answering
    return trial, recipe.continued * epochs * epoch + answering + inputs.recipe.export_seconds, epochs


def _choose_scratch(inputs: PlanInputs) -> tuple[str, int]:
    """The model that is trained from scratch, and its image size."""
    if inputs.options.names_backbone:
        return inputs.start.architecture, inputs.preprocessing.image_size
    return inputs.options.recipes.scratch.model_for(inputs.ranking.side)


def _scratch_seconds(inputs: PlanInputs, before: float) -> tuple[float, int]:
    """The duration of training from scratch after ``before`` seconds, and its number of epochs."""
    recipe, (_, side) = inputs.options.recipes.scratch, _choose_scratch(inputs)
    source = _random_photos(inputs, side, max(2, round(HELD_IN * inputs.learned)))
    config, step = _scratch_step(inputs, source)
    epoch = inputs.recipe.additions * step * source.steps(config)
    epoch += inputs.recipe.inference * step * (inputs.learned - source.examples) / config.batch_size
    decoding = 0.0
    if side != inputs.preprocessing.image_size:
        preprocessing = replace(inputs.preprocessing, image_size=side)
        undecoded = count_undecoded(inputs.found, preprocessing, inputs.options.cache)
        decoding = undecoded * inputs.ranking.decode_seconds
    left = recipe.share * (inputs.options.time_budget - before - decoding)
    epochs = affordable_epochs(left, epoch, most=config.epochs, fewest=recipe.fewest_epochs)
    answering = inputs.recipe.inference * step * inputs.learned / config.batch_size
    return decoding + epochs * epoch + answering, epochs


def _random_photos(inputs: PlanInputs, side: int, photos: int) -> ExampleSource:
    """As many random images of that size, augmented and normalised."""
    preprocessing = replace(inputs.preprocessing, image_size=side)

    def batch(indices: torch.Tensor, epoch: int) -> Batch:
        draw = torch.Generator().manual_seed(epoch)
        pixels = torch.randint(256, (len(indices), 3, side, side), generator=draw, dtype=torch.uint8)
        seen = normalise_pixels(augment(pixels, inputs.options.augmentation, draw), preprocessing)
        return seen, torch.randint(len(inputs.found.classes), (len(indices),), generator=draw)

    return ExampleSource(photos, batch)


def _scratch_step(inputs: PlanInputs, source: ExampleSource) -> tuple[TrainingConfig, float]:
    """How a model is trained from scratch, and the seconds of one step.

    For a model that will not be tried, no step is run if the speed of the same model, frozen, gives an estimate.
    """
    (name, side), recipe = _choose_scratch(inputs), inputs.options.recipes.scratch
    speeds = {each.model: each.photos_per_second * (each.image_size / side) ** 2 for each in inputs.ranking.backbones}
    if name in speeds and not inputs.times_scratch:
        config = replace(recipe.config, epochs=recipe.epochs_for(source.examples))
        return config, inputs.recipe.trained * config.batch_size / speeds[name]
    parts = inputs.recipe.timed_parts if side >= inputs.recipe.slow_side else 1
    return timed_config(name, len(inputs.found.classes), source, inputs.options, parts=parts)

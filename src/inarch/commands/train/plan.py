"""What each strategy should take and reach, said before the start: from a sample of the photos and a few timed steps.

Times are measured here and now: decoding, the frozen net and the linear fit while the backbones are compared, then one
training step of the tail and one of a whole net, on random input. What cannot be timed beforehand is a constant.
Accuracies are bands around what a linear classifier reached on the sample; how it grows with the photos, and how the
other strategies do beside it, was measured elsewhere: each constant says where.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property

import torch
from torch import nn

from inarch import clock
from inarch.commands.train.learning_curve import FOLDS, MOST_PHOTOS, SHARES
from inarch.commands.train.strategies.finetune import FINETUNING, PROVABLE, tail_step_seconds
from inarch.commands.train.strategies.finetune import SHARE as TUNING_SHARE
from inarch.commands.train.strategies.probe import TOGETHER, choices
from inarch.commands.train.strategies.scratch import (
    FAST,
    choose_scratch_model,
    timed_config,
    wanted_epochs,
)
from inarch.commands.train.strategies.scratch import SHARE as ALONE_SHARE
from inarch.commands.train.unlabelled import SHARES as ROUNDS
from inarch.data.augment import augment
from inarch.data.augmentation import Augmentation
from inarch.data.photos import PhotoSet, Preprocessing
from inarch.data.split import training_photos
from inarch.data.store import count_undecoded
from inarch.metrics.records import Estimate
from inarch.models import linear_head
from inarch.training.budget import affordable_epochs
from inarch.training.loop import Batch, ExampleSource
from inarch.training.pixels import normalise_pixels
from inarch.transfer.cuts import later_cuts
from inarch.transfer.features import Prefix
from inarch.transfer.linear import SEARCH_PHOTOS, usual_repeats
from inarch.transfer.records.plan import Plan, PlannedStrategy
from inarch.transfer.records.ranking import Ranking
from inarch.transfer.run import StartingPoint
from inarch.transfer.tail import FEWEST_EPOCHS, is_fair_trial

EXPORT, WRITING = 1.0, 0.5
"""Seconds: a whole net as an ONNX graph; the figures, the report and the bundle."""
COLD = 0.7
"""A cold fit at one penalty, in what the search takes for a photo and a fold, where a path of penalties is fitted."""
BEFORE = 500
"""What a path of fits takes before it looks at any photo, in photos: from 100 to 4,000 the time grows sixfold."""
TRAINED = 3.0
"""A photo of a training step of a whole net, in photos that the frozen net answers: 1.1 to 3.4 for five nets on a
processor that multiplies 16-bit numbers. For what will not be tried, as such steps take seconds."""
BESIDES = 1.25
"""An epoch from scratch, in its steps: the average of the weights and the checkpoint come on top."""
FORWARD = 0.4
"""A photo that is only answered, in photos of a training step."""
STEEPEST = 0.35
"""Errors fall with the number of photos at most with this power (Hestness et al. 2017, arXiv 1712.00409, section 5)."""
FINETUNED = (0.4, 1.1)
"""Errors of fine-tuning, in errors of a linear classifier on the same features. In table 3 of Grill et al. 2020 (arXiv
2006.07733) most sets lie between; Cars (0.2) and Aircraft lie below, Caltech-101 (1.2) above."""
ALONE = (0.7, 4.0)
"""Errors of a net from scratch, likewise, and a guess: the same table goes from 0.3 to 5, for larger sets and no limit
of time."""
LARGE = 300
"""Photos of a class from which on a net from scratch may beat a graft."""
SIMPLE, FAR = 0.5, 0.5
"""Photos are far from what the backbone learned, and simple, if a linear classifier without it errs on at most the
first share of them, and with it still makes the second share of those errors."""
FEWER, SLOW_SIDE = 8, 96
"""Images of a batch of which only such a part is timed where they are as large: their steps take seconds."""
FAIR_EPOCHS = 8
"""A net from scratch is not tried where there is no time for as many."""


@dataclass(frozen=True, kw_only=True)
class PlanInputs:
    """What is known of a run before it starts."""

    found: PhotoSet
    unlabelled: PhotoSet | None = None
    """Photos without labels that the probe is to learn from too."""
    start: StartingPoint
    preprocessing: Preprocessing
    ranking: Ranking
    """Of a sample of these photos; its chosen row is of this backbone."""
    named: bool
    """Whether the user chose the net."""
    prefix: Prefix
    augmentation: Augmentation
    views: int
    time_budget: float
    spent: float
    """Seconds so far."""
    seed: int

    @cached_property
    def learned(self) -> int:
        """Photos to learn from."""
        return len(training_photos(self.found))

    @property
    def tested(self) -> int:
        """Photos to report on."""
        return len(self.found.photos) - self.learned

    @property
    def of_class(self) -> float:
        """Photos of a class to learn from, on average."""
        return self.learned / len(self.found.classes)


@dataclass(frozen=True)
class _FinetunePlan:
    """Fine-tuning behind one cut."""

    cut: str | None
    obstacle: str
    """Why it is not possible; empty where it is."""
    trial: float = 0.0
    final: float = 0.0
    """Seconds on four fifths of the photos, and on all."""
    epochs: int = 0

    @property
    def is_fair(self) -> bool:
        """Whether it can show what it is worth."""
        return not self.obstacle and is_fair_trial(self.epochs)


def plan(course: PlanInputs, strategy: str, obstacle_to: Callable[[StartingPoint], str] = lambda start: "") -> Plan:
    """Time and accuracy of every strategy, and which of them the run will try.

    Args:
        course: what is known.
        strategy: what was asked for.
        obstacle_to: why fine-tuning a starting point is not possible; empty where it is.
    """
    began = clock.seconds()
    is_far, is_large = _is_far(course.ranking), course.of_class >= LARGE
    mistakes = (1 - _accuracy(course).value) * course.learned / FOLDS
    may_prove = strategy == "auto" and mistakes >= PROVABLE
    probed = _probe_seconds(course)
    tuning, passed = _choose_finetuning(course, probed, obstacle_to, may_choose=may_prove or strategy == "finetune")
    before = probed + tuning.trial + tuning.final
    alone, epochs = _scratch_seconds(course, before, timed=strategy == "auto" and (is_far or is_large))
    thinking = clock.seconds() - began
    low, high = _expected_errors(course)
    obstacle = tuning.obstacle
    tunes = not obstacle and (strategy == "finetune" or (may_prove and tuning.is_fair))
    is_fair = epochs >= FAIR_EPOCHS
    goes_alone = strategy == "auto" and is_fair and (is_far or is_large)
    tried = thinking + probed + tunes * tuning.trial + goes_alone * alone

    def row(
        name: str, settings: str, seconds: float, share: tuple[float, float], planned: bool, why: str
    ) -> PlannedStrategy:
        reaches = max(0.0, 1 - high * share[1]), 1 - low * share[0]
        return PlannedStrategy(name, settings, seconds, *reaches, planned, why)

    seen = f"{course.start.architecture}, {course.preprocessing.image_size} px, {_describe_copies(course.views)}"
    asked = "asked for" if strategy == "probe" else "where the others start" if tunes else "the quickest"
    rows = [row("probe", seen, thinking + probed if strategy != "auto" else tried, (1.0, 1.0), True, asked)]
    if not obstacle:
        seconds = tried + tuning.final + (0.0 if tunes else tuning.trial)
        why = _why_finetune(strategy, mistakes, tuning.epochs, tunes=tunes)
        rows.append(row("finetune", f"the net behind {tuning.cut}", seconds, FINETUNED, tunes, why))
    name, side = _choose_scratch(course)
    why = _why_scratch(course, strategy, is_far=is_far, is_large=is_large, is_fair=is_fair)
    seconds = EXPORT + (tried if goes_alone else thinking + _common_seconds(course) + alone)
    rows.append(row("scratch", f"{name}, {side} px, {epochs} epochs", seconds, ALONE, goes_alone, why))
    notes = [f"Fine-tuning is not possible: {obstacle}."] if obstacle else [passed] if passed else []
    return Plan(tuple(rows), (*notes, *_notes(course, is_far=is_far, is_large=is_large)), tuning.cut)


def _choose_finetuning(
    course: PlanInputs, probed: float, obstacle_to: Callable[[StartingPoint], str], *, may_choose: bool
) -> tuple[_FinetunePlan, str]:
    """Fine-tuning where the net is usually cut or, where that cannot be tried fairly, behind the next cut that can;
    and a sentence about that."""
    usual = _estimate_finetuning(course, probed, obstacle_to)
    if usual.is_fair or not may_choose or course.start.cut_after is not None:
        return usual, ""
    for cut in later_cuts(course.start.backbone):
        found = _estimate_finetuning(replace(course, start=replace(course.start, cut_after=cut)), probed, obstacle_to)
        if found.is_fair:
            why = usual.obstacle or f"the time allows {usual.epochs} epochs"
            return found, f"Fine-tuning trains what follows {cut} alone: of all that follows {usual.cut}, {why}."
    return usual, ""


def _estimate_finetuning(
    course: PlanInputs, probed: float, obstacle_to: Callable[[StartingPoint], str]
) -> _FinetunePlan:
    if why := obstacle_to(course.start):
        return _FinetunePlan(course.start.cut, why)
    return _FinetunePlan(course.start.cut, "", *_finetune_seconds(course, probed))


def _describe_copies(views: int) -> str:
    return "1 view of each photo" if views == 1 else f"{views} views of each photo"


def _expected_errors(course: PlanInputs) -> tuple[float, float]:
    """Least and most of the probe: as on the sample, at its interval's ends, or fewer, as there are more photos."""
    accuracy = _accuracy(course)
    grown = min(1.0, (course.learned / max(course.ranking.sampled, 1)) ** -STEEPEST)
    return (1 - accuracy.high) * grown, 1 - accuracy.low


def _accuracy(course: PlanInputs) -> Estimate:
    """Of the probe on the sample."""
    return course.ranking.chosen.accuracy or Estimate(0.5, 0.0, 1.0, 0)


def _is_far(ranking: Ranking) -> bool:
    """Whether the backbone adds little to what the bare pixels of simple photos say."""
    without, with_it = ranking.pixels, ranking.chosen.accuracy
    if without is None or with_it is None:
        return False
    return 1 - without.value <= SIMPLE and 1 - with_it.value >= FAR * (1 - without.value)


def _notes(course: PlanInputs, *, is_far: bool, is_large: bool) -> tuple[str, ...]:
    """What is unusual about the photos."""
    notes = []
    without, with_it = course.ranking.pixels, course.ranking.chosen.accuracy
    if is_far and without is not None and with_it is not None:
        notes.append(
            f"These photos are far from what {course.start.architecture} learned: on a sample, a linear classifier is "
            f"right on {100 * with_it.value:.0f} % with its features and on {100 * without.value:.0f} % with bare "
            "pixels alone."
        )
    if is_large:
        notes.append(
            f"There are {course.of_class:.0f} photos of a class, so many that a net which learns from them alone may "
            "do as well."
        )
    return tuple(notes)


def _why_finetune(strategy: str, mistakes: float, epochs: int, *, tunes: bool) -> str:
    if strategy != "auto":
        return "asked for" if tunes else f"{strategy} was asked for"
    if mistakes >= PROVABLE and not tunes:
        return f"the time allows no fair trial: {epochs} epochs"
    if not tunes:
        return f"the probe should be wrong on about {mistakes:.0f} held-out photos, too few to prove anything by"
    return "kept if it proves better on held-out photos"


def _why_scratch(course: PlanInputs, strategy: str, *, is_far: bool, is_large: bool, is_fair: bool) -> str:
    if strategy != "auto":
        return f"{strategy} was asked for"
    if not (is_far or is_large):
        return f"with {course.of_class:.0f} photos of a class, which resemble what the backbone learned, a graft wins"
    if not is_fair:
        return f"the time allows fewer than {FAIR_EPOCHS} epochs"
    return "kept if it proves better on held-out photos"


def _common_seconds(course: PlanInputs) -> float:
    """What every strategy has before and after it."""
    sets = [course.found, *([course.unlabelled] if course.unlabelled else [])]
    files = sum(count_undecoded(each, course.preprocessing, course.prefix.cache) for each in sets)
    decoding = files * course.ranking.decode_seconds
    return course.spent + decoding + course.tested / course.ranking.chosen.photos_per_second + WRITING


def _probe_seconds(course: PlanInputs) -> float:
    """The whole run, if nothing but a probe is fitted."""
    digests = [photo.digest for photo in training_photos(course.found)]
    views = [course.prefix.view(number, course.augmentation) for number in range(course.views)]
    unseen = sum(len(view.rows.missing(digests)) for view in views)
    fit, curve = _fit_seconds(course)
    if course.unlabelled is not None:
        unseen += len(views[0].rows.missing([photo.digest for photo in course.unlabelled.photos]))
        fit += _self_training_seconds(course)
    return _common_seconds(course) + unseen / course.ranking.chosen.photos_per_second + fit + curve


def _fit_seconds(course: PlanInputs) -> tuple[float, float]:
    """The probe's fits and its learning curve, in proportion to the fit of the sample."""
    widths = {stage.name: stage.channels for stage in course.prefix.backbone.info}
    fitted = sum(widths[name] for choice in choices(course.prefix, course.learned) for name in choice.split(TOGETHER))
    wider = fitted / sum(widths[name] for name in course.prefix.stages)
    unit = course.ranking.chosen.fit_seconds / _count_searched(course.ranking.sampled, 1, 1)
    repeats = usual_repeats(course.learned)
    points = FOLDS * sum(SHARES) * min(course.learned, MOST_PHOTOS) * (1 - 1 / FOLDS)
    return wider * unit * _count_searched(course.learned, course.views, repeats), COLD * unit * points * repeats


def _self_training_seconds(course: PlanInputs) -> float:
    """Cold fits, one in each round, of every fold and of all photos."""
    unit = course.ranking.chosen.fit_seconds / _count_searched(course.ranking.sampled, 1, 1)
    others = 0 if course.unlabelled is None else len(course.unlabelled.photos)
    fitted = (1 + len(ROUNDS)) * course.views * course.learned + sum(ROUNDS) * others
    return COLD * unit * FOLDS * fitted


def _count_searched(photos: int, views: int, repeats: int) -> int:
    """Photos that are fitted while the penalty is searched, and in the fit of all, each fit's `BEFORE` among them."""
    folds = (FOLDS - 1) * repeats
    return folds * (views * min(photos, SEARCH_PHOTOS) + BEFORE) + views * photos + BEFORE


def _finetune_seconds(course: PlanInputs, probed: float) -> tuple[float, float, int]:
    """Fine-tuning on four fifths with another set of fits, and then on all, after ``probed`` seconds; its epochs."""
    prefix, tail = course.start.backbone.split(course.start.cut or "")
    model = nn.Sequential(tail, linear_head(tail.channels, len(course.found.classes)))
    side = math.ceil(course.preprocessing.image_size / prefix.info[-1].stride)

    def batch(indices: torch.Tensor, epoch: int) -> Batch:
        draw = torch.Generator().manual_seed(epoch)
        maps = torch.rand((len(indices), prefix.channels, side, side), generator=draw)
        return maps, torch.randint(len(course.found.classes), (len(indices),), generator=draw)

    source = ExampleSource(course.learned, batch)
    step = tail_step_seconds(model, source, FINETUNING)
    epoch = step * source.steps(FINETUNING)
    left = TUNING_SHARE * (course.time_budget - probed)
    epochs = affordable_epochs(left / 2, epoch, most=FINETUNING.epochs, fewest=FEWEST_EPOCHS)
    answering = FORWARD * step * course.learned / FINETUNING.batch_size
    held = 1 / FOLDS
    trial = (1 - held) * (_fit_seconds(course)[0] + epochs * epoch) + held * answering
    return trial, epochs * epoch + answering + EXPORT, epochs


def _choose_scratch(course: PlanInputs) -> tuple[str, int]:
    """The net that learns from scratch, and its image size."""
    if course.named:
        return course.start.architecture, course.preprocessing.image_size
    return choose_scratch_model(course.ranking.side)


def _scratch_seconds(course: PlanInputs, before: float, *, timed: bool) -> tuple[float, int]:
    """A net from scratch, tried after ``before`` seconds, and the epochs that it has time for.

    Unless ``timed``, no step is run where the speed of the same net frozen gives an idea.
    """
    name, side = _choose_scratch(course)
    preprocessing = replace(course.preprocessing, image_size=side)

    def batch(indices: torch.Tensor, epoch: int) -> Batch:
        draw = torch.Generator().manual_seed(epoch)
        pixels = torch.randint(256, (len(indices), 3, side, side), generator=draw, dtype=torch.uint8)
        seen = normalise_pixels(augment(pixels, course.augmentation, draw), preprocessing)
        return seen, torch.randint(len(course.found.classes), (len(indices),), generator=draw)

    source = ExampleSource(max(2, round((1 - 1 / FOLDS) * course.learned)), batch)
    speeds = {each.model: each.photos_per_second * (each.image_size / side) ** 2 for each in course.ranking.backbones}
    if name in speeds and not timed:
        config = replace(FAST, epochs=wanted_epochs(source.examples))
        step = TRAINED * config.batch_size / speeds[name]
    else:
        parts = FEWER if side >= SLOW_SIDE else 1
        config, step = timed_config(name, len(course.found.classes), source, course.seed, parts=parts)
    epoch = BESIDES * step * source.steps(config)
    epoch += FORWARD * step * (course.learned - source.examples) / config.batch_size
    decoding = 0.0
    if side != course.preprocessing.image_size:
        decoding = count_undecoded(course.found, preprocessing, course.prefix.cache) * course.ranking.decode_seconds
    left = ALONE_SHARE * (course.time_budget - before - decoding)
    epochs = affordable_epochs(left, epoch, most=config.epochs, fewest=FEWEST_EPOCHS)
    answering = FORWARD * step * course.learned / config.batch_size
    return decoding + epochs * epoch + answering, epochs

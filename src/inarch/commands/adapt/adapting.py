"""All adaptation methods are tried: first those without target labels, then, if labels are given, the others."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from inarch.commands.adapt.judging import LabelledChoice
from inarch.commands.adapt.labelled import (
    LABELLED_METHODS,
    LabelledMethod,
    LabelledTarget,
    SupervisedModel,
)
from inarch.commands.adapt.methods import METHODS
from inarch.commands.adapt.problem import (
    AdaptationProblem,
    AdaptedModel,
    Domain,
    compute_logits,
)
from inarch.commands.adapt.selection import (
    NONE,
    CandidateChoice,
    choose_candidate,
    scores,
)
from inarch.commands.adapt.validators import VALIDATORS
from inarch.errors import WorkError
from inarch.metrics.softmax import check_finite, softmax
from inarch.transfer.proof import Snapshot, digests
from inarch.transfer.records.adaptation import AdaptedCandidate
from inarch.transfer.records.report import ParameterChanges


@dataclass(frozen=True)
class UnsupervisedRuns:
    """The results of several methods."""

    adapted: dict[str, AdaptedModel]
    """By method; the unadapted model is `NONE`."""
    seconds: dict[str, float]
    movements: dict[str, ParameterChanges]
    left_out: tuple[tuple[str, str], ...]

    def joined(self, other: "UnsupervisedRuns", left_out: tuple[tuple[str, str], ...] = ()) -> "UnsupervisedRuns":
        """The results of both, with further methods that were left out."""
        return UnsupervisedRuns(
            {**self.adapted, **other.adapted},
            {**self.seconds, **other.seconds},
            {**self.movements, **other.movements},
            (*left_out, *self.left_out, *other.left_out),
        )


@dataclass(frozen=True)
class SupervisedRuns:
    """The results of training on target labels, and those of the unsupervised methods on the same photos."""

    learned: UnsupervisedRuns
    held_out: dict[str, NDArray[np.float64]]
    """For each candidate, also the unsupervised ones: out-of-fold logits of the labelled target photos,
    (n, classes)."""


def run_unsupervised(task: AdaptationProblem, methods: Sequence[str]) -> UnsupervisedRuns:
    """Adapt by each of ``methods`` that has no obstacle, and prove which parameters each has updated.

    The problem's seconds are for all methods together; a method that fails is left out, and the others go on.

    Raises:
        FrozenTensorChangedError: a method updated a frozen tensor.
    """
    before = digests(task.model)
    began = time.perf_counter()
    moving = task.moving()
    logits = compute_logits(moving, task, task.target)
    adapted = {NONE: AdaptedModel(task.model, task.temperature, "not adapted", logits, frozenset())}
    seconds = {NONE: time.perf_counter() - began}
    ways = {name: (METHODS[name].obstacle, METHODS[name].adapt) for name in methods}
    done, left_out = _run_methods(replace(task, seconds=task.seconds - seconds[NONE]), ways)
    movements: dict[str, ParameterChanges] = {}
    for name, (each, took) in done.items():
        adapted[name], seconds[name] = each, took
        movements[name] = _movement(name, before, each)
    return UnsupervisedRuns(adapted, seconds, movements, left_out)


def run_supervised(task: AdaptationProblem, labelled: LabelledTarget, result: UnsupervisedRuns) -> SupervisedRuns:
    """Train on target labels by each method that has no obstacle, and predict the labelled photos with all candidates.

    Raises:
        FrozenTensorChangedError: a method updated a frozen tensor.
    """
    before = digests(task.model)
    ways = {name: (each.obstacle, partial(_learn, each, labelled)) for name, each in LABELLED_METHODS.items()}
    done, left_out = _run_methods(task, ways)
    learned = UnsupervisedRuns(
        {name: each.adapted for name, (each, _) in done.items()},
        {name: took for name, (_, took) in done.items()},
        {name: _movement(name, before, each.adapted) for name, (each, _) in done.items()},
        left_out,
    )
    whole, pixels = replace(task, cut=None), Domain(labelled.domain.pixels, None)
    answers = {name: compute_logits(each.model, whole, pixels) for name, each in result.adapted.items()}
    return SupervisedRuns(learned, {**answers, **{name: each.held_out for name, (each, _) in done.items()}})


def _learn(method: LabelledMethod, labelled: LabelledTarget, task: AdaptationProblem) -> SupervisedModel:
    return method.learn(task, labelled)


T = TypeVar("T", AdaptedModel, SupervisedModel)


MethodWithObstacle = tuple[Callable[[AdaptationProblem], str], Callable[[AdaptationProblem], T]]
"""A function that names the obstacle to a method, and the method."""


def _run_methods(
    task: AdaptationProblem, ways: Mapping[str, MethodWithObstacle[T]]
) -> tuple[dict[str, tuple[T, float]], tuple[tuple[str, str], ...]]:
    """The result and the seconds of each method; and those that were left out, with the reasons."""
    done: dict[str, tuple[T, float]] = {}
    left_out = []
    ends = time.perf_counter() + task.seconds
    for place, (name, (obstacle, adapt)) in enumerate(ways.items()):
        if why := obstacle(task):
            left_out.append((name, why))
            continue
        began = time.perf_counter()
        try:
            result = adapt(replace(task, seconds=(ends - began) / (len(ways) - place)))
            check_finite("logits", result.logits if isinstance(result, AdaptedModel) else result.held_out)
        except WorkError as error:
            left_out.append((name, str(error)))
            continue
        done[name] = result, time.perf_counter() - began
    return done, tuple(left_out)


def _movement(name: str, before: Mapping[str, str], adapted: AdaptedModel) -> ParameterChanges:
    return Snapshot(name, dict(before), frozenset(before) - adapted.trained).movement(adapted.model)


def probabilities_of(result: UnsupervisedRuns) -> dict[str, NDArray[np.float64]]:
    """Every candidate's probabilities on the target photos, (m, classes)."""
    return {name: softmax(each.logits, each.temperature) for name, each in result.adapted.items()}


def choose_unsupervised(result: UnsupervisedRuns, validator: str | None, *, seed: int) -> CandidateChoice:
    """See `choose_candidate`."""
    return choose_candidate(probabilities_of(result), validator, seed=seed)


def candidates_of(result: UnsupervisedRuns, choice: CandidateChoice) -> tuple[AdaptedCandidate, ...]:
    """The record of each unsupervised candidate."""
    answers = probabilities_of(result)
    scored = {validator: scores(answers, validator) for validator in VALIDATORS}
    return tuple(
        replace(
            _candidate(result, name, answers[NONE], chosen=name == choice.name),
            scores=tuple((validator, each[name]) for validator, each in scored.items()),
            gain=choice.gains.get(name),
        )
        for name in answers
    )


def judge_candidates(
    candidates: Sequence[AdaptedCandidate], result: UnsupervisedRuns, learned: UnsupervisedRuns, choice: LabelledChoice
) -> tuple[AdaptedCandidate, ...]:
    """The records of ``candidates`` and of those trained on labels, with their accuracies on those labels."""
    before = probabilities_of(result)[NONE]
    every = [*candidates, *(_candidate(learned, name, before, chosen=False) for name in learned.adapted)]
    return tuple(
        replace(
            each,
            chosen=each.method == choice.name,
            learned=choice.accuracies[each.method],
            against=choice.against.get(each.method),
        )
        for each in every
    )


def _candidate(result: UnsupervisedRuns, name: str, before: NDArray[np.float64], *, chosen: bool) -> AdaptedCandidate:
    """The record of a candidate, compared with the probabilities ``before`` of the unadapted model."""
    adapted = result.adapted[name]
    answers = adapted.logits.argmax(1)
    return AdaptedCandidate(
        method=name,
        settings=adapted.settings,
        scores=(),
        gain=None,
        changed=float((answers != before.argmax(1)).mean()),
        shares=tuple((np.bincount(answers, minlength=before.shape[1]) / len(answers)).tolist()),
        seconds=result.seconds[name],
        chosen=chosen,
    )

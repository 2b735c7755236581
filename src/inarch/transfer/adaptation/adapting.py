"""Every way of adapting is tried, and one is taken without a look at a target label."""

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from inarch.errors import WorkError
from inarch.metrics.softmax import check_finite, softmax
from inarch.metrics.validators import VALIDATORS
from inarch.records import AdaptedCandidate, Movement
from inarch.transfer.adaptation.methods import METHODS
from inarch.transfer.adaptation.selection import NONE, Choice, chosen, scores
from inarch.transfer.adaptation.task import Adapted, Task, computed
from inarch.transfer.proof import Snapshot, digests


@dataclass(frozen=True)
class Tried:
    """What came of all methods."""

    adapted: dict[str, Adapted]
    """By method; the net as it was is `NONE`."""
    seconds: dict[str, float]
    movements: dict[str, Movement]
    left_out: tuple[tuple[str, str], ...]


def tried(task: Task, methods: Sequence[str]) -> Tried:
    """Adapt by each of ``methods`` that nothing stands in the way of, and prove what each has moved.

    The task's seconds are for all of them together; a method that fails is left out, and the others go on.

    Raises:
        FrozenMovedError: a method moved what it had no right to.
    """
    before = digests(task.model)
    began = time.perf_counter()
    moving = task.moving()
    logits = computed(moving, task, task.target)
    adapted = {NONE: Adapted(task.model, task.temperature, "as it was", logits, frozenset())}
    seconds = {NONE: time.perf_counter() - began}
    movements: dict[str, Movement] = {}
    left_out = []
    ends = began + task.seconds
    for place, name in enumerate(methods):
        if why := METHODS[name].obstacle(task):
            left_out.append((name, why))
            continue
        began = time.perf_counter()
        own = replace(task, seconds=(ends - began) / (len(methods) - place))
        try:
            adapted[name] = _checked(METHODS[name].adapt(own))
        except WorkError as error:
            left_out.append((name, str(error)))
            continue
        seconds[name] = time.perf_counter() - began
        frozen = frozenset(before) - adapted[name].trained
        movements[name] = Snapshot(name, before, frozen).movement(adapted[name].model)
    return Tried(adapted, seconds, movements, tuple(left_out))


def _checked(adapted: Adapted) -> Adapted:
    """As it is.

    Raises:
        WorkError: a logit is NaN or infinite.
    """
    check_finite("logits", adapted.logits)
    return adapted


def answers_of(result: Tried) -> dict[str, NDArray[np.float64]]:
    """Every candidate's probabilities on the target photos."""
    return {name: softmax(each.logits, each.temperature) for name, each in result.adapted.items()}


def choose(result: Tried, validator: str | None, *, seed: int) -> Choice:
    """See `chosen`."""
    return chosen(answers_of(result), validator, seed=seed)


def candidates_of(result: Tried, choice: Choice) -> tuple[AdaptedCandidate, ...]:
    """The record of each candidate."""
    answers = answers_of(result)
    before = answers[NONE].argmax(1)
    scored = {validator: scores(answers, validator) for validator in VALIDATORS}
    return tuple(
        AdaptedCandidate(
            method=name,
            settings=result.adapted[name].settings,
            scores=tuple((validator, each[name]) for validator, each in scored.items()),
            gain=choice.gains.get(name),
            changed=float((own.argmax(1) != before).mean()),
            shares=tuple((np.bincount(own.argmax(1), minlength=own.shape[1]) / len(own)).tolist()),
            seconds=result.seconds[name],
            chosen=name == choice.name,
        )
        for name, own in answers.items()
    )

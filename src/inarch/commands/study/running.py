"""Measuring what a ledger lacks, seed by seed and arm by arm."""

import math
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

from inarch.commands.study.judging import complete_seeds
from inarch.commands.study.records import Claim, QuantityScale, StudyLedger, StudyRow
from inarch.commands.study.study import Bench, Readings, Study
from inarch.errors import WorkError


@dataclass(frozen=True)
class TimeLimit:
    """How long something may take, and by which clock."""

    seconds: float = math.inf
    clock: Callable[[], float] = time.perf_counter


def measure_missing(
    study: Study,
    bench: Bench | None,
    ledger: StudyLedger,
    *,
    seeds: int,
    limit: "TimeLimit | None" = None,
) -> Iterator[StudyLedger]:
    """The ledger after every missing measurement; it ends if the next would exceed the time.

    The order of the seeds does not depend on results, so a budget decides their number and not their choice.

    Args:
        study: the study.
        bench: its photos.
        ledger: the existing measurements.
        seeds: from 0 up.
        limit: what it may take in all; None is no limit.

    Raises:
        WorkError: a reading is not finite, or a ratio cannot be computed from it.
    """
    limit = limit or TimeLimit()
    ends = limit.clock() + limit.seconds
    done = {(row.seed, row.arm) for row in ledger.rows}
    for seed in range(seeds):
        for arm in study.claim.arms:
            if (seed, arm) in done:
                continue
            began = limit.clock()
            if began + _expected_seconds(study.claim, ledger.rows, arm) > ends:
                return
            readings = study.measure(bench, arm, seed)
            _check(study.claim, arm, readings)
            row = StudyRow(seed, arm, dict(readings), round(limit.clock() - began, 3))
            ledger = replace(ledger, rows=(*ledger.rows, row))
            yield ledger


def note_look(ledger: StudyLedger) -> StudyLedger:
    """The ledger with a note that its verdict has now been read."""
    n = len(complete_seeds(ledger.claim, ledger.rows))
    return ledger if n in (0, *ledger.looks) else replace(ledger, looks=(*ledger.looks, n))


def adopt_rows(ledger: StudyLedger, others: Sequence[StudyLedger]) -> StudyLedger:
    """The ledger with measurements that it lacks, from others with the same function on the same photos."""
    done = {(row.seed, row.arm) for row in ledger.rows}
    found = {
        (row.seed, row.arm): row
        for other in others
        if (other.photos, other.versions, other.hardware) == (ledger.photos, ledger.versions, ledger.hardware)
        for row in other.rows
        if row.arm in ledger.claim.arms and (row.seed, row.arm) not in done
    }
    return replace(ledger, rows=(*ledger.rows, *found.values()))


def _expected_seconds(claim: Claim, rows: Sequence[StudyRow], arm: str) -> float:
    """The expected duration of an arm's next measurement: that of the last ones, else the claim's."""
    taken = [row.seconds for row in rows if row.arm == arm]
    return statistics.mean(taken) if taken else claim.seconds / len(claim.arms)


def _check(claim: Claim, arm: str, readings: Readings) -> None:
    for quantity in claim.quantities:
        for at, reading in (quantity.one, quantity.other):
            if at == arm and quantity.scale == QuantityScale.TIMES and not readings[reading] > 0:
                raise WorkError(
                    f"In {claim.name}, {reading} of {arm} is {readings[reading]}: a ratio needs values above 0."
                )
    if spoilt := [name for name, value in readings.items() if not math.isfinite(value)]:
        raise WorkError(
            f"In {claim.name}, {spoilt[0]} of {arm} is {readings[spoilt[0]]}, which is not a finite number."
        )

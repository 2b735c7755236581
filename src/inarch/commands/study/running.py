"""Seed by seed, arm by arm: what is missing in a ledger is measured."""

import math
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

from inarch.commands.study.judging import complete_seeds
from inarch.commands.study.records import (
    TIMES,
    Claim,
    StudyLedger,
    StudyRow,
)
from inarch.commands.study.study import Bench, Readings, Study
from inarch.errors import WorkError


def measure_missing(
    study: Study,
    bench: Bench | None,
    ledger: StudyLedger,
    *,
    seeds: int,
    seconds: float = math.inf,
    clock: Callable[[], float] = time.perf_counter,
) -> Iterator[StudyLedger]:
    """The ledger after every measurement that it still lacked; it ends where the next would take more than is left.

    Which seeds come first does not depend on what comes out, so a budget decides how many there are, but not which.

    Args:
        study: what is measured.
        bench: what on.
        ledger: what there is already.
        seeds: from 0 up.
        seconds: what it may take in all.
        clock: seconds, to be passed by tests.

    Raises:
        WorkError: a reading is no finite number, or none that a ratio can be made of.
    """
    ends = clock() + seconds
    done = {(row.seed, row.arm) for row in ledger.rows}
    for seed in range(seeds):
        for arm in study.claim.arms:
            if (seed, arm) in done:
                continue
            began = clock()
            if began + _expected_seconds(study.claim, ledger.rows, arm) > ends:
                return
            readings = study.measure(bench, arm, seed)
            _check(study.claim, arm, readings)
            row = StudyRow(seed, arm, dict(readings), round(clock() - began, 3))
            ledger = replace(ledger, rows=(*ledger.rows, row))
            yield ledger


def note_look(ledger: StudyLedger) -> StudyLedger:
    """The ledger with the note that its verdict has now been read."""
    n = len(complete_seeds(ledger.claim, ledger.rows))
    return ledger if n in (0, *ledger.looks) else replace(ledger, looks=(*ledger.looks, n))


def adopt_rows(ledger: StudyLedger, others: Sequence[StudyLedger]) -> StudyLedger:
    """The ledger with what others, measured in the same way on the same photos, have of what it lacks."""
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
    """What the next measurement of an arm should take: as the last ones did, else as the claim says."""
    taken = [row.seconds for row in rows if row.arm == arm]
    return statistics.mean(taken) if taken else claim.seconds / len(claim.arms)


def _check(claim: Claim, arm: str, readings: Readings) -> None:
    for quantity in claim.quantities:
        for at, reading in (quantity.one, quantity.other):
            if at == arm and quantity.scale == TIMES and not readings[reading] > 0:
                raise WorkError(
                    f"In {claim.name}, {reading} of {arm} is {readings[reading]}: no ratio is made of that."
                )
    if spoilt := [name for name, value in readings.items() if not math.isfinite(value)]:
        raise WorkError(f"In {claim.name}, {spoilt[0]} of {arm} is {readings[spoilt[0]]}, which is no number.")

"""A study goes on where it stopped, keeps to its budget, and mixes nothing."""

import json
import os
from collections.abc import Mapping
from dataclasses import asdict, replace
from pathlib import Path

import pytest

from inarch.commands.study import run as studying
from inarch.commands.study.judging import judge_claim
from inarch.commands.study.ledger import read_ledger, to_json
from inarch.commands.study.options import StudyOptions
from inarch.commands.study.records import Claim, Quantity, QuantityScale, StudyLedger, Verdict
from inarch.commands.study.run import (
    PAGE,
    FailedStudy,
    _share,
    every_study,
    study,
    write_pages,
)
from inarch.commands.study.running import TimeLimit, adopt_rows, measure_missing, note_look
from inarch.commands.study.study import Bench, Study
from inarch.errors import PhotosError, UnknownNameError, UserError, WorkError

CLAIM = Claim(
    name="drawn",
    statement="New beats <old>.",
    source="a test",
    reported="nothing",
    design="drawn",
    limits="everything",
    quantities=(
        Quantity(words="gain", one=("new", "share"), other=("old", "share"), threshold=0.1, scale=QuantityScale.POINTS),
    ),
    arms=("new", "old"),
    seeds=3,
    seconds=2.0,
)
EMPTY = StudyLedger(claim=CLAIM, photos={}, versions={"torch": "2"}, hardware={"cores": 2})


class Counted:
    """A measurement that is its arm and seed, counts how often it is asked, and may be cut off."""

    def __init__(self, cut_off_at: int = 1000) -> None:
        self.asked: list[tuple[str, int]] = []
        self.cut_off_at = cut_off_at

    def __call__(self, bench: Bench | None, arm: str, seed: int) -> Mapping[str, float]:
        if len(self.asked) == self.cut_off_at:
            raise KeyboardInterrupt
        self.asked.append((arm, seed))
        return {"share": 0.5 + 0.01 * seed + 0.2 * (arm == "new")}


class Clock:
    """Seconds that pass when something is measured, and not else."""

    def __init__(self, each: float) -> None:
        self.now, self.each = 0.0, each

    def __call__(self) -> float:
        return self.now

    def measure(self, bench: Bench | None, arm: str, seed: int) -> Mapping[str, float]:
        self.now += self.each
        return {"share": 1.0}


@pytest.fixture
def only(monkeypatch: pytest.MonkeyPatch) -> Counted:
    """The catalog holds one study, which is quick."""
    counted = Counted()
    monkeypatch.setattr(studying, "find_study", lambda name: Study(CLAIM, counted))
    return counted


def options(tmp_path: Path, **others: object) -> StudyOptions:
    return StudyOptions(cache=tmp_path / "cache", **others)


def untimed(ledger: StudyLedger) -> StudyLedger:
    return replace(ledger, rows=tuple(replace(row, seconds=0.0) for row in ledger.rows))


@pytest.mark.parametrize("cut_off_at", range(6))
def test_a_study_that_was_cut_off_comes_to_the_same_ledger(only: Counted, cut_off_at: int, tmp_path: Path) -> None:
    """Wherever that was; nothing is measured twice, and being cut off is no look at the verdict."""
    only.cut_off_at = cut_off_at
    with pytest.raises(KeyboardInterrupt):
        study("drawn", tmp_path / "one", options(tmp_path))
    only.cut_off_at = 1000
    study("drawn", tmp_path / "one", options(tmp_path))
    assert sorted(only.asked) == sorted({*only.asked})
    study("drawn", tmp_path / "other", options(tmp_path))
    one, other = (read_ledger(tmp_path / name / "drawn.json") for name in ("one", "other"))
    assert untimed(one) == untimed(other)
    assert one.looks == (3,)


def test_a_ledger_survives_being_written_and_read(tmp_path: Path) -> None:
    """Every float to the last bit; one measurement a line."""
    ledger = EMPTY
    for more in measure_missing(Study(CLAIM, Counted()), None, EMPTY, seeds=2):
        ledger = more
    path = tmp_path / "drawn.json"
    path.write_text(to_json(note_look(ledger)), "utf-8")
    assert read_ledger(path) == note_look(ledger)
    assert sum('"arm"' in line for line in path.read_text("utf-8").splitlines()) == 4


def test_the_budget_ends_before_what_would_not_fit() -> None:
    """The first of an arm by what the claim says, the next by what it took; seeds come in order whatever comes out."""
    clock = Clock(each=3.0)
    run = measure_missing(Study(CLAIM, clock.measure), None, EMPTY, seeds=5, limit=TimeLimit(11.0, clock))
    ledgers = list(run)
    assert [(row.seed, row.arm) for row in ledgers[-1].rows] == [(0, "new"), (0, "old"), (1, "new")]
    assert clock.now <= 11.0
    assert judge_claim(CLAIM, ledgers[-1].rows).seeds == 1
    assert not list(measure_missing(Study(CLAIM, clock.measure), None, EMPTY, seeds=5, limit=TimeLimit(0.5, clock)))


def test_without_time_a_study_is_undecided_and_says_so(only: Counted, tmp_path: Path) -> None:
    """No seed, no look, a page all the same."""
    done = study("drawn", tmp_path / "out", options(tmp_path, budget=0.1))
    assert (done.finding.verdict, done.finding.seeds, done.ledger.looks) == (Verdict.UNDECIDED, 0, ())
    assert "0 of 3 seeds" in (tmp_path / "out" / "drawn.html").read_text("utf-8")


def test_more_seeds_after_a_look_cost_confidence(only: Counted, tmp_path: Path) -> None:
    """The same seeds again do not: there is nothing new to see."""
    for seeds, looks, confidence in ((2, (2,), 0.95), (2, (2,), 0.95), (4, (2, 4), 0.975), (4, (2, 4), 0.975)):
        done = study("drawn", tmp_path / "out", options(tmp_path, seeds=seeds))
        assert done.ledger.looks == looks
        assert done.finding.quantities[0].confidence == pytest.approx(confidence)
    assert done.finding.verdict == Verdict.SUPPORTED
    assert "read before with fewer seeds (2)" in (tmp_path / "out" / "drawn.html").read_text("utf-8")


@pytest.mark.parametrize(
    ("part", "change"),
    [
        ("claim or threshold", {"claim": replace(CLAIM, quantities=(replace(CLAIM.quantities[0], threshold=0.01),))}),
        ("photos", {"photos": {"photos": "others"}}),
        ("versions", {"versions": {"torch": "1"}}),
        ("machine", {"hardware": {"cores": 64}}),
    ],
)
def test_what_belongs_to_something_else_is_refused(
    part: str, change: dict[str, object], only: Counted, tmp_path: Path
) -> None:
    """A lowered threshold, other photos, another torch, another machine: the ledger stays as it was."""
    out = tmp_path / "out"
    study("drawn", out, options(tmp_path))
    path = out / "drawn.json"
    path.write_text(to_json(replace(read_ledger(path), **change)), "utf-8")
    before = path.read_bytes()
    with pytest.raises(UserError, match=f"measured with other {part}"):
        study("drawn", out, options(tmp_path))
    assert path.read_bytes() == before


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"format": 2}', '{"format": 1, "claim": 3}'])
def test_a_file_that_is_no_ledger_is_said(text: str, only: Counted, tmp_path: Path) -> None:
    """And not overwritten."""
    (tmp_path / "drawn.json").write_text(text)
    with pytest.raises(UserError, match="not a readable ledger of a study"):
        study("drawn", tmp_path, options(tmp_path))
    assert (tmp_path / "drawn.json").read_text() == text


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_a_reading_that_is_no_number_is_refused(value: float) -> None:
    """It would poison every mean."""
    run = measure_missing(Study(CLAIM, lambda bench, arm, seed: {"share": value}), None, EMPTY, seeds=1)
    with pytest.raises(WorkError, match="share of new"):
        list(run)


def test_a_ratio_of_nothing_is_refused() -> None:
    """A gradient that has died is said by name, not by a logarithm of zero."""
    claim = replace(CLAIM, quantities=(replace(CLAIM.quantities[0], scale=QuantityScale.TIMES),))
    run = measure_missing(Study(claim, lambda bench, arm, seed: {"share": 0.0}), None, EMPTY, seeds=1)
    with pytest.raises(WorkError, match="a ratio needs values above 0"):
        list(run)


def test_measurements_are_shared_only_where_all_else_is_alike() -> None:
    """Other photos, versions or machines are another experiment."""
    ledger = EMPTY
    for more in measure_missing(Study(CLAIM, Counted()), None, EMPTY, seeds=2):
        ledger = more
    other = replace(EMPTY, claim=replace(CLAIM, name="other"))
    assert adopt_rows(other, [ledger]).rows == ledger.rows
    assert adopt_rows(replace(other, versions={"torch": "3"}), [ledger]).rows == ()
    assert adopt_rows(replace(other, rows=ledger.rows[:1]), [ledger]).rows == ledger.rows


def test_one_study_that_fails_does_not_end_the_others(tmp_path: Path) -> None:
    """It is told, and the pages of the others are written."""

    def failing(bench: Bench | None, arm: str, seed: int) -> Mapping[str, float]:
        raise PhotosError("Too few photos.")

    both = (Study(replace(CLAIM, name="failing"), failing), Study(CLAIM, Counted()))
    first, second = every_study(tmp_path / "out", options(tmp_path), studies=both)
    assert isinstance(first, FailedStudy)
    assert first.why == "Too few photos."
    assert second.finding.verdict == Verdict.SUPPORTED
    assert "drawn" in (tmp_path / "out" / PAGE).read_text("utf-8")


def test_a_dear_study_gets_its_part_of_the_budget() -> None:
    """As its first seed costs among all first seeds, shared ones counted once; a cheap one as much as each."""
    counted = Counted()
    cheap = [Study(replace(CLAIM, name=f"cheap{at}", seconds=1.0), Counted()) for at in range(4)]
    dear = [Study(replace(CLAIM, name=f"dear{at}", seconds=36.0), counted) for at in range(2)]
    assert _share([*cheap, *dear], 60.0) == pytest.approx(10)
    assert _share(dear[:1], 60.0) == pytest.approx(60)
    assert _share([dear[0], *cheap], 60.0) == pytest.approx(54)
    assert _share(dear, 60.0) == pytest.approx(60)  # what the first measures the second has


def test_pages_are_a_function_of_the_ledgers(only: Counted, tmp_path: Path) -> None:
    """Written again they are the same; names are text, not markup; no ledger is the user's mistake."""
    study("drawn", tmp_path, options(tmp_path))
    page = (tmp_path / "drawn.html").read_text("utf-8")
    (tmp_path / "drawn.html").unlink()
    write_pages(tmp_path)
    assert (tmp_path / "drawn.html").read_text("utf-8") == page
    assert "<old>" not in page
    empty = tmp_path / "empty"
    os.mkdir(empty)
    with pytest.raises(UserError, match="no ledger"):
        write_pages(empty)


def test_a_ratio_of_one_seed_is_drawn(tmp_path: Path) -> None:
    """Its interval goes from nothing to endless: neither has a place on an axis of ratios."""
    ratio = replace(CLAIM, quantities=(replace(CLAIM.quantities[0], scale=QuantityScale.TIMES),))
    *_, ledger = measure_missing(Study(ratio, Counted()), None, replace(EMPTY, claim=ratio), seeds=1)
    (tmp_path / "drawn.json").write_text(to_json(note_look(ledger)), "utf-8")
    write_pages(tmp_path)
    assert "<svg" in (tmp_path / "drawn.html").read_text("utf-8")


def test_what_cannot_be_asked_is_said(tmp_path: Path) -> None:
    """An unknown study; photos for a claim about nets; no seeds; no time."""
    with pytest.raises(UnknownNameError, match="Did you mean 'lesion'"):
        study("lesions", tmp_path, options(tmp_path))
    with pytest.raises(UserError, match="leave --data out"):
        study("zero-start", tmp_path, options(tmp_path, data=tmp_path))
    for change in ({"seeds": 0}, {"budget": 0.0}):
        with pytest.raises(UserError):
            options(tmp_path, **change)
    assert json.dumps(asdict(CLAIM))

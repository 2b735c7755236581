"""A verdict is right at the stated rate, and says undecided where nothing was proven."""

from collections.abc import Callable
from dataclasses import replace
from math import exp, inf

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from inarch.commands.study.judging import judge_claim
from inarch.commands.study.records import Bound, Claim, Quantity, QuantityScale, StudyRow, Verdict
from inarch.errors import UserError
from inarch.metrics.comparison import t_interval
from tolerance import assert_same_computation

GAIN = Quantity(words="gain", one=("new", "share"), other=("old", "share"), threshold=0.1, scale=QuantityScale.POINTS)
CLAIM = Claim(
    name="drawn",
    statement="New beats old.",
    source="a test",
    reported="nothing",
    design="drawn",
    limits="everything",
    quantities=(GAIN,),
    arms=("new", "old"),
    seeds=5,
    seconds=1.0,
)
RUNS = 250
ERROR = 3 * (0.025 * 0.975 / RUNS) ** 0.5
"""Three standard errors of a rate of 2.5 %."""


def rows_of(differences: np.ndarray, common: np.ndarray | None = None) -> tuple[StudyRow, ...]:
    """Both arms of every seed; what they have in common cancels out."""
    shared = np.zeros(len(differences)) if common is None else common
    return tuple(
        StudyRow(seed, arm, {"share": float(base + gain)}, 0.0)
        for seed, (base, difference) in enumerate(zip(shared, differences, strict=True))
        for arm, gain in (("new", difference), ("old", 0.0))
    )


def rate(verdict: str, draw: Callable[[np.random.Generator], str], runs: int = RUNS) -> float:
    """How often a simulated study ends so."""
    generator = np.random.default_rng(7)
    return sum(draw(generator) == verdict for _ in range(runs)) / runs


@pytest.mark.parametrize(("n", "spread"), [(2, 0.001), (3, 0.2), (8, 0.05)])
def test_an_effect_at_the_threshold_is_rarely_called_supported(n: int, spread: float) -> None:
    """The hardest case for a false SUPPORTED: at 2.5 %, and so at 5 % at most (with 3 standard errors to spare)."""
    found = rate(Verdict.SUPPORTED, lambda g: judge_claim(CLAIM, rows_of(g.normal(0.1, spread, n))).verdict)
    assert found <= 0.025 + ERROR


def test_no_effect_is_never_called_supported_nor_a_large_one_contradicted() -> None:
    """Far from the threshold mistakes vanish, and with five seeds nearly every verdict is reached."""
    none = [judge_claim(CLAIM, rows_of(np.random.default_rng(k).normal(0.0, 0.02, 5))).verdict for k in range(60)]
    large = [judge_claim(CLAIM, rows_of(np.random.default_rng(k).normal(0.2, 0.02, 5))).verdict for k in range(60)]
    assert Verdict.SUPPORTED not in none
    assert Verdict.CONTRADICTED not in large
    assert none.count(Verdict.CONTRADICTED) > 57
    assert large.count(Verdict.SUPPORTED) > 57


def test_skewed_ratios_keep_the_level() -> None:
    """Times are skewed; their ratio is judged by its logarithm, and a threshold at the geometric mean is the limit."""
    ratio = replace(GAIN, threshold=2.0, scale=QuantityScale.TIMES)
    claim = replace(CLAIM, quantities=(ratio,))

    def draw(generator: np.random.Generator) -> str:
        old, new = generator.lognormal(0, 0.3, 5), 2 * generator.lognormal(0, 0.3, 5)
        rows = [
            StudyRow(k, arm, {"share": float(v[k])}, 0.0) for k in range(5) for arm, v in (("new", new), ("old", old))
        ]
        return judge_claim(claim, rows).verdict

    assert rate(Verdict.SUPPORTED, draw) <= 0.025 + ERROR


def test_coarse_shares_that_agree_by_chance_prove_little() -> None:
    """With ten photos to test on, three seeds often agree to the digit; the grain keeps that from being a proof."""
    coarse = replace(CLAIM, quantities=(replace(GAIN, grain=0.1),))
    bare = CLAIM

    def draw(claim: Claim) -> Callable[[np.random.Generator], str]:
        # right answers of 10 photos; the true gain is 0.05, the threshold 0.1
        return lambda g: judge_claim(claim, rows_of((g.binomial(10, 0.65, 3) - g.binomial(10, 0.6, 3)) / 10)).verdict

    assert rate(Verdict.SUPPORTED, draw(coarse)) <= 0.025 + ERROR
    assert judge_claim(coarse, rows_of(np.array([0.2, 0.2, 0.2]))).verdict == Verdict.UNDECIDED
    assert judge_claim(bare, rows_of(np.array([0.2, 0.2, 0.2]))).verdict == Verdict.SUPPORTED


def test_reading_the_verdict_again_and_again_keeps_the_level() -> None:
    """Seeds are added until it is supported: with the level halved at each look, that succeeds in 5 % at most."""

    def draw(generator: np.random.Generator) -> str:
        differences = generator.normal(0.1, 0.1, 12)
        looks: list[int] = []
        for n in (3, 4, 6, 8, 12):
            if judge_claim(CLAIM, rows_of(differences[:n]), looks).verdict == Verdict.SUPPORTED:
                return Verdict.SUPPORTED
            looks.append(n)
        return Verdict.UNDECIDED

    def careless(generator: np.random.Generator) -> str:
        differences = generator.normal(0.1, 0.1, 12)
        ends = (judge_claim(CLAIM, rows_of(differences[:n])).verdict for n in (3, 4, 6, 8, 12))
        return Verdict.SUPPORTED if Verdict.SUPPORTED in ends else Verdict.UNDECIDED

    assert rate(Verdict.SUPPORTED, draw) <= 0.05 + ERROR / 2
    assert rate(Verdict.SUPPORTED, careless) > 0.05  # else the test could not tell


def test_several_quantities_share_the_level() -> None:
    """Where one of four must fail for CONTRADICTED, chance has four tries; the intervals are wider for that."""
    four = replace(CLAIM, quantities=tuple(replace(GAIN, one=("new", f"share{k}")) for k in range(4)))

    def draw(generator: np.random.Generator) -> str:
        rows = []
        for seed in range(5):
            rows.append(StudyRow(seed, "new", {f"share{k}": float(generator.normal(0.1, 0.1)) for k in range(4)}, 0.0))
            rows.append(StudyRow(seed, "old", {"share": 0.0}, 0.0))
        return judge_claim(four, rows).verdict

    assert rate(Verdict.CONTRADICTED, draw) <= 0.05
    assert judge_claim(four, []).quantities[0].confidence == pytest.approx(1 - 0.05 / 4)


def test_pairing_removes_what_both_arms_share() -> None:
    """Easy and hard seeds differ by far more than the arms do."""
    draws = np.random.default_rng(0)
    rows = rows_of(draws.normal(0.15, 0.01, 6), draws.normal(0.5, 10.0, 6))
    assert judge_claim(CLAIM, rows).verdict == Verdict.SUPPORTED


QUANTILE = 64
"""Roundings inside two implementations of the quantile of Student's distribution, each a series of many terms."""


@given(st.lists(st.floats(-10, 10), min_size=2, max_size=8), st.sampled_from([0.9, 0.95, 0.9875]))
def test_the_interval_is_students(values: list[float], confidence: float) -> None:
    """As SciPy has it."""
    if np.std(values, ddof=1) < 1e-6:
        return
    ours = t_interval(values, confidence)
    low, high = stats.t.interval(confidence, len(values) - 1, np.mean(values), stats.sem(values))
    of_deviations = 1 + max(map(abs, values)) / np.std(values, ddof=1)  # small ones are differences of large values
    terms = len(values) + QUANTILE
    assert_same_computation((ours.low, ours.high), (low, high), terms=terms, condition=of_deviations)


def test_one_seed_proves_nothing_and_none_is_not_measured() -> None:
    """An endless interval; no interval at all."""
    one = judge_claim(CLAIM, rows_of(np.array([0.9])))
    assert (one.verdict, one.quantities[0].estimate.low, one.quantities[0].estimate.high) == (
        Verdict.UNDECIDED,
        -inf,
        inf,
    )
    none = judge_claim(CLAIM, ())
    assert (none.verdict, none.seeds, none.quantities[0].estimate) == (Verdict.UNDECIDED, 0, None)
    with pytest.raises(UserError, match="at least one"):
        t_interval([], 0.95)


def test_a_seed_without_one_of_its_arms_does_not_count() -> None:
    """It was cut off in between."""
    rows = rows_of(np.array([0.2, 0.21, 0.19]))[:-1]
    assert judge_claim(CLAIM, rows).seeds == 2


def test_exact_quantities_need_one_run() -> None:
    """At the threshold itself the claim holds, for it says at least; a hair below it does not."""
    exact = replace(CLAIM, quantities=(replace(GAIN, exact=True, threshold=0.25),))
    assert judge_claim(exact, rows_of(np.array([0.25]))).verdict == Verdict.SUPPORTED
    assert judge_claim(exact, rows_of(np.array([0.2499]))).verdict == Verdict.CONTRADICTED
    most = replace(CLAIM, quantities=(replace(GAIN, exact=True, threshold=0.25, bound=Bound.AT_MOST),))
    assert judge_claim(most, rows_of(np.array([0.25]))).verdict == Verdict.SUPPORTED
    assert judge_claim(most, rows_of(np.array([0.26]))).verdict == Verdict.CONTRADICTED


def test_one_part_that_fails_contradicts_and_one_that_is_open_leaves_open() -> None:
    """Supported is only what is supported in all parts."""
    exact = replace(GAIN, exact=True)
    held, failed = replace(exact, threshold=0.1), replace(exact, threshold=0.3)
    rows = rows_of(np.array([0.2]))
    for quantities, verdict in (
        ((held, held), Verdict.SUPPORTED),
        ((held, failed), Verdict.CONTRADICTED),
        ((held, GAIN), Verdict.UNDECIDED),
        ((failed, GAIN), Verdict.CONTRADICTED),
    ):
        assert judge_claim(replace(CLAIM, quantities=quantities), rows).verdict == verdict


def test_ratios_are_told_as_ratios() -> None:
    """The mean of ×2 and ×8 is ×4."""
    claim = replace(CLAIM, quantities=(replace(GAIN, threshold=1.0, scale=QuantityScale.TIMES),))
    rows = [
        StudyRow(k, arm, {"share": v}, 0.0)
        for k, new in ((0, 2.0), (1, 8.0))
        for arm, v in (("new", new), ("old", 1.0))
    ]
    (found,) = judge_claim(claim, rows).quantities
    assert found.estimate.value == pytest.approx(4.0)
    assert found.values == pytest.approx((2.0, 8.0))
    logarithm = np.log(found.estimate.high)  # which is what is computed
    assert_same_computation(found.estimate.low, 4.0**2 / found.estimate.high, terms=4, condition=1 + logarithm)
    assert found.estimate.high > exp(1)


@pytest.mark.parametrize(
    "change", [{"scale": "metres"}, {"bound": "about"}, {"scale": QuantityScale.TIMES, "threshold": 0.0}]
)
def test_a_quantity_that_means_nothing_is_refused(change: dict[str, object]) -> None:
    """An unknown scale or bound; a ratio that is compared with nothing."""
    with pytest.raises(UserError):
        replace(GAIN, **change)

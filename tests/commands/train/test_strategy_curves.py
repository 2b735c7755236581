"""Curves of all strategies on drawn photos: the same photos for each, no test photo, and what time forbids is said."""

from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from inarch.commands.train import curves as strategy_curves
from inarch.commands.train.curves import CurveStrategy, sizes_up_to
from inarch.transfer.recipes import FinetuneRecipe, Recipes, ScratchRecipe, StrategyCurvesRecipe
from inarch.transfer.records.strategy_curves import StrategyCurves
from inarch.transfer.run import StartingPoint, TrainingRun
from tolerance import assert_same_computation

Jobs = Callable[..., TrainingRun]


CURVES = StrategyCurvesRecipe(folds=2, smallest=3, fewest_scratch_epochs=2)
FEW = Recipes(
    strategy_curves=CURVES,
    scratch=ScratchRecipe(most_epochs=3),
    finetune=FinetuneRecipe(config=replace(FinetuneRecipe().config, epochs=3)),
)
"""Two folds, small parts, and three epochs of everything."""


@pytest.fixture(scope="module")
def measured(make_job: Jobs, start: StartingPoint) -> StrategyCurves:
    """24 photos of each class, test photos guarded, and all the time in the world."""
    return strategy_curves.strategy_curves(make_job(start, recipes=FEW), 1e6)


@pytest.mark.slow
def test_all_strategies_are_judged_on_all_photos_at_every_size(measured: StrategyCurves) -> None:
    """Every fold, every photo held out once; parts of 3, 6 and all photos of a class."""
    assert [curve.strategy for curve in measured.curves] == ["probe", "finetune", "scratch"]
    assert (measured.folds, measured.judged, measured.photos) == (2, 72, 72)
    assert not measured.left_out
    for curve in measured.curves:
        assert [point.of_class for point in curve.points] == [3, 6, 12]
        assert [point.photos for point in curve.points[:2]] == [9, 18]
        assert {point.held_out.n for point in curve.points} == {72}
        assert curve.doubled is not None
        assert [point.epochs for point in curve.points] == [0 if curve.strategy == "probe" else 3] * 3


@pytest.mark.slow
def test_a_net_that_knows_the_stripes_beats_one_that_begins_anew(measured: StrategyCurves) -> None:
    """With every number of photos, since three epochs teach nothing; and all figures agree with each other."""
    against = {(each.strategy, each.other, each.of_class): each.comparison for each in measured.verdicts}
    assert len(against) == 9
    points = {(curve.strategy, point.of_class): point for curve in measured.curves for point in curve.points}
    for (one, other, size), comparison in against.items():
        gain = points[one, size].held_out.value - points[other, size].held_out.value
        assert_same_computation(comparison.gain.value, gain, terms=72, magnitude=1.0)
    assert against["scratch", "probe", 12].verdict == "worse"
    for point in points.values():
        gap = point.learned.value - point.held_out.value
        assert_same_computation(point.gap.value, gap, terms=72, magnitude=1.0)
        assert point.gap.low <= point.gap.value <= point.gap.high


@pytest.mark.slow
def test_what_the_time_does_not_allow_is_left_out_and_said(make_job: Jobs, start: StartingPoint) -> None:
    """Without time the probe alone, in one fold."""
    curves = strategy_curves.strategy_curves(make_job(start, recipes=FEW), 0.0)
    assert [curve.strategy for curve in curves.curves] == ["probe"]
    assert (curves.folds, curves.verdicts) == (1, ())
    for name in ("finetune", "scratch"):
        assert sum(each.startswith(f"{name} with 3, 6, 12 photos per class") for each in curves.left_out) == 1
    assert curves.left_out[-1].startswith("1 of 2 folds")


def _way(name: str, epochs: int, fewest: int, seconds: float) -> CurveStrategy:
    return CurveStrategy(
        name, "", lambda *_: (np.zeros(0), np.zeros(0)), lambda photos: epochs, fewest, lambda photos: seconds * photos
    )


def test_time_goes_to_who_needs_it_and_the_dearest_points_go_first(make_job: Jobs, fresh: StartingPoint) -> None:
    """In one fold, never more is planned than there is; points of one strategy have the same share of their epochs."""
    ways = [_way("probe", 0, 0, 0.0), _way("finetune", 8, 3, 0.01), _way("scratch", 60, 8, 0.1)]
    photos = {5: 10, 10: 20, 20: 40}
    run = make_job(fresh, recipes=FEW)
    for seconds in (0.0, 5.0, 20.0, 60.0, 200.0, 1000.0):
        cells, left_out = strategy_curves._plan_cells(ways, photos, seconds, run)
        of = {way.strategy: [cell for cell in cells if cell.way is way] for way in ways}
        cost = sum(cell.epochs * cell.way.epoch_seconds(photos[cell.of_class]) for cell in cells)
        assert cost <= CURVES.share * seconds
        assert [cell.of_class for cell in of["probe"]] == [5, 10, 20]
        for way in ways:
            sizes = [cell.of_class for cell in of[way.strategy]]
            assert sizes == [5, 10, 20][: len(sizes)]
            assert len({cell.epochs for cell in of[way.strategy]}) <= 1
            assert all(cell.epochs >= way.fewest for cell in of[way.strategy])
            assert any(each.startswith(way.strategy) for each in left_out) == (len(sizes) < 3)
    assert not left_out
    assert [cell.epochs for cell in of["scratch"]] == [60, 60, 60]


@pytest.mark.slow
def test_without_weights_there_is_one_curve(make_job: Jobs, fresh: StartingPoint) -> None:
    """And the reason why there are no others."""
    curves = strategy_curves.strategy_curves(make_job(fresh, recipes=FEW), 1e6)
    assert [curve.strategy for curve in curves.curves] == ["scratch"]
    assert "no pre-trained weights" in curves.left_out[0]


def test_too_few_photos_are_said_and_not_measured(make_job: Jobs, start: StartingPoint) -> None:
    """One of each class, for two folds."""
    curves = strategy_curves.strategy_curves(make_job(start, train=np.arange(3), recipes=FEW), 1e6)
    assert not curves.curves
    assert "it takes 2 different training photos" in curves.left_out[0]


@pytest.mark.parametrize(
    ("most", "sizes"), [(4, (4,)), (6, (6,)), (19, (5, 10, 19)), (1000, (80, 160, 320, 640, 1000))]
)
def test_parts_double_up_to_all_photos(most: int, sizes: tuple[int, ...]) -> None:
    """At most five of them, and none that is nearly all."""
    assert sizes_up_to(most, StrategyCurvesRecipe()) == sizes


def test_a_smaller_part_lies_in_a_larger_one_and_groups_stay_whole_in_a_fold(
    make_job: Jobs, start: StartingPoint
) -> None:
    """Whatever the groups; no photo that is held out is learned from."""
    job = make_job(start, groups={row: f"g{row // 6}" for row in range(72)}, recipes=FEW)
    labels, groups = job.labels[job.train], job.groups[job.train]
    seen = [np.flatnonzero(groups % 5 != fold) for fold in range(5)]
    for fold, parts in zip(seen, strategy_curves._parts(job, seen), strict=True):
        sizes = list(parts)
        for smaller, larger in pairwise(sizes):
            assert set(parts[smaller]) < set(parts[larger])
            assert np.bincount(labels[parts[smaller]]).max() <= smaller
        assert set(parts[sizes[-1]]) == set(fold)

"""What is said before the start: times that follow from what was timed, bands around what was measured."""

import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from torch import nn

from inarch.commands.train import plan as planning
from inarch.commands.train.plan import PlanInputs
from inarch.commands.train.strategies.tuning import sizes_of
from inarch.commands.train.text import plan_lines, promise_sentence
from inarch.data.photos import Photo, PhotoSet, Preprocessing
from inarch.metrics.intervals import wilson
from inarch.models import build
from inarch.training.config import TrainingConfig
from inarch.transfer.features import Prefix
from inarch.transfer.options import TrainOptions
from inarch.transfer.recipes import PlanRecipe, ScratchRecipe, WholeRecipe
from inarch.transfer.records.plan import Plan, PlannedStrategy
from inarch.transfer.records.ranking import RankedBackbone, Ranking
from inarch.transfer.run import StartingPoint

PLAN, SCRATCH, WHOLE = PlanRecipe(), ScratchRecipe(), WholeRecipe()
SPEED, FITTED, DECODED, SAMPLED = 10.0, 2.0, 0.01, 100
"""Photos a second, seconds of the sample's cross-validation and of a decoded photo, photos of the sample."""


def photos_of(per_class: int, tested: int = 20) -> PhotoSet:
    rows = [("train", row) for row in range(2 * per_class)] + [("test", row) for row in range(tested)]
    photos = tuple(Photo(f"{split}{row}", row % 2, f"{split} {row}", split) for split, row in rows)
    return PhotoSet("/nowhere", ("a", "b"), photos)


def ranking_of(right: int, by_pixels: int) -> Ranking:
    row = RankedBackbone("net", "file", 32, SPEED, 0.0, wilson(right, SAMPLED), 0.1, True, "asked for", FITTED)
    return Ranking(SAMPLED, (row,), pixels=wilson(by_pixels, SAMPLED), side=32, decode_seconds=DECODED)


@pytest.fixture
def course(start: StartingPoint, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> PlanInputs:
    """200 photos to learn from, of which nothing is in the cache; every step takes a hundredth of a second.

    Fine-tuning of every layer is left to the tests of `deep_course`.
    """
    monkeypatch.setattr(planning, "_estimate_whole", lambda *_: planning._TuningPlan("every layer", None, "left out"))
    monkeypatch.setattr(planning, "tail_step_seconds", lambda *_: 0.01)
    config = TrainingConfig(epochs=40, batch_size=64)
    monkeypatch.setattr(planning, "timed_config", lambda *_, parts: (config, 0.01))
    preprocessing = Preprocessing(image_size=32)
    return PlanInputs(
        found=photos_of(100),
        start=start,
        preprocessing=preprocessing,
        ranking=ranking_of(80, 55),
        prefix=Prefix(start.backbone, start.digest, preprocessing, start.cut, tmp_path),
        options=TrainOptions(model="resnet_basic_tiny", cache=tmp_path),
        spent=5.0,
    )


def asking(course: PlanInputs, **changes: Any) -> PlanInputs:
    """The same with other options."""
    return replace(course, options=replace(course.options, **changes))


def plan(course: PlanInputs, strategy: str, obstacle: Callable[[StartingPoint], str] = lambda start: "") -> Plan:
    """Of a run with that strategy."""
    return planning.plan(asking(course, strategy=strategy), obstacle)


def row(made: Plan, name: str) -> PlannedStrategy:
    return next(each for each in made.strategies if each.strategy == name)


def test_the_time_of_a_probe_adds_up(course: PlanInputs) -> None:
    """Decoding 220 photos, 200 through the net, 20 answered, and fits in proportion to the sample's: by hand."""
    fit_of_sample = (4 + 1) * (100 + PLAN.before_fits)
    *_, before, beside, last = (stage.channels for stage in course.start.backbone.info)
    wider = (before + 2 * (beside + last)) / (beside + last)  # both stages, and three together
    fit = wider * FITTED / fit_of_sample * (3 * 4 + 1) * (200 + PLAN.before_fits)
    curve = FITTED / fit_of_sample * PLAN.cold_fit * 3 * 5 * (1 / 8 + 1 / 4 + 1 / 2 + 1) * 200 * 4 / 5
    seconds = 5 + 220 * DECODED + 200 / SPEED + 20 / SPEED + fit + curve + PLAN.writing_seconds
    assert plan(course, "probe").seconds("probe") == pytest.approx(seconds, abs=0.1)
    assert plan(asking(course, augmented_copies=2), "probe").seconds("probe") > seconds + 2 * 200 / SPEED
    others = PhotoSet("/elsewhere", ("?",), tuple(Photo(f"{row}", 0, f"other {row}", "") for row in range(60)))
    trained = FITTED / fit_of_sample * PLAN.cold_fit * 5 * (4 * 200 + (1 / 6 + 1 / 3 + 1 / 2) * 60)
    more = plan(replace(course, unlabelled=others), "probe").seconds("probe")
    assert more == pytest.approx(seconds + 60 * DECODED + 60 / SPEED + trained, abs=0.1)


def test_fine_tuning_is_tried_on_four_fifths_and_done_on_all(course: PlanInputs) -> None:
    """8 epochs of 7 steps on four fifths, 3/8 of them on all, and most of another set of fits; with little time fewer.

    A run that ends with the probe has had the trial all the same, where it was to be expected.
    """
    training, answering = 8 * 7 * 0.01, PLAN.inference * 0.01 * 200 / 32
    *_, before, beside, last = (stage.channels for stage in course.start.backbone.info)
    fits = (
        (before + 2 * (beside + last))
        / (beside + last)
        * FITTED
        / (5 * (100 + PLAN.before_fits))
        * 13
        * (200 + PLAN.before_fits)
    )
    alone = plan(course, "probe").seconds("probe")
    tried = alone + 0.8 * (fits + training) + 0.2 * answering
    made = plan(course, "auto")
    assert made.seconds("probe") == pytest.approx(tried, abs=0.1)
    assert made.seconds("finetune") == pytest.approx(
        tried + 3 / 8 * training + answering + PLAN.export_seconds, abs=0.1
    )
    assert plan(course, "finetune").seconds("finetune") == pytest.approx(made.seconds("finetune"), abs=0.1)
    hurried = plan(asking(course, time_budget=alone), "auto")
    assert hurried.seconds("finetune") == pytest.approx(
        made.seconds("finetune") - (0.8 + 3 / 8) * training * (1 - 3 / 8), abs=0.1
    )


def test_a_trial_without_time_is_not_promised(course: PlanInputs) -> None:
    """Auto refuses it; who asks for fine-tuning has it all the same."""
    hurried = asking(course, time_budget=plan(course, "probe").seconds("probe"))
    made = plan(hurried, "auto")
    assert not row(made, "finetune").planned
    assert row(made, "finetune").why == "the time allows no fair trial: 3 epochs"
    assert made.seconds("probe") == pytest.approx(plan(hurried, "probe").seconds("probe"), abs=0.1)
    assert row(plan(hurried, "finetune"), "finetune").planned


def test_without_room_or_time_less_is_tuned(course: PlanInputs, monkeypatch: pytest.MonkeyPatch) -> None:
    """The next cut that can be afforded is taken and said, unless the user named one, or no trial is to be expected."""
    start = replace(course.start, backbone=build("googlenet_small_tiny", classes=1).backbone)
    deep = replace(course, start=start, prefix=replace(course.prefix, backbone=start.backbone, tap=start.cut))

    def obstacle(each: StartingPoint) -> str:
        return "the maps do not fit" if each.cut == "pool4" else ""

    usual = plan(deep, "auto")
    assert (usual.cut, usual.notes) == ("pool4", ())
    moved = plan(deep, "auto", obstacle)
    assert (moved.cut, row(moved, "finetune").settings) == ("5a", "frozen until 5a, 8 epochs")
    assert row(moved, "finetune").planned
    assert moved.notes == ("Fine-tuning freezes the backbone until 5a instead of pool4: the maps do not fit.",)
    named = replace(deep, start=replace(start, cut_after="pool4"))
    sure = replace(deep, ranking=ranking_of(98, 55))
    for stays in (plan(named, "auto", obstacle), plan(sure, "auto", obstacle)):
        assert stays.cut == "pool4"
        assert stays.notes == ("Fine-tuning is not possible: the maps do not fit.",)

    def by_size(model: nn.Module, *_: object) -> float:
        return 1e3 if len(list(model[0].stages["stage5"].children())) == 2 else 0.01  # type: ignore[index, union-attr]

    monkeypatch.setattr(planning, "tail_step_seconds", by_size)
    assert plan(deep, "auto").cut == "5a"
    assert plan(deep, "auto").notes[0].endswith("instead of pool4: the time allows 3 epochs.")
    monkeypatch.setattr(planning, "tail_step_seconds", lambda *_: 1e3)
    assert plan(deep, "auto").cut == "pool4"


@pytest.fixture
def deep_course(course: PlanInputs, monkeypatch: pytest.MonkeyPatch) -> PlanInputs:
    """The same with every layer; each of its steps takes a tenth of a second."""
    monkeypatch.undo()
    monkeypatch.setattr(planning, "tail_step_seconds", lambda *_: 0.01)
    monkeypatch.setattr(planning, "whole_step_seconds", lambda *_: 0.1)
    monkeypatch.setattr(planning, "timed_config", lambda *_, parts: (TrainingConfig(epochs=40, batch_size=64), 0.01))
    return course


def test_the_deepest_fine_tuning_that_time_allows_is_tried(deep_course: PlanInputs) -> None:
    """In `auto`; who asks for fine-tuning gets a trial of each depth, unless one was named."""
    training = 0.1 * WHOLE.config.epochs * math.ceil(200 / WHOLE.config.batch_size)
    made = plan(deep_course, "auto")
    assert row(made, "finetune").settings == "every layer, 8 epochs"
    assert made.seconds("finetune") - made.seconds("probe") > WHOLE.continued * training
    assert made.seconds("probe") - plan(deep_course, "probe").seconds("probe") > 0.8 * training
    asked = plan(deep_course, "finetune")
    assert row(asked, "finetune").settings == "frozen until stage3, 8 epochs; every layer, 8 epochs"
    tail_alone = plan(asking(deep_course, freeze_until="stage3"), "auto")
    assert row(tail_alone, "finetune").settings == "frozen until stage3, 8 epochs"
    whole_alone = plan(asking(deep_course, freeze_until="none"), "finetune", lambda start: "every layer is to be")
    assert row(whole_alone, "finetune").settings == "every layer, 8 epochs"
    alone = plan(deep_course, "probe").seconds("probe")
    hurried = plan(asking(deep_course, time_budget=alone + 2), "auto")
    assert row(hurried, "finetune").settings == "frozen until stage3, 8 epochs"


@pytest.mark.parametrize(
    ("image_size", "asked", "sizes"),
    [
        (224, None, (160, 192)),
        (224, 224, (192, 224)),
        (298, None, (208, 256)),
        (128, None, (96, 112)),
        (64, None, (64, 64)),
        (32, 32, (32, 32)),
    ],
)
def test_images_are_smaller_in_training(image_size: int, asked: int | None, sizes: tuple[int, int]) -> None:
    """By about a fifth; a size that was asked for is that of prediction, and small images stay as they are."""
    assert sizes_of(image_size, TrainOptions(image_size=asked)) == sizes


def test_where_no_trial_is_to_be_expected_none_is_promised(course: PlanInputs) -> None:
    """With 98 of 100 right on the sample, 4 of 200 photos and one of those held out should be wrong."""
    sure = replace(course, ranking=ranking_of(98, 55))
    made = plan(sure, "auto")
    assert made.seconds("probe") == pytest.approx(plan(sure, "probe").seconds("probe"), abs=0.1)
    assert not row(made, "finetune").planned
    assert row(made, "finetune").why.startswith("the probe should make about 1 validation mistake, too few")


def test_bands_hold_what_the_sample_showed(course: PlanInputs) -> None:
    """No worse than the sample's interval; better by no more than a power of the photos."""
    probed = row(plan(course, "auto"), "probe")
    sampled = wilson(80, SAMPLED)
    assert probed.low == pytest.approx(sampled.low)
    assert probed.high == pytest.approx(1 - (1 - sampled.high) * 2**-PLAN.steepest)
    for each in plan(course, "auto").strategies:
        assert 0 <= each.low < each.high <= 1


def test_what_is_tried(course: PlanInputs) -> None:
    """A strategy that was asked for and no other; `auto` leaves scratch out where the photos resemble the source's."""

    def tried(strategy: str, changed: PlanInputs = course) -> list[str]:
        return [each.strategy for each in plan(changed, strategy).strategies if each.planned]

    assert tried("auto") == ["probe", "finetune"]
    assert tried("probe") == ["probe"]
    assert tried("finetune") == ["probe", "finetune"]
    far = replace(course, ranking=ranking_of(85, 76))
    assert tried("auto", far) == ["probe", "finetune", "scratch"]
    assert tried("probe", far) == ["probe"]
    assert "scratch" not in tried("auto", replace(far, found=photos_of(PLAN.fewest_of_class - 1)))
    assert "scratch" not in tried("auto", replace(course, ranking=ranking_of(85, 70)))  # as simple as chance is half
    large = replace(course, found=photos_of(PLAN.large))
    assert tried("auto", large) == ["probe", "finetune", "scratch"]


def test_a_far_source_and_many_photos_are_said(course: PlanInputs) -> None:
    """With the figures that show it; and why scratch is still not tried where there is no time for it."""
    assert plan(course, "auto").notes == ()
    far = plan(replace(course, ranking=ranking_of(85, 76)), "auto")
    assert far.notes == (
        f"These photos are far from the source domain of {course.start.architecture}: on a sample, a linear classifier "
        "has an accuracy of 85 % on its features and of 76 % on bare pixels.",
    )
    large = plan(replace(course, found=photos_of(PLAN.large)), "auto")
    assert large.notes[0].startswith(f"There are {PLAN.large} training photos per class")
    hurried = plan(asking(replace(course, found=photos_of(PLAN.large)), time_budget=1.0), "auto")
    assert row(hurried, "scratch").why == f"the time allows fewer than {PLAN.fair_epochs} epochs"
    assert not row(hurried, "scratch").planned


def test_an_obstacle_takes_fine_tuning_out(course: PlanInputs) -> None:
    made = plan(course, "auto", lambda start: "the maps do not fit")
    assert [each.strategy for each in made.strategies] == ["probe", "scratch"]
    assert made.notes == ("Fine-tuning is not possible: the maps do not fit.",)


@pytest.mark.parametrize(
    ("side", "net"),
    [(28, ("resnet20", 32)), (32, ("resnet20", 32)), (64, ("resnet20", 64)), (65, ("resnet18_narrow", 128))],
)
def test_small_photos_are_learned_by_a_net_made_for_them(side: int, net: tuple[str, int], course: PlanInputs) -> None:
    """Unless the user named one."""
    assert SCRATCH.model_for(side) == net
    seen = asking(replace(course, ranking=replace(course.ranking, side=side)), model=None)
    assert row(plan(seen, "auto"), "scratch").settings.startswith(f"{net[0]}, {net[1]} px")
    assert row(plan(course, "auto"), "scratch").settings.startswith(f"{course.start.architecture}, 32 px")


def test_the_plan_in_lines() -> None:
    made = Plan(
        (
            PlannedStrategy("probe", "a net", 62.0, 0.7, 0.8, True, "the fastest strategy"),
            PlannedStrategy("scratch", "another", 600.0, 0.1, 0.9, False, "there is no time"),
        ),
        ("Something is odd.",),
    )
    said: Any = plan_lines(made)
    assert "about 1 min 2 s" in said[1]
    assert "70 to 80 %" in said[1]
    assert said[2].endswith("not tried: there is no time")
    assert "- Something is odd." in said
    assert promise_sentence(made, "probe", 93.0) == "planned 1 min 2 s for probe, took 1 min 33 s (+50 %)"


def test_a_net_that_will_not_be_tried_is_not_timed(course: PlanInputs, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where its frozen speed is known; a step of a large net takes seconds."""

    def refused(*_: object, parts: int) -> tuple[TrainingConfig, float]:
        raise AssertionError("a step was run")

    known = replace(ranking_of(80, 55).backbones[0], model=course.start.architecture, photos_per_second=1000.0)
    course = replace(course, ranking=replace(course.ranking, backbones=(known,)))
    promised = row(plan(course, "auto"), "scratch")
    assert not promised.planned
    steps = math.ceil(0.8 * course.learned / SCRATCH.config.batch_size)
    fitted = PLAN.trained * SCRATCH.config.batch_size / 1000 * steps * SCRATCH.epochs_for(160)
    assert fitted < promised.seconds < 2 * fitted
    monkeypatch.setattr(planning, "timed_config", refused)
    assert row(plan(course, "auto"), "scratch").seconds == pytest.approx(promised.seconds, rel=0.05)
    far = replace(course.ranking, pixels=wilson(85, SAMPLED))
    with pytest.raises(AssertionError, match="a step was run"):
        plan(replace(course, ranking=far), "auto")

"""``auto``: it fine-tunes only where that proved itself, and says why."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from inarch.commands.train.evidence import HeldOutAnswers
from inarch.commands.train.strategies import auto as auto_module
from inarch.commands.train.strategies import finetune as finetune_module
from inarch.commands.train.strategies import scratch as scratch_module
from inarch.commands.train.strategies import tuning as tuning_module
from inarch.commands.train.strategies.auto import auto, judge
from inarch.commands.train.strategies.finetune import Trial
from inarch.commands.train.strategies.probe import probe_on
from inarch.commands.train.strategies.scratch import prepare_scratch_run
from inarch.commands.train.strategies.tuning import TailTuning, Tuning, WholeTuning
from inarch.data.photos import SkippedFile
from inarch.errors import PhotosError
from inarch.transfer import pixels
from inarch.transfer.recipes import FinetuneRecipe
from inarch.transfer.records.plan import Plan, PlannedStrategy
from inarch.transfer.records.ranking import RankedBackbone, Ranking
from inarch.transfer.run import StartingPoint, TrainingRun
from inarch.weights.files import weights_digest
from jobs import with_options
from trained import ONE_EPOCH

Jobs = Callable[..., TrainingRun]


@pytest.fixture(autouse=True)
def _no_export(monkeypatch: pytest.MonkeyPatch) -> None:
    """Exporting takes seconds and is tested elsewhere."""
    monkeypatch.setattr(scratch_module, "classifier_graph", lambda *_: b"")
    monkeypatch.setattr(finetune_module, "classifier_graph", lambda *_: b"")


HELD = 30
PROVABLE = FinetuneRecipe().provable


@pytest.fixture(scope="module")
def job(make_job: Jobs, start: StartingPoint) -> TrainingRun:
    return make_job(start)


def logits(job: TrainingRun, *, wrong: int, confidence: float) -> NDArray[np.float64]:
    """Of the first photos; the first ``wrong`` of them are answered with the next class."""
    answers = job.labels[job.train][:HELD].copy()
    answers[:wrong] = (answers[:wrong] + 1) % 3
    return np.eye(3)[answers] * confidence


@pytest.fixture(scope="module")
def tail(job: TrainingRun) -> TailTuning:
    """The last layers after a probe."""
    return TailTuning(job, probe_on(job))


def trial_of(tuning: Tuning, tuned: tuple[int, float], probed: tuple[int, float]) -> Trial:
    """Fine-tuning and the probe, each with (mistakes, confidence)."""
    job = tuning.run
    sides = [logits(job, wrong=wrong, confidence=confidence) for wrong, confidence in (tuned, probed)]
    nothing = np.zeros((HELD, 0))
    answered = HeldOutAnswers(np.arange(HELD), sides[0], nothing, np.arange(0), nothing)
    return Trial(tuning, FinetuneRecipe().config, answered, sides[1], (), 1.0)


@pytest.mark.parametrize(
    ("tuned", "probed", "verdict"),
    [
        ((0, 3.0), (10, 3.0), "better"),
        ((0, 3.0), (PROVABLE, 3.0), "better"),
        ((1, 3.0), (1, 2.0), "inconclusive"),
        ((10, 3.0), (0, 3.0), "worse"),
        ((4, 3.0), (4, 3.0), "inconclusive"),
        ((5, 2.0), (3, 3.0), "inconclusive"),
        ((3, 9.0), (4, 1.0), "inconclusive"),
    ],
    ids=[
        "right on ten more",
        "mends as many as can prove it",
        "as often right, surer of it: calibration makes them equal",
        "wrong on ten more",
        "the same",
        "wrong on two more",
        "right on one more, too sure of its mistakes",
    ],
)
def test_verdicts(tail: TailTuning, tuned: tuple[int, float], probed: tuple[int, float], verdict: str) -> None:
    """(mistakes, confidence) of both on the same 30 photos; only what is better beyond chance is taken."""
    better, why = judge(tail.run, trial_of(tail, tuned, probed))
    assert why.startswith(
        f"{verdict}: on 30 validation photos, fine-tuning is correct on {HELD - tuned[0]} and the probe on"
    )
    assert better == (verdict == "better")


@pytest.mark.parametrize("kind", [TailTuning, WholeTuning])
@pytest.mark.parametrize(
    ("tuned", "is_taken"),
    [((3, 3.0), True), ((3, 9.0), True), ((5, 3.0), False)],
    ids=["right on one more", "right on one more, too sure of its mistakes", "wrong on one more"],
)
def test_every_layer_may_be_equal(
    tail: TailTuning, kind: type[Tuning], tuned: tuple[int, float], is_taken: bool
) -> None:
    """Within the noise, every layer is taken if it has no more mistakes and the lower log loss; a tail never is."""
    better, why = judge(tail.run, trial_of(kind(tail.run, tail.probed), tuned, (4, 3.0)))
    assert better == (is_taken and kind is WholeTuning)
    assert why.startswith("no worse, and preferred" if better else "inconclusive")


@pytest.mark.parametrize("better", [False, pytest.param(True, marks=pytest.mark.slow)])
def test_the_deepest_fine_tuning_that_time_allows_is_tried(
    make_job: Jobs, start: StartingPoint, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, better: bool
) -> None:
    """Every layer, and the last ones only where that would take too long; the verdict is said with the depth."""
    monkeypatch.setattr(auto_module, "judge", lambda *_: (better, "it was said so"))
    job = make_job(start, labels=mixed_up(), cache=tmp_path)
    outcome = auto(job)
    assert [each.settings.split(",")[0] for each in outcome.candidates] == ["same photos", "every layer"]
    assert outcome.strategy == ("finetune" if better else "probe")
    assert outcome.notes[0] == f"{'Fine-tuned' if better else 'Not fine-tuned'}, every layer: it was said so."
    assert not list((job.options.cache / "checkpoints").glob("*"))
    monkeypatch.setattr(tuning_module, "whole_step_seconds", lambda *_: 1000.0)
    assert [each.settings.split(",")[0] for each in auto(job).candidates] == ["same photos", "frozen until stage3"]


def test_provable_is_the_fewest_mistakes_that_can_be_proven() -> None:
    """McNemar's exact test of a flawless rival: 2 * 0.5^n falls below 0.05 at n = 6."""
    assert 2 * 0.5**PROVABLE < 0.05 < 2 * 0.5 ** (PROVABLE - 1)


def test_a_probe_with_few_mistakes_is_kept(job: TrainingRun) -> None:
    """Fine-tuning could not prove itself, so no time is spent on it; the note says so."""
    outcome = auto(job)
    assert outcome.strategy == "probe"
    assert [candidate.strategy for candidate in outcome.candidates] == ["probe"]
    assert outcome.candidates[0].chosen
    assert "no improvement by fine-tuning could be significant" in outcome.notes[0]
    assert "trial" not in [phase.name for phase in job.stopwatch.phases]


def test_without_weights_it_trains_from_scratch(make_job: Jobs, fresh: StartingPoint) -> None:
    """There is nothing to transfer, and the candidate says so."""
    outcome = auto(make_job(fresh, recipes=ONE_EPOCH))
    assert outcome.strategy == "scratch"
    assert outcome.candidates[0].why == "there are no pre-trained weights to transfer"


def mixed_up() -> dict[int, int]:
    """Labels drawn at random: no probe gets them right."""
    return dict(enumerate(np.random.default_rng(0).integers(0, 3, 84).tolist()))


@pytest.mark.parametrize("better", [False, True])
def test_the_verdict_decides(
    make_job: Jobs, start: StartingPoint, monkeypatch: pytest.MonkeyPatch, better: bool
) -> None:
    """Where there are mistakes to mend, both are measured on the same photos, and the better one ships."""
    monkeypatch.setattr(auto_module, "judge", lambda *_: (better, "because it was said so"))
    before = weights_digest(start.backbone.state_dict())
    outcome = auto(make_job(start, labels=mixed_up(), freeze_until=start.cut))
    assert outcome.strategy == ("finetune" if better else "probe")
    assert [(candidate.strategy, candidate.chosen) for candidate in outcome.candidates] == [
        ("probe", not better),
        ("finetune", better),
    ]
    assert len({candidate.accuracy.n for candidate in outcome.candidates}) == 1
    assert any("because it was said so" in note for note in outcome.notes)
    assert weights_digest(start.backbone.state_dict()) == before


def test_without_time_for_a_fair_trial_the_probe_is_kept(
    make_job: Jobs, start: StartingPoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A trial of an epoch or two would prove nothing."""
    monkeypatch.setattr(tuning_module, "tail_step_seconds", lambda *_: 1000.0)
    monkeypatch.setattr(tuning_module, "whole_step_seconds", lambda *_: 1000.0)
    outcome = auto(make_job(start, labels=mixed_up()))
    assert outcome.strategy == "probe"
    assert outcome.notes[0] == "Not fine-tuned: the remaining time allows no fair trial of fine-tuning."


def test_a_class_too_small_for_a_trial_keeps_the_probe(make_job: Jobs, start: StartingPoint) -> None:
    """What a trial cannot be made of is no reason to fail."""
    rows = np.arange(72)
    few = np.concatenate([rows[rows % 3 != 1], rows[rows % 3 == 1][:2]])
    outcome = auto(make_job(start, train=few))
    assert outcome.strategy == "probe"
    assert outcome.notes[0] == (
        "Not fine-tuned: a trial takes 3 different training photos per class, for training and validation, "
        "and 'aslant' has 2."
    )


PLANNED = Plan(tuple(PlannedStrategy(name, "", 1.0, 0.0, 1.0, True, "") for name in ("probe", "scratch")), ())


@pytest.mark.parametrize("share", [0.0, 1.0], ids=["worse", "better"])
def test_a_planned_net_from_scratch_is_taken_if_it_is_better(
    make_job: Jobs, start: StartingPoint, monkeypatch: pytest.MonkeyPatch, share: float
) -> None:
    """Judged on photos that neither it nor the graft has seen. It is right on all of them, or on none."""
    monkeypatch.setattr(tuning_module, "tail_step_seconds", lambda *_: 1000.0)
    monkeypatch.setattr(tuning_module, "whole_step_seconds", lambda *_: 1000.0)
    job = make_job(start, labels=mixed_up(), plan=PLANNED, recipes=ONE_EPOCH)

    def said(own: TrainingRun) -> scratch_module.ScratchRun:
        done = scratch_module.train_with_holdout(own)
        labels = own.labels[own.train][done.held_out]
        logits = 20 * np.eye(3)[(labels + int(1 - share)) % 3]
        return replace(done, answered=replace(done.answered, logits=logits))

    monkeypatch.setattr(auto_module, "train_with_holdout", said)
    outcome = auto(job)
    assert outcome.strategy == ("scratch" if share else "probe")
    assert [(each.strategy, each.chosen) for each in outcome.candidates] == [
        ("probe", not share),
        ("scratch", bool(share)),
    ]
    verdict = "Trained from scratch: better" if share else "Not trained from scratch: worse"
    assert any(note.startswith(verdict) for note in outcome.notes)
    assert auto(replace(job, plan=None)).strategy == "probe"


def test_a_net_from_scratch_sees_small_photos_at_their_size(
    make_job: Jobs, start: StartingPoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the user named no net; a named one is trained as it was to be grafted. What a graft needs is kept free."""
    row = RankedBackbone("net", "file", 32, 1.0, 0.0, None, None, True, "")
    job = make_job(start, ranking=Ranking(10, (row,), side=64))
    assert prepare_scratch_run(job, reserved=100.0).time_budget == job.time_budget - 100
    assert prepare_scratch_run(job, reserved=0.0).start is start
    monkeypatch.setattr(pixels, "store", lambda *_: job.stored)
    own = prepare_scratch_run(with_options(job, model=None), reserved=0.0)
    assert (own.start.architecture, own.preprocessing.image_size, own.start.pretrained) == ("resnet20", 64, False)


def test_a_photo_that_changes_during_a_run_ends_it(
    make_job: Jobs, start: StartingPoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Decoded anew at another size, there would be a row less, and every later photo would have another's label."""
    job = make_job(start)
    fewer = replace(
        job.stored.photos,
        photos=job.stored.photos.photos[1:],
        skipped=(SkippedFile("0.png", "It has changed since the folder was scanned: run again."),),
    )
    monkeypatch.setattr(pixels, "store", lambda *_: replace(job.stored, photos=fewer))
    with pytest.raises(PhotosError, match=r"0\.png was there when the run began, .* now: It has changed"):
        pixels.with_preprocessing(job, replace(job.preprocessing, image_size=64))

"""A run: what the student learns, what a kill costs, what is kept."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from inarch.commands.pretrain.distillation import DistillationLoader
from inarch.commands.pretrain.pretrain import (
    RunFile,
    best_backbone,
    pretrain,
    student_of,
)
from inarch.commands.pretrain.probing import probe_set
from inarch.commands.pretrain.recipe import PretrainingPhase, ProbeSource, Weighting
from inarch.commands.pretrain.teacher import Teacher
from inarch.errors import UserError
from inarch.training.checkpoint import load_checkpoint
from inarch.training.config import TrainingConfig
from tolerance import assert_same_computation, terms_of


def weights(folder: Path) -> dict[str, Tensor]:
    state = load_checkpoint(folder / RunFile.CHECKPOINT)
    assert state is not None
    return state["average"]


def test_a_run_that_was_stopped_ends_like_one_that_was_not(lessons: DistillationLoader, tmp_path: Path) -> None:
    """Bit for bit: weights, average and log, whichever chunk it was stopped in."""
    whole = [chunk.epoch.loss for chunk in pretrain(lessons, (), tmp_path / "whole")]
    stopped = pretrain(lessons, (), tmp_path / "parts")
    parts = [next(stopped).epoch.loss for _ in range(2)]
    stopped.close()
    again = replace(lessons, cache=tmp_path / "another cache")  # the teacher says the same again
    parts += [chunk.epoch.loss for chunk in pretrain(again, (), tmp_path / "parts")]
    assert parts == whole
    assert len(whole) == 4
    one, other = weights(tmp_path / "whole"), weights(tmp_path / "parts")
    assert all(torch.equal(one[name], other[name]) for name in one)
    assert len((tmp_path / "parts" / RunFile.LOG).read_text().splitlines()) == 4


def test_a_longer_recipe_goes_on_where_the_shorter_one_ended(lessons: DistillationLoader, tmp_path: Path) -> None:
    """A run may be spread over sittings without knowing how many there will be."""
    list(pretrain(lessons, (), tmp_path))
    longer = replace(
        lessons.recipe,
        phases=(*lessons.recipe.phases, PretrainingPhase(image_size=32, chunks=1)),
        training=replace(lessons.recipe.training, epochs=5),
    )
    assert [chunk.epoch.number for chunk in pretrain(replace(lessons, recipe=longer), (), tmp_path)] == [5]


def test_a_folder_with_another_run_is_left_alone(lessons: DistillationLoader, tmp_path: Path) -> None:
    """It says so, and the other run's checkpoint stays as it was."""
    started = pretrain(lessons, (), tmp_path)
    next(started)
    started.close()
    before = (tmp_path / RunFile.CHECKPOINT).read_bytes()
    other = replace(lessons.recipe, training=replace(lessons.recipe.training, lr=0.02))
    with pytest.raises(UserError, match="holds a run of another recipe"):
        next(pretrain(replace(lessons, recipe=other), (), tmp_path))
    assert (tmp_path / RunFile.CHECKPOINT).read_bytes() == before


def test_two_runs_do_not_share_a_folder(lessons: DistillationLoader, tmp_path: Path) -> None:
    """The second says so and touches nothing; when the first has ended, the folder is free."""
    first = pretrain(lessons, (), tmp_path)
    next(first)
    before = (tmp_path / RunFile.CHECKPOINT).read_bytes()
    with pytest.raises(UserError, match="Another run is writing"):
        next(pretrain(lessons, (), tmp_path))
    assert (tmp_path / RunFile.CHECKPOINT).read_bytes() == before
    first.close()
    assert next(pretrain(lessons, (), tmp_path)).epoch.number == 2


def test_the_teacher_is_asked_once(
    lessons: DistillationLoader, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of a crop that has been seen before the answer comes from the cache, the same to 16 bits."""
    crops, features = lessons.chunk(1)
    asked = []
    graph = lessons.teacher.graph

    class Counting:
        def __call__(self, pixels: NDArray[np.uint8], *, batch: int = 16) -> tuple[NDArray[np.float32], ...]:
            asked.append(len(pixels))
            return graph(pixels, batch=batch)

    monkeypatch.setattr(Teacher, "graph", Counting(), raising=False)
    object.__delattr__(lessons.teacher, "graph")
    again = lessons.teacher.features(lessons.corpora.all, crops, lessons.cache, 0)
    assert asked == []
    assert np.array_equal(again, features)
    lessons.teacher.features(lessons.corpora.all, crops, tmp_path / "empty", 0)
    assert sum(asked) == lessons.taught(crops).sum()


def test_what_is_not_taught_is_zero_and_what_is_not_labelled_does_not_count(lessons: DistillationLoader) -> None:
    """The loss of a batch is the sum of its parts' losses, each by its share of the batch."""
    student = student_of(lessons).eval()
    lesson, labels = lessons.batch(torch.arange(20), 1)
    taught = lesson.taught
    assert not lesson.features[~taught].any()
    assert (labels[taught] == -1).all()
    assert (labels[~taught] >= 0).all()
    weighting = Weighting(labels=0.5, features=2.0, answers=0.25)
    loss, logits = student.loss(lesson, labels, weighting, 0.0)
    _, predicted = student(lesson.images)
    own = F.cross_entropy(logits[~taught], labels[~taught])
    wanted = (lesson.features[taught] - student.mean) / student.scale
    said = F.log_softmax(
        (predicted[taught] * student.scale + student.mean) @ student.teacher_weight.T + student.teacher_bias, 1
    )
    truth = F.softmax(lesson.features[taught] @ student.teacher_weight.T + student.teacher_bias, 1)
    divergence = (truth * (truth.log() - said)).sum(1).mean()
    share = taught.float().mean()
    expected = 0.5 * own * (1 - share) + share * (
        2.0 * (predicted[taught] - wanted).square().mean() + 0.25 * divergence
    )
    assert_same_computation(loss, expected, terms=terms_of(student))


@pytest.mark.slow
def test_a_student_learns_its_teacher(lessons: DistillationLoader, tmp_path: Path) -> None:
    """The squared error of the standardised features starts near 1, the mean's, and falls well below it."""
    long = replace(
        lessons.recipe,
        phases=(PretrainingPhase(image_size=32, chunks=25),),
        training=TrainingConfig(epochs=25, batch_size=20, lr=0.2, ema_decay=0.9),
        chunk=80,
        weighting=Weighting(labels=0.0, answers=0.0),
        probe_every=100,
    )
    losses = [chunk.epoch.loss for chunk in pretrain(replace(lessons, recipe=long), (), tmp_path)]
    share = 18 / 33  # of the crops are taught
    assert losses[0] > 0.9 * share
    assert losses[-1] < 0.5 * losses[0]


def test_the_best_backbone_is_kept(lessons: DistillationLoader, data: Path, tmp_path: Path) -> None:
    """Its accuracies are those of the chunk where the probes were best; photos of the train split are not probed."""
    source = ProbeSource(photos="colours", stored_size=40, image_size=32, per_class=2, judged=2)
    with pytest.raises(UserError, match="no pre-trained backbone"):
        best_backbone(tmp_path)
    source = replace(source, photos="others", per_class=2, judged=1)
    probes = [probe_set(source, data, lessons.cache, 0, lambda *_: None)]
    assert len(probes[0].images) == 9
    chunks = list(pretrain(lessons, probes, tmp_path))
    looked = {chunk.epoch.number: chunk.probes["others"] for chunk in chunks if chunk.probed}
    assert list(looked) == [2, 4]
    state, accuracies, number = best_backbone(tmp_path)
    assert accuracies["others"] == max(looked.values()) == looked[number]
    assert (tmp_path / RunFile.BEST).exists()
    assert state.keys() == student_of(lessons).classifier.backbone.state_dict().keys()
    log = [json.loads(line) for line in (tmp_path / RunFile.LOG).read_text().splitlines()]
    assert [line["number"] for line in log] == [1, 2, 3, 4]


def test_probe_photos_are_not_those_of_the_train_split(data: Path, tmp_path: Path) -> None:
    """Of five training and two validation photos of each class only the two may be used."""
    source = ProbeSource(photos="colours", stored_size=40, image_size=32, per_class=1, judged=5)
    probe = probe_set(source, data, tmp_path, 0, lambda *_: None)
    assert len(probe.images) == 3 * 2
    assert probe.learned == 3


def test_a_recipe_without_taught_photos_needs_no_teacher(lessons: DistillationLoader) -> None:
    """It is refused: there is nothing to take the statistics of the teacher's features from."""
    photos = tuple(replace(each.source, taught=False, labelled=True) for each in lessons.corpora.all)
    corpora = replace(
        lessons.corpora,
        all=tuple(replace(each, source=source) for each, source in zip(lessons.corpora.all, photos, strict=True)),
    )
    with pytest.raises(UserError, match="no distilled photos"):
        student_of(replace(lessons, corpora=corpora))

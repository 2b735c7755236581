"""Adapting without labels: the losses, the statistics, the alignment, the choice, and all of it on drawn photos."""

from dataclasses import fields, replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from inarch.commands.adapt import labelled
from inarch.commands.adapt.adapting import (
    candidates_of,
    choose_unsupervised,
    run_supervised,
    run_unsupervised,
)
from inarch.commands.adapt.alignment import align_features
from inarch.commands.adapt.labelled import LABELLED_METHODS, LabelledTarget
from inarch.commands.adapt.losses import (
    class_confusion,
    domain_confusion,
    reversal_factor,
    reverse_gradient,
)
from inarch.commands.adapt.methods import METHODS
from inarch.commands.adapt.problem import AdaptationProblem, Domain, compute_logits
from inarch.commands.adapt.recipe import AdaptRecipe
from inarch.commands.adapt.selection import NONE, choose_candidate
from inarch.data.augmentation import Augmentation
from inarch.data.photos import Preprocessing
from inarch.models import Classifier, evaluating, fold_batch_norm
from inarch.storage.cache import ArrayCache
from inarch.training.statistics import adopt_statistics, norms_of
from inarch.transfer.proof import digests
from inarch.transfer.run import StrategyResult, TrainingRun
from lively import enlivened
from stripes import CLASSES, SIZE, drawn
from tolerance import assert_same_computation, terms_of

TARGET = 120
"""Photos of the other domain."""


def test_sure_answers_are_not_confused_and_undecided_ones_are() -> None:
    """With equal probabilities everything is confused with everything: 1 - 1 / classes."""
    assert class_confusion(1000 * torch.eye(4)).item() == pytest.approx(0, abs=1e-6)
    assert class_confusion(torch.zeros(9, 4)).item() == pytest.approx(3 / 4)


def test_confusion_cares_neither_for_the_order_of_photos_nor_of_classes() -> None:
    """And falls where a step goes along its gradient."""
    logits = torch.randn(20, 5, generator=torch.Generator().manual_seed(0), requires_grad=True)
    loss = class_confusion(logits)
    assert_same_computation(class_confusion(logits.flip(0, 1)), loss, terms=logits.numel())
    (gradient,) = torch.autograd.grad(loss, logits)
    assert class_confusion(logits - 0.1 * gradient / gradient.norm()).item() < loss.item()


def test_the_critic_learns_to_tell_domains_apart_and_the_features_not_to() -> None:
    """The gradients of binary cross-entropy, as it is for the critic, reversed and scaled for the features."""
    torch.manual_seed(0)
    critic, source, target = nn.Linear(3, 1), torch.randn(4, 3), torch.randn(6, 3, requires_grad=True)
    logits = critic(torch.cat([source, target])).squeeze(1)
    sides = torch.cat([torch.zeros(4), torch.ones(6)])
    weights = torch.cat([torch.full((4,), 1 / 8), torch.full((6,), 1 / 12)])
    plain = nn.functional.binary_cross_entropy_with_logits(logits, sides, weights, reduction="sum")
    ours = domain_confusion(critic, source, target, 0.25)
    assert_same_computation(ours, plain, terms=len(logits) + 3)
    for sign, tensor in ((1, critic.weight), (-0.25, target)):
        (expected,) = torch.autograd.grad(plain, tensor, retain_graph=True)
        (found,) = torch.autograd.grad(ours, tensor, retain_graph=True)
        assert_same_computation(found, sign * expected, terms=len(logits) + 3)


def test_reversal_changes_nothing_forward_and_rises_from_0_towards_1() -> None:
    """And never falls on the way."""
    features = torch.randn(2, 3)
    assert torch.equal(reverse_gradient(features, 0.5), features)
    course = [reversal_factor(share) for share in np.linspace(0, 1, 11)]
    assert course[0] == 0
    assert 0.99 < course[-1] < 1
    assert course == sorted(course)


def test_aligned_features_have_the_mean_and_covariance_of_the_target() -> None:
    """With many photos, where shrinking does little."""
    draw = np.random.default_rng(0)
    source = (draw.normal(size=(4000, 3)) @ draw.normal(size=(3, 3))).astype(np.float32)
    target = (draw.normal(size=(4000, 3)) @ draw.normal(size=(3, 3)) + 5).astype(np.float32)
    moved = align_features(source, target)
    assert_same_computation(moved.mean(0), target.mean(0), terms=len(source) + len(target))
    assert np.cov(moved.T) == pytest.approx(np.cov(target.T), rel=0.05, abs=0.05)
    assert align_features(source, source) == pytest.approx(source, abs=1e-2)


def test_adopted_statistics_are_those_of_the_photos_and_nothing_else_changes() -> None:
    """Weights, modes and momenta stay; dropout is off meanwhile; what was there before is forgotten."""
    net = enlivened(nn.Sequential(nn.BatchNorm2d(3), nn.Dropout(0.5), nn.Conv2d(3, 4, 1), nn.BatchNorm2d(4)))
    net[1].eval()
    weights = {name: tensor.clone() for name, tensor in net.named_parameters()}
    images = torch.randn(32, 3, 5, 5, generator=torch.Generator().manual_seed(0)) * 3 + 2
    adopt_statistics(net, images.split(8))
    terms = images[:, 0].numel()
    assert_same_computation(net[0].running_mean, images.mean((0, 2, 3)), terms=terms)
    expected = torch.stack([part.var((0, 2, 3)) for part in images.split(8)]).mean(0)
    assert_same_computation(net[0].running_var, expected, terms=terms)
    assert all(torch.equal(tensor, weights[name]) for name, tensor in net.named_parameters())
    assert [module.training for module in net] == [True, False, True, True]
    assert [norm.momentum for norm in norms_of(net)] == [0.1, 0.1]
    again = net[3].running_var.clone()
    adopt_statistics(net, images.split(8))
    assert_same_computation(net[3].running_var, again, terms=terms)


def test_statistics_undo_a_change_of_brightness_and_contrast() -> None:
    """A net that begins with a norm sees the changed images as it saw the old ones."""
    net = nn.Sequential(nn.BatchNorm2d(3), nn.Conv2d(3, 2, 3), nn.BatchNorm2d(2))
    images = torch.randn(16, 3, 6, 6, generator=torch.Generator().manual_seed(0))
    adopt_statistics(net, [images])
    with evaluating(net), torch.no_grad():
        before = net(images)
    adopt_statistics(net, [0.3 * images - 2])
    with evaluating(net), torch.no_grad():
        assert net(0.3 * images - 2).numpy() == pytest.approx(before.numpy(), rel=1e-2, abs=1e-2)  # eps stays as it is


def _one_hot(answers: list[int], classes: int = 2) -> np.ndarray:
    return np.eye(classes)[answers]


def test_the_highest_score_is_taken_if_it_is_higher_beyond_chance() -> None:
    """Else the net stays as it was, and the sentence says which of the two it is."""
    alike, mixed = _one_hot([0] * 40), _one_hot([0, 1] * 20)
    better = choose_candidate({NONE: alike, "a": alike, "b": mixed}, "information", seed=0)
    assert (better.name, better.gains["b"].value) == ("b", pytest.approx(np.log(2)))
    same = choose_candidate({NONE: mixed, "a": mixed}, "information", seed=0)
    assert same.name == NONE
    assert "inconclusive" in same.why
    worse = choose_candidate({NONE: mixed, "a": alike}, "information", seed=0)
    assert worse.name == NONE
    assert "worse" in worse.why
    assert choose_candidate({NONE: mixed}, "information", seed=0).name == NONE


def test_what_the_others_agree_with_is_taken_and_a_lone_rival_is_not_judged_by_agreement() -> None:
    """Two candidates find what the old net and a bad method miss, each in its own way."""
    draw = np.random.default_rng(0)
    truth = draw.integers(4, size=300)

    def right_on(share: float) -> np.ndarray:
        return np.eye(4)[np.where(draw.random(300) < share, truth, draw.integers(4, size=300))]

    answers = {NONE: right_on(0.5), "good": right_on(0.9), "better": right_on(0.95), "bad": right_on(0.2)}
    choice = choose_candidate(answers, None, seed=0)
    assert (choice.name, choice.validator) == ("better", "agreement")
    assert choice.gains["bad"].high < 0 < choice.gains["good"].low
    spoilt = {NONE: right_on(0.95), "a": right_on(0.3), "b": right_on(0.3)}
    assert choose_candidate(spoilt, None, seed=0).name == NONE
    assert choose_candidate({NONE: answers[NONE], "good": answers["good"]}, None, seed=0).validator == "information"


@pytest.fixture(scope="module")
def task(learned: tuple[TrainingRun, StrategyResult], tmp_path_factory: pytest.TempPathFactory) -> AdaptationProblem:
    """The tiny net that tells stripes apart, before stripes at half the light."""
    job, outcome = learned
    dark = np.stack([drawn(CLASSES[row % 3], seed=500 + row) // 2 for row in range(TARGET)])
    cache = ArrayCache(tmp_path_factory.mktemp("target"))
    keys = [f"{row:064x}" for row in range(len(dark))]
    cache.write(keys, {"images": dark})
    rows = np.arange(len(job.train))
    return AdaptationProblem(
        model=outcome.model,
        temperature=outcome.temperature,
        cut=None,
        source=Domain(job.stored.images.of(job.train), None),
        labels=job.labels[job.train],
        groups=job.groups[job.train],
        seen=rows[12:],
        held=rows[:12],
        target=Domain(cache.read(keys, "images"), None),
        preprocessing=Preprocessing(image_size=SIZE),
        augmentation=Augmentation(min_scale=0.7),
        seed=0,
        seconds=600.0,
    )


def test_no_type_has_a_place_for_target_labels(task: AdaptationProblem) -> None:
    """The task's only labels are as many as the source has photos."""
    assert {each.name for each in fields(Domain)} == {"pixels", "maps"}
    assert len(task.labels) == len(task.groups) == len(task.source) != len(task.target)


def _with_maps(task: AdaptationProblem, cut: str, folder: Path) -> AdaptationProblem:
    """The same task, whose prefix up to ``cut`` is frozen and cached."""

    def mapped(domain: Domain, name: str) -> Domain:
        with torch.no_grad():
            maps = task.model.backbone.tapped(task.inputs(domain, np.arange(len(domain))), [cut])[cut]
        cache = ArrayCache(folder / name)
        keys = [f"{row:064x}" for row in range(len(domain))]
        cache.write(keys, {"map": maps.numpy().astype(np.float16)})
        return replace(domain, maps=cache.read(keys, "map"))

    return replace(task, cut=cut, source=mapped(task.source, "s"), target=mapped(task.target, "t"))


@pytest.mark.parametrize("cut", [pytest.param(None, marks=pytest.mark.slow), "stage3"])
def test_every_method_adapts_within_its_rights(cut: str | None, task: AdaptationProblem, tmp_path: Path) -> None:
    """The task's own net is untouched, what was not to move has not, and the logits are those of the net returned."""
    if cut:
        task = _with_maps(task, cut, tmp_path)
    before = digests(task.model)
    task = replace(task, recipe=AdaptRecipe(updates=30))
    before = digests(task.model)
    result = run_unsupervised(task, tuple(METHODS))
    again = run_unsupervised(task, ("dann",))
    assert digests(task.model) == before
    assert set(result.adapted) == {NONE, *METHODS}
    assert not result.left_out
    np.testing.assert_array_equal(again.adapted["dann"].logits, result.adapted["dann"].logits)
    moved = {name: {each.rpartition(".")[2] for each in result.movements[name].moved} for name in METHODS}
    assert moved["adabn"] == {"running_mean", "running_var", "num_batches_tracked"}
    assert set(result.movements["coral"].moved) == {"head.linear.weight", "head.linear.bias"}
    for name in ("mcc", "dann"):
        frozen = [each for each in result.movements[name].moved if cut and ".stem." in each]
        assert "weight" in moved[name]
        assert not frozen
    pixels = replace(task, cut=None).inputs(Domain(task.target.pixels, None), np.arange(len(task.target)))
    for each in result.adapted.values():
        with torch.no_grad():
            logits = each.model(pixels)
        if cut:  # the maps are kept in 16 bits
            assert_same_computation(logits, each.logits, terms=1, dtype=torch.float16)
        else:
            assert_same_computation(logits, each.logits, terms=terms_of(each.model))


@pytest.mark.slow
def test_other_light_is_made_up_for(task: AdaptationProblem) -> None:
    """By statistics alone, as labels that no method saw say; and the choice takes no worse net than the old one."""
    labels = np.arange(TARGET) % 3
    result = run_unsupervised(replace(task, recipe=AdaptRecipe(updates=30)), tuple(METHODS))
    right = {name: float((each.logits.argmax(1) == labels).mean()) for name, each in result.adapted.items()}
    assert right["adabn"] > right[NONE] + 0.05
    choice = choose_unsupervised(result, None, seed=0)
    assert right[choice.name] >= right[NONE]
    records = candidates_of(result, choice)
    assert [each.method for each in records if each.chosen] == [choice.name]
    assert records[0].changed == 0
    assert all(sum(each.shares) == pytest.approx(1) and each.oracle is None for each in records)


def test_a_folded_net_has_no_statistics_to_adopt(task: AdaptationProblem) -> None:
    """It is said, and the others go on."""
    model = fold_batch_norm(task.model)
    result = run_unsupervised(replace(task, model=Classifier(model.backbone, model.head).eval()), ("adabn", "coral"))
    assert [name for name, why in result.left_out if "folded" in why] == ["adabn"]
    assert "coral" in result.adapted


def _labelled(task: AdaptationProblem, folder: Path) -> LabelledTarget:
    """A few photos of the other domain, with their labels."""
    rows = np.arange(12)
    cache = ArrayCache(folder)
    keys = [f"{row:064x}" for row in rows]
    cache.write(keys, {"images": task.target.pixels[rows]})
    return LabelledTarget(Domain(cache.read(keys, "images"), None), rows % 3, rows)


FEW_SETTINGS = AdaptRecipe(head_shares=(0.5,), head_strengths=(0.01,), tuned_updates=4, fewest_updates=2)
"""Nothing to choose for the head, and few updates for a tail."""


@pytest.mark.parametrize("name", LABELLED_METHODS)
def test_no_held_out_answer_depends_on_the_labels_of_its_fold(
    name: str, task: AdaptationProblem, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Wrong labels in one fold change what the others answer, and not what is answered there."""
    task = replace(task, recipe=FEW_SETTINGS)
    given = _labelled(task, tmp_path)
    halves = [(np.arange(6), np.arange(6, 12)), (np.arange(6, 12), np.arange(6))]  # else they depend on the labels
    monkeypatch.setattr(labelled, "loose_folds", lambda *_, **__: halves)
    held = halves[0][1]
    wrong = given.labels.copy()
    wrong[held] = (wrong[held] + 1) % 3
    before, after = (LABELLED_METHODS[name].learn(task, replace(given, labels=each)) for each in (given.labels, wrong))
    others = np.setdiff1d(np.arange(12), held)
    np.testing.assert_array_equal(before.held_out[held], after.held_out[held])
    assert not np.allclose(before.held_out[others], after.held_out[others])


def test_learning_from_labels_keeps_to_its_rights_and_helps(task: AdaptationProblem, tmp_path: Path) -> None:
    """The head moves alone; logits are those of the net returned; every candidate answers the labelled photos."""
    task = replace(task, recipe=FEW_SETTINGS)
    before = digests(task.model)
    given = _labelled(task, tmp_path)
    came = run_supervised(task, given, run_unsupervised(task, ("adabn",)))
    assert digests(task.model) == before
    assert list(came.held_out) == [NONE, "adabn", "head", "tune"]
    assert all(each.shape == (12, 3) for each in came.held_out.values())
    assert set(came.learned.movements["head"].moved) == {"head.linear.weight", "head.linear.bias"}
    assert len(came.learned.movements["tune"].moved) > 2
    pixels = task.inputs(task.target, np.arange(len(task.target)))
    for each in came.learned.adapted.values():
        with torch.no_grad():
            assert_same_computation(each.model(pixels), each.logits, terms=terms_of(each.model))
    head = came.learned.adapted["head"].logits.argmax(1)
    old = compute_logits(task.moving(), task, task.target).argmax(1)
    truth = np.arange(TARGET) % 3
    assert (head == truth).mean() > (old == truth).mean()


def test_a_balance_that_learning_would_undo_is_kept(task: AdaptationProblem, tmp_path: Path) -> None:
    """Both are left out, with the reason."""
    weighting = replace(task, class_weighting="logit-adjustment")
    came = run_supervised(weighting, _labelled(task, tmp_path), run_unsupervised(weighting, ()))
    assert [name for name, why in came.learned.left_out if "class weighting" in why] == ["head", "tune"]
    assert list(came.held_out) == [NONE]

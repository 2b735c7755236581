"""The strategies on drawn photos. No job here lets anyone read its test photos: see `Guarded` in conftest.py."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import nn

from inarch.commands.train.strategies import finetune as finetune_module
from inarch.commands.train.strategies import probe as probe_module
from inarch.commands.train.strategies import scratch as scratch_module
from inarch.commands.train.strategies import tuning as tuning_module
from inarch.commands.train.strategies.finetune import (
    Trial,
    calibrate,
    finetune,
    finetune_result,
    interpolate_weights,
    trial,
)
from inarch.commands.train.strategies.probe import ProbeRun, probe, probe_on
from inarch.commands.train.strategies.registry import STRATEGIES, strategy
from inarch.commands.train.strategies.scratch import scratch
from inarch.commands.train.strategies.tuning import TailTuning, WholeTuning
from inarch.errors import FrozenTensorChangedError, PhotosError, UnknownNameError, UserError
from inarch.models import architecture
from inarch.runtime.session import Graph
from inarch.storage.cache import Rows
from inarch.training.loop import Run
from inarch.training.pixels import normalise_pixels
from inarch.transfer.backbones import starting_point
from inarch.transfer.cuts import feature_map_bytes
from inarch.transfer.recipes import FinetuneRecipe, ProbeRecipe, Recipes, WholeRecipe
from inarch.transfer.run import StartingPoint, StrategyResult, TrainingRun, held_out_fold
from inarch.transfer.tail import train_tail
from inarch.weights.files import weights_digest
from jobs import TRAIN, with_options
from tolerance import assert_same_computation, terms_of
from trained import ONE_EPOCH

Jobs = Callable[..., TrainingRun]

FINETUNING = FinetuneRecipe().config


@pytest.fixture(scope="session")
def probed(make_job: Jobs, start: StartingPoint) -> tuple[TrainingRun, ProbeRun]:
    """A job, and the probe that fine-tuning starts from."""
    job = make_job(start)
    return job, probe_on(job, start.cut)


@pytest.fixture(scope="session")
def finetuned(make_job: Jobs, start: StartingPoint) -> tuple[TrainingRun, StrategyResult]:
    """A job, and what `finetune` made of it, where all but the last stage is frozen."""
    job = make_job(start, freeze_until=start.cut)
    return job, finetune(job)


@pytest.fixture(scope="session")
def whole(make_job: Jobs, start: StartingPoint) -> tuple[TrainingRun, StrategyResult]:
    """A job, and what `finetune` made of it, where nothing is frozen."""
    job = make_job(start, freeze_until="none")
    return job, finetune(job)


@pytest.fixture
def no_export(monkeypatch: pytest.MonkeyPatch) -> None:
    """Exporting takes seconds and is tested elsewhere."""
    monkeypatch.setattr(scratch_module, "classifier_graph", lambda *_: b"")
    monkeypatch.setattr(finetune_module, "classifier_graph", lambda *_: b"")


def test_strategies_are_found_by_name() -> None:
    """Each by its own; a wrong one gets the nearest offered."""
    assert {name: strategy(name) for name in STRATEGIES} == dict(STRATEGIES)
    with pytest.raises(UnknownNameError, match=r"No strategy is called 'finetuning'. Did you mean 'finetune'"):
        strategy("finetuning")


def assert_graph_is_model(job: TrainingRun, outcome: StrategyResult) -> None:
    pixels = job.stored.images[job.train[:7]]
    from_graph, embedding = Graph(outcome.graph, threads=1)(pixels, batch=3)
    *_, last = (each for each in outcome.model.head.modules() if isinstance(each, nn.Linear))
    seen: list[torch.Tensor] = []
    handle = last.register_forward_pre_hook(lambda module, inputs: seen.append(inputs[0]))
    with torch.no_grad():
        images = normalise_pixels(torch.from_numpy(pixels).permute(0, 3, 1, 2), job.preprocessing)
        from_model = outcome.model(images).numpy()
    handle.remove()
    assert_same_computation(from_graph, from_model, terms=terms_of(outcome.model))
    assert_same_computation(embedding, seen[0], terms=terms_of(outcome.model))
    assert not any(module.training for module in outcome.model.modules())


def test_scratch_learns_and_ships_what_it_learned(learned: tuple[TrainingRun, StrategyResult]) -> None:
    """The graph is the model; held-out photos are told apart far beyond chance, which is one in three."""
    job, outcome = learned
    assert_graph_is_model(job, outcome)
    assert outcome.strategy == "scratch"
    assert outcome.candidates[0].accuracy.value > 0.7
    assert outcome.fitted.value > 0.7
    assert outcome.fitted.n + outcome.candidates[0].accuracy.n == len(job.train)


def test_probe_ships_what_it_learned(make_job: Jobs, start: StartingPoint) -> None:
    """The graph is the model; the backbone is the one that was given, and a second run gives the same bytes."""
    job = make_job(start)
    before = weights_digest(start.backbone.state_dict())
    outcome, again = probe(job), probe(make_job(start))
    assert_graph_is_model(job, outcome)
    assert weights_digest(start.backbone.state_dict()) == before
    assert outcome.graph == again.graph
    assert weights_digest(outcome.model.state_dict()) == weights_digest(again.model.state_dict())
    assert outcome.candidates[0].accuracy == again.candidates[0].accuracy
    assert outcome.candidates[0].accuracy.value > 0.8
    assert outcome.temperature == again.temperature


@pytest.mark.slow
def test_a_probe_of_several_stages_ships_what_it_learned(
    make_job: Jobs, start: StartingPoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The graph is the net that gathers the stages, and its logits are those of the features that were fitted."""
    monkeypatch.setattr(probe_module, "choose_best_stage", lambda fits, *_: list(fits)[-1])
    job = make_job(start)
    probed = probe_on(job)
    assert probed.stage == "stage2+stage3+stage4"
    outcome = probe(job)
    assert_graph_is_model(job, outcome)
    assert list(outcome.model.backbone.gathered) == ["stage2", "stage3"]
    logits, _ = Graph(outcome.graph, threads=1)(job.stored.images[job.train])
    expected = probed.probe.logits(probed.features(probed.stage)[0])
    assert_same_computation(logits, expected, terms=terms_of(outcome.model), dtype=torch.float32)
    assert any("stage2, stage3 and stage4 together" in note for note in outcome.notes)


def test_of_many_photos_stages_are_probed_one_by_one(make_job: Jobs, start: StartingPoint) -> None:
    """The widest fit is left out where it would take long."""
    job = make_job(start, recipes=Recipes(probe=ProbeRecipe(gathered_photos=3 * TRAIN - 1)))
    assert list(probe_on(job).fits) == ["stage3", "stage4"]


def test_finetuning_ships_what_it_learned(finetuned: tuple[TrainingRun, StrategyResult]) -> None:
    """The graph is the model, and both candidates were measured on the same photos."""
    job, outcome = finetuned
    assert_graph_is_model(job, outcome)
    by_name = {candidate.strategy: candidate for candidate in outcome.candidates}
    assert by_name["finetune"].chosen
    assert not by_name["probe"].chosen
    assert by_name["finetune"].accuracy.n == by_name["probe"].accuracy.n == len(held_out_fold(job)[1])
    assert "The backbone is frozen until stage3" in outcome.notes[-1]


def test_finetuning_moves_the_tail_and_nothing_else(
    finetuned: tuple[TrainingRun, StrategyResult], weights: Path
) -> None:
    """Before the cut nothing moves, behind it every weight does and no statistic; the starting point is left alone."""
    job, outcome = finetuned
    given = starting_point("resnet_basic_tiny", weights).backbone.state_dict()
    assert weights_digest(job.start.backbone.state_dict()) == weights_digest(given)
    moved = {
        name for name, tensor in outcome.model.backbone.state_dict().items() if not torch.equal(tensor, given[name])
    }
    assert moved
    assert all(name.startswith("stages.stage4.") for name in moved)
    assert not any("running" in name or "batches" in name for name in moved)
    assert {name for name in given if name.startswith("stages.stage4.") and name.endswith("conv.weight")} <= moved


def test_every_layer_moves_where_nothing_is_frozen(whole: tuple[TrainingRun, StrategyResult], weights: Path) -> None:
    """Every parameter, and the list says so; the graph is the model, and the starting point is left alone."""
    job, outcome = whole
    assert_graph_is_model(job, outcome)
    given = starting_point("resnet_basic_tiny", weights).backbone.state_dict()
    assert weights_digest(job.start.backbone.state_dict()) == weights_digest(given)
    parameters = dict(outcome.model.named_parameters())
    assert all(not torch.equal(each, given[name]) for name, each in outcome.model.backbone.named_parameters())
    assert set(parameters) <= set(outcome.movements[-1].moved)
    (tuned,) = [each for each in outcome.candidates if each.strategy == "finetune"]
    assert tuned.settings.startswith("every layer, ")
    assert outcome.notes[-1].startswith("Every layer was trained, on random crops of 32 pixels")
    assert tuned.accuracy.n == len(held_out_fold(job)[1])


def test_fine_tuning_goes_on_with_every_photo(finetuned: tuple[TrainingRun, StrategyResult]) -> None:
    """The epochs after the trial are counted on, and said."""
    outcome = finetuned[1]
    assert {len(curve.points) for curve in outcome.curves} == {8 + 3}
    said = "After 8 epochs with four fifths of the training photos, fine-tuning went on for 3 epochs with all of them."
    assert said in outcome.notes


def test_weights_are_interpolated(make_job: Jobs, start: StartingPoint) -> None:
    """Half-way is the mean of both ends, tensor by tensor; the whole way is the end, and what is alike stays."""
    probed = probe_on(make_job(start), start.cut)
    model = TailTuning(make_job(start), probed).classifier(probed.fits[probed.last])
    begun = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    draw = torch.Generator().manual_seed(0)
    ended = {
        name: tensor + torch.rand(tensor.shape, generator=draw) if name.startswith("head.") else tensor.clone()
        for name, tensor in begun.items()
    }
    interpolate_weights(model, begun, ended, 0.5)
    for name, tensor in model.state_dict().items():
        if name.startswith("head."):
            assert_same_computation(tensor, (begun[name] + ended[name]) / 2, terms=4)
        else:
            assert torch.equal(tensor, begun[name])
    interpolate_weights(model, begun, ended, 1.0)
    assert all(torch.equal(tensor, ended[name]) for name, tensor in model.state_dict().items())


@pytest.mark.slow
def test_validation_photos_choose_how_far_weights_go(make_job: Jobs, start: StartingPoint) -> None:
    """Of the shares in the recipe the one with the lowest log loss, calibrated; one alone is taken as it is."""

    def tried_with(*shares: float) -> Trial:
        job = make_job(start, recipes=Recipes(finetune=FinetuneRecipe(shares=shares)))
        return trial(TailTuning(job, probe_on(job, start.cut)), replace(FINETUNING, epochs=1))

    def loss(each: Trial) -> float:
        run, labels = each.tuning.run, each.tuning.run.learned.labels[each.held_out]
        return float(run.weighting.losses(calibrate(run, each.tuned, labels), labels).mean())

    alone = {share: tried_with(share) for share in (0.25, 1.0)}
    assert {share: each.share for share, each in alone.items()} == {0.25: 0.25, 1.0: 1.0}
    assert "interpolated at 0.25" in alone[0.25].candidate().settings
    both = tried_with(0.25, 1.0)
    assert loss(both) == min(loss(each) for each in alone.values())


@pytest.mark.slow
@pytest.mark.usefixtures("no_export")
def test_the_better_depth_ships(make_job: Jobs, start: StartingPoint) -> None:
    """Without a depth named, both are measured on the same photos, and the one with the lower log loss is taken."""
    outcome = finetune(make_job(start))
    tried = [each for each in outcome.candidates if each.strategy == "finetune"]
    assert [each.settings.split(",")[0] for each in tried] == ["frozen until stage3", "every layer"]
    assert len({each.accuracy.n for each in outcome.candidates}) == 1
    (chosen,) = [each for each in outcome.candidates if each.chosen]
    assert chosen.log_loss == min(each.log_loss for each in tried)


@pytest.mark.slow
def test_whole_tuning_learns_nothing_from_held_out_photos(
    make_job: Jobs, start: StartingPoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With other pictures in their place, the model becomes the same, bit for bit."""
    trained: list[nn.Module] = []
    real = WholeTuning.train

    def watched(self: WholeTuning, model: Any, fit: Any) -> list[Any]:
        trained.append(model)
        return real(self, model, fit)

    monkeypatch.setattr(WholeTuning, "train", watched)
    job = make_job(start)
    _, held = held_out_fold(job)
    draw = np.random.default_rng(0)
    noise = {int(row): draw.integers(0, 256, (32, 32, 3)).astype(np.uint8) for row in job.train[held]}
    own = probe_on(job)
    config = replace(WholeRecipe().config, epochs=1)
    for run in (job, replace(job, stored=make_job(start, pixels=noise).stored)):
        trial(WholeTuning(run, own), config)
    assert weights_digest(trained[0].state_dict()) == weights_digest(trained[1].state_dict())


def test_what_moved_is_listed(
    learned: tuple[TrainingRun, StrategyResult],
    finetuned: tuple[TrainingRun, StrategyResult],
    make_job: Jobs,
    start: StartingPoint,
) -> None:
    """Phase by phase, tensor by tensor, statistics included; the rest is counted."""
    everything = len(learned[1].model.state_dict())
    (of_scratch,) = learned[1].movements
    assert len(of_scratch.moved) + of_scratch.kept == everything
    assert of_scratch.kept == 0
    first, second = finetuned[1].movements
    assert first.moved == ("head.linear.weight", "head.linear.bias")
    assert first.kept == everything - 2
    assert {name.split(".")[2] for name in second.moved if name.startswith("backbone.")} == {"stage4"}
    assert not any("running" in name for name in second.moved)
    assert len(second.moved) + second.kept == everything
    (of_probe,) = probe(make_job(start)).movements
    assert of_probe.moved == first.moved


@pytest.mark.usefixtures("no_export")
@pytest.mark.parametrize("tensor", ["conv1.conv.weight", pytest.param("running_mean", marks=pytest.mark.slow)])
def test_a_frozen_tensor_that_moves_is_an_error(
    make_job: Jobs, weights: Path, tensor: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A weight as well as a statistic, however it came about."""
    start = starting_point("resnet_basic_tiny", weights)
    names = [name for name in start.backbone.state_dict() if name.endswith(tensor) and "stage2" in name]
    real = tuning_module.finetune_epochs

    def careless(*given: Any) -> list[Any]:
        start.backbone.state_dict()[names[0]].mul_(1.5)
        return real(*given)

    job, config = make_job(start), replace(FINETUNING, epochs=1)
    tried = trial(TailTuning(job, probe_on(job, start.cut)), config)
    monkeypatch.setattr(tuning_module, "finetune_epochs", careless)
    with pytest.raises(
        FrozenTensorChangedError, match=rf"In finetune, backbone\.{names[0]} changed although it was frozen"
    ):
        finetune_result(tried, ((), ()))


def test_finetuning_begins_where_the_probe_ended(probed: tuple[TrainingRun, ProbeRun]) -> None:
    """Before the first update the loss in training mode is the probe's: what it was fitted to is what is tuned."""
    job, own = probed
    model = nn.Sequential(*tuning_module.tail_and_head(job, own, own.fits[own.last]))
    source = tuning_module.feature_maps_of(job, own).source(np.arange(len(job.train)))
    still = replace(FINETUNING, epochs=1, lr=0.0, ema_decay=0.0, label_smoothing=0.0)
    (epoch,) = train_tail(job, Run(model, still), source)
    logits = torch.from_numpy(own.fits[own.last].logits(own.features(own.last)[0]))
    labels = torch.from_numpy(job.labels[job.train])
    expected = nn.functional.cross_entropy(logits, labels).item()
    in_16_bits = {"terms": 1, "magnitude": float(logits.abs().max()), "dtype": torch.float16}  # as maps are kept
    assert_same_computation(epoch.loss, expected, **in_16_bits)


@pytest.mark.parametrize("name", ["probe", "finetune"])
def test_transfer_without_weights_says_what_to_pass(make_job: Jobs, fresh: StartingPoint, name: str) -> None:
    """One sentence: there is nothing to transfer."""
    with pytest.raises(
        UserError, match=r"nothing to transfer: resnet_basic_tiny has no pre-trained weights\. Pass --weights"
    ):
        strategy(name)(make_job(fresh))


def test_a_backbone_too_short_to_be_cut_is_refused(make_job: Jobs, start: StartingPoint) -> None:
    """With the strategy to choose instead."""
    stem = replace(start, backbone=start.backbone.cut("stem"), after="pool1")
    with pytest.raises(
        UserError, match=r"backbone ends with its pool1, so no layer would stay frozen; choose .* probe"
    ):
        finetune(make_job(stem, freeze_until="stem"))


def without(label: int, *, but: int) -> NDArray[np.int64]:
    """All training rows of `make_job`, but only so many of the class."""
    rows = np.arange(72)
    return np.concatenate([rows[rows % 3 != label], rows[rows % 3 == label][:but]])


def test_maps_that_do_not_fit_into_the_cache_are_not_tried(make_job: Jobs, start: StartingPoint) -> None:
    """72 photos, 2 x 2 values in 16 bits of each channel before the last stage; one byte less is too little."""
    cut = start.cut or ""
    tap = start.backbone.taps[cut]
    needed = 72 * 2 * tap.channels * (32 // tap.stride) ** 2
    assert feature_map_bytes(start.backbone, cut, 32, 72) == needed
    assert tuning_module.obstacle_for_tail(make_job(start, cache_size=needed)) == ""
    with pytest.raises(UserError, match=r"72 photos take 0\.00 GB, and the cache may hold 0\.00 GB \(--cache-size\)"):
        finetune(make_job(start, cache_size=needed - 1, freeze_until=cut))


def test_a_class_too_small_for_a_trial_is_named(make_job: Jobs, start: StartingPoint) -> None:
    """Two photos cannot be held out from and cross-validated on; the class and the number are the user's own."""
    with pytest.raises(UserError, match=r"takes 3 different training photos per class, .* and 'aslant' has 2"):
        finetune(make_job(start, train=without(1, but=2)))


def test_scratch_names_the_class_that_cannot_be_held_out_from(make_job: Jobs, fresh: StartingPoint) -> None:
    """One photo cannot be both learned from and watched."""
    with pytest.raises(PhotosError, match=r"two different training photos; 'down' has 1. Add photos"):
        scratch(make_job(fresh, train=without(2, but=1)))


@pytest.mark.slow
def test_the_smallest_trial_works(make_job: Jobs, start: StartingPoint, no_export: None) -> None:
    """Three photos of a class are enough."""
    assert finetune(make_job(start, train=without(1, but=3))).strategy == "finetune"


def test_held_out_photos_are_a_stratified_fifth(probed: tuple[TrainingRun, ProbeRun]) -> None:
    """Every photo on one side, every class on both."""
    job, _ = probed
    seen, held = held_out_fold(job)
    assert sorted([*seen, *held]) == list(range(len(job.train)))
    assert len(held) in range(len(job.train) // 5 - 2, len(job.train) // 5 + 3)
    assert set(job.labels[job.train][seen]) == set(job.labels[job.train][held]) == {0, 1, 2}


@pytest.mark.parametrize("by", ["digests", "groups"])
def test_copies_and_groups_stand_on_one_side(make_job: Jobs, start: StartingPoint, by: str) -> None:
    """A trial judged by photos that it has learned from would be too good."""
    together = {row: f"pair {row // 6} {row % 3}" for row in range(60)}
    job = make_job(start, **{by: together})
    for seed in range(5):
        seen, held = held_out_fold(with_options(job, seed=seed))
        assert len(held)
        assert not set(job.groups[job.train][seen]) & set(job.groups[job.train][held])
        assert set(job.labels[job.train][seen]) == {0, 1, 2}


class Poisoned(Rows):
    """Rows of which those held out are no numbers."""

    def __init__(self, rows: Rows, held: NDArray[np.int64]) -> None:
        vars(self).update(vars(rows))
        self._held = held

    def __getitem__(self, indices: Any) -> NDArray[Any]:
        found = super().__getitem__(indices)
        found[np.isin(np.arange(len(self))[indices], self._held)] = np.nan
        return found


def test_a_trial_learns_nothing_from_held_out_photos(probed: tuple[TrainingRun, ProbeRun]) -> None:
    """With their features and maps turned into NaN, training goes as before."""
    job, honest = probed
    config = replace(FINETUNING, epochs=2)
    _, held = held_out_fold(job)
    poisoned = replace(
        honest, views=tuple({name: Poisoned(rows, held) for name, rows in view.items()} for view in honest.views)
    )
    all_the_way = Recipes(finetune=FinetuneRecipe(shares=(1.0,)))  # those held out choose how far weights go
    job = with_options(job, recipes=all_the_way)
    clean, spoilt = (trial(TailTuning(job, each), config) for each in (honest, poisoned))
    assert [epoch.loss for epoch in spoilt.history] == [epoch.loss for epoch in clean.history]
    assert np.array_equal(clean.held_out, held)
    assert np.isfinite(clean.tuned).all()
    assert np.isnan(spoilt.tuned).all()
    assert np.isnan(spoilt.probed).all()


def test_scratch_learns_nothing_from_held_out_photos(make_job: Jobs, fresh: StartingPoint, no_export: None) -> None:
    """With other pictures in their place the net becomes the same, bit for bit."""
    job = make_job(fresh, recipes=ONE_EPOCH)
    _, held = held_out_fold(job)
    draw = np.random.default_rng(0)
    noise = {int(row): draw.integers(0, 256, (32, 32, 3)).astype(np.uint8) for row in job.train[held]}
    first, second = scratch(job), scratch(make_job(fresh, pixels=noise, recipes=ONE_EPOCH))
    assert weights_digest(first.model.state_dict()) == weights_digest(second.model.state_dict())
    assert first.candidates[0].log_loss != second.candidates[0].log_loss


@pytest.mark.parametrize(
    ("name", "size"), [("googlenet_tiny", 64), ("googlenet_paper_tiny", 64), ("inception_v3_tiny", 80)]
)
def test_scratch_leaves_the_global_generator_alone(make_job: Jobs, no_export: None, name: str, size: int) -> None:
    """Auxiliary heads with their dropout at an image size that is not the paper's; none of them is shipped."""
    job = make_job(starting_point(name, None), train=np.arange(12), size=size, recipes=ONE_EPOCH)
    torch.manual_seed(3)
    before = torch.get_rng_state()
    outcome = scratch(job)
    assert torch.equal(torch.get_rng_state(), before)
    assert len(outcome.model.auxiliary) == 0
    assert architecture(name).auxiliary_taps


def test_as_many_epochs_as_the_budget_allows(
    probed: tuple[TrainingRun, ProbeRun], monkeypatch: pytest.MonkeyPatch
) -> None:
    """n epochs of three steps of a second on four fifths, 3/8 of them on all, a fifth of the time in reserve."""
    assert len(probed[0].train) == 72
    monkeypatch.setattr(tuning_module, "tail_step_seconds", lambda *_: 1.0)

    def epochs(seconds: float) -> int:
        reserved = probed[0].options.time_budget - probed[0].stopwatch.total - seconds
        return TailTuning(replace(probed[0], reserved=reserved), probed[1]).affordable_config().epochs

    assert [epochs(seconds) for seconds in (36, 23, 1, -10)] == [8, 5, 3, 3]


@pytest.mark.slow
def test_fewer_epochs_are_said(make_job: Jobs, start: StartingPoint, no_export: None) -> None:
    """Where the time is up before training began, the fewest are run, and none with the validation photos."""
    outcome = finetune(make_job(start, time_budget=1e-3, freeze_until=start.cut))
    (note,) = [note for note in outcome.notes if "instead of 8" in note]
    assert note.startswith("Fine-tuning ran 3 instead of 8 epochs")
    assert any("saw four fifths of the training photos; the time budget" in note for note in outcome.notes)
    assert {len(curve.points) for curve in outcome.curves} == {3}


@pytest.mark.slow
@pytest.mark.parametrize("depth", ["stage3", "none"])
@pytest.mark.parametrize("kills", [(1,), (8,), (9,), (2, 8, 10)])
def test_a_killed_finetuning_is_resumed(
    make_job: Jobs,
    start: StartingPoint,
    finetuned: tuple[TrainingRun, StrategyResult],
    whole: tuple[TrainingRun, StrategyResult],
    tmp_path: Path,
    depth: str,
    kills: tuple[int, ...],
    no_export: None,
) -> None:
    """Killed after those of its 8 and 3 epochs, it ends with the weights of the run that was not; nothing stays.

    The epochs before a kill are not run again.
    """
    left, epochs = set(kills), []

    def die(phase: str, done: int, total: int) -> None:
        if phase == "fine-tune":
            epochs.append(done + (8 if total == 3 else 0))
            if epochs[-1] in left:
                left.remove(epochs[-1])
                raise KeyboardInterrupt

    given = {"freeze_until": depth, "cache": tmp_path, "progress": die}
    for _ in kills:
        with pytest.raises(KeyboardInterrupt):
            finetune(make_job(start, resume=True, **given))
    outcome = finetune(make_job(start, resume=True, **given))
    expected = (finetuned if depth == "stage3" else whole)[1]
    assert weights_digest(outcome.model.state_dict()) == weights_digest(expected.model.state_dict())
    assert epochs == list(range(1, 12))
    assert list((tmp_path / "checkpoints").iterdir()) == []


def test_a_checkpoint_of_other_labels_is_not_resumed(make_job: Jobs, start: StartingPoint) -> None:
    """The same photos, but one was put into another class since: another run."""
    job = make_job(start)
    keys = {
        job.key("finetune"),
        job.key("scratch"),
        with_options(job, seed=1).key("finetune"),
        make_job(start, labels={5: 0}).key("finetune"),
        make_job(start, train=np.arange(71)).key("finetune"),
    }
    assert len(keys) == 5
    assert make_job(start).key("finetune") == job.key("finetune")


@pytest.mark.slow
def test_more_views_are_probed_and_cached_apart(make_job: Jobs, start: StartingPoint) -> None:
    """With two views the probe learns from both, the first of them the plain photos."""
    once, twice = probe_on(make_job(start)), probe_on(make_job(start, augmented_copies=1))
    features = twice.features(twice.last)
    assert features.shape == (2, *once.features(once.last).shape[1:])
    assert np.array_equal(features[0], once.features(once.last)[0])
    assert not np.allclose(features[0], features[1])

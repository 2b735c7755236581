"""``finetune``: fit the head by a probe, then train it together with the tail of the backbone, on cached feature maps.

Linear probing before fine-tuning (LP-FT; Kumar et al. 2022, arXiv 2202.10054): a randomly initialised head would
distort the features first. The prefix is frozen in weights *and* statistics by construction: its output is read from
the cache, and it takes part in no step.
"""

import copy
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from inarch import clock
from inarch.commands.train.evidence import HeldOutAnswers, evidence_of, logits_from
from inarch.commands.train.strategies.probe import (
    ProbeRun,
    fit_in_run,
    head_of,
    learning_curve_of,
    measure_candidate,
    probe_on,
)
from inarch.data.folds import folds
from inarch.data.photos import Preprocessing
from inarch.errors import PhotosError, UserError
from inarch.metrics.accuracy import accuracy_of
from inarch.metrics.records import Curve
from inarch.models import Backbone, Classifier, reader
from inarch.runtime.onnx_graph import classifier_graph
from inarch.training.budget import affordable_epochs, update_seconds
from inarch.training.config import TrainingConfig
from inarch.training.loop import Epoch, ExampleSource, Run
from inarch.training.losses import cross_entropy
from inarch.transfer.class_weighting import ClassWeighting
from inarch.transfer.linear import Probe
from inarch.transfer.options import TrainOptions
from inarch.transfer.proof import Snapshot, digests
from inarch.transfer.records.report import Candidate, ParameterChanges
from inarch.transfer.run import (
    StartingPoint,
    StrategyResult,
    TrainingRun,
    rarest_class,
)
from inarch.transfer.tail import CachedFeatureMaps, logits_of, train_tail


@dataclass(frozen=True)
class Trial:
    """Fine-tuning and probing, both fitted to the same four fifths of the training photos."""

    answered: HeldOutAnswers
    """The fine-tuned model's predictions on the validation photos, the last fifth."""
    probed: NDArray[np.float64]
    """Logits of the probe on the same photos."""
    history: tuple[Epoch, ...]
    seconds: float

    @property
    def held_out(self) -> NDArray[np.int64]:
        """The validation photos, as places in ``run.train``."""
        return self.answered.places

    @property
    def tuned(self) -> NDArray[np.float64]:
        """Logits of the fine-tuned model on them."""
        return self.answered.logits


def finetune(run: TrainingRun) -> StrategyResult:
    """Probe, measure fine-tuning on a validation fifth, then fine-tune on every training photo."""
    if why := obstacle(run):
        raise UserError(f"Fine-tuning is not possible here: {why}; choose --strategy probe.")
    probed = probe_on(run, run.start.cut)
    config = fit_config_to_budget(run, probed)
    tried = trial(run, probed, config)
    candidates = (
        probe_in_trial(run, probed, tried).decided("for comparison", chosen=False),
        candidate_of(run, probed, tried, config).decided("requested", chosen=True),
    )
    return finetune_result(run, probed, tried, config, (candidates, ()))


def obstacle(run: TrainingRun) -> str:
    """The reason why fine-tuning cannot be tried; empty if it can."""
    return obstacle_to(run.start, run.options, run.preprocessing, rarest_class(run), photos=len(run.train))


def obstacle_to(
    start: StartingPoint, options: TrainOptions, preprocessing: Preprocessing, rarest: tuple[str, int], *, photos: int
) -> str:
    """The reason why fine-tuning ``start`` cannot be tried; empty if it can.

    Args:
        start: the backbone.
        options: of the run.
        preprocessing: its image size counts.
        rarest: the class with the fewest groups of photos, and their number.
        photos: the number of training photos.
    """
    cut = start.cut
    if cut is None:
        return f"the backbone ends with its {start.after}, so no layer would stay frozen"
    maps = options.views * photos
    needed = feature_map_bytes(start.backbone, cut, preprocessing.image_size, maps)
    if needed > options.cache_size:
        return (
            f"the feature maps of {maps:,} photos take {needed / 1e9:.2f} GB, and the cache may hold "
            f"{options.cache_size / 1e9:.2f} GB (--cache-size)"
        )
    name, count = rarest
    fewest = options.recipes.finetune.fewest_photos
    if count < fewest:
        return (
            f"a trial takes {fewest} different training photos per class, for training and validation, "
            f"and {name!r} has {count}"
        )
    return ""


def feature_map_bytes(backbone: Backbone, cut: str, image_size: int, photos: int) -> int:
    """Bytes of the cached feature maps of that many photos at ``cut``, in 16 bits."""
    tap = backbone.taps[cut]
    return 2 * photos * tap.channels * math.ceil(image_size / tap.stride) ** 2


def fit_config_to_budget(run: TrainingRun, probed: ProbeRun) -> TrainingConfig:
    """The number of epochs that fits twice into the remaining time, by timing one step on this machine."""
    recipe = run.options.recipes.finetune
    config = replace(recipe.config, seed=run.options.seed)
    model = nn.Sequential(*tail_and_head(run, probed, probed.fits[probed.last]))
    source = feature_maps_of(run, probed).source(np.arange(len(run.train)))
    epoch_seconds = tail_step_seconds(model, source, config) * source.steps(config)
    seconds = recipe.share * run.seconds_left / 2
    epochs = affordable_epochs(seconds, epoch_seconds, most=config.epochs, fewest=recipe.fewest_epochs)
    return replace(config, epochs=epochs)


def tail_step_seconds(model: nn.Module, source: ExampleSource, config: TrainingConfig) -> float:
    """Seconds of one training step of a tail and its head, on this machine."""
    rows = torch.arange(min(config.batch_size, source.examples))
    loss = partial(cross_entropy, smoothing=config.label_smoothing)
    return update_seconds(model, config, partial(source.batch, rows, 0), loss)


def trial(run: TrainingRun, probed: ProbeRun, config: TrainingConfig) -> Trial:
    """Fine-tune on four fifths of the training photos, fit a probe to the same, and compare both on the last fifth."""
    began = clock.seconds()
    seconds = run.options.recipes.finetune.share * run.seconds_left / 2
    with run.stopwatch.phase("trial"):
        seen, held = held_out_fold(run)
        stages = dict.fromkeys((probed.stage, probed.last))
        fits = {stage: fit_in_run(run, probed.features(stage), seen) for stage in stages}
        model = nn.Sequential(*tail_and_head(run, probed, fits[probed.last]))
        fit = Run(model, config, _checkpoint(run, probed, "trial"))
        history = train_tail(run, fit, feature_maps_of(run, probed).source(seen), seconds=seconds)
        maps = probed.views[0]["map"]
        tail, head = model
        read = nn.Sequential(tail, reader(head))
        features = logits_of(read, maps, held)
        tuned = HeldOutAnswers(held, logits_from(head, features), features, seen, logits_of(read, maps, seen))
    return Trial(
        tuned,
        fits[probed.stage].logits(probed.features(probed.stage)[0, held]),
        tuple(history),
        clock.seconds() - began,
    )


def held_out_fold(run: TrainingRun) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Places in ``run.train``: the training part and the validation part of a trial.

    Copies of one file and photos of one group are in the same part.

    Raises:
        PhotosError: a class has too few photos for both parts.
    """
    rarest, count = rarest_class(run)
    if count < 2:
        raise PhotosError(
            f"Training needs validation photos, so every class needs two different training photos; "
            f"{rarest!r} has {count}. Add photos of it."
        )
    parts = folds(run.learned.labels, k=min(5, count), seed=run.options.seed, groups=run.learned.groups)
    return max(parts, key=lambda part: rarest_class(run, run.train[part[0]])[1])  # groups may fill one fold


def finetune_result(
    run: TrainingRun,
    probed: ProbeRun,
    tried: Trial,
    config: TrainingConfig,
    said: tuple[tuple[Candidate, ...], tuple[str, ...]],
) -> StrategyResult:
    """Fine-tune on every training photo, prove that the prefix is unchanged, and join prefix and tail.

    Raises:
        FrozenTensorChangedError: a tensor of the prefix changed.
    """
    candidates, notes = said
    tail, head = tail_and_head(run, probed, probed.fits[probed.last])
    history, model, movement = _finetune_whole(run, probed, (tail, head), replace(config, epochs=len(tried.history)))
    temperature = run.weighting.temperature(tried.tuned, run.learned.labels[tried.held_out])
    shift_logits(head, run.weighting, temperature)
    labels = run.learned.labels
    features = logits_of(nn.Sequential(tail, reader(head)), probed.views[0]["map"], np.arange(len(labels)))
    fitted = accuracy_of(logits_from(head, features), labels)
    with run.stopwatch.phase("export"):
        graph = classifier_graph(model, run.preprocessing)
    return StrategyResult(
        strategy="finetune",
        model=model,
        graph=graph,
        temperature=temperature,
        fitted=fitted,
        candidates=candidates,
        curves=training_curves(history),
        movements=(probed.snapshot.movement(Classifier(run.start.backbone, head)), movement),
        notes=(
            *notes,
            *_time_note(run, len(history)),
            f"The backbone is frozen until {probed.prefix.tap}; the layers after it and the head were trained.",
        ),
        evidence=evidence_of(run, tried.answered, temperature, features),
        learning_curve=learning_curve_of(run, probed),
    )


def _finetune_whole(
    run: TrainingRun, probed: ProbeRun, parts: tuple[Backbone, nn.Sequential], config: TrainingConfig
) -> tuple[list[Epoch], Classifier, ParameterChanges]:
    """Train a tail and its head on every training photo: the epochs, the whole model, and the updated parameters."""
    prefix = run.start.backbone.cut(probed.prefix.tap or "")
    model = Classifier(prefix.joined(parts[0]), parts[1])
    snapshot = Snapshot("finetune", digests(model), frozenset(digests(prefix, "backbone.")))
    seconds = run.options.recipes.finetune.share * run.seconds_left
    with run.stopwatch.phase("fit"):
        fit = Run(nn.Sequential(*parts), config, _checkpoint(run, probed, "final"))
        source = feature_maps_of(run, probed).source(np.arange(len(run.train)))
        history = train_tail(run, fit, source, seconds=seconds)
    return history, model, snapshot.movement(model.eval())


def _time_note(run: TrainingRun, epochs: int) -> tuple[str, ...]:
    wanted = run.options.recipes.finetune.config.epochs
    if epochs >= wanted:
        return ()
    return (
        f"Fine-tuning ran {epochs} instead of {wanted} epochs to keep within the time budget of "
        f"{run.time_budget:.0f} s.",
    )


def candidate_of(run: TrainingRun, probed: ProbeRun, tried: Trial, config: TrainingConfig) -> Candidate:
    """The validation figures of fine-tuning, from its trial."""
    settings = f"frozen until {probed.prefix.tap}, {len(tried.history)} epochs, {config.optimiser} {config.lr:g}"
    held_out = (tried.tuned, run.learned.at(tried.held_out))
    return measure_candidate(run.weighting, "finetune", settings, held_out, tried.seconds)


def probe_in_trial(run: TrainingRun, probed: ProbeRun, tried: Trial) -> Candidate:
    """The validation figures of the probe on the same photos, fitted to the same training part."""
    held_out = (tried.probed, run.learned.at(tried.held_out))
    return measure_candidate(run.weighting, "probe", "same photos", held_out, probed.seconds)


@torch.no_grad()
def shift_logits(head: nn.Module, weighting: ClassWeighting, temperature: float) -> None:
    """Subtract the logit adjustment from the bias of the head's last linear layer, at that temperature."""
    *_, last = (each for each in head.modules() if isinstance(each, nn.Linear))
    last.bias.sub_(torch.from_numpy(weighting.shift), alpha=temperature)


def training_curves(history: Sequence[Epoch]) -> tuple[Curve, ...]:
    """Training loss and accuracy on augmented photos, and the magnitudes of gradients and activations, by epoch."""
    by_stage = {each.stage: None for epoch in history for each in epoch.stages}
    return (
        Curve("training loss", "epoch", "loss", tuple((float(epoch.number), epoch.loss) for epoch in history)),
        Curve(
            "training accuracy", "epoch", "accuracy", tuple((float(epoch.number), epoch.accuracy) for epoch in history)
        ),
        *(_magnitudes(history, stage, "gradient") for stage in by_stage),
        *(_magnitudes(history, stage, "activation") for stage in by_stage),
    )


def _magnitudes(history: Sequence[Epoch], stage: str, what: str) -> Curve:
    """The order of magnitude of a stage's gradients or activations, from the last batch of each epoch."""
    values = [
        (float(epoch.number), math.log10(size))
        for epoch in history
        for each in epoch.stages
        if each.stage == stage and (size := getattr(each, what)) > 0
    ]
    return Curve(stage, "epoch", f"log10 of the {what}s' root mean square", tuple(values))


def tail_and_head(run: TrainingRun, probed: ProbeRun, fitted: Probe) -> tuple[Backbone, nn.Sequential]:
    """A fresh copy of the tail, with the probe's head."""
    _, tail = run.start.backbone.split(probed.prefix.tap or "")
    return copy.deepcopy(tail), head_of(fitted, tail)


def feature_maps_of(run: TrainingRun, probed: ProbeRun) -> CachedFeatureMaps:
    """The feature maps of the training photos at the cut."""
    return CachedFeatureMaps(tuple(view["map"] for view in probed.views), run.learned.labels)


def _checkpoint(run: TrainingRun, probed: ProbeRun, part: str) -> Path:
    options = run.options
    return options.cache / "checkpoints" / f"{run.key(probed.prefix.key, repr(options.augmentation), part)}.pt"

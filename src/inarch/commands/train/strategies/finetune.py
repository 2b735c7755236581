"""``finetune``: the head is probed first, then the tail of the backbone moves with it, on cached maps.

Head first, then the rest (LP-FT; Kumar et al. 2022, arXiv 2202.10054): a random head would wreck the features that
it is about to learn from. What stands before the cut is frozen in weights *and* statistics by construction: its
output is read from the cache, and it takes part in no step.
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
    head_of,
    learning_curve_of,
    measure_candidate,
    probe_on,
)
from inarch.data.photos import Preprocessing
from inarch.data.split import folds
from inarch.errors import PhotosError, UserError
from inarch.metrics.records import Curve
from inarch.models import Backbone, Classifier, reader
from inarch.runtime.onnx_graph import classifier_graph
from inarch.training.budget import affordable_epochs, update_seconds
from inarch.training.config import TrainingConfig
from inarch.training.loop import Epoch, ExampleSource
from inarch.training.losses import cross_entropy
from inarch.transfer.class_weighting import ClassWeighting
from inarch.transfer.linear import Probe, accuracy_of, fit_probe
from inarch.transfer.proof import Snapshot, digests
from inarch.transfer.records.report import Candidate
from inarch.transfer.run import (
    StartingPoint,
    StrategyResult,
    TrainingRun,
    rarest_class,
)
from inarch.transfer.tail import FEWEST_EPOCHS, CachedFeatureMaps, logits_of, train_tail

FINETUNING = TrainingConfig(
    epochs=8,
    batch_size=32,
    optimiser="adamw",
    lr=1e-4,
    weight_decay=0.05,
    label_smoothing=0.05,
    ema_decay=0.95,
    keeps_statistics=True,  # the head was probed by these (0024)
)
SHARE = 0.8
"""Of the time left goes into training; the rest is for the export and the figures."""
FEWEST_PHOTOS = 3
"""Of each class: one is held out of the trial, and the probe that it starts from is cross-validated on the others."""


PROVABLE = 6
"""Mistakes that a flawless rival must mend before McNemar's exact test falls below 0.05 (2 * 0.5**6 = 0.03)."""


@dataclass(frozen=True)
class Trial:
    """Fine-tuning and probing, both fitted on the same four fifths of the training photos."""

    answered: HeldOutAnswers
    """By fine-tuning: the training photos that neither saw."""
    probed: NDArray[np.float64]
    """Logits of the probe on them."""
    history: tuple[Epoch, ...]
    seconds: float

    @property
    def held_out(self) -> NDArray[np.int64]:
        """Those photos, as places in ``job.train``."""
        return self.answered.places

    @property
    def tuned(self) -> NDArray[np.float64]:
        """Logits of fine-tuning on them."""
        return self.answered.logits


def finetune(job: TrainingRun) -> StrategyResult:
    """Probe, measure fine-tuning on a held-out fifth, then fine-tune on every training photo."""
    if why := obstacle(job):
        raise UserError(f"Fine-tuning is not possible here: {why}; choose --strategy probe.")
    probed = probe_on(job, job.start.cut)
    config = fit_config_to_budget(job, probed)
    tried = trial(job, probed, config)
    candidates = (
        probe_in_trial(job, probed, tried, chosen=False, why="for comparison"),
        candidate_of(job, probed, tried, config, chosen=True, why="asked for"),
    )
    return finetune_result(job, probed, tried, config, (candidates, ()))


def obstacle(job: TrainingRun) -> str:
    """Why fine-tuning cannot be tried; empty where it can."""
    return obstacle_to(
        job.start, job.preprocessing, rarest_class(job), photos=job.views * len(job.train), cache_size=job.cache_size
    )


def obstacle_to(
    start: StartingPoint, preprocessing: Preprocessing, rarest: tuple[str, int], *, photos: int, cache_size: int
) -> str:
    """Why fine-tuning ``start`` cannot be tried; empty where it can.

    Args:
        start: the backbone.
        preprocessing: its image size counts.
        rarest: the class with the fewest photos that do not belong together, and how many it has.
        photos: how many maps would be cached.
        cache_size: bytes that they may take.
    """
    cut = start.cut
    if cut is None:
        return f"the backbone ends with its {start.after}, so nothing would stay frozen"
    needed = feature_map_bytes(start.backbone, cut, preprocessing.image_size, photos)
    if needed > cache_size:
        return (
            f"the feature maps of {photos:,} photos take {needed / 1e9:.2f} GB, and the cache may hold "
            f"{cache_size / 1e9:.2f} GB (--cache-size)"
        )
    name, count = rarest
    if count < FEWEST_PHOTOS:
        return (
            f"a trial on held-out photos takes {FEWEST_PHOTOS} different training photos of every class, "
            f"and {name!r} has {count}"
        )
    return ""


def feature_map_bytes(backbone: Backbone, cut: str, image_size: int, photos: int) -> int:
    """What the cached maps of so many photos at ``cut`` take, in 16 bits."""
    tap = backbone.taps[cut]
    return 2 * photos * tap.channels * math.ceil(image_size / tap.stride) ** 2


def fit_config_to_budget(job: TrainingRun, probed: ProbeRun) -> TrainingConfig:
    """As many epochs as should fit twice into the time left, by timing one step here and now."""
    config = replace(FINETUNING, seed=job.seed)
    model = nn.Sequential(*tail_and_head(job, probed, probed.fits[probed.last]))
    source = feature_maps_of(job, probed).source(np.arange(len(job.train)))
    epoch_seconds = tail_step_seconds(model, source, config) * source.steps(config)
    seconds = SHARE * job.seconds_left / 2
    return replace(config, epochs=affordable_epochs(seconds, epoch_seconds, most=config.epochs, fewest=FEWEST_EPOCHS))


def tail_step_seconds(model: nn.Module, source: ExampleSource, config: TrainingConfig) -> float:
    """Seconds of one training step of a tail and its head, here and now."""
    rows = torch.arange(min(config.batch_size, source.examples))
    loss = partial(cross_entropy, smoothing=config.label_smoothing)
    return update_seconds(model, config, partial(source.batch, rows, 0), loss)


def trial(job: TrainingRun, probed: ProbeRun, config: TrainingConfig) -> Trial:
    """Fine-tune on four fifths of the training photos, and probe on the same, to compare them on the last fifth."""
    began = clock.seconds()
    labels, groups = job.labels[job.train], job.groups[job.train]
    seconds = SHARE * job.seconds_left / 2
    with job.stopwatch.phase("trial"):
        seen, held = held_out_fold(job)
        fits = {
            stage: fit_probe(
                probed.features(stage)[:, seen],
                labels[seen],
                groups[seen],
                classes=len(job.classes),
                seed=job.seed,
                class_weighting=job.class_weighting,
            )
            for stage in dict.fromkeys((probed.stage, probed.last))
        }
        model = nn.Sequential(*tail_and_head(job, probed, fits[probed.last]))
        history = train_tail(
            job,
            model,
            feature_maps_of(job, probed).source(seen),
            config,
            _checkpoint(job, probed, "trial"),
            seconds=seconds,
        )
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


def held_out_fold(job: TrainingRun) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Places in ``job.train``: those that a trial learns from, and those that it is measured on.

    Copies of one file and photos of one group stand on one side.

    Raises:
        PhotosError: a class has too few photos to stand on both.
    """
    labels, groups = job.labels[job.train], job.groups[job.train]
    rarest, count = rarest_class(job)
    if count < 2:
        raise PhotosError(
            f"Some photos are held out to watch the training, which takes two different training photos of every "
            f"class; {rarest!r} has {count}. Add photos of it."
        )
    parts = folds(labels, k=min(5, count), seed=job.seed, groups=groups)
    return max(parts, key=lambda part: rarest_class(job, job.train[part[0]])[1])  # groups may crowd in one fold


def finetune_result(
    job: TrainingRun,
    probed: ProbeRun,
    tried: Trial,
    config: TrainingConfig,
    said: tuple[tuple[Candidate, ...], tuple[str, ...]],
) -> StrategyResult:
    """Fine-tune on every training photo, prove that the prefix did not move, and put the net together.

    Raises:
        FrozenMovedError: it did.
    """
    candidates, notes = said
    cut = probed.prefix.tap or ""
    prefix = job.start.backbone.cut(cut)
    tail, head = tail_and_head(job, probed, probed.fits[probed.last])
    model = Classifier(prefix.joined(tail), head)
    snapshot = Snapshot("finetune", digests(model), frozenset(digests(prefix, "backbone.")))
    seconds = SHARE * job.seconds_left
    with job.stopwatch.phase("fit"):
        history = train_tail(
            job,
            nn.Sequential(tail, head),
            feature_maps_of(job, probed).source(np.arange(len(job.train))),
            replace(config, epochs=len(tried.history)),
            _checkpoint(job, probed, "final"),
            seconds=seconds,
        )
    if len(history) < FINETUNING.epochs:
        notes = (
            *notes,
            f"{len(history)} instead of {FINETUNING.epochs} epochs of fine-tuning were run to keep within the time "
            f"budget of {job.time_budget:.0f} s.",
        )
    movement = snapshot.movement(model.eval())
    temperature = job.weighting.temperature(tried.tuned, job.labels[job.train][tried.held_out])
    shift_logits(head, job.weighting, temperature)
    labels = job.labels[job.train]
    features = logits_of(nn.Sequential(tail, reader(head)), probed.views[0]["map"], np.arange(len(labels)))
    fitted = accuracy_of(logits_from(head, features), labels)
    with job.stopwatch.phase("export"):
        graph = classifier_graph(model, job.preprocessing)
    return StrategyResult(
        strategy="finetune",
        model=model,
        graph=graph,
        temperature=temperature,
        fitted=fitted,
        candidates=candidates,
        curves=training_curves(history),
        movements=(probed.snapshot.movement(Classifier(job.start.backbone, head)), movement),
        notes=(*notes, f"Everything up to {cut} is frozen; the rest of the net and the head were trained."),
        evidence=evidence_of(job, tried.answered, temperature, features),
        learning_curve=learning_curve_of(job, probed),
    )


def candidate_of(
    job: TrainingRun, probed: ProbeRun, tried: Trial, config: TrainingConfig, *, chosen: bool, why: str
) -> Candidate:
    """How fine-tuning did on the photos that its trial did not see."""
    labels = job.labels[job.train][tried.held_out]
    settings = f"after {probed.prefix.tap}, {len(tried.history)} epochs, {config.optimiser} {config.lr:g}"
    held_out = (tried.tuned, labels)
    return measure_candidate(job.weighting, "finetune", settings, held_out, tried.seconds, chosen=chosen, why=why)


def probe_in_trial(job: TrainingRun, probed: ProbeRun, tried: Trial, *, chosen: bool, why: str) -> Candidate:
    """How the probe did on the same photos, fitted on what the trial learned from."""
    held_out = (tried.probed, job.labels[job.train][tried.held_out])
    return measure_candidate(job.weighting, "probe", "same photos", held_out, probed.seconds, chosen=chosen, why=why)


@torch.no_grad()
def shift_logits(head: nn.Module, weighting: ClassWeighting, temperature: float) -> None:
    """Take the logit adjustment from the bias of the head's last linear layer, whose logits have that temperature."""
    *_, last = (each for each in head.modules() if isinstance(each, nn.Linear))
    last.bias.sub_(torch.from_numpy(weighting.shift), alpha=temperature)


def training_curves(history: Sequence[Epoch]) -> tuple[Curve, ...]:
    """Loss and accuracy on the training photos, as they were seen, and how large gradients and values became."""
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
    """The order of magnitude of a stage's gradients or activations, as the last batch of each epoch had it."""
    values = [
        (float(epoch.number), math.log10(size))
        for epoch in history
        for each in epoch.stages
        if each.stage == stage and (size := getattr(each, what)) > 0
    ]
    return Curve(stage, "epoch", f"log10 of the {what}s' root mean square", tuple(values))


def tail_and_head(job: TrainingRun, probed: ProbeRun, fitted: Probe) -> tuple[Backbone, nn.Sequential]:
    """A fresh copy of the tail with the probe's head on it."""
    _, tail = job.start.backbone.split(probed.prefix.tap or "")
    return copy.deepcopy(tail), head_of(fitted, tail)


def feature_maps_of(job: TrainingRun, probed: ProbeRun) -> CachedFeatureMaps:
    """The maps of the training photos at the cut."""
    return CachedFeatureMaps(tuple(view["map"] for view in probed.views), job.labels[job.train])


def _checkpoint(job: TrainingRun, probed: ProbeRun, part: str) -> Path:
    return job.cache / "checkpoints" / f"{job.key(probed.prefix.key, repr(job.augmentation), part)}.pt"

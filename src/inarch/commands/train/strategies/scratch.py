"""``scratch``: train the whole model on the user's photos alone, from random initialisation."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from inarch import clock
from inarch.commands.train.evidence import HeldOutAnswers, evidence_of, logits_from
from inarch.commands.train.strategies.finetune import shift_logits, training_curves
from inarch.commands.train.strategies.probe import measure_candidate
from inarch.data.photos import Preprocessing
from inarch.metrics.accuracy import accuracy_of
from inarch.metrics.records import Curve, Estimate
from inarch.models import (
    Classifier,
    architecture,
    build,
    reader,
)
from inarch.runtime.onnx_graph import classifier_graph
from inarch.training.budget import TimePlan, affordable_epochs, step_seconds
from inarch.training.config import TrainingConfig
from inarch.training.device import autocast, device_notes, find_device, to_device, training_precision
from inarch.training.loop import Epoch, ExampleSource, Run
from inarch.training.losses import CrossEntropy, auxiliary_cross_entropy
from inarch.training.optimisation import optimisers
from inarch.training.seeds import global_draws
from inarch.transfer.backbones import random_starting_point
from inarch.transfer.options import TrainOptions
from inarch.transfer.pixels import AugmentedPhotos, logits_of_photos, with_preprocessing
from inarch.transfer.proof import Snapshot, digests
from inarch.transfer.records.report import Candidate, ParameterChanges
from inarch.transfer.run import StrategyResult, TrainingRun, held_out_fold


@dataclass(frozen=True)
class ScratchRun:
    """A model that was trained on four fifths of the training photos, and its figures on the others."""

    model: Classifier
    answered: HeldOutAnswers
    """The validation photos: the training photos that it has not seen."""
    temperature: float
    fitted: Estimate
    measured: Candidate
    curves: tuple[Curve, ...]
    movement: ParameterChanges
    notes: tuple[str, ...]

    @property
    def held_out(self) -> NDArray[np.int64]:
        """The validation photos, as places in ``run.train``."""
        return self.answered.places

    @property
    def logits(self) -> NDArray[np.float64]:
        """Logits of the validation photos, at temperature 1 and not yet adjusted for class imbalance."""
        return self.answered.logits

    def candidate(self, why: str, *, chosen: bool) -> Candidate:
        """The validation figures, and the decision."""
        return replace(self.measured, why=why, chosen=chosen)

    def outcome(self, run: TrainingRun, why: str) -> StrategyResult:
        """The finished classifier."""
        final = Classifier(self.model.backbone, self.model.head).eval()
        shift_logits(final.head, run.weighting, self.temperature)
        with run.stopwatch.phase("export"):
            graph = classifier_graph(final, run.preprocessing)
        return StrategyResult(
            strategy="scratch",
            model=final,
            graph=graph,
            temperature=self.temperature,
            fitted=self.fitted,
            candidates=(self.candidate(why, chosen=True),),
            curves=self.curves,
            movements=(self.movement,),
            notes=self.notes,
            evidence=evidence_of(run, self.answered, self.temperature, self.answered.seen_features),
            run=run,
        )


def scratch(run: TrainingRun, *, why: str = "requested") -> StrategyResult:
    """Train on most of the training photos, and keep the rest for validation and calibration."""
    return train_with_holdout(run).outcome(run, why)


def prepare_scratch_run(run: TrainingRun, *, reserved: float) -> TrainingRun:
    """The same photos for the model that is trained from scratch, with ``reserved`` seconds kept for the transfer.

    If the user named no model, it is one that suits the size of the photos.
    """
    reserved += run.reserved
    if run.options.names_backbone or run.ranking is None:
        return replace(run, reserved=reserved)
    name, side = run.options.recipes.scratch.model_for(run.ranking.side)
    row = architecture(name)
    shown = with_preprocessing(run, Preprocessing(image_size=side, mean=row.mean, std=row.std))
    return replace(shown, start=random_starting_point(name), reserved=reserved)


def train_with_holdout(run: TrainingRun) -> ScratchRun:
    """Train within the time, and measure the accuracy on the validation photos after every epoch."""
    began = clock.seconds()
    seen, held = held_out_fold(run)
    model = build_untrained_model(run.start.architecture, len(run.classes), run.options.seed)
    snapshot = Snapshot("scratch", digests(model), frozenset())
    with run.stopwatch.phase("fit"):
        watched = _train_watched(run, model, seen, held)
        model.cpu()
        read = nn.Sequential(model.backbone, reader(model.head))
        features, learned = (logits_of_photos(run, read, run.train[part]) for part in (held, seen))
        answered = HeldOutAnswers(held, logits_from(model.head, features), features, seen, learned)
        own = run.learned.at(held)
        temperature = run.weighting.temperature(answered.logits, own.labels)
        answers = logits_from(model.head, learned) - temperature * run.weighting.shift
    kept = f"{len(held)} of the training photos served for validation and calibration."
    seconds = clock.seconds() - began
    return ScratchRun(
        model=model,
        answered=answered,
        temperature=temperature,
        fitted=accuracy_of(answers, run.learned.labels[seen]),
        measured=measure_candidate(run.weighting, "scratch", watched.settings(run), (answered.logits, own), seconds),
        curves=(*training_curves(watched.fit.history), watched.curve),
        movement=snapshot.movement(Classifier(model.backbone, model.head)),
        notes=(*watched.notes(run), kept, *device_notes(watched.fit.config)),
    )


@dataclass(frozen=True)
class _WatchedFit:
    """A loop that has ended, and what was seen of it meanwhile."""

    fit: Run
    wanted: int
    """Epochs that pay with so many photos."""
    resumed_after: int
    curve: Curve
    """Validation accuracy by epoch."""

    def settings(self, run: TrainingRun) -> str:
        """In words."""
        config = self.fit.config
        return (
            f"{run.start.architecture}, {run.preprocessing.image_size} px, {config.epochs} epochs, {config.optimiser} "
            f"{config.lr:g}, batches of {config.batch_size}"
        )

    def notes(self, run: TrainingRun) -> tuple[str, ...]:
        """Notes on how the run differed from its plan."""
        epochs = self.fit.config.epochs
        if self.resumed_after:
            return (f"Training was resumed after epoch {self.resumed_after} of {epochs}.",)
        if epochs >= self.wanted:
            return ()
        return (
            f"Training ran {epochs} instead of {self.wanted} epochs to keep within the time budget of "
            f"{run.time_budget:.0f} s. More time would probably increase the accuracy.",
        )


def _train_watched(
    run: TrainingRun, model: Classifier, seen: NDArray[np.int64], held: NDArray[np.int64]
) -> _WatchedFit:
    """Train on the photos at those places in ``run.train``, and validate on the others after every epoch."""
    recipe = run.options.recipes.scratch
    source = AugmentedPhotos(run, run.train[seen]).source
    seconds = recipe.share * run.seconds_left
    config, step = timed_config(run.start.architecture, len(run.classes), source, run.options)
    wanted, fewest = config.epochs, recipe.fewest_epochs
    epochs = affordable_epochs(seconds, step * source.steps(config), most=wanted, fewest=fewest)
    fit = Run(model, replace(config, epochs=epochs), _checkpoint(run))
    resumed_after = fit.resume() if run.options.resume else 0
    plan = TimePlan(seconds, most=wanted, fewest=fewest)
    points = []
    for epoch in run_scratch_epochs(run, fit, source):
        points.append((float(epoch.number), _accuracy(run, fit.average or model, run.train[held])))
        plan.look(fit)
    fit.discard()
    return _WatchedFit(fit, wanted, resumed_after, Curve("validation accuracy", "epoch", "accuracy", tuple(points)))


def train_on_rows(run: TrainingRun, rows: NDArray[np.int64], config: TrainingConfig) -> Classifier:
    """A model trained on all those rows of the store, as ``config`` says."""
    model = build_untrained_model(run.start.architecture, len(run.classes), run.options.seed)
    fit = Run(model, config)
    for _ in run_scratch_epochs(run, fit, AugmentedPhotos(run, rows).source):
        pass
    return model.cpu()


def build_untrained_model(name: str, classes: int, seed: int) -> Classifier:
    """The randomly initialised model, with the auxiliary classifiers of its table."""
    return build(name, classes=classes, auxiliary=architecture(name).auxiliary_taps, seed=seed)


def run_scratch_epochs(run: TrainingRun, fit: Run, source: ExampleSource) -> Iterator[Epoch]:
    """Its epochs by the recipe's loss, while the run hears how far they are."""
    config = fit.config
    weights = torch.from_numpy(run.weighting.learned).float()
    criterion = CrossEntropy(smoothing=config.label_smoothing, class_weights=weights)
    loss = partial(auxiliary_cross_entropy, criterion=criterion, weight=config.auxiliary_weight)
    for epoch in fit.epochs(source, loss):
        run.progress("train", epoch.number, fit.config.epochs)
        yield epoch


def timed_config(
    name: str, classes: int, source: ExampleSource, options: TrainOptions, *, parts: int = 1
) -> tuple[TrainingConfig, float]:
    """The training configuration of the model ``name``, for as many epochs as pay, and the measured seconds of a step.

    Only one of that many ``parts`` of a batch is timed.
    """
    recipe, seed = options.recipes.scratch, options.seed
    model = build_untrained_model(name, classes, seed)
    device = find_device(options.device)
    config = replace(
        recipe.config,
        epochs=recipe.epochs_for(source.examples),
        seed=seed,
        device=str(device),
        precision=training_precision(device, model),
    )
    if not any(isinstance(module, nn.BatchNorm2d) for module in model.modules()):
        config = replace(config, optimiser="adamw", lr=5e-4)
    return config, _step_seconds(model, source, config, parts)


def _step_seconds(model: Classifier, source: ExampleSource, config: TrainingConfig, parts: int) -> float:
    """Seconds of one training step of a temporary model; one of ``parts`` of a batch is timed."""
    device = torch.device(config.device)
    model.to(memory_format=torch.channels_last).to(device).train()
    movers = optimisers(model, config)
    rows = torch.arange(min(-(-config.batch_size // parts), source.examples))

    def learn() -> None:
        images, labels = to_device(source.batch(rows, 0), device)
        with global_draws(config.seed, "timing"), autocast(device, config.precision):
            loss, _ = auxiliary_cross_entropy(model, images, labels)
        loss.backward()

    def move() -> None:
        for mover in movers:
            mover.step()

    return parts * step_seconds(learn) + step_seconds(move)


def _accuracy(run: TrainingRun, model: nn.Module, rows: NDArray[np.int64]) -> float:
    answers = run.weighting.answers(logits_of_photos(run, model, rows), run.labels[rows])
    return accuracy_of(answers, run.labels[rows]).value


def _checkpoint(run: TrainingRun) -> Path:
    parts = ("scratch", run.start.architecture, repr(run.preprocessing), repr(run.options.augmentation))
    return run.options.cache / "checkpoints" / f"{run.key(*parts)}.pt"

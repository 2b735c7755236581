"""``scratch``: the whole net learns from the user's photos alone, from random weights."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from inarch import clock
from inarch.commands.train.evidence import HeldOutAnswers, evidence_of, logits_from
from inarch.commands.train.strategies.finetune import held_out_fold, shift_logits, training_curves
from inarch.commands.train.strategies.probe import measure_candidate
from inarch.data.augment import augment
from inarch.data.photos import Preprocessing
from inarch.data.store import store
from inarch.metrics.records import Curve, Estimate
from inarch.models import (
    Classifier,
    architecture,
    build,
    evaluating,
    reader,
)
from inarch.runtime.onnx_graph import classifier_graph
from inarch.training.budget import TimePlan, affordable_epochs, step_seconds
from inarch.training.config import TrainingConfig
from inarch.training.loop import Batch, Epoch, ExampleSource, Run
from inarch.training.losses import auxiliary_cross_entropy
from inarch.training.optimisation import optimisers
from inarch.training.pixels import normalise_pixels
from inarch.training.seeds import generator, global_draws
from inarch.transfer.backbones import random_starting_point
from inarch.transfer.linear import accuracy_of
from inarch.transfer.proof import Snapshot, digests
from inarch.transfer.records.report import Candidate, ParameterChanges
from inarch.transfer.run import StrategyResult, TrainingRun

FAST = TrainingConfig(
    epochs=1, batch_size=64, optimiser="muon", lr=0.02, weight_decay=0.02, warmup=0.15, label_smoothing=0.1
)
"""The recipe of `benchmarks.recipes`, with smaller batches, as there are fewer photos. In the same time on held-out
photos of CIFAR-10: 52.5 % against 34.0 % by SGD with 100 photos of a class, 63.8 against 49.1 with 1,000."""
SMALL_PHOTO, SMALL_NET, NET, SIZE = 64, "resnet20", "resnet18_narrow", 128
"""Photos up to this size are learned by a net made for such; larger ones by another, seen at that size."""
MOST_EPOCHS, FEWEST_EPOCHS = 60, 3
SHARE = 0.9
"""Of the time left: the rest is for the export and the figures."""
LONGEST = 400_000
"""Photos seen after which more training has stopped paying on small sets."""


@dataclass(frozen=True)
class Pixels:
    """Stored photos as training batches: augmented, normalised."""

    job: TrainingRun
    rows: NDArray[np.int64]

    def batch(self, indices: Tensor, epoch: int) -> Batch:
        """Photos of this batch, seen anew in every epoch."""
        chosen = self.rows[indices.numpy()]
        pixels = torch.from_numpy(self.job.stored.images[chosen]).permute(0, 3, 1, 2)
        draw = generator(self.job.seed, "augment", epoch, int(indices[0]))
        seen = augment(pixels, self.job.augmentation, draw)
        return normalise_pixels(seen, self.job.preprocessing), torch.from_numpy(self.job.labels[chosen])


@dataclass(frozen=True)
class ScratchRun:
    """A net that learned from four fifths of the training photos, and what it is worth on the others."""

    model: Classifier
    answered: HeldOutAnswers
    """The training photos that it has not seen."""
    temperature: float
    fitted: Estimate
    measured: Candidate
    curves: tuple[Curve, ...]
    movement: ParameterChanges
    notes: tuple[str, ...]

    @property
    def held_out(self) -> NDArray[np.int64]:
        """Those photos, as places in ``job.train``."""
        return self.answered.places

    @property
    def logits(self) -> NDArray[np.float64]:
        """On them, at temperature 1 and not yet adjusted for class imbalance."""
        return self.answered.logits

    def candidate(self, why: str, *, chosen: bool) -> Candidate:
        """How it did, and what was decided."""
        return replace(self.measured, why=why, chosen=chosen)

    def outcome(self, job: TrainingRun, why: str) -> StrategyResult:
        """The classifier that it is."""
        final = Classifier(self.model.backbone, self.model.head).eval()
        shift_logits(final.head, job.weighting, self.temperature)
        with job.stopwatch.phase("export"):
            graph = classifier_graph(final, job.preprocessing)
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
            evidence=evidence_of(job, self.answered, self.temperature, self.answered.seen_features),
            job=job,
        )


def scratch(job: TrainingRun, *, why: str = "asked for") -> StrategyResult:
    """Train on most of the training photos and keep the rest for calibration and the learning curve."""
    return train_with_holdout(job).outcome(job, why)


def prepare_scratch_run(job: TrainingRun, *, reserved: float) -> TrainingRun:
    """The same photos for a net that need not be the one that was grafted, leaving ``reserved`` seconds for that.

    Where the user named no net, it is one that suits the size of the photos.
    """
    budget = job.time_budget - reserved
    if job.named or job.ranking is None:
        return replace(job, time_budget=budget)
    name, side = choose_scratch_model(job.ranking.side)
    row = architecture(name)
    preprocessing = Preprocessing(image_size=side, mean=row.mean, std=row.std)
    with job.stopwatch.phase("decode"):
        seen = store(job.stored.photos, preprocessing, job.cache, partial(job.progress, "decode"))
    return replace(job, stored=seen, start=random_starting_point(name), preprocessing=preprocessing, time_budget=budget)


def train_with_holdout(job: TrainingRun) -> ScratchRun:
    """Train within the time, watching the accuracy on the photos that are held out."""
    began = clock.seconds()
    seen, held = held_out_fold(job)
    model = build_untrained_model(job.start.architecture, len(job.classes), job.seed)
    snapshot = Snapshot("scratch", digests(model), frozenset())
    source = ExampleSource(len(seen), Pixels(job, job.train[seen]).batch)
    seconds = SHARE * job.seconds_left
    with job.stopwatch.phase("fit"):
        config, step = timed_config(job.start.architecture, len(job.classes), source, job.seed)
        wanted = config.epochs
        epochs = affordable_epochs(seconds, step * source.steps(config), most=wanted, fewest=FEWEST_EPOCHS)
        config = replace(config, epochs=epochs)
        run = Run(model, config, _checkpoint(job))
        done = run.resume() if job.resume else 0
        plan = TimePlan(seconds, most=wanted, fewest=FEWEST_EPOCHS)
        held_out_curve = []
        for epoch in run_scratch_epochs(job, run, source):
            held_out_curve.append((float(epoch.number), _accuracy(job, run.average or model, job.train[held])))
            plan.look(run)
        run.discard()
        read = nn.Sequential(model.backbone, reader(model.head))
        features, learned = (logits_of(job, read, job.train[part]) for part in (held, seen))
        logits = logits_from(model.head, features)
        temperature = job.weighting.temperature(logits, job.labels[job.train[held]])
        answers = logits_from(model.head, learned) - temperature * job.weighting.shift
    config = run.config
    settings = (
        f"{job.start.architecture}, {job.preprocessing.image_size} px, {config.epochs} epochs, {config.optimiser} "
        f"{config.lr:g}, batches of {config.batch_size}"
    )
    kept = f"{len(held)} of the training photos were kept back to watch and calibrate the training."
    return ScratchRun(
        model=model,
        answered=HeldOutAnswers(held, logits, features, seen, learned),
        temperature=temperature,
        fitted=accuracy_of(answers, job.labels[job.train[seen]]),
        measured=measure_candidate(
            job.weighting,
            "scratch",
            settings,
            (logits, job.labels[job.train[held]]),
            clock.seconds() - began,
            chosen=False,
            why="",
        ),
        curves=(*training_curves(run.history), Curve("held-out accuracy", "epoch", "accuracy", tuple(held_out_curve))),
        movement=snapshot.movement(Classifier(model.backbone, model.head)),
        notes=(*_notes(job, run, wanted, resumed_after=done), kept),
    )


def train_on_rows(job: TrainingRun, rows: NDArray[np.int64], config: TrainingConfig) -> Classifier:
    """A net that learned from those rows of the store, all of them, as ``config`` says."""
    model = build_untrained_model(job.start.architecture, len(job.classes), job.seed)
    run = Run(model, config)
    for _ in run_scratch_epochs(job, run, ExampleSource(len(rows), Pixels(job, rows).batch)):
        pass
    return model


def wanted_epochs(photos: int) -> int:
    """As many as pay with so many photos."""
    return min(MOST_EPOCHS, max(FEWEST_EPOCHS, LONGEST // photos))


def build_untrained_model(name: str, classes: int, seed: int) -> Classifier:
    """The net before it has learned, with the auxiliary heads that its table has."""
    return build(name, classes=classes, auxiliary=architecture(name).auxiliary_taps, seed=seed)


def run_scratch_epochs(job: TrainingRun, run: Run, source: ExampleSource) -> Iterator[Epoch]:
    """The run's epochs by the recipe's loss, while the job hears how far it is."""
    config = run.config
    loss = partial(
        auxiliary_cross_entropy,
        smoothing=config.label_smoothing,
        weight=config.auxiliary_weight,
        class_weights=torch.from_numpy(job.weighting.learned).float(),
    )
    for epoch in run.epochs(source, loss):
        job.progress("train", epoch.number, run.config.epochs)
        yield epoch


def choose_scratch_model(side: int) -> tuple[str, int]:
    """The net and its image size for photos whose shorter side has so many pixels, where the user names none."""
    if side > SMALL_PHOTO:
        return NET, SIZE
    return SMALL_NET, 32 if side < 48 else 64


def timed_config(
    name: str, classes: int, source: ExampleSource, seed: int, *, parts: int = 1
) -> tuple[TrainingConfig, float]:
    """How the net ``name`` learns from ``source``, for as many epochs as pay, and what a step takes here and now.

    Only one of so many ``parts`` of a batch is timed.
    """
    model = build_untrained_model(name, classes, seed)
    config = replace(
        FAST,
        epochs=wanted_epochs(source.examples),
        seed=seed,
        precision="bfloat16" if _has_bfloat16_matmul() else "float32",
    )
    if not any(isinstance(module, nn.BatchNorm2d) for module in model.modules()):
        config = replace(config, optimiser="adamw", lr=5e-4)
    return config, _step_seconds(model, source, config, parts)


def _has_bfloat16_matmul() -> bool:
    """Whether this processor multiplies numbers of 16 bits faster; no timing decides that, so that no noise does."""
    capabilities: Mapping[str, object] = getattr(torch.cpu, "get_capabilities", dict)()  # torch 2.9 cannot say
    return bool(capabilities.get("avx512_bf16") or capabilities.get("amx_bf16"))


def _notes(job: TrainingRun, run: Run, wanted: int, *, resumed_after: int) -> tuple[str, ...]:
    """What became of the plan."""
    if resumed_after:
        return (f"Training was resumed after epoch {resumed_after} of {run.config.epochs}.",)
    if run.config.epochs >= wanted:
        return ()
    return (
        f"{run.config.epochs} instead of {wanted} epochs were run to keep within the time budget of "
        f"{job.time_budget:.0f} s. More time would probably help.",
    )


def _step_seconds(model: Classifier, source: ExampleSource, config: TrainingConfig, parts: int) -> float:
    """Seconds of one training step of a throw-away net; one of ``parts`` of a batch is timed."""
    model.to(memory_format=torch.channels_last).train()
    movers = optimisers(model, config)
    rows = torch.arange(min(-(-config.batch_size // parts), source.examples))

    def learn() -> None:
        images, labels = source.batch(rows, 0)
        with (
            global_draws(config.seed, "timing"),
            torch.autocast("cpu", torch.bfloat16, enabled=config.precision == "bfloat16"),
        ):
            loss, _ = auxiliary_cross_entropy(model, images, labels)
        loss.backward()

    def move() -> None:
        for mover in movers:
            mover.step()

    return parts * step_seconds(learn) + step_seconds(move)


@torch.no_grad()
def logits_of(job: TrainingRun, model: nn.Module, rows: NDArray[np.int64], *, batch: int = 64) -> NDArray[np.float64]:
    """Logits of stored photos, in evaluation mode: (n, classes); or what else ``model`` puts out."""
    parts = []
    with evaluating(model):
        for at in range(0, len(rows), batch):
            pixels = torch.from_numpy(job.stored.images[rows[at : at + batch]]).permute(0, 3, 1, 2)
            parts.append(model(normalise_pixels(pixels, job.preprocessing)).double().numpy())
    return np.concatenate(parts)


def _accuracy(job: TrainingRun, model: nn.Module, rows: NDArray[np.int64]) -> float:
    answers = job.weighting.answers(logits_of(job, model, rows), job.labels[rows])
    return float((answers.argmax(1) == job.labels[rows]).mean())


def _checkpoint(job: TrainingRun) -> Path:
    parts = ("scratch", job.start.architecture, repr(job.preprocessing), repr(job.augmentation))
    return job.cache / "checkpoints" / f"{job.key(*parts)}.pt"

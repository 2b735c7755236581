"""``scratch``: the whole net learns from the user's photos alone, from random weights."""

import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from inarch.data.augment import augment
from inarch.nets import Classifier, architecture, build, evaluating
from inarch.records import Curve, Preprocessing
from inarch.training.budget import TimePlan, step_seconds
from inarch.training.config import TrainingConfig
from inarch.training.loop import Batch, Epoch, Run, Source
from inarch.training.losses import auxiliary_cross_entropy
from inarch.training.seeds import generator, global_draws
from inarch.transfer.finetune import held_out_fold, loss_curves, shift_logits
from inarch.transfer.job import Job, Outcome
from inarch.transfer.probe import measured, right
from inarch.transfer.proof import Snapshot, digests
from inarch.weights.onnx_graph import classifier_graph

MOST_EPOCHS, FEWEST_EPOCHS = 60, 3
SHARE = 0.9
"""Of the time left: the rest is for the export and the figures."""
LONGEST = 12_000
"""Steps after which more training has stopped paying on small sets."""


@dataclass(frozen=True)
class Pixels:
    """Stored photos as training batches: augmented, normalised."""

    job: Job
    rows: NDArray[np.int64]

    def batch(self, indices: Tensor, epoch: int) -> Batch:
        """Photos of this batch, seen anew in every epoch."""
        chosen = self.rows[indices.numpy()]
        pixels = torch.from_numpy(self.job.stored.images[chosen]).permute(0, 3, 1, 2)
        draw = generator(self.job.seed, "augment", epoch, int(indices[0]))
        seen = augment(pixels, self.job.augmentation, draw)
        return normalised(seen, self.job.preprocessing), torch.from_numpy(self.job.labels[chosen])


def normalised(pixels: Tensor, preprocessing: Preprocessing) -> Tensor:
    """uint8 pixels (n, 3, h, w) as the net's input, in channels-last memory."""
    mean = torch.tensor(preprocessing.mean)[:, None, None]
    std = torch.tensor(preprocessing.std)[:, None, None]
    return ((pixels.float() / 255 - mean) / std).contiguous(memory_format=torch.channels_last)


def scratch(job: Job, *, why: str = "asked for") -> Outcome:
    """Train on most of the training photos and keep the rest for calibration and the learning curve."""
    began = time.perf_counter()
    seen, held = held_out_fold(job)
    model = _fresh(job)
    snapshot = Snapshot("scratch", digests(model), frozenset())
    source = Source(len(seen), Pixels(job, job.train[seen]).batch)
    seconds = SHARE * job.seconds_left
    with job.stopwatch.phase("fit"):
        config, wanted = _config(job, model, source, seconds)
        run = Run(model, config, _checkpoint(job))
        done = run.resume() if job.resume else 0
        plan = TimePlan(seconds, most=wanted, fewest=FEWEST_EPOCHS)
        held_out_curve = []
        for epoch in _watched(job, run, source):
            held_out_curve.append((float(epoch.number), _accuracy(job, run.average or model, job.train[held])))
            plan.look(run)
        run.discard()
        logits = logits_of(job, model, job.train[held])
        movement = snapshot.movement(Classifier(model.backbone, model.head))
        labels = job.labels[job.train[held]]
        temperature = job.balanced.temperature(logits, labels)
        shift_logits(model.head, job.balanced, temperature)
        fitted = right(logits_of(job, model, job.train[seen]), job.labels[job.train[seen]])
    final = Classifier(model.backbone, model.head).eval()
    with job.stopwatch.phase("export"):
        graph = classifier_graph(final, job.preprocessing)
    config = run.config
    settings = f"{config.epochs} epochs, {config.optimiser} {config.lr:g}, batches of {config.batch_size}"
    candidate = measured(
        job.balanced, "scratch", settings, (logits, labels), time.perf_counter() - began, chosen=True, why=why
    )
    kept = f"{len(held)} of the training photos were kept back to watch and calibrate the training."
    return Outcome(
        strategy="scratch",
        model=final,
        graph=graph,
        temperature=temperature,
        fitted=fitted,
        candidates=(candidate,),
        curves=(*loss_curves(run.history), Curve("held-out accuracy", "epoch", "accuracy", tuple(held_out_curve))),
        movements=(movement,),
        notes=(*_notes(job, run, wanted, resumed_after=done), kept),
    )


def _fresh(job: Job) -> Classifier:
    name = job.start.architecture
    return build(name, classes=len(job.classes), auxiliary=architecture(name).auxiliary_taps, seed=job.seed)


def _watched(job: Job, run: Run, source: Source) -> Iterator[Epoch]:
    config = run.config
    loss = partial(
        auxiliary_cross_entropy,
        smoothing=config.label_smoothing,
        weight=config.auxiliary_weight,
        class_weights=torch.from_numpy(job.balanced.learned).float(),
    )
    for epoch in run.epochs(source, loss):
        job.progress("train", epoch.number, run.config.epochs)
        yield epoch


def _config(job: Job, model: Classifier, source: Source, seconds: float) -> tuple[TrainingConfig, int]:
    """A rate for nets with or without batch normalisation, as many epochs as should fit, and how many would be best."""
    has_norm = any(isinstance(module, nn.BatchNorm2d) for module in model.modules())
    config = TrainingConfig(epochs=1, seed=job.seed)
    if not has_norm:
        config = replace(config, optimiser="adamw", lr=5e-4)
    steps = source.steps(config)
    wanted = min(MOST_EPOCHS, max(FEWEST_EPOCHS, LONGEST // steps))
    affordable = int(seconds / (_step_seconds(job, source, config) * steps))
    return replace(config, epochs=min(wanted, max(FEWEST_EPOCHS, affordable))), wanted


def _notes(job: Job, run: Run, wanted: int, *, resumed_after: int) -> tuple[str, ...]:
    """What became of the plan."""
    if resumed_after:
        return (f"Training was resumed after epoch {resumed_after} of {run.config.epochs}.",)
    if run.config.epochs >= wanted:
        return ()
    return (
        f"{run.config.epochs} instead of {wanted} epochs were run to keep within the time budget of "
        f"{job.time_budget:.0f} s. More time would probably help.",
    )


def _step_seconds(job: Job, source: Source, config: TrainingConfig) -> float:
    """Seconds of one training step of a throw-away copy."""
    model = _fresh(job).to(memory_format=torch.channels_last).train()

    def step() -> None:
        images, labels = source.batch(torch.arange(min(config.batch_size, source.examples)), 0)
        with global_draws(job.seed, "timing"):
            auxiliary_cross_entropy(model, images, labels)[0].backward()

    return step_seconds(step)


@torch.no_grad()
def logits_of(job: Job, model: nn.Module, rows: NDArray[np.int64], *, batch: int = 64) -> NDArray[np.float64]:
    """Logits of stored photos, in evaluation mode: (n, classes)."""
    parts = []
    with evaluating(model):
        for at in range(0, len(rows), batch):
            pixels = torch.from_numpy(job.stored.images[rows[at : at + batch]]).permute(0, 3, 1, 2)
            parts.append(model(normalised(pixels, job.preprocessing)).double().numpy())
    return np.concatenate(parts)


def _accuracy(job: Job, model: nn.Module, rows: NDArray[np.int64]) -> float:
    answers = job.balanced.answers(logits_of(job, model, rows), job.labels[rows])
    return float((answers.argmax(1) == job.labels[rows]).mean())


def _checkpoint(job: Job) -> Path:
    parts = ("scratch", job.start.architecture, repr(job.preprocessing), repr(job.augmentation))
    return job.cache / "checkpoints" / f"{job.key(*parts)}.pt"

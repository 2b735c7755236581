"""A pre-training run: chunk after chunk of crops, with a checkpoint after each; the best backbone so far is kept."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import partial
from pathlib import Path

import torch
from torch import Tensor

from inarch.commands.pretrain.distillation import DistillationLoader
from inarch.commands.pretrain.probing import ProbeSet, probe_accuracy
from inarch.commands.pretrain.recipe import Recipe
from inarch.commands.pretrain.student import DistillationBatch, Student, feature_statistics
from inarch.errors import OutputError, UserError
from inarch.models import Backbone, build
from inarch.models.shapes import Labels
from inarch.storage.files import write_text
from inarch.storage.lock import exclusive
from inarch.storage.serialisation import to_data, to_json
from inarch.training.checkpoint import load_checkpoint, save_checkpoint
from inarch.training.loop import Epoch, ExampleSource, Run
from inarch.training.seeds import global_draws


class RunFile(StrEnum):
    """The files of a run's folder."""

    CHECKPOINT = "checkpoint.pt"
    BEST = "best.pt"
    """The best backbone so far."""
    LOG = "log.jsonl"
    """One JSON line for each chunk."""
    RECIPE = "recipe.json"
    WEIGHTS = "weights.safetensors"
    """The best backbone, for transfer learning."""


@dataclass(frozen=True)
class Chunk:
    """The result of one chunk of crops."""

    epoch: Epoch
    probed: bool
    """Whether this chunk was probed; the backbone was then kept if it was the best."""
    probes: Mapping[str, float]
    """Accuracy by set of probe photos."""


def pretrain(lessons: DistillationLoader, probes: Sequence[ProbeSet], folder: Path) -> Iterator[Chunk]:
    """Train chunk by chunk, continuing an earlier run of the same recipe in ``folder``.

    A killed run loses its current chunk, and ends with the same weights as an unbroken one. After every probed chunk,
    the averaged backbone is kept if no earlier one was better.

    Args:
        lessons: the batches.
        probes: their mean accuracy selects the best backbone; without any, the last one is kept.
        folder: holds the checkpoint, the best backbone and a log of one JSON line for each chunk.

    Raises:
        UserError: the folder holds a run of another recipe.
        OutputError: the folder cannot be written.
    """
    with exclusive(folder):
        _claim(folder, lessons.recipe)
        yield from _chunks(lessons, probes, folder)


def _chunks(lessons: DistillationLoader, probes: Sequence[ProbeSet], folder: Path) -> Iterator[Chunk]:
    recipe = lessons.recipe
    run = Run(student_of(lessons), recipe.training, folder / RunFile.CHECKPOINT)
    run.resume()
    run.reschedule(recipe.training.epochs)  # the recipe may have been made longer since
    last = recipe.training.epochs
    for epoch in run.epochs(ExampleSource(recipe.chunk, lessons.batch), partial(_loss, recipe=recipe)):
        is_time = epoch.number % recipe.probe_every == 0 or epoch.number == last
        backbone = _averaged_student(run).classifier.backbone
        looked_at = probes if is_time else ()
        accuracies = {probe.name: probe_accuracy(backbone, probe, lessons.statistics) for probe in looked_at}
        if is_time:
            _keep_better_backbone(folder / RunFile.BEST, backbone, accuracies, epoch.number)
        with (folder / RunFile.LOG).open("a", encoding="utf-8") as log:
            log.write(to_json({**to_data(epoch), "probes": accuracies}, indent=None) + "\n")
        yield Chunk(epoch, is_time, accuracies)


def _claim(folder: Path, recipe: Recipe) -> None:
    """Make the folder that of this recipe. What may change half-way is a recipe's name, its length and the device."""
    said = to_data(recipe)
    for name in ("name", "phases"):
        del said[name]
    for name in ("epochs", "device"):
        del said["training"][name]
    text = to_json(said) + "\n"
    try:
        if not (folder / RunFile.RECIPE).exists() and not (folder / RunFile.CHECKPOINT).exists():
            write_text(folder / RunFile.RECIPE, text)
        before = (folder / RunFile.RECIPE).read_text("utf-8") if (folder / RunFile.RECIPE).exists() else ""
    except OSError as error:
        raise OutputError(f"{folder} cannot be used ({error.strerror or error}); choose another --out.") from error
    if before != text:
        raise UserError(f"{folder} holds a run of another recipe than {recipe.name}; choose another --out.")


def student_of(lessons: DistillationLoader) -> Student:
    """A randomly initialised student; the statistics of the teacher's features come from the first chunk."""
    recipe, teacher = lessons.recipe, lessons.teacher
    crops, features = lessons.chunk(1)
    taught = torch.from_numpy(features[lessons.taught(crops)])
    if not len(taught):
        raise UserError(
            f"The recipe {recipe.name} has no distilled photos in its first chunk: mark a source as taught."
        )
    classifier = build(recipe.model, classes=max(1, len(lessons.corpora.classes)), seed=recipe.training.seed)
    with global_draws(recipe.training.seed, "student"):
        head = (torch.from_numpy(teacher.weight), torch.from_numpy(teacher.bias))
        return Student(classifier, feature_statistics(taught), head)


def best_backbone(folder: Path) -> tuple[dict[str, Tensor], dict[str, float], int]:
    """The state dict of the best backbone so far, its accuracies by probe set, and its chunk.

    Raises:
        UserError: there is none.
    """
    state = load_checkpoint(folder / RunFile.BEST)
    if state is None:
        raise UserError(f"{folder} holds no pre-trained backbone yet.")
    return state["backbone"], state["probes"], state["chunk"]


def _loss(student: Student, lesson: DistillationBatch, labels: Labels, *, recipe: Recipe) -> tuple[Tensor, Tensor]:
    return student.loss(lesson, labels, recipe.weighting, recipe.training.label_smoothing)


def _averaged_student(run: Run) -> Student:
    return run.model if run.average is None else run.average.module  # type: ignore[return-value]


def _keep_better_backbone(path: Path, backbone: Backbone, accuracies: Mapping[str, float], chunk: int) -> None:
    before = load_checkpoint(path)
    if before is None or sum(accuracies.values()) >= sum(before["probes"].values()):
        save_checkpoint(path, {"backbone": backbone.state_dict(), "probes": dict(accuracies), "chunk": chunk})

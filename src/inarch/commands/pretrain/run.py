"""``inarch pretrain``: from a recipe to weights for transfer learning."""

from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path

from inarch.commands.pretrain.corpus import corpora_of
from inarch.commands.pretrain.distillation import DistillationLoader
from inarch.commands.pretrain.loading import load_teacher
from inarch.commands.pretrain.pretrain import Chunk, RunFile, best_backbone
from inarch.commands.pretrain.pretrain import pretrain as run
from inarch.commands.pretrain.probing import probe_set
from inarch.commands.pretrain.recipe import Recipe, read_recipe
from inarch.models import architecture
from inarch.options.device import AUTO
from inarch.progress import Progress, ignore_progress
from inarch.storage.cache_folder import default_cache_folder
from inarch.storage.cache_size import in_use
from inarch.storage.home import expand
from inarch.training.device import find_device
from inarch.weights.embedded import pack


def pretrain(
    recipe: str | Path,
    data: str | Path,
    out: str | Path,
    progress: Progress = ignore_progress,
    *,
    device: str = AUTO,
) -> Iterator[Chunk]:
    """Run or resume a recipe; ``out/weights.safetensors`` holds the best backbone after every probe.

    Args:
        recipe: a TOML file.
        data: the folder with the recipe's photos.
        out: the folder of this run.
        progress: called with a phase's name, the finished and the total number of steps.
        device: trains the student; the teacher's features are computed on the CPU. A run may go on on another one.

    Raises:
        UserError: the recipe is invalid, names a model that does not exist, ``out`` holds another run, or there is no
            such device.
        PhotosError: photos are missing.
        OutputError: ``out`` or the cache cannot be written.
        MissingExtraError: the teacher's package is not installed.

    Examples:
        >>> for chunk in inarch.pretrain("recipe.toml", "data", "pretraining"):
        ...     print(chunk.epoch.number, chunk.probed)
        1 True
        >>> model = inarch.create_model("resnet_basic_tiny", weights="pretraining/weights.safetensors", num_classes=2)
    """
    there = find_device(device)
    asked = read_recipe(expand(recipe))
    architecture(asked.model)
    asked = replace(asked, training=replace(asked.training, device=str(there)))
    place = default_cache_folder()
    with in_use(place, None):
        yield from _run_recipe(asked, expand(data), expand(out), place, progress)


def _run_recipe(recipe: Recipe, data: Path, out: Path, cache: Path, progress: Progress) -> Iterator[Chunk]:
    corpora = corpora_of(recipe, data, cache, progress)
    seed = recipe.training.seed
    probes = [probe_set(each, data, cache, seed, partial(progress, each.photos)) for each in recipe.probes]
    lessons = DistillationLoader(recipe, corpora, load_teacher(recipe.teacher, recipe.teacher_size), cache)
    for chunk in run(lessons, probes, out):
        progress("pretrain", chunk.epoch.number, recipe.training.epochs)
        if chunk.probed:
            _write_weights(recipe, out)
        yield chunk


def _write_weights(recipe: Recipe, out: Path) -> None:
    backbone, _, chunk = best_backbone(out)
    origin = f"recipe {recipe.name}, after {chunk} of {recipe.training.epochs} chunks"
    pack(backbone, out / RunFile.WEIGHTS, architecture=recipe.model, image_size=recipe.image_size(chunk), origin=origin)

"""The real Inception v3 grafted by `inarch train`, beside what others would do with the same weights and photos.

    python -m venv .data/others && .data/others/bin/pip install fastai timm
    PYTHONPATH=src:. .data/others/bin/python -m benchmarks.others hymenoptera_s224 --seeds 3

- *ours*: ``inarch train --model inception_v3 --weights FILE``, everything from the scan of the folder to the bundle,
  with an empty cache.
- *tutorial*: PyTorch's transfer-learning tutorial, frozen (see `benchmarks.tutorial`). Its 25 epochs are alike, so one
  is timed; what they reach is found with the same crops, order and steps on features computed by ONNX Runtime.
- *fastai*: ``Learner.fine_tune(4)``: an epoch of the head, four of everything, with fastai's own augmentation, schedule
  and layer groups, and its default rate.
- *timm*: timm's training transform, AdamW (rate 1e-4, weight decay 0.05) with a cosine, twenty epochs of
  everything: after five it is right on half of the land photos.

All see images of one size, 160 pixels a side. All train on the same photos and are tested on the same
others: of ants and bees those that the set itself keeps apart, of textures and land as many of each class as `SETS`
says. A finished run is kept in ``benchmarks/measured`` and not run again: the table can be filled over several
sittings, so each time is compared with those of the same seed, which ran one after the other. Beside the time that
passed stands the time of the processor, workers included, which other work on the machine does not lengthen.
"""

import argparse
import json
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from resource import RUSAGE_CHILDREN, RUSAGE_SELF, getrusage
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset

from benchmarks import tutorial
from benchmarks.measuring import INCEPTION, MEASURED, ratios, some, spread, table, unpacked, write
from inarch.commands.train.run import train
from inarch.data.decode import decode
from inarch.data.photos import Photo, PhotoSet, Preprocessing
from inarch.data.scan import scan
from inarch.data.split import reported_split, split
from inarch.models import Backbone, Classifier, linear_head
from inarch.transfer.options import TrainOptions
from inarch.weights.files import read_weights
from inarch.weights.loading import load_backbone

BATCH, EPOCHS = 32, 20
SETS: Mapping[str, tuple[int, tuple[int, int] | None]] = {
    "hymenoptera_s224": (160, None),
    "dtd10_s128": (160, (12, 30)),
    "rsscn7_s128": (160, (18, 40)),
}
"""Pixels a side, and photos of each class to learn from and to test on, drawn by the seed; None: the set has its own
split."""
AIMS = {"tutorial": 20, "fastai": 5, "timm": 5}
Reached = dict[str, Any]


class Clock:
    """Seconds that pass inside the ``with``, and those of the processor."""

    def __enter__(self) -> "Clock":
        self._began, self._used = time.perf_counter(), _processor_seconds()
        return self

    def __exit__(self, *failure: object) -> None:
        self.figures = {
            "seconds": time.perf_counter() - self._began,
            "processor_seconds": _processor_seconds() - self._used,
        }


def _processor_seconds() -> float:
    """Of this process, and of workers that have ended."""
    return sum(used.ru_utime + used.ru_stime for used in map(getrusage, (RUSAGE_SELF, RUSAGE_CHILDREN)))


@dataclass(frozen=True)
class Photos(Dataset[tuple[Any, int]]):
    """Photos of one side of the split, each as ``seen`` makes it."""

    found: PhotoSet
    photos: tuple[Photo, ...]
    seen: Callable[[Path], Any]

    def __len__(self) -> int:
        return len(self.photos)

    def __getitem__(self, place: int) -> tuple[Any, int]:
        photo = self.photos[place]
        return self.seen(Path(self.found.root, photo.path)), photo.label


def sides(found: PhotoSet) -> tuple[tuple[Photo, ...], tuple[Photo, ...]]:
    """To learn from, and to test on."""
    tested = reported_split(found)
    return tuple(each for each in found.photos if each.split != tested), found.of_split(tested)


def chosen_photos(name: str, seed: int) -> Path:
    """A folder or a manifest."""
    folder = unpacked(name)
    _, drawn = SETS[name]
    return folder if drawn is None else some(folder, *drawn, folder.parent / f"{name}_{seed}.csv", seed=seed)


def classifier(found: PhotoSet) -> Classifier:
    """The pre-trained backbone with a fresh head."""
    backbone = load_backbone(read_weights(INCEPTION), "inception_v3").backbone
    return Classifier(backbone, linear_head(backbone.channels, len(found.classes)))


def plainly(path: Path, side: int) -> Tensor:
    """A photo as it is tested."""
    preprocessing = Preprocessing(image_size=side, mean=(0.5,) * 3, std=(0.5,) * 3)
    pixels = torch.from_numpy(decode(path, preprocessing)).permute(2, 0, 1)
    return (pixels.float() / 255 - 0.5) / 0.5


@torch.no_grad()
def accuracy(model: nn.Module, found: PhotoSet, side: int) -> float:
    """On the test photos."""
    model.eval()
    right = total = 0
    for images, labels in DataLoader(Photos(found, sides(found)[1], partial(plainly, side=side)), batch_size=BATCH):
        right += int((model(images).argmax(1) == labels).sum())
        total += len(labels)
    return right / total


def ours(found: PhotoSet, photos: Path, side: int, seed: int) -> Reached:
    """`inarch train`."""
    with tempfile.TemporaryDirectory() as name:
        options = TrainOptions(
            model="inception_v3", weights=INCEPTION, image_size=side, seed=seed, cache=Path(name, "cache")
        )
        with Clock() as clock:
            metrics = train(photos, Path(name, "bundle"), options).metrics
    return {
        **clock.figures,
        "accuracy": metrics["evaluation"]["accuracy"]["value"],
        "tested": metrics["evaluation"]["accuracy"]["n"],
        "strategy": metrics["strategy"],
    }


def by_tutorial(found: PhotoSet, photos: Path, side: int, seed: int) -> Reached:
    """The frozen loop."""
    with tempfile.TemporaryDirectory() as name:
        for part, own in zip(("train", "val"), sides(found), strict=True):
            for photo in own:
                link = Path(name, part, found.classes[photo.label], photo.path.replace("/", "_"))
                link.parent.mkdir(parents=True, exist_ok=True)
                link.symlink_to(Path(found.root, photo.path).resolve())
        backbone: Backbone = classifier(found).backbone
        with Clock() as clock:
            next(iter(tutorial.loop(backbone, Path(name), frozen=True, seed=seed, side=side)))
        reached = tutorial.frozen_accuracies(backbone, Path(name), seed=seed, side=side)
    return {**{name: tutorial.EPOCHS * used for name, used in clock.figures.items()}, "accuracy": reached[-1]}


def by_fastai(found: PhotoSet, photos: Path, side: int, seed: int) -> Reached:
    """``fine_tune(4)``."""
    from fastai.vision import all as fastai

    fastai.set_seed(seed)
    learned, tested = sides(found)
    files = [Path(found.root, each.path) for each in (*learned, *tested)]
    names = dict(zip(files, [found.classes[each.label] for each in (*learned, *tested)], strict=True))
    block = fastai.DataBlock(
        blocks=(fastai.ImageBlock, fastai.CategoryBlock(vocab=list(found.classes), sort=False)),
        get_y=lambda file: names[file],
        splitter=fastai.IndexSplitter(list(range(len(learned), len(files)))),
        item_tfms=fastai.Resize(460),
        batch_tfms=[*fastai.aug_transforms(size=side), fastai.Normalize.from_stats([0.5] * 3, [0.5] * 3, cuda=False)],
    )
    loaders = block.dataloaders(files, bs=BATCH, num_workers=2)
    learner = fastai.Learner(
        loaders,
        classifier(found),
        loss_func=fastai.CrossEntropyLossFlat(),
        splitter=lambda model: [fastai.params(model.backbone), fastai.params(model.head)],
    )
    learner.create_opt()
    with Clock() as clock, learner.no_bar(), learner.no_logging():
        learner.fine_tune(4)
    return {**clock.figures, "accuracy": accuracy(learner.model, found, side)}


def by_timm(found: PhotoSet, photos: Path, side: int, seed: int) -> Reached:
    """Full fine-tuning with timm's parts."""
    from timm.data import create_transform
    from timm.optim import create_optimizer_v2
    from timm.scheduler import CosineLRScheduler

    torch.manual_seed(seed)
    transform = create_transform(side, is_training=True, mean=(0.5,) * 3, std=(0.5,) * 3, scale=(0.35, 1.0))
    seen = Photos(found, sides(found)[0], lambda path: transform(Image.open(path).convert("RGB")))
    loader = DataLoader(seen, batch_size=BATCH, shuffle=True, num_workers=2, drop_last=True)
    model = classifier(found).to(memory_format=torch.channels_last)
    with Clock() as clock:
        optimiser = create_optimizer_v2(model, opt="adamw", lr=1e-4, weight_decay=0.05)
        steps = EPOCHS * len(loader)
        schedule = CosineLRScheduler(optimiser, t_initial=steps, warmup_t=steps // 10, t_in_epochs=False)
        step = 0
        for _ in range(EPOCHS):
            model.train()
            for images, labels in loader:
                optimiser.zero_grad()
                nn.functional.cross_entropy(model(images), labels, label_smoothing=0.1).backward()
                optimiser.step()
                step += 1
                schedule.step_update(step)
    return {**clock.figures, "accuracy": accuracy(model, found, side)}


CONTENDERS: dict[str, Callable[[PhotoSet, Path, int, int], Reached]] = {
    "ours": ours,
    "tutorial": by_tutorial,
    "fastai": by_fastai,
    "timm": by_timm,
}


def main() -> None:
    """Run what is not there yet, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("photos", choices=SETS)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--only", nargs="*", choices=CONTENDERS, default=list(CONTENDERS))
    asked = parser.parse_args()
    runs: dict[str, list[Reached]] = {name: [] for name in asked.only}
    for seed in range(asked.seeds):
        photos = chosen_photos(asked.photos, seed)
        found = split(scan(photos), seed=seed)
        for name in asked.only:
            kept = MEASURED / f"others_{asked.photos}_{name}_{seed}.json"
            if not kept.exists():
                torch.manual_seed(seed)
                np.random.seed(seed)
                kept.write_text(
                    json.dumps(CONTENDERS[name](found, photos, SETS[asked.photos][0], seed)) + "\n", encoding="utf-8"
                )
            runs[name].append(json.loads(kept.read_text("utf-8")))
            print(asked.photos, name, seed, runs[name][-1], flush=True)
    rows = []
    for name, reached in runs.items():
        longer, more = (
            spread(ratios([each[kind] for each in reached], [each[kind] for each in runs["ours"]]))
            for kind in ("seconds", "processor_seconds")
        )
        points = spread([100 * each["accuracy"] for each in reached])
        rows.append([name, points, *((longer, more) if name != "ours" else ("1", "1")), str(AIMS.get(name, ""))])
    print(table([asked.photos, "accuracy, %", "times as long as ours", "by the processor", "aim"], rows))
    write(f"others_{asked.photos}", {"runs": runs})


if __name__ == "__main__":
    main()

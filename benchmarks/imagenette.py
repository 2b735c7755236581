"""GoogLeNet trains: Imagenette from scratch at 128 pixels, 20 epochs, beside ResNet-18 with the same recipe.

The recipe: SGD with Nesterov momentum, one cycle of the rate, label smoothing, the averaged weights, crops at 96 pixels
for the first half and at 128 for the second, products in bfloat16; GoogLeNet has its auxiliary heads. Judged on the
validation photos as they are, at 128 pixels, without mirrors: the rules under which fastai publishes 91.57 % after 20
epochs (for a ResNet of about the size of ResNet-50). The validation photos decide nothing.

A run that is stopped goes on where it was:

    python -m benchmarks.imagenette googlenet --seed 0
    python -m benchmarks.imagenette resnet18 --seed 0
"""

import argparse
import json
from functools import partial

import numpy as np
import torch
from torch import Tensor

from benchmarks.measuring import MEASURED, ROOT, table, unpacked, write
from inarch.commands.pretrain.corpus import Corpus
from inarch.commands.pretrain.crops import Crops, cut_crops
from inarch.commands.pretrain.recipe import CropSource
from inarch.data.photos import Preprocessing
from inarch.data.scan import scan
from inarch.data.store import StoredPhotos, store
from inarch.metrics.intervals import wilson
from inarch.models import (
    Classifier,
    architecture,
    build,
    evaluating,
)
from inarch.normalisation import PixelStatistics
from inarch.training.config import TrainingConfig
from inarch.training.loop import Batch, ExampleSource, Run
from inarch.training.losses import CrossEntropy, auxiliary_cross_entropy
from inarch.training.pixels import normalise_photos

SIZE, SMALL, EPOCHS = 128, 96, 20
CONFIG = TrainingConfig(
    epochs=EPOCHS,
    batch_size=64,
    lr=0.1,
    weight_decay=5e-4,
    warmup=0.15,
    label_smoothing=0.1,
    ema_decay=0.998,
    precision="bfloat16",
)
PUBLISHED = 91.57


def main() -> None:
    """Train one net, or go on with it, and print what it reached beside the others' results."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", choices=("googlenet", "resnet18"))
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=2)
    asked = parser.parse_args()
    torch.set_num_threads(asked.threads)
    stored = store(scan(unpacked("imagenette_s128")), Preprocessing(image_size=SIZE), ROOT / ".data" / "cache")
    right, n = _trained(asked.model, asked.seed, stored)
    MEASURED.mkdir(exist_ok=True)
    kept = MEASURED / "imagenette.json"
    runs = json.loads(kept.read_text("utf-8")) if kept.exists() else {}
    runs[f"{asked.model} {asked.seed}"] = {"right": right, "n": n, "epochs": EPOCHS}
    kept.write_text(json.dumps(runs, indent=2) + "\n", encoding="utf-8")
    rows = []
    for name, run in runs.items():
        interval = wilson(run["right"], run["n"])
        accuracy = 100 * run["right"] / run["n"]
        rows.append([*name.split(), f"{accuracy:.2f} ({100 * interval.low:.2f} to {100 * interval.high:.2f})"])
    print(table(["net", "seed", f"accuracy after {EPOCHS} epochs, % (95 %)"], rows))
    print(f"fastai's published figure for 128 pixels and 20 epochs: {PUBLISHED} %")
    write("imagenette", {"runs": runs, "published": PUBLISHED})


def _trained(name: str, seed: int, stored: StoredPhotos) -> tuple[int, int]:
    split = np.array([photo.split for photo in stored.photos.photos])
    labels = np.array([photo.label for photo in stored.photos.photos])
    learned = np.flatnonzero(split == "train")
    row = architecture(name)
    source = CropSource(photos="imagenette", image_size=SIZE, min_scale=0.35)
    corpus = Corpus(source, stored.images, (), labels)

    def batch(rows: Tensor, epoch: int) -> Batch:
        chosen = learned[rows.numpy()]
        coin = np.random.default_rng((seed, 1)).random(len(labels))[chosen] < 0.5
        nowhere = np.zeros(len(chosen), np.int64)
        crops = Crops(nowhere, chosen, nowhere + epoch, coin ^ (epoch % 2 == 1))
        side = SMALL if epoch <= EPOCHS // 2 else SIZE
        return normalise_photos(cut_crops((corpus,), crops, side, seed), row), torch.from_numpy(labels[chosen])

    model = build(name, classes=len(stored.photos.classes), auxiliary=row.auxiliary_taps, seed=seed)
    checkpoint = ROOT / ".data" / "imagenette" / f"{name}_{seed}.pt"
    run = Run(model, TrainingConfig(**{**vars(CONFIG), "seed": seed}), checkpoint)
    run.resume()
    loss = partial(auxiliary_cross_entropy, criterion=CrossEntropy(smoothing=CONFIG.label_smoothing))
    for epoch in run.epochs(ExampleSource(len(learned), batch), loss):
        print(
            f"epoch {epoch.number:>2}  loss {epoch.loss:.4f}  train {epoch.accuracy:.4f}  {epoch.seconds:.0f} s",
            flush=True,
        )
    return _right(model, stored, np.flatnonzero(split == "val"), row)


@torch.no_grad()
def _right(
    model: Classifier,
    stored: StoredPhotos,
    rows: "np.ndarray[tuple[int], np.dtype[np.int64]]",
    statistics: PixelStatistics,
) -> tuple[int, int]:
    labels = np.array([photo.label for photo in stored.photos.photos])
    right = 0
    with evaluating(model):
        for at in range(0, len(rows), 64):
            part = rows[at : at + 64]
            logits = model(normalise_photos(stored.images[part], statistics))
            right += int((logits.argmax(1).numpy() == labels[part]).sum())
    return right, len(rows)


if __name__ == "__main__":
    main()

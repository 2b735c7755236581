"""Our fast recipe against the standard one: the same net, photos and number of epochs.

Standard: He et al. 2016, section 4.2, cut to as many epochs: SGD with momentum 0.9, rate 0.1 divided by 10 at half and
at three quarters of the steps (as the paper's 64,000 iterations do), weight decay 1e-4, batches of 128, padding by 4
and a random crop, a random mirror. It is trained by a plain loop of PyTorch, not by this package.
Fast: `inarch.training` with Muon, one cycle of the rate, the averaged weights, label smoothing, products in 16 bits and
mirrors that alternate from epoch to epoch; each test photo is seen as it is and mirrored.

Two runs go side by side on one thread each, so that both recipes meet the same machine; times are those of the
processor. A finished run is kept in ``--out`` and not run again: the table can be filled over several sittings.

    python -m benchmarks.recipes cifar10 --seeds 3
    python -m benchmarks.recipes fashion_mnist --seeds 3     # apt-get install dataset-fashion-mnist

The rate of the fast recipe was chosen on 5,000 training photos that those runs did not learn from:

    python -m benchmarks.recipes cifar10 --choose-lr 0.005 0.01 0.02 0.04 --epochs 6
"""

import argparse
import gzip
import json
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from benchmarks.measuring import MEASURED, ROOT, spread, table, unpacked, write
from inarch.data.photos import Preprocessing
from inarch.data.scan import scan
from inarch.data.store import store
from inarch.metrics.intervals import wilson
from inarch.models import build, evaluating
from inarch.training.config import TrainingConfig
from inarch.training.loop import Batch, ExampleSource, Run
from inarch.training.losses import cross_entropy
from inarch.training.seeds import generator

EPOCHS, BATCH, HELD_OUT = 16, 128, 5000
FAST = TrainingConfig(
    epochs=EPOCHS,
    batch_size=BATCH,
    optimiser="muon",
    lr=0.04,
    weight_decay=0.02,
    warmup=0.15,
    label_smoothing=0.1,
    ema_decay=0.99,
    precision="bfloat16",
)
FASHION = Path("/usr/share/datasets/fashion-mnist")


def shift_images(images: Tensor, most: int, generator: torch.Generator) -> Tensor:
    """Each image moved by up to ``most`` pixels either way, in both directions; what comes in is black.

    The same as padding by ``most`` and cutting out a random square (He et al. 2016, section 4.2).
    """
    n, _, height, width = images.shape
    padded = torch.nn.functional.pad(images, (most, most, most, most))
    top, left = torch.randint(0, 2 * most + 1, (2, n), generator=generator)
    rows = top[:, None, None] + torch.arange(height)[None, :, None]
    columns = left[:, None, None] + torch.arange(width)[None, None, :]
    picture = torch.arange(n)[:, None, None]
    return padded.permute(0, 2, 3, 1)[picture, rows, columns].permute(0, 3, 1, 2)


def mirror_images(images: Tensor, which: Tensor) -> Tensor:
    """The images, those of ``which`` with left and right exchanged."""
    return torch.where(which[:, None, None, None], images.flip(3), images)


@dataclass(frozen=True)
class Data:
    """uint8 images (n, 3, side, side) and labels, to learn from and to test on; mean and std of the former."""

    images: Tensor
    labels: Tensor
    test_images: Tensor
    test_labels: Tensor

    def normalised(self, images: Tensor) -> Tensor:
        """As the net's input."""
        sample = self.images[:5000].float() / 255
        mean, std = sample.mean((0, 2, 3))[:, None, None], sample.std((0, 2, 3))[:, None, None]
        return ((images.float() / 255 - mean) / std).contiguous(memory_format=torch.channels_last)


def cifar10() -> Data:
    """The JPEG copy of CIFAR-10."""
    stored = store(scan(unpacked("cifar10_jpeg", "cifar10")), Preprocessing(image_size=32), ROOT / ".data" / "cache")
    split = np.array([photo.split for photo in stored.photos.photos])
    labels = torch.tensor([photo.label for photo in stored.photos.photos])
    parts = []
    for name in ("train", "test"):
        rows = np.flatnonzero(split == name)
        parts += [
            torch.from_numpy(stored.images[rows]).permute(0, 3, 1, 2).contiguous(),
            labels[torch.from_numpy(rows)],
        ]
    return Data(*parts)


def fashion_mnist() -> Data:
    """Debian's Fashion-MNIST: 28 pixels a side, grey in three channels."""
    parts = []
    for name in ("train", "t10k"):
        pixels = _idx(FASHION / f"{name}-images-idx3-ubyte.gz", 16).reshape(-1, 1, 28, 28)
        parts += [pixels.expand(-1, 3, -1, -1).contiguous(), _idx(FASHION / f"{name}-labels-idx1-ubyte.gz", 8).long()]
    return Data(*parts)


def _idx(path: Path, header: int) -> Tensor:
    if not path.exists():
        sys.exit(f"{path} is not there: apt-get install dataset-fashion-mnist")
    return torch.from_numpy(np.frombuffer(gzip.decompress(path.read_bytes()), np.uint8, offset=header).copy())


def standard(data: Data, seed: int, epochs: int) -> nn.Module:
    """The standard recipe."""
    model = build("resnet20", classes=10, seed=seed).to(memory_format=torch.channels_last)
    optimiser = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9, weight_decay=1e-4)
    steps = epochs * (len(data.images) // BATCH)
    schedule = torch.optim.lr_scheduler.MultiStepLR(optimiser, [steps // 2, steps * 3 // 4])
    draw = torch.Generator().manual_seed(seed)
    for _ in range(epochs):
        for rows in torch.randperm(len(data.images), generator=draw).split(BATCH)[: len(data.images) // BATCH]:
            images = mirror_images(
                shift_images(data.images[rows], 4, draw), torch.rand(len(rows), generator=draw) < 0.5
            )
            optimiser.zero_grad(set_to_none=True)
            F.cross_entropy(model(data.normalised(images)), data.labels[rows]).backward()
            optimiser.step()
            schedule.step()
    return model


def fast(data: Data, seed: int, epochs: int, lr: float = FAST.lr) -> nn.Module:
    """Ours."""
    config = replace(FAST, epochs=epochs, seed=seed, lr=lr)
    coin = torch.rand(len(data.images), generator=generator(seed, "mirror")) < 0.5

    def batch(rows: Tensor, epoch: int) -> Batch:
        moved = shift_images(data.images[rows], 3, generator(seed, "shift", epoch, int(rows[0])))
        return data.normalised(mirror_images(moved, coin[rows] ^ (epoch % 2 == 1))), data.labels[rows]

    def loss(model: nn.Module, images: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
        return cross_entropy(model, images, labels, smoothing=config.label_smoothing)

    run = Run(build("resnet20", classes=10, seed=seed), config)
    for _ in run.epochs(ExampleSource(len(data.images), batch), loss):
        pass
    return run.model


@torch.no_grad()
def accuracy(model: nn.Module, data: Data, *, mirror: bool) -> tuple[int, int]:
    """Right answers on the test images, and how many there are."""
    right = 0
    with evaluating(model):
        for images, labels in zip(data.test_images.split(500), data.test_labels.split(500), strict=True):
            logits = model(data.normalised(images))
            if mirror:
                logits = logits + model(data.normalised(images.flip(3)))
            right += int((logits.argmax(1) == labels).sum())
    return right, len(data.test_labels)


DATA: dict[str, Callable[[], Data]] = {"cifar10": cifar10, "fashion_mnist": fashion_mnist}
RECIPES: dict[str, Callable[[Data, int, int], nn.Module]] = {"standard": standard, "fast": fast}


def one(dataset: str, recipe: str, seed: int, epochs: int, out: Path) -> None:
    """Run one recipe once, on one thread, and write what came out."""
    torch.set_num_threads(1)
    data = DATA[dataset]()
    began, process = time.perf_counter(), time.process_time()
    model = RECIPES[recipe](data, seed, epochs)
    seconds, core_seconds = time.perf_counter() - began, time.process_time() - process
    right, n = accuracy(model, data, mirror=recipe == "fast")
    plain, _ = accuracy(model, data, mirror=False)
    figures = {"right": right, "n": n, "right_without_mirror": plain, "seconds": seconds, "core_seconds": core_seconds}
    _kept(dataset, recipe, seed, epochs, out).write_text(json.dumps(figures) + "\n", encoding="utf-8")


def choose(dataset: str, rates: list[float], epochs: int) -> None:
    """Train by the fast recipe at each rate and judge on training photos that were held out."""
    data = DATA[dataset]()
    order = torch.randperm(len(data.images), generator=torch.Generator().manual_seed(0))
    held, learned = order.tensor_split([HELD_OUT])
    data = Data(data.images[learned], data.labels[learned], data.images[held], data.labels[held])
    for lr in rates:
        right, n = accuracy(fast(data, 0, epochs, lr), data, mirror=True)
        print(f"rate {lr:g}: {100 * right / n:.2f} % of {n} held-out photos after {epochs} epochs", flush=True)


def main() -> None:
    """Run what is missing, pair by pair, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("dataset", choices=DATA)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--epochs", type=int, default=EPOCHS)
    parser.add_argument("--out", type=Path, default=MEASURED)
    parser.add_argument("--one", nargs=2, metavar=("RECIPE", "SEED"), help=argparse.SUPPRESS)
    parser.add_argument("--choose-lr", nargs="+", type=float, metavar="RATE", help="Compare rates, and nothing else.")
    asked = parser.parse_args()
    if asked.choose_lr:
        choose(asked.dataset, asked.choose_lr, asked.epochs)
        return
    asked.out.mkdir(parents=True, exist_ok=True)
    if asked.one:
        one(asked.dataset, asked.one[0], int(asked.one[1]), asked.epochs, asked.out)
        return
    missing = [
        (name, seed)
        for seed in range(asked.seeds)
        for name in RECIPES
        if not _kept(asked.dataset, name, seed, asked.epochs, asked.out).exists()
    ]
    with ThreadPoolExecutor(2) as pool:
        codes = list(pool.map(partial(_run, asked), missing))
    if any(codes):
        sys.exit("A run failed; what is above says why. Those that ended are kept.")
    _show(asked.dataset, asked.seeds, asked.epochs, asked.out)


def _run(asked: argparse.Namespace, missing: tuple[str, int]) -> int:
    """One run in a process of its own; returns its exit status."""
    name, seed = missing
    words = [asked.dataset, "--epochs", str(asked.epochs), "--out", str(asked.out), "--one", name, str(seed)]
    return subprocess.call([sys.executable, "-m", "benchmarks.recipes", *words])


def _kept(dataset: str, recipe: str, seed: int, epochs: int, out: Path) -> Path:
    return out / f"{dataset}_{recipe}_{seed}_{epochs}.json"


def _show(dataset: str, seeds: int, epochs: int, out: Path) -> None:
    results = {
        name: [json.loads(_kept(dataset, name, seed, epochs, out).read_text("utf-8")) for seed in range(seeds)]
        for name in RECIPES
    }
    rows = []
    for name, runs in results.items():
        scores = [100 * run["right"] / run["n"] for run in runs]
        pooled = wilson(sum(run["right"] for run in runs), sum(run["n"] for run in runs))
        rows.append([name, spread(scores, 2), f"{100 * pooled.low:.2f} to {100 * pooled.high:.2f}"])
        rows[-1].append(spread([run["core_seconds"] / 60 for run in runs]))
    print(table(["recipe", "test accuracy, %", "95 % interval", "minutes of one core"], rows), flush=True)
    gains = [
        100 * (ours["right"] - theirs["right"]) / ours["n"]
        for ours, theirs in zip(results["fast"], results["standard"], strict=True)
    ]
    times = [
        ours["core_seconds"] / theirs["core_seconds"]
        for ours, theirs in zip(results["fast"], results["standard"], strict=True)
    ]
    print(f"fast - standard: {spread(gains, 2)} points, {epochs} epochs of {dataset}; time {spread(times, 2)} of it")
    write(f"recipes_{dataset}", {"epochs": epochs, "runs": results, "gain_points": gains, "time_ratio": times})


if __name__ == "__main__":
    main()

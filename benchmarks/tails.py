"""One epoch of the tail on cached maps against one epoch of full fine-tuning: the same net, photos, batches, optimiser.

    python -m benchmarks.tails --rounds 5

Interleaved, round by round, on random pixels and maps (what is in them does not matter), in batches of 32, by AdamW.
The full epoch runs the whole net forwards and backwards in channels-last memory, as `inarch.training` does. What
filling the cache took is not counted: it is done once, and its time is that of one pass forwards by ONNX Runtime.
"""

import argparse
import statistics
import time
from dataclasses import replace

import torch
from torch import Tensor, nn

from benchmarks.measuring import ratios, spread, table, write
from inarch.models import (
    Classifier,
    architecture,
    build,
    linear_head,
)
from inarch.training.loop import Batch, ExampleSource, Run
from inarch.training.losses import cross_entropy
from inarch.transfer.cuts import default_cut
from inarch.transfer.recipes import FinetuneRecipe

NETS = {"resnet18": 4.0, "googlenet": 9.0, "inception_v3": 5.0}
"""And the ratios that are aimed at."""
PHOTOS, CLASSES = 64, 10


def epoch(model: nn.Module, shape: tuple[int, ...]) -> float:
    """Seconds of the second of two epochs over `PHOTOS` inputs of ``shape``."""
    inputs, labels = torch.rand(PHOTOS, *shape), torch.randint(CLASSES, (PHOTOS,))

    def batch(indices: Tensor, number: int) -> Batch:
        return inputs[indices], labels[indices]

    run = Run(model, replace(FinetuneRecipe().config, epochs=2))
    return [each.seconds for each in run.epochs(ExampleSource(PHOTOS, batch), cross_entropy)][-1]


def measured(name: str, rounds: int) -> dict[str, list[float]]:
    """Seconds of both, round by round."""
    side = architecture(name).image_size
    seconds: dict[str, list[float]] = {"full": [], "tail": []}
    for _ in range(rounds):
        backbone = build(name, classes=1, seed=0).backbone
        prefix, tail = backbone.split(default_cut(backbone) or "")
        with torch.no_grad():
            shape = tuple(prefix.eval()(torch.rand(1, 3, side, side)).shape[1:])
        seconds["tail"].append(epoch(nn.Sequential(tail, linear_head(tail.channels, CLASSES)), shape))
        whole = Classifier(build(name, classes=1, seed=0).backbone, linear_head(backbone.channels, CLASSES))
        seconds["full"].append(epoch(whole, (3, side, side)))
    return seconds


def main() -> None:
    """Print the ratios."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    rounds = parser.parse_args().rounds
    torch.manual_seed(0)
    began = time.perf_counter()
    figures = {name: measured(name, rounds) for name in NETS}
    rows = []
    for name, seconds in figures.items():
        cut = default_cut(build(name, classes=1, device="meta").backbone) or ""
        gained = ratios(seconds["full"], seconds["tail"])
        per_photo = 1000 * statistics.median(seconds["tail"]) / PHOTOS
        rows.append([name, cut, f"{spread(gained)}", f"{NETS[name]:.0f}", f"{per_photo:.1f} ms"])
    print(table(["net", "cut after", "full / tail", "aim", "tail, a photo"], rows))
    print(f"{time.perf_counter() - began:.0f} s in all")
    write("tails", {"seconds": figures, "photos": PHOTOS})


if __name__ == "__main__":
    main()

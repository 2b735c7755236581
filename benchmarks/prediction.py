"""`inarch predict`: cold start on one photo, and throughput on 200 photos.

    python -m benchmarks.prediction [--rounds 5]

Throughput is compared, interleaved, with ONNX Runtime fed with tensors that are ready (the ceiling: decoding costs
nothing there) and with eager torchvision's Inception v3 fed by Pillow, the usual way.
"""

import argparse
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torchvision import models
from torchvision.transforms import v2

from benchmarks.measuring import ratios, spread, table, unpacked, write
from inarch.bundle.predictor import Predictor
from inarch.commands.train.run import train
from inarch.data.decode import decode
from inarch.models import Classifier, build
from inarch.transfer.options import TrainOptions
from inarch.weights.export import export_state_dict
from inarch.weights.files import read_weights
from inarch.weights.loading import load

PHOTOS = 200
COLD = """
import sys, time
began = time.perf_counter()
sys.argv = ["inarch", "predict", {bundle!r}, {photo!r}]
from inarch.cli.main import run
try:
    run()
except SystemExit as stop:
    assert not stop.code, stop.code
print("torch" in sys.modules, file=sys.stderr)
"""


def main() -> None:
    """Run, print, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    rounds = parser.parse_args().rounds
    photos = sorted(unpacked("hymenoptera_s224").rglob("*.jpg"))[:PHOTOS]
    folder = Path(tempfile.mkdtemp())
    try:
        bundle, net = _bundle(folder)
        cold, torch_loaded = _cold(bundle, photos[0], rounds)
        seconds = _throughput(bundle, net, photos, rounds)
    finally:
        shutil.rmtree(folder)
    ready = ratios(seconds["ONNX Runtime, tensors ready"], seconds["inarch predict, from files"])
    eager = ratios(seconds["eager torchvision, from files"], seconds["inarch predict, from files"])
    print(table([f"{PHOTOS} photos", "seconds"], [[name, spread(values)] for name, values in seconds.items()]))
    print()
    rows = [
        ["throughput / ONNX Runtime with tensors ready", spread(ready, 2)],
        ["throughput / eager torchvision", spread(eager, 2)],
        ["cold start of one photo, seconds, whole process", spread(cold, 2)],
        ["torch imported by predict", str(torch_loaded)],
    ]
    print(table(["inarch predict, Inception v3 at 299", ""], rows))
    write("prediction", {"seconds": seconds, "ready_ratio": ready, "eager_ratio": eager, "cold": cold})


def _bundle(folder: Path) -> tuple[Path, Classifier]:
    """A bundle with a whole Inception v3 for ants and bees (barely trained: the weights' values cost no time)."""
    photos = folder / "photos"
    for name in ("ants", "bees"):
        (photos / name).mkdir(parents=True)
        for photo in sorted((unpacked("hymenoptera_s224") / "train" / name).glob("*.jpg"))[:8]:
            shutil.copy(photo, photos / name)
    options = TrainOptions(
        model="inception_v3", strategy="scratch", image_size=299, time_budget=1.0, cache=folder / "cache"
    )
    bundle = train(photos, folder / "bundle", options)
    net = build("inception_v3", classes=2)
    load(net, read_weights(bundle.weights()), architecture="inception_v3")
    return bundle.path, net.eval()


def _cold(bundle: Path, photo: Path, rounds: int) -> tuple[list[float], bool]:
    seconds, loaded = [], False
    for _ in range(rounds + 1):
        began = time.perf_counter()
        script = COLD.format(bundle=str(bundle), photo=str(photo))
        done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
        seconds.append(time.perf_counter() - began)
        loaded = loaded or "True" in done.stderr
    return seconds[1:], loaded  # the first brings the files into memory


def _throughput(bundle: Path, net: Classifier, photos: list[Path], rounds: int) -> dict[str, list[float]]:
    predictor = Predictor(bundle)
    pixels = np.stack([decode(photo, predictor.bundle.preprocessing) for photo in photos])
    eager = _eager(net)
    contenders: dict[str, Callable[[], object]] = {
        "inarch predict, from files": lambda: list(predictor.predict(photos)),
        "ONNX Runtime, tensors ready": lambda: [predictor.logits(pixels[at : at + 8]) for at in range(0, PHOTOS, 8)],
        "eager torchvision, from files": lambda: eager(photos),
    }
    seconds: dict[str, list[float]] = {name: [] for name in contenders}
    for _ in range(rounds):
        for name, run in contenders.items():
            began = time.perf_counter()
            run()
            seconds[name].append(time.perf_counter() - began)
    return seconds


def _eager(net: Classifier) -> Callable[[list[Path]], None]:
    """torchvision's own Inception v3 in eager mode, with Pillow and the transforms of its recipes."""
    theirs = models.inception_v3(num_classes=2, aux_logits=False, init_weights=False).eval()
    theirs.load_state_dict(export_state_dict(net, "torchvision"))
    half = v2.Normalize([0.5] * 3, [0.5] * 3)
    prepare = v2.Compose(
        [v2.Resize(299), v2.CenterCrop(299), v2.ToImage(), v2.ToDtype(torch.float32, scale=True), half]
    )

    @torch.inference_mode()
    def run(photos: list[Path]) -> None:
        for at in range(0, len(photos), 8):
            theirs(torch.stack([prepare(Image.open(photo).convert("RGB")) for photo in photos[at : at + 8]]))

    return run


if __name__ == "__main__":
    main()

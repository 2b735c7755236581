"""The public CIFAR ResNets (akamaster's files) on all 10,000 JPEG test images: accuracy with its interval.

    python -m benchmarks.cifar_resnets

Published for the lossless pixels: 91.73 % (resnet20) and 93.39 % (resnet56). JPEG costs about ten points: on 2,000 of
these images (200 a class) an independent loading of the same files got 80.3 % and 83.5 %, which have to agree with
what is found here. Read, named, built, decoded, exported and run by inarch's own code.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.measuring import ROOT, SHARED, table, unpacked, write
from inarch.data.decode import decode_many
from inarch.data.photos import Preprocessing
from inarch.errors import UnreadableImageError, WorkError
from inarch.metrics.intervals import wilson
from inarch.metrics.records import Estimate
from inarch.models import Classifier, architecture, build
from inarch.runtime.onnx_graph import classifier_graph
from inarch.runtime.session import Graph
from inarch.weights.files import read_weights
from inarch.weights.names.cifar import TRANSLATED

FILES = {"resnet20": "resnet20-12fca82f.th", "resnet56": "resnet56-4bfd9763.th"}
LOSSLESS = {"resnet20": 0.9173, "resnet56": 0.9339}
ELSEWHERE = {"resnet20": 1606, "resnet56": 1670}
"""Right of 2,000, as an independent loading counted them."""
BATCH = 100


def main() -> None:
    """Run, print, write."""
    pixels, labels = _photos()
    rows, figures = [], {}
    for name in FILES:
        right = int((_predictions(name, pixels) == labels).sum())
        estimate, other = wilson(right, len(labels)), wilson(ELSEWHERE[name], 2000)
        agrees = estimate.low <= other.high and other.low <= estimate.high
        verdict = "yes" if agrees else "NO"
        rows.append([name, _percent(estimate), _percent(other), verdict, f"{100 * LOSSLESS[name]:.2f}"])
        figures[name] = _figures(estimate, other, agrees)
    header = ["net", f"accuracy on {len(labels):,} JPEG", "elsewhere, on 2,000", "agrees", "lossless"]
    print(table(header, rows))
    write("cifar_resnets", figures)


def _photos() -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Every test image and its label, classes in alphabetical order."""
    folder = ROOT / ".data" / "cifar10" / "test"
    if not folder.exists():
        unpacked("cifar10_jpeg")
    files = sorted(folder.glob("*/*.jpg"))
    classes = sorted({file.parent.name for file in files})
    labels = np.array([classes.index(file.parent.name) for file in files])
    return np.stack(_decoded(files)), labels


def _decoded(files: Sequence[Path]) -> list[NDArray[np.uint8]]:
    images = []
    for file, image in zip(files, decode_many(files, _preprocessing("resnet20")), strict=True):
        if isinstance(image, UnreadableImageError):
            raise WorkError(f"{file} cannot be read: {image}")
        images.append(image)
    return images


def _preprocessing(name: str) -> Preprocessing:
    row = architecture(name)
    return Preprocessing(image_size=row.image_size, mean=row.mean, std=row.std)


def _predictions(name: str, pixels: NDArray[np.uint8]) -> NDArray[np.int64]:
    graph = Graph(classifier_graph(_net(name), _preprocessing(name)))
    return graph(pixels, batch=BATCH)[0].argmax(1)


def _net(name: str) -> Classifier:
    """The net with the file's tensors; batch counters, which evaluation does not need, stay at 0."""
    model = build(name, classes=10)
    given = dict(read_weights(SHARED / "weights" / FILES[name]).tensors)
    state = model.state_dict()
    for ours in state:
        layer, _, leaf = ours.rpartition(".")
        if leaf != "num_batches_tracked":
            state[ours] = given.pop(f"{TRANSLATED[name](layer)}.{leaf}")
    if given:
        raise WorkError(f"{FILES[name]} holds what {name} has not: {', '.join(given)}.")
    model.load_state_dict(state)
    return model.eval()


def _percent(estimate: Estimate) -> str:
    return f"{100 * estimate.value:.2f} ({100 * estimate.low:.2f} to {100 * estimate.high:.2f})"


def _figures(estimate: Estimate, other: Estimate, agrees: bool) -> dict[str, Any]:
    return {
        "accuracy": estimate.value,
        "interval": [estimate.low, estimate.high],
        "n": estimate.n,
        "elsewhere": other.value,
        "elsewhere_interval": [other.low, other.high],
        "agrees": agrees,
    }


if __name__ == "__main__":
    main()

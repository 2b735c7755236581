"""Reading a bundle, without torch."""

import json
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from inarch.bundle.format import CALIBRATION, CLASSES, CONFIG, FORMAT, GOLDEN, GRAPH, METRICS, NEEDED, PREPROCESS
from inarch.errors import BundleError, UserError
from inarch.records import Preprocessing


@dataclass(frozen=True)
class BundleConfig:
    """How to build the net again."""

    architecture: str
    variant: str
    after: str
    """The stage or block after which its backbone ends."""
    folded: bool
    """Whether batch normalisation is folded into the convolutions."""
    strategy: str
    weights: str
    seed: int
    flip: bool
    versions: dict[str, str]


@dataclass(frozen=True)
class Bundle:
    """A bundle on disk."""

    path: Path
    config: BundleConfig
    classes: tuple[str, ...]
    preprocessing: Preprocessing
    temperature: float
    """Logits are divided by it before the softmax."""

    @property
    def graph(self) -> Path:
        """The ONNX graph, from pixels to logits."""
        return self.path / GRAPH

    @property
    def metrics(self) -> dict[str, Any]:
        """What was measured when it was trained."""
        return _json(self.path / METRICS)

    def golden(self) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
        """Pixels (n, side, side, 3) and the logits (n, classes) that they must give.

        Raises:
            BundleError: they cannot be read.
        """
        try:
            with np.load(self.path / GOLDEN, allow_pickle=False) as file:
                return file["pixels"], file["logits"]
        except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
            raise BundleError(f"{self.path / GOLDEN} cannot be read: {error}. Train the bundle again.") from error


def is_bundle(path: Path) -> bool:
    """Whether ``path`` looks like a bundle: a folder with a bundle's config and classes."""
    return (path / CONFIG).is_file() and (path / CLASSES).is_file()


def read_bundle(path: str | Path) -> Bundle:
    """Read what a bundle says about itself; the graph is read when it is needed.

    Raises:
        BundleError: there is no bundle, a file of it is missing or damaged, or it comes from a newer inarch.
    """
    folder = Path(path)
    if not folder.is_dir():
        raise BundleError(f"There is no bundle at {folder}: a bundle is the folder that `inarch train` writes.")
    missing = [name for name in NEEDED if not (folder / name).is_file()]
    if missing:
        raise BundleError(f"{folder} is not a whole bundle: {', '.join(missing)} missing. Train or copy it again.")
    config = _json(folder / CONFIG)
    if config.get("format") != FORMAT:
        raise BundleError(
            f"{folder} has bundle format {config.get('format')!r}, and this inarch reads format {FORMAT}; "
            "use the inarch that wrote it, or train it again."
        )
    try:
        return _bundle(folder, config)
    except (KeyError, TypeError, ValueError, UserError) as error:
        raise BundleError(f"{folder} is damaged ({type(error).__name__}: {error}). Train or copy it again.") from error


def _bundle(folder: Path, config: dict[str, Any]) -> Bundle:
    preprocess = _json(folder / PREPROCESS)
    classes = tuple((folder / CLASSES).read_text(encoding="utf-8").splitlines())
    if len(classes) < 2 or len(set(classes)) < len(classes):
        raise ValueError(f"{CLASSES} lists {len(classes)} classes, {len(set(classes))} of them distinct")
    temperature = float(_json(folder / CALIBRATION)["temperature"])
    if not 0 < temperature < float("inf"):
        raise ValueError(f"temperature {temperature}")
    return Bundle(
        path=folder,
        config=BundleConfig(**{key: config[key] for key in BundleConfig.__dataclass_fields__}),
        classes=classes,
        preprocessing=Preprocessing(
            image_size=int(preprocess["image_size"]),
            mean=_triple(preprocess["mean"]),
            std=_triple(preprocess["std"]),
            interpolation=preprocess["interpolation"],
        ),
        temperature=temperature,
    )


def _triple(values: list[float]) -> tuple[float, float, float]:
    red, green, blue = map(float, values)
    return red, green, blue


def _json(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise BundleError(f"{path} cannot be read: {error}. Train or copy the bundle again.") from error
    if not isinstance(content, dict):
        raise BundleError(f"{path} holds {type(content).__name__}, not an object. Train or copy the bundle again.")
    return content

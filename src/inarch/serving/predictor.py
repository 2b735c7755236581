"""Photos in, probabilities out: ONNX Runtime, NumPy and Pillow, nothing else."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from inarch.bundle.format import GRAPH
from inarch.bundle.reading import Bundle, read_bundle
from inarch.data.decode import decode_many
from inarch.errors import BundleError, UnreadableImageError, WeightsError
from inarch.metrics.softmax import softmax
from inarch.weights.runtime import Graph

BATCH = 8
TOLERANCE = 1e-3
"""How far, relative to their size, golden logits may move from machine to machine."""


@dataclass(frozen=True)
class Prediction:
    """The answer for one photo, or the reason why there is none."""

    name: str
    ranking: tuple[tuple[str, float], ...]
    """(class, probability), most probable first; empty if the photo could not be read."""
    problem: str = ""

    @property
    def label(self) -> str:
        """The most probable class."""
        return self.ranking[0][0] if self.ranking else ""


class Predictor:
    """A bundle, ready to answer.

    Loading re-runs the bundle's golden inputs, so a bundle that would answer differently here than where it was
    trained is refused instead of used.

    Args:
        bundle: a bundle, or its folder.
        threads: of ONNX Runtime; 0 takes every core.

    Raises:
        BundleError: the bundle is damaged, or its golden inputs give other logits than they should.
    """

    def __init__(self, bundle: Bundle | str | Path, *, threads: int = 0) -> None:
        self.bundle = bundle if isinstance(bundle, Bundle) else read_bundle(bundle)
        try:
            self._graph = Graph(self.bundle.graph(), threads=threads)
        except WeightsError as error:
            raise BundleError(f"{self.bundle.path / GRAPH}: {_first_line(error)} Train or copy it again.") from error
        self._check_golden()

    @property
    def classes(self) -> tuple[str, ...]:
        """Class names, in the order of the probabilities."""
        return self.bundle.classes

    def logits(self, pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Logits (n, classes) of preprocessed pixels (n, side, side, 3)."""
        return self._graph(pixels)[0]

    def probabilities(self, pixels: NDArray[np.uint8]) -> NDArray[np.float64]:
        """Calibrated probabilities (n, classes) of preprocessed pixels (n, side, side, 3)."""
        return softmax(self.logits(pixels), self.bundle.temperature)

    def predict(self, photos: Iterable[str | Path | bytes] | str | Path | bytes) -> Iterator[Prediction]:
        """One answer per photo, in order; photos are decoded while others are being classified.

        Args:
            photos: files, or the bytes of files; a single one is one photo.
        """
        several = [photos] if isinstance(photos, str | Path | bytes) else photos
        sources = [Path(photo) if isinstance(photo, str) else photo for photo in several]
        decoded = decode_many(sources, self.bundle.preprocessing)
        names = iter(
            [str(source) if isinstance(source, Path) else f"photo {place}" for place, source in enumerate(sources)]
        )
        while batch := list(islice(decoded, BATCH)):
            yield from self._answers(list(islice(names, len(batch))), batch)

    def _answers(
        self, names: Sequence[str], decoded: Sequence[NDArray[np.uint8] | UnreadableImageError]
    ) -> Iterator[Prediction]:
        pixels = [each for each in decoded if isinstance(each, np.ndarray)]
        probabilities = iter(self.probabilities(np.stack(pixels)) if pixels else ())
        for name, each in zip(names, decoded, strict=True):
            if isinstance(each, np.ndarray):
                yield Prediction(name, self._ranking(next(probabilities)))
            else:
                yield Prediction(name, (), str(each))

    def _ranking(self, probabilities: NDArray[np.float64]) -> tuple[tuple[str, float], ...]:
        order = np.argsort(-probabilities, kind="stable")
        return tuple((self.classes[place], float(probabilities[place])) for place in order)

    def _check_golden(self) -> None:
        pixels, expected = self.bundle.golden()
        side = self.bundle.preprocessing.image_size
        fitting = (
            len(pixels) > 0
            and pixels.shape[1:] == (side, side, 3)
            and expected.shape == (len(pixels), len(self.classes))
        )
        if not fitting:
            raise BundleError(f"{self.bundle.path}: its golden inputs do not fit its net. Train or copy it again.")
        try:
            logits = self.logits(pixels)
        except Exception as error:  # ONNX Runtime's own kinds share no base class
            raise BundleError(
                f"The graph of {self.bundle.path} cannot run on its golden inputs ({_first_line(error)}). "
                "Its files do not belong together; copy it again."
            ) from error
        scale = max(1.0, float(np.abs(expected).max()))
        worst = float(np.abs(logits - expected).max()) / scale if logits.shape == expected.shape else np.inf
        if not worst <= TOLERANCE:
            raise BundleError(
                f"{self.bundle.path} answers differently here than where it was trained: golden logits differ by "
                f"{worst:.2g} of their size, {TOLERANCE:g} is allowed. Its files do not belong together; copy it again."
            )


def _first_line(error: Exception) -> str:
    return next(iter(str(error).splitlines()), type(error).__name__)


def load(bundle: str | Path) -> Predictor:
    """A bundle, ready to answer.

    Raises:
        BundleError: it is missing, damaged, or answers differently here than where it was trained.
    """
    return Predictor(bundle)

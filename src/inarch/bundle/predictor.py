"""Inference: photos to probabilities, with ONNX Runtime, NumPy and Pillow alone."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from io import IOBase
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from inarch.bundle.format import BundleFile
from inarch.bundle.reading import Bundle, read_bundle
from inarch.data.decode import decode_many
from inarch.data.pictures import as_source, is_one_photo, several
from inarch.errors import BundleError, UnreadableImageError, UserError, WeightsError
from inarch.metrics.answering import (
    TARGET_ACCURACY,
    is_close,
    is_out_of_distribution,
    least_probability,
    rule_for,
    size_of_set,
)
from inarch.metrics.novelty import ood_scores
from inarch.metrics.records import AnswerRule
from inarch.metrics.softmax import softmax
from inarch.runtime.session import Graph
from inarch.storage.shown import in_json

BATCH = 8
TOLERANCE = 1e-3
"""The largest relative difference of golden logits between machines."""


PhotoSource = str | Path | bytes | bytearray | memoryview | IOBase | Image.Image | NDArray[Any]
"""The types of a photo: a file, the bytes of one, an open one, an image that Pillow has opened, or pixels."""


class ClassProbability(NamedTuple):
    """A class, and how probable it is."""

    label: str
    probability: float


@dataclass(frozen=True)
class Prediction:
    """The prediction for one photo, or the reason why there is none."""

    name: str
    ranking: tuple[ClassProbability, ...]
    """Most probable class first; empty if the photo could not be read."""
    problem: str = ""
    abstention: str = ""
    """Why the model abstains: ``out-of-distribution …`` or ``low confidence …``; empty if it answers."""
    novelty: float | None = None
    """The OOD score: the distance to the training set; None if the bundle has no rule."""
    likely: int = 0
    """The size of the conformal prediction set, as a number of the first classes; 0 if none was requested."""

    @property
    def label(self) -> str:
        """The most probable class."""
        return self.ranking[0][0] if self.ranking else ""

    @property
    @in_json
    def answer(self) -> str:
        """The most probable class, or nothing if the model abstains."""
        return "" if self.abstention else self.label


class Predictor:
    """A bundle's session of ONNX Runtime, for those who want nothing else; `inarch.load` gives more for less.

    Loading runs the bundle's golden inputs: a bundle whose logits differ from those on the machine that trained it is
    refused.

    Args:
        bundle: a bundle, or its folder.
        threads: of ONNX Runtime; 0 takes every core.
        target_accuracy: of the answered photos, above 0 and below 1: the model abstains where that needs it. 0 answers
            every photo; None is `inarch.metrics.answering.TARGET_ACCURACY` if the bundle has an abstention rule.
        sets: the coverage of the conformal prediction sets, see `Prediction.likely`; 0 makes none.

    Raises:
        BundleError: the bundle is damaged, or its golden inputs give other logits than they should.
        UserError: a share is none, or the bundle has no abstention rule for it.

    Examples:
        >>> predictor = inarch.Predictor("mine", threads=1)
        >>> for prediction in predictor.predict(["photo.jpg", "no-photo.jpg"]):
        ...     print(prediction.name, prediction.label, prediction.problem)
        photo.jpg dark
        no-photo.jpg  It cannot be opened (No such file or directory).
    """

    rule: AnswerRule | None
    """The abstention rule; None if every photo is answered."""

    def __init__(
        self, bundle: Bundle | str | Path, *, threads: int = 0, target_accuracy: float | None = None, sets: float = 0.0
    ) -> None:
        self.bundle = bundle if isinstance(bundle, Bundle) else read_bundle(bundle)
        evidence = self.bundle.evidence()
        if evidence is None and (target_accuracy or sets):
            raise UserError(
                f"{self.bundle.path} has no abstention rule: it was adapted, or is an older bundle. Leave out the "
                "target accuracy and the sets, or train it again on labelled photos."
            )
        self.rule = None
        self._known = None
        self._least = None
        if evidence is not None:
            self._known = evidence.known.astype(np.float32)
            wanted = TARGET_ACCURACY if target_accuracy is None else target_accuracy
            self.rule = None if wanted == 0 else rule_for(evidence, wanted)
            self._least = least_probability(evidence, sets) if sets else None
        try:
            self._graph = Graph(self.bundle.graph(), threads=threads)
        except WeightsError as error:
            raise BundleError(
                f"{self.bundle.path / BundleFile.GRAPH}: {_first_line(error)} Train or copy it again."
            ) from error
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

    def predict(self, photos: Iterable[PhotoSource] | PhotoSource) -> Iterator[Prediction]:
        """One answer per photo, in order; photos are decoded while others are being classified.

        Args:
            photos: files, the bytes of files, open files, Pillow images, or arrays of uint8; a single one is one photo.

        Raises:
            UserError: something is none of these.
        """
        given = [photos] if is_one_photo(photos) else several(photos)
        sources = [as_source(photo, place) for place, photo in enumerate(given)]
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
        answered = iter(self._answered(np.stack(pixels)) if pixels else ())
        for name, each in zip(names, decoded, strict=True):
            if isinstance(each, np.ndarray):
                yield replace(next(answered), name=name)
            else:
                yield Prediction(name, (), str(each))

    def _answered(self, pixels: NDArray[np.uint8]) -> Iterator[Prediction]:
        """Predictions without names."""
        logits, *features = self._graph(pixels)
        probabilities = softmax(logits, self.bundle.temperature)
        unlike = [None] * len(pixels) if self._known is None else ood_scores(features[0], self._known).tolist()
        for row, distance in zip(probabilities, unlike, strict=True):
            ranking = self._ranking(row)
            likely = 0 if self._least is None else size_of_set(row, self._least)
            yield Prediction("", ranking, "", self._abstention(ranking, distance), distance, likely)

    def _abstention(self, ranking: Sequence[ClassProbability], distance: float | None) -> str:
        """Why the model abstains; empty if it answers."""
        if self.rule is None or distance is None:
            return ""
        if is_out_of_distribution(self.rule, distance):
            return "out-of-distribution (unlike the training set)"
        (first, confidence), (second, _), *_ = ranking
        return f"low confidence ({first} or {second})" if is_close(self.rule, confidence) else ""

    def _ranking(self, probabilities: NDArray[np.float64]) -> tuple[ClassProbability, ...]:
        order = np.argsort(-probabilities, kind="stable")
        return tuple(ClassProbability(self.classes[place], float(probabilities[place])) for place in order)

    def _check_golden(self) -> None:
        pixels, expected = self.bundle.golden()
        side = self.bundle.preprocessing.image_size
        fitting = (
            len(pixels) > 0
            and pixels.shape[1:] == (side, side, 3)
            and expected.shape == (len(pixels), len(self.classes))
        )
        if not fitting:
            raise BundleError(f"{self.bundle.path}: its golden inputs do not fit its model. Train or copy it again.")
        try:
            logits = self.logits(pixels)
        except Exception as error:  # ONNX Runtime's own kinds share no base class
            raise BundleError(
                f"The graph of {self.bundle.path} cannot run on its golden inputs ({_first_line(error)}). "
                "Its files do not belong together; copy it again."
            ) from error
        widths = [features.shape[1] for features in self._graph(pixels)[1:]]
        if self._known is not None and widths != [self._known.shape[1]]:
            raise BundleError(f"{self.bundle.path}: its features do not fit its model. Train or copy it again.")
        scale = max(1.0, float(np.abs(expected).max()))
        worst = float(np.abs(logits - expected).max()) / scale if logits.shape == expected.shape else np.inf
        if not worst <= TOLERANCE:
            raise BundleError(
                f"{self.bundle.path} gives other logits here than where it was trained: golden logits differ by "
                f"{worst:.2g} of their size, {TOLERANCE:g} is allowed. Its files do not belong together; copy it again."
            )


def _first_line(error: Exception) -> str:
    return next(iter(str(error).splitlines()), type(error).__name__)

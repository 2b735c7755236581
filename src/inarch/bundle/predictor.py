"""Photos in, probabilities out: ONNX Runtime, NumPy and Pillow, nothing else."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from inarch.bundle.format import GRAPH
from inarch.bundle.reading import Bundle, read_bundle
from inarch.data.decode import decode_many
from inarch.errors import BundleError, UnreadableImageError, UserError, WeightsError
from inarch.metrics.answering import GOAL, is_close, is_out_of_distribution, least_probability, rule_for, size_of_set
from inarch.metrics.novelty import ood_scores
from inarch.metrics.records import AnswerRule
from inarch.metrics.softmax import softmax
from inarch.runtime.session import Graph

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
    doubt: str = ""
    """Why the most probable class is no answer: ``unlike the photos …`` or ``too close between …``; empty if it is."""
    novelty: float | None = None
    """How unlike the photos that were learned from; None where the bundle cannot say."""
    likely: int = 0
    """How many of the first classes make up the set that holds the true one as often as was asked; 0: none was."""

    @property
    def label(self) -> str:
        """The most probable class."""
        return self.ranking[0][0] if self.ranking else ""

    @property
    def answer(self) -> str:
        """The most probable class where the rule lets it be the answer, else nothing."""
        return "" if self.doubt else self.label


class Predictor:
    """A bundle, ready to answer.

    Loading re-runs the bundle's golden inputs, so a bundle that would answer differently here than where it was
    trained is refused instead of used.

    Args:
        bundle: a bundle, or its folder.
        threads: of ONNX Runtime; 0 takes every core.
        goal: the share of answers that is to be right; where a photo would spoil it, there is none. Above 0 and below
            1; 0 answers always; None is `inarch.metrics.answering.GOAL` where the bundle has what a rule takes.
        sets: the share of photos whose set of classes, see `Prediction.likely`, is to hold the true one; 0 makes none.

    Raises:
        BundleError: the bundle is damaged, or its golden inputs give other logits than they should.
        UserError: a share is none, or the bundle cannot say when it is unsure and a goal or sets were asked for.
    """

    rule: AnswerRule | None
    """When a photo is answered; None where every photo is."""

    def __init__(
        self, bundle: Bundle | str | Path, *, threads: int = 0, goal: float | None = None, sets: float = 0.0
    ) -> None:
        self.bundle = bundle if isinstance(bundle, Bundle) else read_bundle(bundle)
        evidence = self.bundle.evidence()
        if evidence is None and (goal or sets):
            raise UserError(
                f"{self.bundle.path} cannot say when it is unsure: it was adapted, or an older inarch wrote it. Leave "
                "out the goal and the sets, or train it again on labelled photos."
            )
        self.rule = None
        self._known = None
        self._least = None
        if evidence is not None:
            self._known = evidence.known.astype(np.float32)
            self.rule = None if goal == 0 else rule_for(evidence, GOAL if goal is None else goal)
            self._least = least_probability(evidence, sets) if sets else None
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
        answered = iter(self._answered(np.stack(pixels)) if pixels else ())
        for name, each in zip(names, decoded, strict=True):
            if isinstance(each, np.ndarray):
                yield replace(next(answered), name=name)
            else:
                yield Prediction(name, (), str(each))

    def _answered(self, pixels: NDArray[np.uint8]) -> Iterator[Prediction]:
        """Without names."""
        logits, *features = self._graph(pixels)
        probabilities = softmax(logits, self.bundle.temperature)
        unlike = [None] * len(pixels) if self._known is None else ood_scores(features[0], self._known).tolist()
        for row, distance in zip(probabilities, unlike, strict=True):
            ranking = self._ranking(row)
            likely = 0 if self._least is None else size_of_set(row, self._least)
            yield Prediction("", ranking, "", self._doubt(ranking, distance), distance, likely)

    def _doubt(self, ranking: Sequence[tuple[str, float]], distance: float | None) -> str:
        """Why there is no answer; empty where there is one."""
        if self.rule is None or distance is None:
            return ""
        if is_out_of_distribution(self.rule, distance):
            return "unlike the photos that it learned from"
        (first, confidence), (second, _), *_ = ranking
        return f"too close between {first} and {second}" if is_close(self.rule, confidence) else ""

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
        widths = [features.shape[1] for features in self._graph(pixels)[1:]]
        if self._known is not None and widths != [self._known.shape[1]]:
            raise BundleError(f"{self.bundle.path}: its features do not fit its net. Train or copy it again.")
        scale = max(1.0, float(np.abs(expected).max()))
        worst = float(np.abs(logits - expected).max()) / scale if logits.shape == expected.shape else np.inf
        if not worst <= TOLERANCE:
            raise BundleError(
                f"{self.bundle.path} answers differently here than where it was trained: golden logits differ by "
                f"{worst:.2g} of their size, {TOLERANCE:g} is allowed. Its files do not belong together; copy it again."
            )


def _first_line(error: Exception) -> str:
    return next(iter(str(error).splitlines()), type(error).__name__)


def load(bundle: str | Path, *, goal: float | None = None, sets: float = 0.0) -> Predictor:
    """A bundle, ready to answer; for ``goal`` and ``sets`` see `Predictor`.

    Raises:
        BundleError: it is missing, damaged, or answers differently here than where it was trained.
        UserError: ``goal`` or ``sets`` is no share, or the bundle cannot say when it is unsure.
    """
    return Predictor(bundle, goal=goal, sets=sets)

"""Backbone selection: every available backbone is measured on the same sample of the training photos.

LogME (see `inarch.metrics.logme`) is the field's fast estimate; it is reported with the cross-validated probe of the
same sample, which decides: the fastest backbone within one standard error of the best is selected.
"""

import contextlib
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from inarch import clock
from inarch.data.augmentation import Augmentation
from inarch.data.decode import decode_many, identify
from inarch.data.labels import PhotoLabels
from inarch.data.photos import Photo, PhotoSet, Preprocessing
from inarch.data.split import labels_of, training_photos
from inarch.data.store import StoredPhotos, store
from inarch.errors import PhotosError, UnreadableImageError
from inarch.metrics.accuracy import accuracy_of
from inarch.metrics.comparison import paired_difference
from inarch.metrics.logme import logme
from inarch.metrics.records import Estimate
from inarch.progress import Progress
from inarch.runtime.session import Graph
from inarch.transfer.class_weighting import ClassWeighting, class_weighting_of
from inarch.transfer.features import Prefix
from inarch.transfer.linear import Probe, choose_shortest_stage, fit_probe, held_out_losses
from inarch.transfer.options import TrainOptions
from inarch.transfer.records.ranking import RankedBackbone, Ranking
from inarch.transfer.run import StartingPoint

TIMED = 32
"""Photos by which a backbone's speed is measured."""
CELL = 32
"""Pixels a side of a cell at the usual last stride."""


@dataclass(frozen=True)
class BackboneOption:
    """An available backbone, and its preprocessing."""

    start: StartingPoint
    preprocessing: Preprocessing

    def prefix(self, cache: Path) -> Prefix:
        """The backbone as a frozen prefix, with its results in ``cache``."""
        return Prefix(self.start.backbone, self.start.digest, self.preprocessing, self.start.cut, cache)

    def cut_after(self, name: str | None) -> "BackboneOption":
        """The same, cut behind that stage or block for fine-tuning; None leaves that as it is."""
        return replace(self, start=replace(self.start, cut_after=name))

    def resized(self, share: float) -> "BackboneOption":
        """The same for images of about ``share`` of the size: in whole cells, unless it is the size itself."""
        if share == 1:
            return self
        side = CELL * max(1, round(share * self.preprocessing.image_size / CELL))
        return replace(self, preprocessing=replace(self.preprocessing, image_size=side))


@dataclass(frozen=True)
class _SampleFit:
    """The results of a backbone on the sample."""

    logme: float
    fit: Probe
    """The probe of the best stage for the sample."""
    seconds: float
    """Seconds of the fits."""


def rank(
    found: PhotoSet,
    candidates: Sequence[BackboneOption],
    options: TrainOptions,
    progress: Progress,
    count: int | None = None,
) -> tuple[BackboneOption, Ranking]:
    """Look at a sample of the training photos through each backbone; what is computed stays in the cache.

    Args:
        found: photos with splits, of which those to report on are not looked at.
        candidates: at least one; one that would need more than half of the time budget is left out, unless all would.
        options: of the whole run.
        progress: called with a phase's name, what is done, and what there is to do.
        count: photos of the sample; None takes as many as there is time for.

    Returns:
        the candidate that was chosen, and what was measured of each.

    Raises:
        PhotosError: a class has too few readable photos for cross-validation.
    """
    prefixes = [each.prefix(options.cache) for each in candidates]
    speeds = [_photos_per_second(prefix) for prefix in prefixes]
    fitting, affordable = _plan_sample(found, speeds, options)
    seen = {}
    for done, place in enumerate(fitting):
        progress("backbones", done, len(fitting))
        stored = _sample(found, count or affordable, candidates[place].preprocessing, options)
        seen[place] = _fit_sample(prefixes[place], stored, options)
    progress("backbones", len(fitting), len(fitting))
    compared = _Comparison(candidates, speeds, seen, labels_of(stored.photos), options)
    chosen = candidates[compared.chosen]
    return chosen, Ranking(
        len(stored.photos.photos),
        compared.rows(len(training_photos(found))),
        pixels=_pixel_accuracy(stored, options),
        side=typical_side(stored.photos),
        decode_seconds=_decode_seconds(stored.photos, chosen.preprocessing),
    )


def _plan_sample(found: PhotoSet, speeds: Sequence[float], options: TrainOptions) -> tuple[list[int], int]:
    """The backbones that there is time to look through, the fastest first, and how many photos of a sample."""
    recipe = options.recipes.ranking
    learned, most = len(training_photos(found)), recipe.share * options.time_budget
    fastest_first = _fastest_first(speeds)
    fewest = max(recipe.samples[-1], recipe.fewest_of_class * len(found.classes))
    fitting = [place for place in fastest_first if learned / speeds[place] <= most] or fastest_first[:1]
    while len(fitting) > 1 and fewest * _seconds(fitting, speeds) > most:
        fitting.pop()
    affordable = (each for each in recipe.samples if each * _seconds(fitting, speeds) <= recipe.seconds)
    return fitting, max(next(affordable, 0), fewest)


def _fastest_first(speeds: Sequence[float]) -> list[int]:
    return sorted(range(len(speeds)), key=lambda place: -speeds[place])


def _seconds(places: Sequence[int], speeds: Sequence[float]) -> float:
    """The seconds of one photo through all of them."""
    return sum(1 / speeds[place] for place in places)


@dataclass(frozen=True)
class _Comparison:
    """The results of several backbones on one sample."""

    candidates: Sequence[BackboneOption]
    speeds: Sequence[float]
    """Photos a second through each candidate."""
    seen: Mapping[int, _SampleFit]
    """By the candidate's place; others were too slow."""
    photos: PhotoLabels
    options: TrainOptions

    @cached_property
    def weighting(self) -> ClassWeighting:
        """The class weighting of the sample."""
        return class_weighting_of(self.options.class_weighting, self.photos.labels, self.photos.classes)

    @cached_property
    def losses(self) -> Mapping[int, NDArray[np.float64]]:
        """Log losses of the sample's photos, (n,), by the candidate's place."""
        return held_out_losses(
            {place: each.fit for place, each in self.seen.items()}, self.photos.labels, self.weighting
        )

    @cached_property
    def chosen(self) -> int:
        """The place of the fastest that is not significantly worse than the best."""
        fits = {place: each.fit for place, each in self.seen.items()}
        return choose_shortest_stage(fits, self.photos.labels, self.weighting)

    def rows(self, learned: int) -> tuple[RankedBackbone, ...]:
        """The records of all candidates, the fastest first."""
        return tuple(self.row(place, learned) for place in _fastest_first(self.speeds))

    def row(self, place: int, learned: int) -> RankedBackbone:
        """The record of one candidate, which would have to see ``learned`` photos."""
        candidate, speed = self.candidates[place], self.speeds[place]
        blank = RankedBackbone(
            model=candidate.start.architecture,
            weights=candidate.start.weights,
            image_size=candidate.preprocessing.image_size,
            photos_per_second=speed,
            logme=None,
            accuracy=None,
            log_loss=None,
            chosen=place == self.chosen,
            why=f"too slow to try: {learned:,} photos would take {learned / speed:.0f} s, and all is to be "
            f"done in {self.options.time_budget:.0f} s",
        )
        if place not in self.seen:
            return blank
        seen = self.seen[place]
        return replace(
            blank,
            logme=seen.logme,
            accuracy=_accuracy_of_fit(seen.fit, self.photos.labels, self.weighting),
            log_loss=float(self.losses[place].mean()),
            why=_why(place, self.chosen, self.losses, self.speeds)
            if len(self.candidates) > 1
            else "the one that was asked for",
            fit_seconds=seen.seconds,
        )


def _why(place: int, chosen: int, losses: Mapping[int, NDArray[np.float64]], speeds: Sequence[float]) -> str:
    """In words: why this backbone was taken, or was not."""
    best = min(losses, key=lambda each: float(losses[each].mean()))
    if len(losses) == 1:
        return "the fastest; there was no time for another"
    if place == chosen:
        return "the lowest log loss" if place == best else "within one standard error of the best, and faster"
    if chosen != best and speeds[place] > speeds[chosen]:
        behind = paired_difference(losses[place], losses[best])
        return f"log loss higher than the lowest by {behind.mean:.3f} ± {behind.standard_error:.3f}"
    behind = paired_difference(losses[place], losses[chosen])
    if behind.mean > behind.standard_error:
        return f"log loss higher by {behind.mean:.3f} ± {behind.standard_error:.3f}"
    pace = speeds[chosen] / speeds[place]
    return (
        f"log loss {behind.mean:+.3f} ± {behind.standard_error:.3f}, within one standard error, and {pace:.1f} times "
        "slower"
    )


def _accuracy_of_fit(fit: Probe, labels: NDArray[np.int64], weighting: ClassWeighting) -> Estimate:
    """On the photos that each fold's fit did not see."""
    own = labels[fit.held_out_rows]
    return accuracy_of(weighting.answers(fit.held_out, own), own)


def _pixel_accuracy(stored: StoredPhotos, options: TrainOptions) -> Estimate:
    """How often a linear classifier on tiny pictures is right, cross-validated: what no backbone is needed for."""
    photos = labels_of(stored.photos)
    edge = min(options.recipes.ranking.thumbnail, stored.images.shape[1])
    tiny = np.concatenate([_shrink(stored.images[at : at + TIMED], edge) for at in range(0, len(photos), TIMED)])
    weighting = class_weighting_of(options.class_weighting, photos.labels, photos.classes)
    return _accuracy_of_fit(_fit_once(tiny, photos, options), photos.labels, weighting)


def _fit_once(features: NDArray[np.float32], photos: PhotoLabels, options: TrainOptions) -> Probe:
    """The probe's fit of a sample, (n, d), validated once."""
    recipe = options.recipes.probe.once()
    return fit_probe(features[None], photos, seed=options.seed, class_weighting=options.class_weighting, recipe=recipe)


def _shrink(images: NDArray[np.uint8], edge: int) -> NDArray[np.float32]:
    """Means over ``edge`` x ``edge`` fields of each image, as rows."""
    field = images.shape[1] // edge
    cropped = images[:, : edge * field, : edge * field].astype(np.float32)
    return cropped.reshape(len(images), edge, field, edge, field, 3).mean((2, 4)).reshape(len(images), -1)


def typical_side(photos: PhotoSet) -> int:
    """The median shorter side, in pixels, of some of the photos; 0 where none of those can be read."""
    sides = []
    for photo in photos.photos[:: max(1, len(photos.photos) // TIMED)]:
        with contextlib.suppress(UnreadableImageError):
            sides.append(min(identify(Path(photos.root, photo.path))))
    return int(np.median(sides)) if sides else 0


def other_sizes(
    candidate: BackboneOption, ranking: Ranking, found: PhotoSet, options: TrainOptions
) -> list[BackboneOption]:
    """The candidate at image sizes that are worth a look: smaller ones where it is too slow, else a larger one.

    A larger one only where the photos have as many pixels, the sample can be looked at quickly, and all photos within
    the time.
    """
    recipe = options.recipes.ranking
    own = candidate.preprocessing.image_size
    learned, most = len(training_photos(found)), recipe.share * options.time_budget
    speed = ranking.chosen.photos_per_second
    if learned / speed > most:
        smaller = (candidate.resized(share) for share in (3 / 4, 1 / 2))
        return [each for each in smaller if each.preprocessing.image_size >= recipe.smallest]
    larger = candidate.resized(4 / 3)
    side = larger.preprocessing.image_size
    slower = speed * (own / side) ** 2
    is_quick = ranking.sampled / slower <= recipe.seconds and learned / slower <= most
    return [larger] if ranking.side >= side and is_quick else []


def _decode_seconds(photos: PhotoSet, preprocessing: Preprocessing) -> float:
    """The seconds to decode one photo, in parallel as in `store`."""
    files = [Path(photos.root, each.path) for each in photos.photos[:TIMED]]
    began = clock.seconds()
    for _ in decode_many(files, preprocessing):
        pass
    return (clock.seconds() - began) / len(files)


def _photos_per_second(prefix: Prefix) -> float:
    """The throughput of the frozen backbone on every core, independent of the images' content."""
    graph = Graph(prefix.graph())
    pixels = np.zeros((TIMED, prefix.preprocessing.image_size, prefix.preprocessing.image_size, 3), dtype=np.uint8)
    graph(pixels[:2])
    began = clock.seconds()
    graph(pixels)
    return TIMED / (clock.seconds() - began)


def _fit_sample(prefix: Prefix, stored: StoredPhotos, options: TrainOptions) -> _SampleFit:
    """LogME and the cross-validated probe of the better stage."""
    photos = labels_of(stored.photos)
    rows = prefix.view(0, Augmentation()).compute(stored, np.arange(len(photos)), lambda done, total: None)
    features = {stage: rows[prefix.output(stage)][:] for stage in prefix.stages}
    began = clock.seconds()
    fits = {stage: _fit_once(each, photos, options) for stage, each in features.items()}
    seconds = clock.seconds() - began
    weighting = class_weighting_of(options.class_weighting, photos.labels, photos.classes)
    stage = choose_shortest_stage(fits, photos.labels, weighting)
    return _SampleFit(logme(features[stage], photos.labels), fits[stage], seconds)


def _sample(found: PhotoSet, count: int, preprocessing: Preprocessing, options: TrainOptions) -> StoredPhotos:
    """Decoded photos of every class in turn; more of them where too many of a class cannot be read."""
    photos = [replace(photo, split="") for photo in interleave_classes(found, options.seed)]
    while True:
        try:
            stored = store(replace(found, photos=tuple(photos[:count]), skipped=()), preprocessing, options.cache)
            _require_two(stored.photos)
        except PhotosError:
            if count >= len(photos):
                raise
            count *= 2
        else:
            return stored


def _require_two(photos: PhotoSet) -> None:
    units = {(photo.label, photo.unit) for photo in photos.photos}
    for label, name in enumerate(photos.classes):
        if sum(each == label for each, _ in units) < 2:
            raise PhotosError(
                f"Cross-validation needs two different readable training photos per class; {name!r} has "
                "fewer. Add some."
            )


def interleave_classes(found: PhotoSet, seed: int) -> list[Photo]:
    """The training photos, shuffled: one of each class, then another of each; one of each group before a second.

    Every beginning of the list has as many photos of one class as of another, as long as there are any.
    """
    draw = np.random.default_rng(seed)
    learned = sorted(training_photos(found), key=lambda photo: photo.digest)
    turns: list[tuple[int, int, Photo]] = []
    of_group: dict[tuple[int, str], int] = defaultdict(int)
    by_class: dict[int, list[tuple[int, Photo]]] = defaultdict(list)
    for place in draw.permutation(len(learned)):
        photo = learned[place]
        unit = (photo.label, photo.unit)
        by_class[photo.label].append((of_group[unit], photo))
        of_group[unit] += 1
    for label, own in by_class.items():
        own.sort(key=lambda each: each[0])
        turns += [(turn, label, photo) for turn, (_, photo) in enumerate(own)]
    return [photo for _, _, photo in sorted(turns, key=lambda each: each[:2])]

"""Which backbone suits these photos, measured: all of them see the same sample of the training photos.

LogME (see `inarch.metrics.logme`) is the field's quick answer; here it is shown beside the cross-validated probe of the
same sample, which decides: between backbones that one standard error cannot tell apart, the fastest is taken.
"""

import contextlib
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from inarch import clock
from inarch.data.augmentation import Augmentation
from inarch.data.decode import decode_many, identify
from inarch.data.photos import Photo, PhotoSet, Preprocessing
from inarch.data.split import groups_of, training_photos
from inarch.data.store import StoredPhotos, store
from inarch.errors import PhotosError, UnreadableImageError
from inarch.metrics.comparison import paired_difference
from inarch.metrics.logme import logme
from inarch.metrics.records import Estimate
from inarch.progress import Progress
from inarch.runtime.session import Graph
from inarch.transfer.class_weighting import class_weighting_of
from inarch.transfer.features import Prefix
from inarch.transfer.linear import Probe, accuracy_of, choose_shortest_stage, fit_probe, held_out_losses
from inarch.transfer.records.ranking import RankedBackbone, Ranking
from inarch.transfer.run import StartingPoint

SECONDS = 5.0
"""That all backbones together may take to see the sample."""
SAMPLES, FEWEST_OF_CLASS = (400, 200, 100), 4
"""Photos of the sample, as many of these as the time allows: few choices, so that a little noise in the speeds does not
change it. And of each class."""
TIMED = 32
"""Photos by which a backbone's speed is measured."""
THUMBNAIL = 8
"""Pixels a side of the pictures that a linear classifier is given without any backbone."""
CELL, SMALLEST = 32, 64
"""Pixels a side: of a cell at the usual last stride; and that a backbone made for larger photos is still given."""
SHARE = 0.5
"""Of the time budget, which the frozen net may take for all photos."""


@dataclass(frozen=True)
class Option:
    """A backbone that could be grafted, and the preprocessing that it takes."""

    start: StartingPoint
    preprocessing: Preprocessing

    def prefix(self, cache: Path) -> Prefix:
        """The part of it that stays frozen whatever is tried, with its results in ``cache``."""
        return Prefix(self.start.backbone, self.start.digest, self.preprocessing, self.start.cut, cache)

    def resized(self, share: float) -> "Option":
        """The same for images of about ``share`` of the size: in whole cells, unless it is the size itself."""
        if share == 1:
            return self
        side = CELL * max(1, round(share * self.preprocessing.image_size / CELL))
        return replace(self, preprocessing=replace(self.preprocessing, image_size=side))


@dataclass(frozen=True)
class _SampleFit:
    """What a backbone made of the sample."""

    logme: float
    fit: Probe
    """Of the stage that is best for the sample."""
    seconds: float
    """For the fits."""


def rank(
    found: PhotoSet,
    options: Sequence[Option],
    *,
    cache: Path,
    seed: int,
    class_weighting: str = "none",
    time_budget: float = 600.0,
    count: int | None = None,
    progress: Progress,
) -> tuple[Option, Ranking]:
    """Look at a sample of the training photos through each backbone; what is computed stays in the cache.

    Args:
        found: photos with splits; those that figures are reported on are not looked at.
        options: at least one.
        cache: the cache folder.
        seed: of the sample and the folds.
        class_weighting: a name of `CLASS_WEIGHTINGS`.
        time_budget: seconds that the whole run may take: a backbone that would need more than half of them for the
            features is left out, unless all would.
        count: photos of the sample; None takes as many as there is time for.
        progress: called with a phase's name, what is done, and what there is to do.

    Returns:
        the option that was chosen, and what was measured of each.

    Raises:
        PhotosError: a class has too few readable photos to cross-validate.
    """
    learned = len(training_photos(found))
    prefixes = {place: each.prefix(cache) for place, each in enumerate(options)}
    speeds = {place: _photos_per_second(prefix) for place, prefix in prefixes.items()}
    fastest_first = sorted(speeds, key=lambda place: -speeds[place])
    fewest = max(SAMPLES[-1], FEWEST_OF_CLASS * len(found.classes))
    fitting = [place for place in fastest_first if learned / speeds[place] <= SHARE * time_budget] or fastest_first[:1]
    while len(fitting) > 1 and fewest * _seconds(fitting, speeds) > SHARE * time_budget:
        fitting.pop()
    affordable = (each for each in SAMPLES if each * _seconds(fitting, speeds) <= SECONDS)
    count = count or max(next(affordable, 0), fewest)
    seen: dict[int, _SampleFit] = {}
    for done, place in enumerate(fitting):
        progress("backbones", done, len(fitting))
        stored = _sample(found, count, options[place].preprocessing, cache, seed)
        seen[place] = _fit_sample(prefixes[place], stored, seed, class_weighting)
    progress("backbones", len(fitting), len(fitting))
    labels = np.array([photo.label for photo in stored.photos.photos], dtype=np.int64)
    weighting = class_weighting_of(class_weighting, labels, len(found.classes))
    fits = {place: seen[place].fit for place in fitting}
    chosen = choose_shortest_stage(fits, labels, weighting)
    losses = held_out_losses(fits, labels, weighting)

    def row(place: int) -> RankedBackbone:
        option = options[place]
        blank = RankedBackbone(
            model=option.start.architecture,
            weights=option.start.weights,
            image_size=option.preprocessing.image_size,
            photos_per_second=speeds[place],
            logme=None,
            accuracy=None,
            log_loss=None,
            chosen=place == chosen,
            why=f"too slow to try: {learned:,} photos would take {learned / speeds[place]:.0f} s, and all is to be "
            f"done in {time_budget:.0f} s",
        )
        if place not in seen:
            return blank
        fit = fits[place]
        return replace(
            blank,
            logme=seen[place].logme,
            accuracy=accuracy_of(weighting.answers(fit.held_out, labels[fit.held_out_rows]), labels[fit.held_out_rows]),
            log_loss=float(losses[place].mean()),
            why=_why(place, chosen, losses, speeds) if len(options) > 1 else "the one that was asked for",
            fit_seconds=seen[place].seconds,
        )

    return options[chosen], Ranking(
        len(labels),
        tuple(row(place) for place in fastest_first),
        pixels=_pixel_accuracy(stored, labels, seed, class_weighting),
        side=typical_side(stored.photos),
        decode_seconds=_decode_seconds(stored.photos, options[chosen].preprocessing),
    )


def _pixel_accuracy(stored: StoredPhotos, labels: NDArray[np.int64], seed: int, class_weighting: str) -> Estimate:
    """How often a linear classifier on tiny pictures is right, cross-validated: what no backbone is needed for."""
    edge = min(THUMBNAIL, stored.images.shape[1])
    tiny = np.concatenate([_shrink(stored.images[at : at + TIMED], edge) for at in range(0, len(labels), TIMED)])
    classes = len(stored.photos.classes)
    groups = groups_of(stored.photos.photos)
    fit = fit_probe(tiny[None], labels, groups, classes=classes, seed=seed, class_weighting=class_weighting, repeats=1)
    weighting = class_weighting_of(class_weighting, labels, classes)
    return accuracy_of(weighting.answers(fit.held_out, labels[fit.held_out_rows]), labels[fit.held_out_rows])


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


def other_sizes(option: Option, ranking: Ranking, found: PhotoSet, time_budget: float) -> list[Option]:
    """The option at image sizes that are worth a look: smaller ones where it is too slow, else a larger one.

    A larger one only where the photos have as many pixels, the sample can be looked at within `SECONDS`, and all photos
    within the time.
    """
    own = option.preprocessing.image_size
    learned = len(training_photos(found))
    speed = ranking.chosen.photos_per_second
    if learned / speed > SHARE * time_budget:
        smaller = (option.resized(share) for share in (3 / 4, 1 / 2))
        return [each for each in smaller if each.preprocessing.image_size >= SMALLEST]
    larger = option.resized(4 / 3)
    side = larger.preprocessing.image_size
    slower = speed * (own / side) ** 2
    is_quick = ranking.sampled / slower <= SECONDS and learned / slower <= SHARE * time_budget
    return [larger] if ranking.side >= side and is_quick else []


def _decode_seconds(photos: PhotoSet, preprocessing: Preprocessing) -> float:
    """What decoding one photo takes, side by side as `store` does it."""
    files = [Path(photos.root, each.path) for each in photos.photos[:TIMED]]
    began = clock.seconds()
    for _ in decode_many(files, preprocessing):
        pass
    return (clock.seconds() - began) / len(files)


def _why(place: int, chosen: int, losses: Mapping[int, NDArray[np.float64]], speeds: Mapping[int, float]) -> str:
    """In words: why this backbone was taken, or was not."""
    best = min(losses, key=lambda each: float(losses[each].mean()))
    if len(losses) == 1:
        return "the fastest; there was no time to try another"
    if place == chosen:
        return (
            "the lowest log loss" if place == best else "not told apart from the best by one standard error, and faster"
        )
    if chosen != best and speeds[place] > speeds[chosen]:
        behind = paired_difference(losses[place], losses[best])
        return f"log loss higher than the lowest by {behind.mean:.3f} ± {behind.standard_error:.3f}"
    behind = paired_difference(losses[place], losses[chosen])
    if behind.mean > behind.standard_error:
        return f"log loss higher by {behind.mean:.3f} ± {behind.standard_error:.3f}"
    pace = speeds[chosen] / speeds[place]
    return (
        f"log loss {behind.mean:+.3f} ± {behind.standard_error:.3f}, which proves nothing, and {pace:.1f} times slower"
    )


def _seconds(places: Sequence[int], speeds: Mapping[int, float]) -> float:
    """What one photo takes through all of them."""
    return sum(1 / speeds[place] for place in places)


def _photos_per_second(prefix: Prefix) -> float:
    """Through the frozen net, on every core; what is in the pictures does not matter."""
    graph = Graph(prefix.graph())
    pixels = np.zeros((TIMED, prefix.preprocessing.image_size, prefix.preprocessing.image_size, 3), dtype=np.uint8)
    graph(pixels[:2])
    began = clock.seconds()
    graph(pixels)
    return TIMED / (clock.seconds() - began)


def _fit_sample(prefix: Prefix, stored: StoredPhotos, seed: int, class_weighting: str) -> _SampleFit:
    """LogME and the cross-validated probe of the better stage."""
    photos = stored.photos
    labels = np.array([photo.label for photo in photos.photos], dtype=np.int64)
    groups = groups_of(photos.photos)
    rows = prefix.view(0, Augmentation()).compute(stored, np.arange(len(labels)), lambda done, total: None)
    features = {stage: rows[prefix.output(stage)][:] for stage in prefix.stages}
    began = clock.seconds()
    fit = partial(fit_probe, classes=len(photos.classes), seed=seed, class_weighting=class_weighting, repeats=1)
    fits = {stage: fit(each[None], labels, groups) for stage, each in features.items()}
    seconds = clock.seconds() - began
    stage = choose_shortest_stage(fits, labels, class_weighting_of(class_weighting, labels, len(photos.classes)))
    return _SampleFit(logme(features[stage], labels), fits[stage], seconds)


def _sample(found: PhotoSet, count: int, preprocessing: Preprocessing, cache: Path, seed: int) -> StoredPhotos:
    """Decoded photos of every class in turn; more of them where too many of a class cannot be read."""
    photos = [replace(photo, split="") for photo in interleave_classes(found, seed)]
    while True:
        try:
            stored = store(replace(found, photos=tuple(photos[:count]), skipped=()), preprocessing, cache)
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
                f"Cross-validation needs two different training photos of every class that can be read; {name!r} has "
                "fewer. Add some."
            )


def interleave_classes(found: PhotoSet, seed: int) -> list[Photo]:
    """The photos to learn from, shuffled: one of each class, then another of each; one of each group before a second.

    The beginning of the list, wherever it ends, has as many photos of one class as of another, as long as there are.
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

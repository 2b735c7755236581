"""``inarch explain``: a bundle's features and attributions on labelled photos, measured, and written as a page."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from inarch.bundle.model import load_model, means_bundle, trace, unfolded_model
from inarch.bundle.reading import Bundle, read_bundle
from inarch.commands.explain import attribution, maximisation
from inarch.commands.explain.attribution import (
    METHODS,
    Map,
    compute_attribution,
    control_deletion_confidences,
    deletion_confidences,
    measure_border_reliance,
    measure_faithfulness,
)
from inarch.commands.explain.channels import Responses, select_feature_maps, top_patches
from inarch.commands.explain.depth import ComparedModels, probe_by_depth
from inarch.commands.explain.filters import first_filters
from inarch.commands.explain.maximisation import StageChannels, synthesise_images
from inarch.commands.explain.options import ExplainOptions
from inarch.commands.explain.records import (
    SCHEMA,
    AttributionMap,
    ChannelPreference,
    ExplainedAnswer,
    Explanation,
    FaithfulnessCheck,
    PhotoFeatureMaps,
)
from inarch.commands.explain.report import to_html
from inarch.commands.explain.text import LIMITS
from inarch.data.decode import decode_many
from inarch.data.labels import PhotoLabels
from inarch.data.photos import PhotoSet
from inarch.data.scan import scan
from inarch.data.split import evaluation_photos, groups_of
from inarch.errors import PhotosError, UserError
from inarch.extras import require
from inarch.models import Backbone, Classifier, build
from inarch.models.initialisation import initialise
from inarch.progress import Progress, ignore_progress
from inarch.report.raster import jpeg
from inarch.storage.files import make_folder, write_text
from inarch.storage.home import expand
from inarch.storage.serialisation import to_printed_json
from inarch.training.pixels import normalise_photos
from inarch.transfer.backbones import EMBEDDED, starting_point
from inarch.transfer.ranking import interleave_classes
from inarch.weights.embedded import list_embedded_models

PAGE, FIGURES = "explain.html", "explain.json"
MAPPED = 2
"""Photos whose feature maps are drawn."""
BORDERS = "Grad-CAM"
"""The attribution method for the border test on every photo: the fastest."""


def explain(
    bundle: str | Path,
    photos: str | Path,
    out: str | Path,
    options: ExplainOptions | None = None,
    progress: Progress = ignore_progress,
) -> Explanation:
    """Explain a bundle on labelled photos, and write the result to ``explain.html`` and ``explain.json``.

    Args:
        bundle: the folder of the bundle.
        photos: as for `train`, of the bundle's classes or some of them; of splits the test split is used, else val.
        out: a folder for the two files.
        options: how much to measure; the defaults if None.
        progress: called with a phase's name, the finished and the total number of steps.

    Raises:
        BundleError: the bundle cannot be used.
        PhotosError: the photos have classes that the bundle lacks, or too few can be read.
        OutputError: ``out`` cannot be written.
        MissingExtraError: captum is not installed.
        UserError: an option makes no sense.

    Examples:
        >>> options = inarch.ExplainOptions(photos=4, shown=2, channels=0)
        >>> explanation = inarch.explain("mine", "new-photos", "explained", options)
        >>> [check.method for check in explanation.checks]
        ['Grad-CAM', 'integrated gradients', 'occlusion']
    """
    options = options or ExplainOptions()
    require("captum")  # fails before minutes of work, not after
    read = read_bundle(bundle)
    out, photos = expand(out), expand(photos)
    make_folder(out, photos)
    looked = _sample_photos(read, photos, options)
    subject = _Subject(read, load_model(read), _build_random_model(read, options.seed))
    explanation = _explain(subject, looked, options, progress)
    write_text(Path(out, FIGURES), to_printed_json(explanation, SCHEMA) + "\n")
    write_text(Path(out, PAGE), to_html(explanation, _pictures(explanation, looked)))
    return explanation


@dataclass(frozen=True)
class _Subject:
    """The bundle to explain, and its model."""

    bundle: Bundle
    model: Classifier
    control: Classifier
    """The same architecture, randomly initialised."""


def _explain(subject: _Subject, looked: "_PhotoSample", options: ExplainOptions, progress: Progress) -> Explanation:
    """All measurements."""
    read, model = subject.bundle, subject.model
    before, was = _load_initial_backbone(read, options.before)
    progress("depth", 0, 1)
    models = ComparedModels(model.backbone, subject.control.backbone, before)
    labels = PhotoLabels(looked.labels, groups_of(looked.photos.photos), len(looked.classes))
    depth = probe_by_depth(models, looked.images, labels, seed=options.seed)
    progress("depth", 1, 1)
    responses = Responses(model.backbone, looked.images)
    seen = tuple(
        PhotoFeatureMaps(
            looked.paths[at], select_feature_maps(model.backbone, looked.images[at : at + 1], responses, at)
        )
        for at in range(min(MAPPED, len(looked.images)))
    )
    channels = _explain_channels(subject, looked, responses, options, progress)
    answers, checks, outlined = _explain_answers(subject, looked, options, progress)
    return Explanation(
        bundle=str(read.path),
        model=read.config.architecture,
        root=looked.photos.root,
        classes=looked.classes,
        seed=options.seed,
        depth=depth,
        before=was,
        filters=first_filters(model.backbone, options.seed),
        seen=seen,
        channels=channels,
        jitter=maximisation.RECIPE.jitter,
        answers=answers,
        checks=checks,
        borders=measure_border_reliance(looked.names, read.classes, outlined),
        border_area=attribution.RECIPE.border_area,
        border_method=BORDERS,
        limits=LIMITS,
    )


def _pictures(explanation: Explanation, looked: "_PhotoSample") -> dict[str, bytes]:
    """Small JPEGs by path, of the photos that the page shows."""
    drawn = {each.path for each in explanation.answers} | {each.path for each in explanation.seen}
    drawn |= {patch.path for sight in explanation.channels for patch in sight.patches}
    return {path: jpeg(looked.pixels[at]) for at, path in enumerate(looked.paths) if path in drawn}


@dataclass(frozen=True)
class _PhotoSample:
    """The sampled photos, and their images."""

    photos: PhotoSet
    pixels: NDArray[np.uint8]
    """Images, (n, side, side, 3)."""
    images: Tensor
    """Normalised images, (n, 3, side, side)."""
    names: tuple[str, ...]
    """The class of each photo."""

    @property
    def paths(self) -> tuple[str, ...]:
        """The path of each photo."""
        return tuple(photo.path for photo in self.photos.photos)

    @property
    def classes(self) -> tuple[str, ...]:
        """The classes that have photos, in the bundle's order."""
        present = {photo.label for photo in self.photos.photos}
        return tuple(name for label, name in enumerate(self.photos.classes) if label in present)

    @property
    def labels(self) -> NDArray[np.int64]:
        """The place of each photo's class among `classes`."""
        return np.array([self.classes.index(name) for name in self.names], dtype=np.int64)


def _sample_photos(bundle: Bundle, photos: str | Path, options: ExplainOptions) -> _PhotoSample:
    """Some photos of every class in turn."""
    found = scan(photos, bundle.classes, options.arrangement)
    _, judged = evaluation_photos(found)
    unsplit = replace(found, photos=tuple(replace(photo, split="") for photo in judged))
    turns = interleave_classes(unsplit, options.seed)[: options.photos]
    images = decode_many((Path(found.root, photo.path) for photo in turns), bundle.preprocessing)
    readable = [(photo, image) for photo, image in zip(turns, images, strict=True) if isinstance(image, np.ndarray)]
    if len({photo.label for photo, _ in readable}) < 2:
        raise PhotosError(f"Readable photos of at least two classes are needed; {photos} has fewer: add some.")
    kept, parts = zip(*readable, strict=True)
    pixels = np.stack(parts)
    return _PhotoSample(
        replace(unsplit, photos=kept),
        pixels,
        normalise_photos(pixels, bundle.preprocessing),
        tuple(bundle.classes[photo.label] for photo in kept),
    )


def _load_initial_backbone(bundle: Bundle, named: str | Path | None) -> tuple[Backbone | None, str]:
    """The backbone before fine-tuning, ending where the bundle's ends, and its name; None if it is unknown.

    Raises:
        UserError: it has another architecture.
    """
    config = bundle.config
    if named is None:
        if config.strategy != "finetune" or config.architecture not in list_embedded_models():
            return None, ""
        start = starting_point(config.architecture, EMBEDDED)
        if start.weights != config.weights:
            return None, ""
        return start.backbone.cut(config.after).eval(), start.weights
    if means_bundle(named):
        other = read_bundle(named)
        if (other.config.architecture, other.config.after) != (config.architecture, config.after):
            raise UserError(
                f"{named} is {other.config.architecture} up to {other.config.after}, and {bundle.path} is "
                f"{config.architecture} up to {config.after}: only models with the same stages can be compared."
            )
        return load_model(other).backbone, str(named)
    start = starting_point(config.architecture, named)
    return start.backbone.cut(config.after).eval(), start.weights


def _explain_channels(
    subject: _Subject, looked: _PhotoSample, responses: Responses, options: ExplainOptions, progress: Progress
) -> tuple[ChannelPreference, ...]:
    """Some channels of every stage, drawn by the seed among the active ones: their patches and synthesised images."""
    if not options.channels:
        return ()
    bundle, backbone = subject.bundle, subject.model.backbone
    fields = {node.stage: node.receptive_field for node in trace(bundle.path).nodes}
    photos = list(zip(looked.paths, looked.names, strict=True))
    draw = np.random.default_rng(options.seed)
    sights = []
    for number, info in enumerate(backbone.info):
        progress("channels", number, len(backbone.info))
        alive = responses.alive(info.name)
        chosen = np.sort(draw.choice(alive, min(options.channels, len(alive)), replace=False)).tolist()
        if not chosen:
            continue
        best = looked.images[responses.values[info.name][:, chosen].argmax(0)]
        channels = StageChannels(backbone, info.name, chosen)
        made = synthesise_images(channels, best, bundle.preprocessing, options.seed)
        share = min(1.0, fields[info.name] / best.shape[-1])
        sights += [
            ChannelPreference(
                info.name,
                channel,
                fields[info.name],
                top_patches(responses, info.name, channel, photos, share),
                image,
            )
            for channel, image in zip(chosen, made, strict=True)
        ]
    progress("channels", len(backbone.info), len(backbone.info))
    return tuple(sights)


def _explain_answers(
    subject: _Subject, looked: _PhotoSample, options: ExplainOptions, progress: Progress
) -> tuple[tuple[ExplainedAnswer, ...], tuple[FaithfulnessCheck, ...], list[Map]]:
    """Predictions for the first photos with maps, the faithfulness of each method, and maps of all by `BORDERS`."""
    bundle, model = subject.bundle, subject.model
    answers, confidences = _predict_classes(model, looked.images, bundle.temperature)
    shown = min(options.shown, len(answers))
    few, explained = looked.images[:shown], answers[:shown]
    blind = control_deletion_confidences(model, few, explained, options.seed)
    maps, checks = {}, []
    for number, method in enumerate(METHODS):
        progress("maps", number, len(METHODS))
        own, blank = (_attribute(method, each, few, explained) for each in (model, subject.control))
        maps[method] = own, blank
        deleted = deletion_confidences(model, few, explained, own)
        checks.append(measure_faithfulness(method, own, blank, deleted, blind))
    progress("maps", len(METHODS), len(METHODS))
    outlined = list(maps[BORDERS][0])
    for place in range(shown, len(answers)):
        outlined.append(compute_attribution(BORDERS, model, looked.images[place : place + 1], answers[place]))
        progress("borders", place + 1, len(answers))
    records = tuple(
        ExplainedAnswer(
            looked.paths[place],
            looked.names[place],
            bundle.classes[answers[place]],
            confidences[place],
            tuple(
                AttributionMap(method, *(tuple(map(tuple, each[place].tolist())) for each in both))
                for method, both in maps.items()
            ),
        )
        for place in range(shown)
    )
    return records, tuple(checks), outlined


def _attribute(method: str, model: Classifier, images: Tensor, answers: Sequence[int]) -> list[Map]:
    """The maps of some photos, each for its answer."""
    return [
        compute_attribution(method, model, image[None], answer) for image, answer in zip(images, answers, strict=True)
    ]


def _build_random_model(bundle: Bundle, seed: int) -> Classifier:
    """A randomly initialised model of the bundle's architecture."""
    model = unfolded_model(bundle, build(bundle.config.architecture, seed=seed))
    initialise(model.head, torch.Generator().manual_seed(seed))
    return model.eval()


@torch.no_grad()
def _predict_classes(model: Classifier, images: Tensor, temperature: float) -> tuple[list[int], list[float]]:
    """The most probable class of each photo, and its calibrated confidence."""
    logits = torch.cat([model(some) for some in images.split(32)]) / temperature
    confidence, answer = logits.softmax(1).max(1)
    return answer.tolist(), confidence.tolist()

"""What a bundle's net sees in photos, measured, and written as a page."""

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from inarch.bundle.model import load_model, means_bundle, trace, unfolded_model
from inarch.bundle.reading import Bundle, read_bundle
from inarch.commands.explain.attribution import (
    BORDER_AREA,
    METHODS,
    Map,
    compute_attribution,
    control_deletion_confidences,
    measure_border_reliance,
    measure_faithfulness,
)
from inarch.commands.explain.channels import Responses, select_feature_maps, top_patches
from inarch.commands.explain.depth import probe_by_depth
from inarch.commands.explain.filters import first_filters
from inarch.commands.explain.maximisation import JITTER, synthesise_images
from inarch.commands.explain.records import (
    AttributionMap,
    ChannelPreference,
    ExplainedAnswer,
    Explanation,
    FaithfulnessCheck,
    PhotoFeatureMaps,
)
from inarch.commands.explain.report import to_html
from inarch.commands.explain.text import to_json
from inarch.data.decode import decode_many
from inarch.data.photos import PhotoSet
from inarch.data.scan import scan
from inarch.data.split import evaluation_photos, groups_of
from inarch.errors import PhotosError, UserError
from inarch.models import Backbone, Classifier, build
from inarch.models.foreign import import_required
from inarch.models.initialisation import initialise
from inarch.options.checks import check_seed_and_time
from inarch.progress import Progress, ignore_progress
from inarch.report.raster import jpeg
from inarch.storage.files import make_folder, write_text
from inarch.training.pixels import normalise_pixels
from inarch.transfer.backbones import EMBEDDED, starting_point
from inarch.transfer.ranking import interleave_classes
from inarch.weights.embedded import list_embedded_models

PAGE, FIGURES = "explain.html", "explain.json"
MOST_PHOTOS, MOST_SHOWN, MOST_CHANNELS = 2000, 200, 50
MAPPED = 2
"""Photos whose channels' maps are drawn."""
BORDERS = "Grad-CAM"
"""The method by which borders are judged on every photo: the quickest."""


@dataclass(frozen=True, kw_only=True)
class ExplainOptions:
    """How much to look at."""

    photos: int = 300
    """Photos that stages are probed by and borders judged on, at most."""
    shown: int = 16
    """Of these, photos whose maps are drawn and checked."""
    channels: int = 3
    """Of each stage, for which patches are looked up and an image is made; 0 for none."""
    before: str | Path | None = None
    """What the net was before it was fine-tuned: a bundle, a file of weights or the name of some. None takes the
    weights that come with inarch where the bundle began with those."""
    seed: int = 0
    """Of the photos, the folds, the channels and the net with first weights."""

    def __post_init__(self) -> None:
        check_seed_and_time(self.seed, 1.0)
        for name, fewest, most in (
            ("photos", 2, MOST_PHOTOS),
            ("shown", 2, MOST_SHOWN),
            ("channels", 0, MOST_CHANNELS),
        ):
            if not fewest <= getattr(self, name) <= most:
                raise UserError(f"{name} is a number from {fewest} to {most}; {getattr(self, name)} was asked for.")


def explain(
    bundle: str | Path,
    photos: str | Path,
    out: str | Path,
    options: ExplainOptions | None = None,
    progress: Progress = ignore_progress,
) -> Explanation:
    """Measure what a bundle's net sees in labelled photos, and write it to ``explain.html`` and ``explain.json``.

    Args:
        bundle: its folder.
        photos: as for `train`, of the bundle's classes or some of them; of splits the test split is taken, else val.
        out: a folder for the two files.
        options: how much to look at.
        progress: called with a phase's name, what is done, and what there is to do.

    Raises:
        BundleError: the bundle cannot be used.
        PhotosError: the photos have classes that the bundle does not know, or too few can be read.
        OutputError: ``out`` cannot be written.
        UserError: captum is not installed, or an option makes no sense.
    """
    options = options or ExplainOptions()
    import_required("captum", "explain")  # said before minutes of work, not after
    read = read_bundle(bundle)
    make_folder(Path(out), Path(photos))
    looked = _sample_photos(read, photos, options)
    net, control = load_model(read), _build_random_model(read, options.seed)
    before, was = _load_initial_backbone(read, options.before)
    progress("depth", 0, 1)
    depth = probe_by_depth(
        net.backbone,
        control.backbone,
        looked.images,
        looked.labels,
        groups_of(looked.photos.photos),
        classes=len(looked.classes),
        seed=options.seed,
        before=before,
    )
    progress("depth", 1, 1)
    responses = Responses(net.backbone, looked.images)
    seen = tuple(
        PhotoFeatureMaps(looked.paths[at], select_feature_maps(net.backbone, looked.images[at : at + 1], responses, at))
        for at in range(min(MAPPED, len(looked.images)))
    )
    channels = _explain_channels(read, net.backbone, looked, responses, options, progress)
    answers, checks, outlined = _explain_answers(read, net, control, looked, options, progress)
    explanation = Explanation(
        bundle=str(bundle),
        model=read.config.architecture,
        root=looked.photos.root,
        classes=looked.classes,
        seed=options.seed,
        depth=depth,
        before=was,
        filters=first_filters(net.backbone, options.seed),
        seen=seen,
        channels=channels,
        jitter=JITTER,
        answers=answers,
        checks=checks,
        borders=measure_border_reliance(looked.names, read.classes, outlined),
        border_area=BORDER_AREA,
        border_method=BORDERS,
    )
    write_text(Path(out, FIGURES), to_json(explanation))
    drawn = {each.path for each in answers} | {each.path for each in seen}
    drawn |= {patch.path for sight in channels for patch in sight.patches}
    pictures = {path: jpeg(looked.pixels[at]) for at, path in enumerate(looked.paths) if path in drawn}
    write_text(Path(out, PAGE), to_html(explanation, pictures))
    return explanation


@dataclass(frozen=True)
class _PhotoSample:
    """The photos that are looked at, as the net takes them."""

    photos: PhotoSet
    pixels: NDArray[np.uint8]
    """(n, side, side, 3)"""
    images: Tensor
    """The same, normalised: (n, 3, side, side)."""
    names: tuple[str, ...]
    """The class of each photo."""

    @property
    def paths(self) -> tuple[str, ...]:
        """Of each photo."""
        return tuple(photo.path for photo in self.photos.photos)

    @property
    def classes(self) -> tuple[str, ...]:
        """Those that have photos, in the bundle's order."""
        present = {photo.label for photo in self.photos.photos}
        return tuple(name for label, name in enumerate(self.photos.classes) if label in present)

    @property
    def labels(self) -> NDArray[np.int64]:
        """The place of each photo's class among `classes`."""
        return np.array([self.classes.index(name) for name in self.names], dtype=np.int64)


def _sample_photos(bundle: Bundle, photos: str | Path, options: ExplainOptions) -> _PhotoSample:
    """Some photos of every class in turn."""
    found = scan(photos, bundle.classes)
    _, judged = evaluation_photos(found)
    unsplit = replace(found, photos=tuple(replace(photo, split="") for photo in judged))
    turns = interleave_classes(unsplit, options.seed)[: options.photos]
    images = decode_many((Path(found.root, photo.path) for photo in turns), bundle.preprocessing)
    readable = [(photo, image) for photo, image in zip(turns, images, strict=True) if isinstance(image, np.ndarray)]
    if len({photo.label for photo, _ in readable}) < 2:
        raise PhotosError(f"Photos of two classes at least are needed that can be read; {photos} has fewer.")
    kept, parts = zip(*readable, strict=True)
    pixels = np.stack(parts)
    return _PhotoSample(
        replace(unsplit, photos=kept),
        pixels,
        normalise_pixels(torch.from_numpy(pixels).permute(0, 3, 1, 2), bundle.preprocessing),
        tuple(bundle.classes[photo.label] for photo in kept),
    )


def _load_initial_backbone(bundle: Bundle, named: str | Path | None) -> tuple[Backbone | None, str]:
    """What the bundle's net began with, ending where the bundle's net ends, and its name; None where that is unknown.

    Raises:
        UserError: it is another net's.
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
                f"{config.architecture} up to {config.after}: only nets that have the same stages can be compared."
            )
        return load_model(other).backbone, str(named)
    start = starting_point(config.architecture, named)
    return start.backbone.cut(config.after).eval(), start.weights


def _explain_channels(
    bundle: Bundle,
    backbone: Backbone,
    looked: _PhotoSample,
    responses: Responses,
    options: ExplainOptions,
    progress: Progress,
) -> tuple[ChannelPreference, ...]:
    """Some channels of every stage, drawn by the seed among those that respond: their patches, and images made."""
    if not options.channels:
        return ()
    fields = {node.stage: node.receptive_field for node in trace(bundle.path).nodes}
    draw = np.random.default_rng(options.seed)
    sights = []
    for number, info in enumerate(backbone.info):
        progress("channels", number, len(backbone.info))
        alive = responses.alive(info.name)
        chosen = np.sort(draw.choice(alive, min(options.channels, len(alive)), replace=False)).tolist()
        if not chosen:
            continue
        best = looked.images[responses.values[info.name][:, chosen].argmax(0)]
        made = synthesise_images(backbone, info.name, chosen, best, bundle.preprocessing, options.seed)
        share = min(1.0, fields[info.name] / best.shape[-1])
        sights += [
            ChannelPreference(
                info.name,
                channel,
                fields[info.name],
                top_patches(responses, info.name, channel, looked.paths, looked.names, share),
                image,
            )
            for channel, image in zip(chosen, made, strict=True)
        ]
    progress("channels", len(backbone.info), len(backbone.info))
    return tuple(sights)


def _explain_answers(
    bundle: Bundle,
    net: Classifier,
    control: Classifier,
    looked: _PhotoSample,
    options: ExplainOptions,
    progress: Progress,
) -> tuple[tuple[ExplainedAnswer, ...], tuple[FaithfulnessCheck, ...], list[Map]]:
    """The answers to the first photos with their maps, what each method is worth, and maps of all by `BORDERS`."""
    answers, confidences = _predict_classes(net, looked.images, bundle.temperature)
    shown = min(options.shown, len(answers))
    few, explained = looked.images[:shown], answers[:shown]
    blind = control_deletion_confidences(net, few, explained, options.seed)
    maps, checks = {}, []
    for number, method in enumerate(METHODS):
        progress("maps", number, len(METHODS))
        own, blank = (
            [
                compute_attribution(method, each, image[None], answer)
                for image, answer in zip(few, explained, strict=True)
            ]
            for each in (net, control)
        )
        maps[method] = own, blank
        checks.append(measure_faithfulness(method, net, few, explained, own, blank, blind))
    progress("maps", len(METHODS), len(METHODS))
    outlined = list(maps[BORDERS][0])
    for place in range(shown, len(answers)):
        outlined.append(compute_attribution(BORDERS, net, looked.images[place : place + 1], answers[place]))
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


def _build_random_model(bundle: Bundle, seed: int) -> Classifier:
    """A net of the bundle's architecture that has learned nothing."""
    model = unfolded_model(bundle, build(bundle.config.architecture, seed=seed))
    initialise(model.head, torch.Generator().manual_seed(seed))
    return model.eval()


@torch.no_grad()
def _predict_classes(net: Classifier, images: Tensor, temperature: float) -> tuple[list[int], list[float]]:
    """The likeliest class of each photo, and its calibrated confidence."""
    logits = torch.cat([net(some) for some in images.split(32)]) / temperature
    confidence, answer = logits.softmax(1).max(1)
    return answer.tolist(), confidence.tolist()

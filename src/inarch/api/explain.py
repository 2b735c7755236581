"""What a bundle's net sees in photos, measured, and written as a page."""

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from inarch.api.doctor import make_folder
from inarch.api.inspect import unfolded_net, write_text
from inarch.api.measure import loaded_net
from inarch.api.reporting import jpeg
from inarch.api.train import check_seed_and_time
from inarch.bundle.reading import Bundle, read_bundle
from inarch.data.decode import decode_many
from inarch.data.scan import scan
from inarch.data.split import groups_of, judged_photos
from inarch.drawing.explain_html import to_html
from inarch.drawing.explain_text import to_json
from inarch.errors import PhotosError, UserError
from inarch.explain.attribution import BORDER_AREA, METHODS, attributed, blind_deletions, borders, checked
from inarch.explain.depth import by_depth
from inarch.nets import Classifier, build
from inarch.nets.foreign import required
from inarch.nets.initialisation import initialise
from inarch.records import PhotoSet
from inarch.records.explain import AttributionMap, ExplainedAnswer, Explanation
from inarch.transfer.job import Progress, silent
from inarch.transfer.ranking import in_turn
from inarch.transfer.scratch import normalised

PAGE, FIGURES = "explain.html", "explain.json"
MOST_PHOTOS, MOST_SHOWN = 2000, 200
BORDERS = "Grad-CAM"
"""The method by which borders are judged on every photo: the quickest."""


@dataclass(frozen=True, kw_only=True)
class ExplainOptions:
    """How much to look at."""

    photos: int = 300
    """Photos that stages are probed by and borders judged on, at most."""
    shown: int = 16
    """Of these, photos whose maps are drawn and checked."""
    seed: int = 0
    """Of the photos, the folds and the net with first weights."""

    def __post_init__(self) -> None:
        check_seed_and_time(self.seed, 1.0)
        for name, most in (("photos", MOST_PHOTOS), ("shown", MOST_SHOWN)):
            if not 2 <= getattr(self, name) <= most:
                raise UserError(f"{name} is a number from 2 to {most}; {getattr(self, name)} was asked for.")


def explain(
    bundle: str | Path,
    photos: str | Path,
    out: str | Path,
    options: ExplainOptions | None = None,
    progress: Progress = silent,
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
    required("captum", "explain")  # said before minutes of work, not after
    read = read_bundle(bundle)
    make_folder(Path(out), Path(photos))
    chosen, pixels = _decoded(read, photos, options)
    net, control = loaded_net(read), _with_first_weights(read, options.seed)
    images = normalised(torch.from_numpy(pixels).permute(0, 3, 1, 2), read.preprocessing)
    present = sorted({photo.label for photo in chosen.photos})
    labels = np.array([present.index(photo.label) for photo in chosen.photos], dtype=np.int64)
    progress("depth", 0, 1)
    depth = by_depth(
        net.backbone,
        control.backbone,
        images,
        labels,
        groups_of(chosen.photos),
        classes=len(present),
        seed=options.seed,
    )
    progress("depth", 1, 1)
    answers, confidences = _answers(net, images, read.temperature)
    shown = range(min(options.shown, len(chosen.photos)))
    few, explained = images[: len(shown)], answers[: len(shown)]
    blind = blind_deletions(net, few, explained, options.seed)
    maps, checks = {}, []
    for number, method in enumerate(METHODS):
        progress("maps", number, len(METHODS))
        own, blank = (
            [attributed(method, each, image[None], answer) for image, answer in zip(few, explained, strict=True)]
            for each in (net, control)
        )
        maps[method] = own, blank
        checks.append(checked(method, net, few, explained, own, blank, blind))
    progress("maps", len(METHODS), len(METHODS))
    looked = list(maps[BORDERS][0])
    for place in range(len(shown), len(answers)):
        looked.append(attributed(BORDERS, net, images[place : place + 1], answers[place]))
        progress("borders", place + 1, len(answers))
    names = [read.classes[photo.label] for photo in chosen.photos]
    explanation = Explanation(
        bundle=str(bundle),
        model=read.config.architecture,
        root=chosen.root,
        classes=tuple(read.classes[label] for label in present),
        seed=options.seed,
        depth=depth,
        answers=tuple(
            ExplainedAnswer(
                chosen.photos[place].path,
                names[place],
                read.classes[answers[place]],
                confidences[place],
                tuple(
                    AttributionMap(method, *(tuple(map(tuple, each[place].tolist())) for each in both))
                    for method, both in maps.items()
                ),
            )
            for place in shown
        ),
        checks=tuple(checks),
        borders=borders(names, read.classes, looked),
        border_area=BORDER_AREA,
        border_method=BORDERS,
    )
    write_text(Path(out, FIGURES), to_json(explanation))
    pictures = {chosen.photos[place].path: jpeg(pixels[place]) for place in shown}
    write_text(Path(out, PAGE), to_html(explanation, pictures))
    return explanation


def _decoded(bundle: Bundle, photos: str | Path, options: ExplainOptions) -> tuple[PhotoSet, NDArray[np.uint8]]:
    """Some photos of every class in turn, and their pixels as the net takes them."""
    found = scan(photos, bundle.classes)
    _, judged = judged_photos(found)
    unsplit = replace(found, photos=tuple(replace(photo, split="") for photo in judged))
    turns = in_turn(unsplit, options.seed)[: options.photos]
    images = decode_many((Path(found.root, photo.path) for photo in turns), bundle.preprocessing)
    readable = [(photo, image) for photo, image in zip(turns, images, strict=True) if isinstance(image, np.ndarray)]
    if len({photo.label for photo, _ in readable}) < 2:
        raise PhotosError(f"Photos of two classes at least are needed that can be read; {photos} has fewer.")
    kept, pixels = zip(*readable, strict=True)
    return replace(unsplit, photos=kept), np.stack(pixels)


def _with_first_weights(bundle: Bundle, seed: int) -> Classifier:
    """A net of the bundle's architecture that has learned nothing."""
    model = unfolded_net(bundle, build(bundle.config.architecture, seed=seed))
    initialise(model.head, torch.Generator().manual_seed(seed))
    return model.eval()


@torch.no_grad()
def _answers(net: Classifier, images: Tensor, temperature: float) -> tuple[list[int], list[float]]:
    """The likeliest class of each photo, and its calibrated confidence."""
    logits = torch.cat([net(some) for some in images.split(32)]) / temperature
    confidence, answer = logits.softmax(1).max(1)
    return answer.tolist(), confidence.tolist()

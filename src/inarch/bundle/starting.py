"""The backbones that training can begin with: of a bundle, with the weights of a file, or randomly initialised."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import TypeVar

from inarch.bundle.model import means_bundle
from inarch.bundle.reading import read_bundle
from inarch.data.photos import Preprocessing
from inarch.errors import UserError
from inarch.models import Classifier, architecture, build, linear_head
from inarch.models.anatomy.trace import trace
from inarch.transfer.backbones import RANDOM, list_available_models, starting_point
from inarch.transfer.cuts import NOTHING_FROZEN, check_cut
from inarch.transfer.options import TrainOptions
from inarch.transfer.ranking import BackboneOption
from inarch.transfer.run import StartingPoint

A = TypeVar("A")
B = TypeVar("B")

SMALL_IMAGE = 128
"""Image size of a large model that is trained from scratch: on a CPU, more epochs beat larger images."""


def backbones_of(options: TrainOptions, *, ranking: bool) -> list[BackboneOption]:
    """The backbone that the options name; with ``ranking``, if they name none, all available ones.

    Raises:
        UserError: none of them can be used.
    """
    return keep_usable(_expand_options(options, ranking=ranking), partial(load_backbone, strategy=options.strategy))


def _expand_options(options: TrainOptions, *, ranking: bool) -> list[TrainOptions]:
    """The options, or one copy for each available backbone if they name none, the usual one first."""
    if not ranking or options.names_backbone or options.strategy == "scratch":
        return [options]
    return [replace(options, model=name) for name in list_available_models()] or [options]


def load_backbone(options: TrainOptions, *, strategy: str) -> BackboneOption:
    """The backbone that the options name, or the usual one.

    Raises:
        UserError: it cannot be used, for example with images of that size.
    """
    start, preprocessing = _start(options)
    if options.freeze_until is not None:
        start = _set_cut(start, options.freeze_until)
    _check_image_size(start, preprocessing.image_size, strategy)
    return BackboneOption(start, preprocessing)


def _set_cut(start: StartingPoint, cut: str) -> StartingPoint:
    if not start.pretrained:
        raise UserError(
            f"There is nothing to fine-tune: {start.architecture} has no pre-trained weights. Leave --freeze-until "
            "out, or name weights."
        )
    if cut == NOTHING_FROZEN:
        return start
    check_cut(start.backbone, cut)
    return replace(start, cut_after=cut)


def _start(options: TrainOptions) -> tuple[StartingPoint, Preprocessing]:
    """The backbone, and the preprocessing that its weights need."""
    if options.model is not None and means_bundle(options.model):
        if options.weights is not None:
            raise UserError("A bundle brings its own weights; leave out --weights, or name a model instead.")
        bundle = read_bundle(options.model)
        start = starting_point(bundle.config.architecture, bundle.weights())
        return start, replace(bundle.preprocessing, image_size=_size(options, bundle.preprocessing.image_size))
    is_wasted = options.weights is None and options.strategy == "scratch"
    start = starting_point(options.model, RANDOM if is_wasted else options.weights)
    row = architecture(start.architecture)
    usual = start.image_size or (row.image_size if start.pretrained else min(row.image_size, SMALL_IMAGE))
    size = _size(options, usual)
    return start, Preprocessing(image_size=size, mean=row.mean, std=row.std)


def _size(options: TrainOptions, usual: int) -> int:
    return usual if options.image_size is None else options.image_size


def _check_image_size(start: StartingPoint, image_size: int, strategy: str) -> None:
    """Refuse images that are too small for the model, before any photo is decoded."""
    whole = strategy == "scratch" or not start.pretrained
    backbone = build(start.architecture, device="meta").backbone if whole else start.backbone
    trace(Classifier(backbone, linear_head(backbone.channels, 1)), name=start.architecture, image_size=image_size)


def keep_usable(given: Sequence[A], step: Callable[[A], B]) -> list[B]:
    """The results of ``step``; a backbone that cannot be used does not stop the others.

    Raises:
        UserError: none can be used; the message is the first one's.
    """
    passed: list[B] = []
    errors: list[UserError] = []
    for each in given:
        try:
            passed.append(step(each))
        except UserError as error:
            errors.append(error)
    if not passed:
        raise errors[0]
    return passed

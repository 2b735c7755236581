"""A net, run: how long its layers take, what its values see, and how gradients flow through it."""

from dataclasses import replace
from pathlib import Path

from inarch.bundle.model import load_model, means_bundle, trace
from inarch.bundle.reading import read_bundle
from inarch.commands.inspect.effective import effective_fields
from inarch.commands.inspect.flow import flow
from inarch.commands.inspect.records import Measurements
from inarch.commands.inspect.timing import time_eager, time_graph
from inarch.data.photos import Preprocessing
from inarch.models import Classifier, architecture, build
from inarch.models.anatomy.records import ModelTrace
from inarch.models.initialisation import open_residuals
from inarch.progress import Progress, ignore_progress

STEPS = 4


def measure(
    net: str | Path,
    *,
    image_size: int | None = None,
    runs: int = 7,
    threads: int = 1,
    seed: int = 0,
    progress: Progress = ignore_progress,
) -> tuple[ModelTrace, Measurements]:
    """What a net is made of, and what running it on this machine's CPU shows.

    A net of the catalog runs as it is at its initialisation, but with open residual paths (`open_residuals`), a bundle
    with its weights. It takes seconds for a small net, a minute or two for ResNet-152.

    Args:
        net: as for `inarch.trace`.
        image_size: as there.
        runs: how often time is taken.
        threads: cores that the timed runs use.
        seed: of the weights, the noise and the labels.
        progress: is told each step.

    Raises:
        UnknownNameError: neither a model nor a bundle.
        UserError: the images are too small for the net, or a variation makes no sense for it.
    """
    record = trace(net, image_size=image_size)
    model, preprocessing = _load_model(net, record.image_size, seed)
    progress("measuring", 0, STEPS)
    eager = time_eager(model, record, runs=runs, threads=threads)
    progress("measuring", 1, STEPS)
    graph = time_graph(model, record, preprocessing, runs=runs, threads=threads)
    progress("measuring", 2, STEPS)
    fields = effective_fields(model, record, seed=seed)
    progress("measuring", 3, STEPS)
    flowing = flow(model, record, seed=seed)
    progress("measuring", STEPS, STEPS)
    return record, Measurements(timings=(eager, graph), flow=flowing, fields=fields)


def _load_model(net: str | Path, image_size: int, seed: int) -> tuple[Classifier, Preprocessing]:
    """The net with weights, and the normalisation that goes into its graph."""
    if means_bundle(net):
        bundle = read_bundle(net)
        return load_model(bundle), replace(bundle.preprocessing, image_size=image_size)
    row = architecture(str(net))
    model = build(str(net), seed=seed)
    open_residuals(model)
    return model, Preprocessing(image_size=image_size, mean=row.mean, std=row.std)

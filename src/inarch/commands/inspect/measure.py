"""A model, run: the time of its layers, effective receptive fields, and gradient flow."""

from dataclasses import replace
from pathlib import Path

from inarch.bundle.model import load_model, means_bundle, trace
from inarch.bundle.reading import read_bundle
from inarch.commands.inspect.effective import effective_fields
from inarch.commands.inspect.inspection import Inspection
from inarch.commands.inspect.records import Measurements
from inarch.commands.inspect.timing import time_eager, time_graph
from inarch.data.photos import Preprocessing
from inarch.models import Classifier, architecture, build
from inarch.models.anatomy.flow import flow
from inarch.models.anatomy.records import ModelTrace
from inarch.models.initialisation import open_residuals
from inarch.progress import Progress, ignore_progress


def measure(
    source: str | Path,
    *,
    image_size: int | None = None,
    runs: int = 7,
    seed: int = 0,
    progress: Progress = ignore_progress,
) -> Inspection:
    """Take a model apart and run it on one core of this machine: times, effective receptive fields, gradients.

    A model of the catalog is randomly initialised, but with open residual paths (`open_residuals`); a bundle has its
    trained weights. It takes seconds for a small model, one or two minutes for ResNet-152.

    Args:
        source: the model or bundle, as for `inarch.trace`.
        image_size: pixels a side, as for `inarch.trace`.
        runs: the number of timed runs.
        seed: of the weights, the noise and the labels.
        progress: called at each step.

    Raises:
        UnknownNameError: neither a model nor a bundle.
        UserError: the images are too small for the model, or a variation makes no sense for it.

    Examples:
        >>> measured = inarch.measure("resnet_tiny", runs=1)
        >>> [timing.engine.split()[0] for timing in measured.measurements.timings]
        ['PyTorch', 'ONNX']
        >>> len(measured.measurements.timings[0].layers) == len(measured.trace.nodes)
        True
    """
    record = trace(source, image_size=image_size)
    return Inspection(record, _run(source, record, runs, seed, progress))


def _run(source: str | Path, record: ModelTrace, runs: int, seed: int, progress: Progress) -> Measurements:
    model, preprocessing = _load_model(source, record.image_size, seed)
    steps = 4
    progress("measuring", 0, steps)
    eager = time_eager(model, record, runs=runs, threads=1)
    progress("measuring", 1, steps)
    graph = time_graph(model, record, preprocessing, runs=runs, threads=1)
    progress("measuring", 2, steps)
    fields = effective_fields(model, record, seed=seed)
    progress("measuring", 3, steps)
    flowing = flow(model, record, seed=seed)
    progress("measuring", steps, steps)
    return Measurements(timings=(eager, graph), flow=flowing, fields=fields)


def _load_model(source: str | Path, image_size: int, seed: int) -> tuple[Classifier, Preprocessing]:
    """The model with weights, and the normalisation for its graph."""
    if means_bundle(source):
        bundle = read_bundle(source)
        return load_model(bundle), replace(bundle.preprocessing, image_size=image_size)
    row = architecture(str(source))
    model = build(str(source), seed=seed)
    open_residuals(model)
    return model, Preprocessing(image_size=image_size, mean=row.mean, std=row.std)

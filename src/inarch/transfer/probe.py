"""``probe``: the backbone stays as it is, and a linear classifier learns on its pooled features.

Feature extraction in the field's words. Nothing but the head moves, so the prefix runs once per photo.
"""

import time
from dataclasses import dataclass
from functools import partial

import numpy as np
import torch
from numpy.typing import NDArray

from inarch.data.cache import Rows
from inarch.errors import UserError
from inarch.metrics.calibration import fit_temperature
from inarch.metrics.intervals import wilson
from inarch.metrics.losses import log_losses
from inarch.metrics.softmax import softmax
from inarch.nets import Classifier, linear_head
from inarch.records import Candidate, Curve, Estimate
from inarch.transfer.features import Prefix
from inarch.transfer.job import Job, Outcome
from inarch.transfer.linear import Probe, fit_probe
from inarch.weights.onnx_graph import with_linear_head

VIEWS = 1
"""Views of each training photo that the probe learns from."""


@dataclass(frozen=True)
class Probed:
    """A fitted probe and everything that it was fitted on."""

    prefix: Prefix
    views: tuple[dict[str, Rows], ...]
    """For each view, the cached rows of the training photos."""
    probe: Probe
    seconds: float

    @property
    def features(self) -> NDArray[np.float32]:
        """(views, n, d)"""
        return np.stack([view["features"][:] for view in self.views])


def probe_on(job: Job, tap: str | None = None) -> Probed:
    """Compute features (and the maps at ``tap``) of the training photos, and fit a linear classifier.

    Raises:
        UserError: the backbone knows nothing yet.
    """
    if not job.start.pretrained:
        raise UserError(
            f"There is nothing to transfer: no weights were given for {job.start.architecture}. "
            "Pass --weights FILE, or --model BUNDLE, or choose --strategy scratch."
        )
    began = time.perf_counter()
    prefix = Prefix(job.start.backbone, job.start.digest, job.preprocessing, tap, job.cache)
    with job.stopwatch.phase("features"):
        views = tuple(
            prefix.view(number, job.augmentation).compute(job.stored, job.train, partial(job.progress, "features"))
            for number in range(VIEWS)
        )
    with job.stopwatch.phase("fit"):
        features = np.stack([view["features"][:] for view in views])
        fitted = fit_probe(features, job.labels[job.train], classes=len(job.classes), seed=job.seed)
    return Probed(prefix, views, fitted, time.perf_counter() - began)


def probe(job: Job) -> Outcome:
    """Train by feature extraction alone."""
    probed = probe_on(job)
    return probe_outcome(job, probed, (candidate_of(job, probed, chosen=True, why="asked for"),), ())


def probe_outcome(job: Job, probed: Probed, candidates: tuple[Candidate, ...], notes: tuple[str, ...]) -> Outcome:
    """The classifier that a fitted probe amounts to."""
    fitted = probed.probe
    head = head_of(fitted)
    with job.stopwatch.phase("export"):
        graph = with_linear_head(probed.prefix.graph(), fitted.weight, fitted.bias)
    labels = job.labels[job.train]
    points = tuple((1 / strength, loss) for strength, loss in fitted.searched)
    return Outcome(
        strategy="probe",
        model=Classifier(job.start.backbone, head).eval(),
        graph=graph,
        temperature=fit_temperature(fitted.held_out, labels[fitted.held_out_rows]),
        fitted=right(fitted.logits(probed.features[0]), labels),
        candidates=candidates,
        curves=(Curve("cross-validation", "1 / penalty", "log loss on held-out folds", points),),
        notes=notes,
    )


def head_of(fitted: Probe) -> torch.nn.Sequential:
    """The fitted classifier as a net's head."""
    classes, channels = fitted.weight.shape
    head = linear_head(channels, classes)
    head.load_state_dict(
        {"linear.weight": torch.from_numpy(fitted.weight), "linear.bias": torch.from_numpy(fitted.bias)}
    )
    return head


def candidate_of(job: Job, probed: Probed, *, chosen: bool, why: str) -> Candidate:
    """How the probe did on the folds that each fit did not see."""
    logits, labels = probed.probe.held_out, job.labels[job.train][probed.probe.held_out_rows]
    return measured(
        "probe",
        f"penalty {probed.probe.strength:g} per photo",
        (logits, labels),
        probed.seconds,
        chosen=chosen,
        why=why,
    )


def measured(
    strategy: str,
    settings: str,
    held_out: tuple[NDArray[np.float64], NDArray[np.int64]],
    seconds: float,
    *,
    chosen: bool,
    why: str,
) -> Candidate:
    """A candidate with its figures on held-out training photos (logits and labels)."""
    logits, labels = held_out
    loss = float(log_losses(softmax(logits), labels).mean())
    return Candidate(strategy, settings, right(logits, labels), loss, seconds, chosen, why)


def right(logits: NDArray[np.float64], labels: NDArray[np.int64]) -> Estimate:
    """The share of photos whose highest logit is that of their class."""
    return wilson(int((logits.argmax(1) == labels).sum()), len(labels))

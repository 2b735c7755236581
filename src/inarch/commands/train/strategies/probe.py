"""``probe``: the backbone stays as it is, and a linear classifier learns on its pooled features.

Feature extraction in the field's words. Nothing but the head moves, so the prefix runs once per photo. Where the
backbone had better end is measured: features grow more specific to their source task from stage to stage (Yosinski
et al. 2014, arXiv 1411.1792), so the last stage is not always the best one. Nor is one stage always enough: photos that
are far from the source task are told apart better by several stages read together (Head2Toe; Evci et al. 2022, arXiv
2201.03529), so that is tried too.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
import torch
from numpy.typing import NDArray

from inarch import clock
from inarch.commands.train.evidence import HeldOutAnswers, evidence_of
from inarch.commands.train.learning_curve import learning_curve
from inarch.commands.train.unlabelled import LabelledFeatures, self_train_probe
from inarch.commands.train.verdict import judge_improvement
from inarch.errors import PhotosError, UserError
from inarch.metrics.records import Curve
from inarch.models import (
    SMALL,
    Backbone,
    Classifier,
    head_for,
)
from inarch.runtime.onnx_graph import with_linear_head
from inarch.storage.cache import Rows
from inarch.transfer.class_weighting import ClassWeighting
from inarch.transfer.features import Prefix
from inarch.transfer.linear import SEARCH_PHOTOS, Probe, accuracy_of, choose_shortest_stage, fit_probe, held_out_losses
from inarch.transfer.proof import Snapshot, digests
from inarch.transfer.records.learning import LearningCurve
from inarch.transfer.records.report import Candidate
from inarch.transfer.run import StrategyResult, TrainingRun, rarest_class


@dataclass(frozen=True)
class ProbeRun:
    """A fitted probe and everything that it was fitted on."""

    prefix: Prefix
    views: tuple[dict[str, Rows], ...]
    """For each view, the cached rows of the training photos."""
    fits: Mapping[str, Probe]
    """For each stage of the prefix, in running order, a probe of its features; where that was tried, one of several
    stages together, by their joined names."""
    stage: str
    """Which of them was the best: the stage after which the probed net ends, or the stages that its head reads."""
    snapshot: Snapshot
    """The backbone before anything was done with it."""
    seconds: float
    unlabelled: Mapping[str, Rows] | None = None
    """The cached rows of the photos without labels, where there are some."""

    def features(self, stage: str) -> NDArray[np.float32]:
        """(views, n, d)"""
        return features_of(self.prefix, self.views, stage)

    @property
    def last(self) -> str:
        """The stage with which the backbone ends."""
        return self.prefix.stages[-1]

    @property
    def probe(self) -> Probe:
        """The probe of the net that ends after ``stage``."""
        return self.fits[self.stage]


TOGETHER = "+"
"""Joins the names of stages that are read together."""
GATHERED_PHOTOS = SEARCH_PHOTOS
"""Of more photos one stage says enough, and the fit of several costs the more."""


def features_of(prefix: Prefix, views: Sequence[Mapping[str, Rows]], stage: str) -> NDArray[np.float32]:
    """The cached features of a stage, or of several whose joined names these are: (views, n, d)."""
    stages = stage.split(TOGETHER)
    features = [np.stack([view[prefix.output(name)][:] for view in views]) for name in stages]
    return features[0] if len(stages) == 1 else apply_root(np.concatenate(features, axis=2))


def apply_root(features: NDArray[np.float32]) -> NDArray[np.float32]:
    """What `inarch.models.backbone.Root` computes."""
    return np.sqrt(np.maximum(features, 0) + np.float32(SMALL))


def choices(prefix: Prefix, photos: int) -> tuple[str, ...]:
    """What is probed for so many photos: each of the stages, and more of them together, the shortest net first."""
    together = (TOGETHER.join(prefix.gathered),) if photos <= GATHERED_PHOTOS and len(prefix.gathered) > 1 else ()
    return (*prefix.stages, *together)


def probe_on(job: TrainingRun, tap: str | None = None) -> ProbeRun:
    """Compute features (and the maps at ``tap``) of the training photos, and fit a linear classifier.

    Raises:
        UserError: the backbone knows nothing yet.
        PhotosError: a class has too few training photos.
    """
    if not job.start.pretrained:
        raise UserError(
            f"There is nothing to transfer: no weights were given for {job.start.architecture}. "
            "Pass --weights FILE, or --model BUNDLE, or choose --strategy scratch."
        )
    rarest, count = rarest_class(job)
    if count < 2:
        raise PhotosError(
            f"Cross-validation needs two different training photos of every class; {rarest!r} has {count}. Add some."
        )
    began = clock.seconds()
    before = digests(job.start.backbone, "backbone.")
    prefix = Prefix(job.start.backbone, job.start.digest, job.preprocessing, tap, job.cache)
    with job.stopwatch.phase("features"):
        views = tuple(
            prefix.view(number, job.augmentation).compute(job.stored, job.train, partial(job.progress, "features"))
            for number in range(job.views)
        )
        unlabelled = _unlabelled_rows(job, prefix)
    labels = job.labels[job.train]
    with job.stopwatch.phase("fit"):
        fits = {
            stage: fit_probe(
                features_of(prefix, views, stage),
                labels,
                job.groups[job.train],
                classes=len(job.classes),
                seed=job.seed,
                class_weighting=job.class_weighting,
            )
            for stage in choices(prefix, len(job.train))
        }
    snapshot = Snapshot("probe", before, frozenset(before))
    best = choose_best_stage(fits, labels, job.weighting)
    return ProbeRun(prefix, views, fits, best, snapshot, clock.seconds() - began, unlabelled)


def _unlabelled_rows(job: TrainingRun, prefix: Prefix) -> Mapping[str, Rows] | None:
    if job.unlabelled is None:
        return None
    rows = np.arange(len(job.unlabelled.images))
    return prefix.view(0, job.augmentation).compute(job.unlabelled, rows, partial(job.progress, "features"))


def choose_best_stage(fits: Mapping[str, Probe], labels: NDArray[np.int64], weighting: ClassWeighting) -> str:
    """The stage that `choose_shortest_stage` takes, or all stages together where their log loss is lower.

    No standard error is asked for here: read together, stages gained up to 3 points of accuracy on photos unlike the
    source's wherever the loss was lower at all, and lost 0.6 at most (decision 0019).
    """
    single = choose_shortest_stage(
        {stage: fit for stage, fit in fits.items() if TOGETHER not in stage}, labels, weighting
    )
    losses = {stage: float(each.mean()) for stage, each in held_out_losses(fits, labels, weighting).items()}
    together = [stage for stage in fits if TOGETHER in stage and losses[stage] < losses[single]]
    return together[0] if together else single


def probe(job: TrainingRun) -> StrategyResult:
    """Train by feature extraction alone."""
    probed = probe_on(job)
    return probe_result(job, probed, (candidate_of(job, probed, chosen=True, why="asked for"),), ())


def probe_result(
    job: TrainingRun, probed: ProbeRun, candidates: tuple[Candidate, ...], notes: tuple[str, ...]
) -> StrategyResult:
    """The classifier that a fitted probe amounts to, after photos without labels had their say.

    Raises:
        FrozenMovedError: a tensor of the backbone is not what it was.
    """
    probed, candidates, notes = _try_self_training(job, probed, candidates, notes)
    labels = job.labels[job.train]
    held_out, held_labels = probed.probe.held_out, labels[probed.probe.held_out_rows]
    temperature = job.weighting.temperature(held_out, held_labels)
    fitted = replace(probed.probe, bias=probed.probe.bias - np.float32(temperature) * job.weighting.shift)
    *earlier, last = probed.stage.split(TOGETHER)
    backbone = job.start.backbone.cut(last).gathering(earlier)
    head = head_of(fitted, backbone)
    with job.stopwatch.phase("export"):
        outputs = [probed.prefix.output(stage) for stage in (*earlier, last)]
        graph = with_linear_head(probed.prefix.graph(), fitted.weight, fitted.bias, outputs=outputs)
    features, rows = probed.features(probed.stage)[0], probed.probe.held_out_rows
    answered = HeldOutAnswers(rows, held_out, features[rows], np.arange(len(features)), features)
    points = tuple((1 / strength, loss) for strength, loss in fitted.searched)
    movement = probed.snapshot.movement(Classifier(job.start.backbone, head))
    model = Classifier(backbone, head).eval()
    return StrategyResult(
        strategy="probe",
        model=model,
        graph=graph,
        temperature=temperature,
        fitted=accuracy_of(fitted.logits(features), labels),
        candidates=candidates,
        curves=(Curve("cross-validation", "1 / penalty", "log loss on held-out folds", points),),
        movements=(replace(movement, kept=len(digests(model.backbone))),),
        notes=(*notes, *_cut_note(probed)),
        evidence=evidence_of(job, answered, temperature, features),
        learning_curve=learning_curve_of(job, probed),
    )


def _try_self_training(
    job: TrainingRun, probed: ProbeRun, candidates: tuple[Candidate, ...], notes: tuple[str, ...]
) -> tuple[ProbeRun, tuple[Candidate, ...], tuple[str, ...]]:
    """The probe with photos without labels, if it is better on held-out photos, and what is said of that."""
    if probed.unlabelled is None:
        return probed, candidates, notes
    began = clock.seconds()
    labels, stage = job.labels[job.train], probed.stage
    more = features_of(probed.prefix, (probed.unlabelled,), stage)[0]
    plain = probed.probe
    labelled = LabelledFeatures(
        probed.features(stage), labels, job.groups[job.train], plain.strength, len(job.classes), job.class_weighting
    )
    with job.stopwatch.phase("unlabelled"):
        trained = self_train_probe(labelled, more, plain, seed=job.seed)
    rivals = ("self-training", trained.held_out), ("the probe", plain.held_out)
    better, why = judge_improvement(job, plain.held_out_rows, *rivals)
    rival = measure_candidate(
        job.weighting,
        "probe",
        f"with {len(more):,} photos without labels",
        (trained.held_out, labels[plain.held_out_rows]),
        clock.seconds() - began,
        chosen=better,
        why=why,
    )
    if not better:
        return probed, (*candidates, rival), (*notes, f"Photos without labels were not learned from: {why}.")
    probed = replace(probed, fits={**probed.fits, stage: trained})
    others = tuple(replace(each, chosen=False) for each in candidates)
    return probed, (*others, rival), (*notes, f"{len(more):,} photos without labels were learned from: {why}.")


def learning_curve_of(job: TrainingRun, probed: ProbeRun) -> LearningCurve | None:
    """What fewer photos would have been worth to the probe, and what more would be."""
    with job.stopwatch.phase("learning curve"):
        return learning_curve(
            probed.features(probed.stage)[0],
            job.labels[job.train],
            job.groups[job.train],
            strength=probed.probe.strength,
            classes=len(job.classes),
            seed=job.seed,
            class_weighting=job.class_weighting,
        )


def _cut_note(probed: ProbeRun) -> tuple[str, ...]:
    """Says so if the net was cut short, or if its head reads several stages."""
    if probed.stage == probed.last:
        return ()
    losses = {stage: dict(fit.searched)[fit.strength] for stage, fit in probed.fits.items()}
    if TOGETHER in probed.stage:
        one = min((stage for stage in losses if TOGETHER not in stage), key=losses.__getitem__)
        return (
            f"The head reads {_join_stage_names(probed.stage)} together: log loss {losses[probed.stage]:.3f} in "
            f"cross-validation, against {losses[one]:.3f} with the best of single stages, {one}.",
        )
    return (
        f"The net ends after {probed.stage}: with {probed.last} it does no better on these photos (log loss "
        f"{losses[probed.stage]:.3f} against {losses[probed.last]:.3f} in cross-validation, within one standard "
        "error), and it is shorter and faster without.",
    )


def _join_stage_names(stage: str) -> str:
    """In words."""
    *earlier, last = stage.split(TOGETHER)
    return f"{', '.join(earlier)} and {last}" if earlier else last


def head_of(fitted: Probe, backbone: Backbone) -> torch.nn.Sequential:
    """The fitted classifier as the head of the backbone on whose features it was fitted."""
    head = head_for(backbone, len(fitted.bias))
    head.load_state_dict(
        {"linear.weight": torch.from_numpy(fitted.weight), "linear.bias": torch.from_numpy(fitted.bias)}
    )
    return head


def candidate_of(job: TrainingRun, probed: ProbeRun, *, chosen: bool, why: str) -> Candidate:
    """How the probe did on the folds that each fit did not see."""
    logits, labels = probed.probe.held_out, job.labels[job.train][probed.probe.held_out_rows]
    return measure_candidate(
        job.weighting,
        "probe",
        f"after {_join_stage_names(probed.stage)}, penalty {probed.probe.strength:g} per photo",
        (logits, labels),
        probed.seconds,
        chosen=chosen,
        why=why,
    )


def measure_candidate(
    weighting: ClassWeighting,
    strategy: str,
    settings: str,
    held_out: tuple[NDArray[np.float64], NDArray[np.int64]],
    seconds: float,
    *,
    chosen: bool,
    why: str,
) -> Candidate:
    """A candidate with its figures on held-out training photos (logits, not yet shifted, and labels)."""
    logits, labels = held_out
    answers = weighting.answers(logits, labels)
    loss = float(weighting.losses(answers, labels).mean())
    return Candidate(strategy, settings, accuracy_of(answers, labels), loss, seconds, chosen, why)

"""``probe``: feature extraction, a linear classifier on the pooled features of the frozen backbone.

Only the head is trained, so the backbone runs once per photo. The best last stage is measured: features become more
specific to the source task from stage to stage (Yosinski et al. 2014, arXiv 1411.1792), so the last stage is not always
the best. Nor is one stage always enough: on photos far from the source domain, several stages together separate the
classes better (Head2Toe; Evci et al. 2022, arXiv 2201.03529), so that is tried too.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
import torch
from numpy.typing import NDArray

from inarch import clock
from inarch.commands.train.evidence import HeldOutAnswers, evidence_of
from inarch.commands.train.learning_curve import CurveFit, learning_curve
from inarch.commands.train.unlabelled import LabelledFeatures, self_train_probe
from inarch.commands.train.verdict import judge_improvement
from inarch.data.labels import PhotoLabels
from inarch.errors import PhotosError, UserError
from inarch.metrics.accuracy import accuracy_of
from inarch.metrics.records import Curve
from inarch.models import (
    SMALL,
    Backbone,
    Classifier,
    head_for,
)
from inarch.runtime.onnx_graph import with_linear_head
from inarch.storage.cache import Rows
from inarch.transfer.class_weighting import ClassWeighting, PhotoWeights
from inarch.transfer.features import Prefix
from inarch.transfer.linear import Probe, choose_shortest_stage, fit_probe, held_out_losses
from inarch.transfer.proof import Snapshot, digests
from inarch.transfer.recipes import ProbeRecipe
from inarch.transfer.records.learning import LearningCurve
from inarch.transfer.records.report import Candidate
from inarch.transfer.run import StrategyResult, TrainingRun, rarest_class


@dataclass(frozen=True)
class ProbeRun:
    """A fitted probe with its features."""

    prefix: Prefix
    views: tuple[dict[str, Rows], ...]
    """For each view, the cached rows of the training photos."""
    fits: Mapping[str, Probe]
    """A probe of each stage of the prefix, in running order; if it was tried, one of several stages together, by their
    joined names."""
    stage: str
    """The best of them: the stage after which the backbone ends, or the joined stages that the head reads."""
    snapshot: Snapshot
    """The backbone before training."""
    seconds: float
    unlabelled: Mapping[str, Rows] | None = None
    """The cached rows of the unlabelled photos, if there are any."""

    def features(self, stage: str) -> NDArray[np.float32]:
        """The features of a stage, (views, n, d)."""
        return features_of(self.prefix, self.views, stage)

    @property
    def last(self) -> str:
        """The stage with which the backbone ends."""
        return self.prefix.stages[-1]

    @property
    def probe(self) -> Probe:
        """The probe of ``stage``."""
        return self.fits[self.stage]


TOGETHER = "+"
"""Joins the names of stages that the head reads together."""


def features_of(prefix: Prefix, views: Sequence[Mapping[str, Rows]], stage: str) -> NDArray[np.float32]:
    """The cached features of a stage, or of several joined stages: (views, n, d)."""
    stages = stage.split(TOGETHER)
    features = [np.stack([view[prefix.output(name)][:] for view in views]) for name in stages]
    return features[0] if len(stages) == 1 else apply_root(np.concatenate(features, axis=2))


def apply_root(features: NDArray[np.float32]) -> NDArray[np.float32]:
    """The same function as `inarch.models.backbone.Root`."""
    return np.sqrt(np.maximum(features, 0) + np.float32(SMALL))


def choices(prefix: Prefix, photos: int, recipe: ProbeRecipe) -> tuple[str, ...]:
    """The stages to probe for that many photos, and the joined stages, the shortest backbone first."""
    is_wide = photos <= recipe.gathered_photos and len(prefix.gathered) > 1
    return (*prefix.stages, *((TOGETHER.join(prefix.gathered),) if is_wide else ()))


def probe_on(run: TrainingRun, tap: str | None = None) -> ProbeRun:
    """Compute features (and the feature maps at ``tap``) of the training photos, and fit a linear classifier.

    Raises:
        UserError: the backbone is randomly initialised.
        PhotosError: a class has too few training photos.
    """
    if not run.start.pretrained:
        raise UserError(
            f"There is nothing to transfer: {run.start.architecture} has no pre-trained weights. "
            "Pass --weights FILE, or --model BUNDLE, or choose --strategy scratch."
        )
    rarest, count = rarest_class(run)
    if count < 2:
        raise PhotosError(
            f"Cross-validation needs two different training photos per class; {rarest!r} has {count}. Add some."
        )
    began = clock.seconds()
    before = digests(run.start.backbone, "backbone.")
    options = run.options
    prefix = Prefix(run.start.backbone, run.start.digest, run.preprocessing, tap, options.cache)
    with run.stopwatch.phase("features"):
        views = tuple(
            prefix.view(number, options.augmentation).compute(run.stored, run.train, partial(run.progress, "features"))
            for number in range(options.views)
        )
        unlabelled = _unlabelled_rows(run, prefix)
    with run.stopwatch.phase("fit"):
        stages = choices(prefix, len(run.train), options.recipes.probe)
        fits = {stage: fit_in_run(run, features_of(prefix, views, stage)) for stage in stages}
    snapshot = Snapshot("probe", before, frozenset(before))
    best = choose_best_stage(fits, run.learned.labels, run.weighting, run.learned.weights)
    return ProbeRun(prefix, views, fits, best, snapshot, clock.seconds() - began, unlabelled)


def fit_in_run(run: TrainingRun, features: NDArray[np.float32], rows: NDArray[np.int64] | None = None) -> Probe:
    """The probe of a run's training photos, or of some of them.

    Args:
        run: its seed, its class weighting and its recipe.
        features: of all training photos, (views, n, d).
        rows: places in ``run.train``; None takes all.
    """
    options, photos = run.options, run.learned
    if rows is not None:
        features, photos = features[:, rows], photos.at(rows)
    return fit_probe(
        features, photos, seed=options.seed, class_weighting=options.class_weighting, recipe=options.recipes.probe
    )


def _unlabelled_rows(run: TrainingRun, prefix: Prefix) -> Mapping[str, Rows] | None:
    if run.unlabelled is None:
        return None
    rows = np.arange(len(run.unlabelled.images))
    return prefix.view(0, run.options.augmentation).compute(run.unlabelled, rows, partial(run.progress, "features"))


def choose_best_stage(
    fits: Mapping[str, Probe],
    labels: NDArray[np.int64],
    weighting: ClassWeighting,
    weights: PhotoWeights | None = None,
) -> str:
    """The stage that `choose_shortest_stage` takes, or all stages together if their log loss is lower.

    No standard error is required here: wherever the loss was lower, joined stages gained up to 3 points of accuracy on
    photos far from the source domain, and lost 0.6 at most (decision 0019).
    """
    alone = {stage: fit for stage, fit in fits.items() if TOGETHER not in stage}
    single = choose_shortest_stage(alone, labels, weighting, weights)
    losses = {stage: float(each.mean()) for stage, each in held_out_losses(fits, labels, weighting, weights).items()}
    together = [stage for stage in fits if TOGETHER in stage and losses[stage] < losses[single]]
    return together[0] if together else single


def probe(run: TrainingRun) -> StrategyResult:
    """Train by feature extraction."""
    probed = probe_on(run)
    return probe_result(run, probed, (candidate_of(run, probed).decided("requested", chosen=True),), ())


def probe_result(
    run: TrainingRun, probed: ProbeRun, candidates: tuple[Candidate, ...], notes: tuple[str, ...]
) -> StrategyResult:
    """The classifier of a fitted probe, after self-training if there are unlabelled photos.

    Raises:
        FrozenTensorChangedError: a tensor of the backbone changed.
    """
    probed, candidates, notes = _try_self_training(run, probed, candidates, notes)
    labels = run.learned.labels
    held_out, judged = probed.probe.held_out, run.learned.at(probed.probe.held_out_rows)
    temperature = run.weighting.temperature(held_out, judged.labels, judged.weights)
    fitted = replace(probed.probe, bias=probed.probe.bias - np.float32(temperature) * run.weighting.shift)
    *earlier, last = probed.stage.split(TOGETHER)
    backbone = run.start.backbone.cut(last).gathering(earlier)
    head = head_of(fitted, backbone)
    with run.stopwatch.phase("export"):
        outputs = [probed.prefix.output(stage) for stage in (*earlier, last)]
        graph = with_linear_head(probed.prefix.graph(), fitted.weight, fitted.bias, outputs=outputs)
    features, rows = probed.features(probed.stage)[0], probed.probe.held_out_rows
    answered = HeldOutAnswers(rows, held_out, features[rows], np.arange(len(features)), features)
    points = tuple((1 / strength, loss) for strength, loss in fitted.searched)
    movement = probed.snapshot.movement(Classifier(run.start.backbone, head))
    model = Classifier(backbone, head).eval()
    return StrategyResult(
        strategy="probe",
        model=model,
        graph=graph,
        temperature=temperature,
        fitted=accuracy_of(fitted.logits(features), labels),
        candidates=candidates,
        curves=(Curve("cross-validation", "C = 1 / L2 regularisation strength", "validation log loss", points),),
        movements=(replace(movement, kept=len(digests(model.backbone))),),
        notes=(*notes, *_cut_note(probed)),
        evidence=evidence_of(run, answered, temperature, features),
        learning_curve=learning_curve_of(run, probed),
    )


def _try_self_training(
    run: TrainingRun, probed: ProbeRun, candidates: tuple[Candidate, ...], notes: tuple[str, ...]
) -> tuple[ProbeRun, tuple[Candidate, ...], tuple[str, ...]]:
    """The probe after self-training, if that is significantly better, with the candidates and a note."""
    if probed.unlabelled is None:
        return probed, candidates, notes
    began = clock.seconds()
    options, stage, plain = run.options, probed.stage, probed.probe
    more = features_of(probed.prefix, (probed.unlabelled,), stage)[0]
    labelled = LabelledFeatures(
        probed.features(stage), run.learned, plain.strength, options.class_weighting, options.recipes.self_training
    )
    with run.stopwatch.phase("unlabelled"):
        trained = self_train_probe(labelled, more, plain, seed=options.seed)
    rivals = ("self-training", trained.held_out), ("the probe", plain.held_out)
    better, why = judge_improvement(run, plain.held_out_rows, *rivals)
    rival = measure_candidate(
        run.weighting,
        "probe",
        f"with {len(more):,} unlabelled photos",
        (trained.held_out, run.learned.at(plain.held_out_rows)),
        clock.seconds() - began,
    ).decided(why, chosen=better)
    if not better:
        return probed, (*candidates, rival), (*notes, f"The unlabelled photos were not used for training: {why}.")
    probed = replace(probed, fits={**probed.fits, stage: trained})
    others = tuple(replace(each, chosen=False) for each in candidates)
    return probed, (*others, rival), (*notes, f"{len(more):,} unlabelled photos were used for training: {why}.")


def learning_curve_of(run: TrainingRun, probed: ProbeRun) -> LearningCurve | None:
    """The probe's learning curve, and its forecast."""
    with run.stopwatch.phase("learning curve"):
        fit = CurveFit(
            probed.probe.strength,
            run.options.class_weighting,
            run.options.recipes.learning_curve,
            run.options.recipes.probe,
        )
        return learning_curve(probed.features(probed.stage)[0], run.learned, fit, seed=run.options.seed)


def _cut_note(probed: ProbeRun) -> tuple[str, ...]:
    """A note if the backbone ends before its last stage, or if the head reads several stages."""
    if probed.stage == probed.last:
        return ()
    losses = {stage: dict(fit.searched)[fit.strength] for stage, fit in probed.fits.items()}
    if TOGETHER in probed.stage:
        one = min((stage for stage in losses if TOGETHER not in stage), key=losses.__getitem__)
        return (
            f"The head reads {_join_stage_names(probed.stage)} together: cross-validated log loss "
            f"{losses[probed.stage]:.3f}, against {losses[one]:.3f} with the best single stage, {one}.",
        )
    return (
        f"The backbone ends after {probed.stage}, which makes it faster: with {probed.last} the features are no better "
        f"(cross-validated log loss {losses[probed.stage]:.3f} against {losses[probed.last]:.3f}, within one standard "
        "error).",
    )


def _join_stage_names(stage: str) -> str:
    """The names of the stages in words."""
    *earlier, last = stage.split(TOGETHER)
    return f"{', '.join(earlier)} and {last}" if earlier else last


def head_of(fitted: Probe, backbone: Backbone) -> torch.nn.Sequential:
    """The fitted classifier as the head of its backbone."""
    head = head_for(backbone, len(fitted.bias))
    head.load_state_dict(
        {"linear.weight": torch.from_numpy(fitted.weight), "linear.bias": torch.from_numpy(fitted.bias)}
    )
    return head


def candidate_of(run: TrainingRun, probed: ProbeRun) -> Candidate:
    """The probe's figures from cross-validation."""
    held_out = probed.probe.held_out, run.learned.at(probed.probe.held_out_rows)
    return measure_candidate(
        run.weighting,
        "probe",
        f"after {_join_stage_names(probed.stage)}, L2 strength {probed.probe.strength:g} per photo",
        held_out,
        probed.seconds,
    )


def measure_candidate(
    weighting: ClassWeighting,
    strategy: str,
    settings: str,
    held_out: tuple[NDArray[np.float64], PhotoLabels],
    seconds: float,
) -> Candidate:
    """A candidate, not yet decided on, with its figures on validation photos (logits, not yet shifted, and labels).

    Its log loss counts photos by their weights, its accuracy counts each once.
    """
    logits, photos = held_out
    answers = weighting.answers(logits, photos.labels, photos.weights)
    loss = float(weighting.losses(answers, photos.labels, photos.weights).mean())
    return Candidate(strategy, settings, accuracy_of(answers, photos.labels), loss, seconds)

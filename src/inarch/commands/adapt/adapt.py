"""A bundle, adapted to photos of another domain: without labels, or with some."""

from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from inarch.bundle.reading import Bundle, read_bundle
from inarch.bundle.writing import BundleContents, check_output, write_bundle
from inarch.commands.adapt.adapting import (
    UnsupervisedRuns,
    candidates_of,
    choose_unsupervised,
    judge_candidates,
    run_supervised,
    run_unsupervised,
)
from inarch.commands.adapt.judging import choose_by_labels
from inarch.commands.adapt.labelled import LABELLED_METHODS, LabelledTarget
from inarch.commands.adapt.methods import METHODS
from inarch.commands.adapt.problem import (
    FEWEST_PHOTOS,
    AdaptationProblem,
    AdaptedModel,
    Domain,
)
from inarch.commands.adapt.selection import NONE
from inarch.commands.adapt.target import (
    LabelledPhotos,
    check_labelled,
    check_unlabelled,
    decode_labelled_photos,
    decode_photos,
    target_photos,
)
from inarch.commands.adapt.validators import VALIDATORS
from inarch.commands.train.report import to_html
from inarch.commands.train.reporting import (
    bundle_config,
    choose_golden_inputs,
    evaluate_graph,
    thumbnails,
    training_report,
)
from inarch.commands.train.run import find_photos, prepare_training_run
from inarch.commands.train.strategies.finetune import feature_map_bytes, held_out_fold
from inarch.commands.train.strategies.scratch import logits_of
from inarch.data.augmentation import Augmentation
from inarch.data.store import StoredPhotos
from inarch.errors import OutputError, PhotosError, UnknownNameError, UserError
from inarch.metrics.comparison import mcnemar
from inarch.metrics.intervals import wilson
from inarch.models import Classifier, head_for
from inarch.options.checks import check_seed_and_time
from inarch.progress import Progress, ignore_progress
from inarch.report.wording import count_of
from inarch.runtime.onnx_graph import classifier_graph
from inarch.storage.cache import default_cache_folder
from inarch.storage.cache_size import DEFAULT_SIZE, in_use
from inarch.transfer.cuts import default_cut
from inarch.transfer.features import Prefix
from inarch.transfer.linear import accuracy_of
from inarch.transfer.options import TrainOptions
from inarch.transfer.records.adaptation import Adaptation, AdaptedCandidate
from inarch.transfer.run import StrategyResult, TrainingRun
from inarch.weights.files import read_weights


@dataclass(frozen=True, kw_only=True)
class AdaptOptions:
    """How to adapt."""

    source: Path | str | None = None
    """The labelled photos that the bundle was trained on; None looks where they were then."""
    oracle: Path | str | None = None
    """Labelled photos of the target domain, by which the accuracies are printed and nothing is chosen."""
    labelled: Path | str | None = None
    """Labelled photos of the target domain that may be learned from, but for their test (or val) split. Where they have
    none and there is no ``oracle``, a fifth is kept to report on."""
    methods: tuple[str, ...] = tuple(METHODS)
    validator: str | None = None
    """What chooses between them, a name of `VALIDATORS`; None takes agreement where there are methods enough."""
    time_budget: float = 600.0
    """Seconds for all methods together."""
    seed: int = 0
    cache: Path = field(default_factory=default_cache_folder)
    cache_size: int = DEFAULT_SIZE

    def __post_init__(self) -> None:
        check_seed_and_time(self.seed, self.time_budget)
        if self.validator is not None and self.validator not in VALIDATORS:
            raise UnknownNameError("validator", self.validator, VALIDATORS)
        for name in self.methods:
            if name not in METHODS:
                raise UnknownNameError("method of adapting", name, METHODS)
        if self.validator == "agreement" and len(self.methods) < 2:
            raise UserError("Agreement takes two methods at least; name more methods, or another validator.")


def adapt(
    bundle: str | Path,
    target: str | Path,
    out: str | Path,
    options: AdaptOptions | None = None,
    progress: Progress = ignore_progress,
) -> Bundle:
    """Adapt a bundle to photos of another domain and write what came of it as a bundle.

    Args:
        bundle: what to adapt; it stays as it is.
        target: a folder of photos of the same classes, arranged in any way; the names of its folders are not read.
        out: the folder of the new bundle. Where no way of adapting is better, it holds the net as it was.
        options: how.
        progress: called with a phase's name, what is done, and what there is to do.

    Raises:
        UserError: the bundle, the photos, the output folder or an option cannot be used; the message says why.
        WorkError: the training itself failed.
    """
    options = options or AdaptOptions()
    read = read_bundle(bundle)
    if Path(out).resolve() == read.path.resolve():
        raise OutputError(f"{out} is the bundle that is to be adapted, and it stays as it is; choose another --out.")
    check_output(Path(out))
    with in_use(options.cache, options.cache_size):
        return write_bundle(Path(out), _adapt_bundle(read, target, options, progress))


def _adapt_bundle(bundle: Bundle, target: str | Path, options: AdaptOptions, progress: Progress) -> BundleContents:
    found = target_photos(
        target, bundle.classes, labelled=options.labelled, oracle=options.oracle, seed=bundle.config.seed
    )
    job = load_source_run(bundle, options, progress)
    with job.stopwatch.phase("decode"):
        unlabelled = decode_photos(target, found.unlabelled, job)
        learned, tested = (
            None if each is None else decode_labelled_photos(each.root, each, job)
            for each in (found.learned, found.tested)
        )
    if learned is None:
        check_unlabelled(target, len(unlabelled.images))
    else:
        check_labelled(options.labelled or "", len(set(learned.groups)))
    model = classifier_of(job, bundle)
    task = build_problem(job, bundle, model, unlabelled, options)
    came = (
        _adapt_without_labels(job, task, options, options.methods)
        if learned is None
        else _adapt_with_labels(job, task, learned, options)
    )
    candidates, oracle_verdict = came.candidates, ""
    if tested is not None:
        with job.stopwatch.phase("oracle"):
            candidates, oracle_verdict = _judge_by_oracle(
                candidates, _predict_classes(job, came.result, tested), tested.labels
            )
    adaptation = Adaptation(
        bundle=str(bundle.path),
        target=found.unlabelled.root,
        photos=len(unlabelled.images),
        validator=came.validator,
        candidates=candidates,
        left_out=came.result.left_out,
        verdict=came.why,
        oracle_verdict=oracle_verdict,
        labelled=0 if learned is None else len(learned.labels),
    )
    seen = [unlabelled] if learned is None else [unlabelled, learned.stored]
    return _contents(job, bundle, came.result, adaptation, _overlap_notes(job, *seen))


@dataclass(frozen=True)
class _AdaptationResult:
    """What came of all candidates, and which was taken."""

    result: UnsupervisedRuns
    candidates: tuple[AdaptedCandidate, ...]
    validator: str
    why: str


def _adapt_without_labels(
    job: TrainingRun, task: AdaptationProblem, options: AdaptOptions, methods: tuple[str, ...]
) -> _AdaptationResult:
    with job.stopwatch.phase("adapt"):
        result = run_unsupervised(task, methods)
        choice = choose_unsupervised(result, options.validator, seed=options.seed)
    return _AdaptationResult(result, candidates_of(result, choice), choice.validator, choice.why)


def _adapt_with_labels(
    job: TrainingRun, task: AdaptationProblem, learned: LabelledPhotos, options: AdaptOptions
) -> _AdaptationResult:
    """First without a look at the labels, where photos are enough for that; then these may overrule the choice."""
    methods = options.methods if len(task.target) >= FEWEST_PHOTOS else ()
    share = len(methods) / (len(methods) + len(LABELLED_METHODS))
    blind = _adapt_without_labels(job, replace(task, seconds=share * task.seconds), options, methods)
    labelled = LabelledTarget(domain_of(job, learned.stored, learned.rows, task.cut), learned.labels, learned.groups)
    with job.stopwatch.phase("learn from labels"):
        came = run_supervised(replace(task, seconds=job.seconds_left), labelled, blind.result)
        unlabelled_choice = next(each.method for each in blind.candidates if each.chosen)
        choice = choose_by_labels(came.held_out, labelled.labels, labelled.groups, unlabelled_choice=unlabelled_choice)
    too_few = f"the new domain has {count_of(len(task.target), 'photo')}, and it takes {FEWEST_PHOTOS}"
    left_out = tuple((name, too_few) for name in options.methods if name not in methods)
    result = blind.result.joined(came.learned, left_out)
    return _AdaptationResult(
        result, judge_candidates(blind.candidates, blind.result, came.learned, choice), "labels", choice.why
    )


def _overlap_notes(job: TrainingRun, *target: StoredPhotos) -> tuple[str, ...]:
    """Says so if photos that the figures are of are among those that were adapted to."""
    digests = {photo.digest for each in target for photo in each.photos.photos}
    twice = sum(job.digests[row] in digests for row in job.test)
    return (f"{count_of(twice, 'photo')} of the figures below are among those that were adapted to.",) if twice else ()


def load_source_run(bundle: Bundle, options: AdaptOptions, progress: Progress) -> TrainingRun:
    """The labelled photos, split as they were when the bundle was trained, and its backbone."""
    source = bundle.metrics.get("root", "") if options.source is None else options.source
    if not source or not Path(source).expanduser().exists():
        raise PhotosError(
            f"Adapting takes the labelled photos that {bundle.path} was trained on, and they are not at {source}: "
            "say where they are with --source."
        )
    try:
        found = find_photos(
            source,
            seed=bundle.config.seed,
            cache=options.cache,
            near_duplicates=bundle.config.near_duplicates,
            group_by=bundle.config.group_by or None,
            progress=progress,
        )
    except PhotosError as error:
        hint = f"To adapt {bundle.path}, say with --source where the photos are that it was trained on."
        raise PhotosError(f"{error} {hint}") from error
    if found.classes != bundle.classes:
        raise PhotosError(
            f"The photos in {source} have the classes {', '.join(found.classes)}, and {bundle.path} knows "
            f"{', '.join(bundle.classes)}: name the photos that it was trained on with --source."
        )
    job = prepare_training_run(
        lambda: found,
        TrainOptions(
            model=str(bundle.path.absolute()),
            seed=options.seed,
            class_weighting=bundle.config.class_weighting,
            time_budget=options.time_budget,
            augmentation=Augmentation(flip=bundle.config.flip),
            cache=options.cache,
            cache_size=options.cache_size,
        ),
        progress,
    )
    if options.source is None and bundle.metrics.get("learned_from") not in (None, job.learned_from):
        raise PhotosError(
            f"The photos in {source} are no longer those that {bundle.path} was trained on (some were added or "
            "removed, or a manifest lists them): name them with --source, or, if these will do, these."
        )
    if not len(job.test):
        raise PhotosError(f"None of the photos in {source} that the bundle is measured on can be read.")
    return job


def classifier_of(job: TrainingRun, bundle: Bundle) -> Classifier:
    """The bundle's net with its weights."""
    backbone = job.start.backbone.gathering(bundle.config.gathered)
    head = head_for(backbone, len(bundle.classes))
    tensors = read_weights(bundle.weights()).tensors
    head.load_state_dict({name: tensors[f"head.{name}"] for name in head.state_dict()})
    return Classifier(backbone, head).eval()


def build_problem(
    job: TrainingRun, bundle: Bundle, model: Classifier, target: StoredPhotos, options: AdaptOptions
) -> AdaptationProblem:
    """What was trained whole adapts whole; else the tail, on cached maps."""
    cut = None if bundle.config.strategy == "scratch" else default_cut(model.backbone)
    rows = np.arange(len(target.images))
    photos = len(job.train) + len(rows)
    needed = 0 if cut is None else feature_map_bytes(model.backbone, cut, job.preprocessing.image_size, photos)
    if needed > options.cache_size:
        raise UserError(
            f"The feature maps of {photos:,} photos take {needed / 1e9:.2f} GB, and the cache may "
            f"hold {options.cache_size / 1e9:.2f} GB: give it more (--cache-size)."
        )
    seen, held = held_out_fold(replace(job, seed=bundle.config.seed))  # training from scratch kept back the same
    return AdaptationProblem(
        model=model,
        temperature=bundle.temperature,
        cut=cut,
        source=domain_of(job, job.stored, job.train, cut),
        labels=job.labels[job.train],
        groups=job.groups[job.train],
        seen=seen,
        held=held,
        target=domain_of(job, target, rows, cut),
        preprocessing=job.preprocessing,
        augmentation=job.augmentation,
        seed=options.seed,
        seconds=job.seconds_left,
        progress=job.progress,
        class_weighting=bundle.config.class_weighting,
    )


def domain_of(job: TrainingRun, stored: StoredPhotos, rows: NDArray[np.int64], cut: str | None) -> Domain:
    """Those rows of ``stored`` as a task takes them: with their maps at ``cut``, where there is one."""
    pixels = stored.images.of(rows)
    if cut is None:
        return Domain(pixels, None)
    prefix = Prefix(job.start.backbone, job.start.digest, job.preprocessing, cut, job.cache)
    with job.stopwatch.phase("features"):
        view = prefix.view(0, job.augmentation)
        return Domain(pixels, view.compute(stored, rows, partial(job.progress, "features"))["map"])


def _predict_classes(
    job: TrainingRun, result: UnsupervisedRuns, labelled: LabelledPhotos
) -> dict[str, NDArray[np.int64]]:
    """What each candidate answers for labelled target photos."""
    of_photos = replace(job, stored=labelled.stored)
    return {name: logits_of(of_photos, each.model, labelled.rows).argmax(1) for name, each in result.adapted.items()}


def _judge_by_oracle(
    candidates: tuple[AdaptedCandidate, ...], answers: dict[str, NDArray[np.int64]], labels: NDArray[np.int64]
) -> tuple[tuple[AdaptedCandidate, ...], str]:
    """The candidates with their accuracies, and what these say about the choice."""
    correct = {name: each == labels for name, each in answers.items()}
    judged = tuple(replace(each, oracle=wilson(int(correct[each.method].sum()), len(labels))) for each in candidates)
    taken = next(each.method for each in candidates if each.chosen)
    best = max(correct, key=lambda name: int(correct[name].sum()))
    gap = 100 * (correct[best].mean() - correct[taken].mean())
    said = [
        f"the best of them is {best}, and the choice lies {gap:.1f} points below it" if gap else "no other is better"
    ]
    if taken != NONE:
        gain = 100 * (correct[taken].mean() - correct[NONE].mean())
        p = mcnemar(correct[taken], correct[NONE])
        verdict = (
            "too close to call" if p >= 0.05 else "adapting helped" if gain > 0 else "adapting hurt: keep the old one"
        )
        said.append(f"{gain:+.1f} points against the net as it was (p = {p:.2g}): {verdict}")
    return judged, f"On {len(labels):,} labelled target photos {'; '.join(said)}."


def _contents(
    job: TrainingRun, bundle: Bundle, result: UnsupervisedRuns, adaptation: Adaptation, notes: tuple[str, ...]
) -> BundleContents:
    """The chosen net as a bundle; its figures are of source photos, the only ones with labels that may count."""
    name = next(each.method for each in adaptation.candidates if each.chosen)
    taken: AdaptedModel = result.adapted[name]
    origin = f"{bundle.path.resolve().name}, {'not adapted' if name == NONE else 'adapted'} to {adaptation.target}"
    with job.stopwatch.phase("export"):
        graph = classifier_graph(taken.model, job.preprocessing)
    labels = job.labels[job.train]
    outcome = StrategyResult(
        strategy="not adapted" if name == NONE else f"adapted by {name}",
        model=taken.model,
        graph=graph,
        temperature=taken.temperature,
        fitted=accuracy_of(logits_of(job, taken.model, job.train), labels),
        candidates=(),
        curves=(),
        movements=(result.movements[name],) if name in result.movements else (),
        notes=(
            f"This net is {origin}: {adaptation.verdict}.",
            "These figures are of source photos; how often it is right on target photos, only their labels can say.",
            *(
                ()
                if name == NONE
                else ("It answers every photo: nothing says how often it is right on target photos.",)
            ),
            *notes,
        ),
        evidence=bundle.evidence() if name == NONE else None,  # see docs/decisions/0021
    )
    logits, evaluation = evaluate_graph(job, outcome)
    report = replace(training_report(job, outcome, evaluation, logits), adaptation=adaptation)
    return BundleContents(
        config=replace(
            bundle_config(job, outcome),
            strategy=bundle.config.strategy,
            seed=bundle.config.seed,
            near_duplicates=bundle.config.near_duplicates,
            group_by=bundle.config.group_by,
        ),
        model=taken.model,
        graph=graph,
        report=report,
        page=to_html(report, thumbnails(job, report)),
        golden=choose_golden_inputs(job, logits),
        evidence=outcome.evidence,
    )

"""``inarch adapt``: a bundle, adapted to photos of another domain, with or without target labels."""

from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from inarch.bundle.contents import (
    bundle_config,
    choose_golden_inputs,
    evaluate_graph,
    thumbnails,
    training_report,
)
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
from inarch.commands.adapt.options import AdaptOptions
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
from inarch.commands.train.report import to_html
from inarch.commands.train.run import prepare_training_run
from inarch.data.augmentation import Augmentation
from inarch.data.store import StoredPhotos
from inarch.errors import OutputError, PhotosError, UserError
from inarch.metrics.accuracy import accuracy_of
from inarch.metrics.comparison import mcnemar
from inarch.metrics.intervals import wilson
from inarch.models import Classifier, head_for
from inarch.progress import Progress, ignore_progress
from inarch.report.wording import count_of
from inarch.runtime.onnx_graph import classifier_graph
from inarch.storage.cache_size import in_use
from inarch.storage.files import check_outside
from inarch.storage.home import expand
from inarch.training.device import find_device
from inarch.transfer.cuts import default_cut, feature_map_bytes
from inarch.transfer.features import Prefix
from inarch.transfer.options import TrainOptions
from inarch.transfer.photos import find_photos
from inarch.transfer.pixels import logits_of_photos
from inarch.transfer.records.adaptation import Adaptation, AdaptedCandidate
from inarch.transfer.run import StrategyResult, TrainingRun, held_out_fold
from inarch.weights.files import read_weights


def adapt(
    bundle: str | Path,
    target: str | Path,
    out: str | Path,
    options: AdaptOptions | None = None,
    progress: Progress = ignore_progress,
) -> Bundle:
    """Adapt a bundle to photos of another domain, and write the result as a bundle.

    Args:
        bundle: the bundle to adapt; it is not changed.
        target: a folder of photos of the same classes, arranged in any way; the names of its folders are not read.
        out: the folder of the new bundle. If no method is better, it holds the unadapted model.
        options: how to adapt; the defaults if None.
        progress: called with a phase's name, the finished and the total number of steps.

    Raises:
        UserError: the bundle, the photos, the output folder or an option cannot be used; the message gives the reason.
        WorkError: the training failed.
    """
    options = options or AdaptOptions()
    find_device(options.device)
    read = read_bundle(bundle)
    if expand(out).resolve() == read.path.resolve():
        raise OutputError(f"{out} is the bundle to adapt, which must not be changed; choose another --out.")
    check_outside(expand(out), target, options.labelled)
    check_output(expand(out))
    with in_use(options.cache, options.cache_size):
        return write_bundle(expand(out), _adapt_bundle(read, target, options, progress))


def _adapt_bundle(bundle: Bundle, target: str | Path, options: AdaptOptions, progress: Progress) -> BundleContents:
    found = target_photos(target, bundle, labelled=options.labelled, oracle=options.oracle)
    run = load_source_run(bundle, options, progress)
    with run.stopwatch.phase("decode"):
        unlabelled = decode_photos(target, found.unlabelled, run)
        learned, tested = (
            None if each is None else decode_labelled_photos(each.root, each, run)
            for each in (found.learned, found.tested)
        )
    if learned is None:
        check_unlabelled(target, len(unlabelled.images))
    else:
        check_labelled(options.labelled or "", len(set(learned.groups)))
    task = build_problem(run, bundle, classifier_of(run, bundle), unlabelled, options)
    if learned is None:
        came = _adapt_without_labels(run, task, options, options.methods)
    else:
        came = _adapt_with_labels(run, task, learned, options)
    oracle_verdict = ""
    if tested is not None:
        came, oracle_verdict = _ask_oracle(run, came, tested)
    adaptation = Adaptation(
        bundle=str(bundle.path),
        target=found.unlabelled.root,
        photos=len(unlabelled.images),
        validator=came.validator,
        candidates=came.candidates,
        left_out=came.result.left_out,
        verdict=came.why,
        oracle_verdict=oracle_verdict,
        labelled=0 if learned is None else len(learned.labels),
    )
    seen = [unlabelled] if learned is None else [unlabelled, learned.stored]
    return _contents(run, bundle, came.result, adaptation, _overlap_notes(run, *seen))


@dataclass(frozen=True)
class _AdaptationResult:
    """The results of all candidates, and the selected one."""

    result: UnsupervisedRuns
    candidates: tuple[AdaptedCandidate, ...]
    validator: str
    why: str


def _adapt_without_labels(
    run: TrainingRun, task: AdaptationProblem, options: AdaptOptions, methods: tuple[str, ...]
) -> _AdaptationResult:
    with run.stopwatch.phase("adapt"):
        result = run_unsupervised(task, methods)
        choice = choose_unsupervised(result, options.validator, seed=options.seed)
    return _AdaptationResult(result, candidates_of(result, choice), choice.validator, choice.why)


def _adapt_with_labels(
    run: TrainingRun, task: AdaptationProblem, learned: LabelledPhotos, options: AdaptOptions
) -> _AdaptationResult:
    """Adapt without labels first, if there are enough photos; then the labels may overrule that selection."""
    methods = options.methods if len(task.target) >= FEWEST_PHOTOS else ()
    share = len(methods) / (len(methods) + len(LABELLED_METHODS))
    blind = _adapt_without_labels(run, replace(task, seconds=share * task.seconds), options, methods)
    labelled = LabelledTarget(domain_of(run, learned.stored, learned.rows, task.cut), learned.labels, learned.groups)
    with run.stopwatch.phase("train on labels"):
        came = run_supervised(replace(task, seconds=run.seconds_left), labelled, blind.result)
        unlabelled_choice = next(each.method for each in blind.candidates if each.chosen)
        choice = choose_by_labels(came.held_out, labelled.labels, labelled.groups, unlabelled_choice=unlabelled_choice)
    too_few = f"the target domain has {count_of(len(task.target), 'photo')}, and it takes {FEWEST_PHOTOS}"
    left_out = tuple((name, too_few) for name in options.methods if name not in methods)
    result = blind.result.joined(came.learned, left_out)
    return _AdaptationResult(
        result, judge_candidates(blind.candidates, blind.result, came.learned, choice), "labels", choice.why
    )


def _ask_oracle(run: TrainingRun, came: _AdaptationResult, tested: LabelledPhotos) -> tuple[_AdaptationResult, str]:
    """The candidates with their accuracies on target photos, which chose nothing, and what these say."""
    with run.stopwatch.phase("oracle"):
        answers = _predict_classes(run, came.result, tested)
        candidates, verdict = _judge_by_oracle(came.candidates, answers, tested.labels)
    return replace(came, candidates=candidates), verdict


def _overlap_notes(run: TrainingRun, *target: StoredPhotos) -> tuple[str, ...]:
    """A note if test photos are among the photos that the model was adapted to."""
    digests = {photo.digest for each in target for photo in each.photos.photos}
    twice = sum(run.digests[row] in digests for row in run.test)
    return (f"{count_of(twice, 'test photo')} are among the photos that the model was adapted to.",) if twice else ()


def load_source_run(bundle: Bundle, options: AdaptOptions, progress: Progress) -> TrainingRun:
    """The labelled source photos, with the splits of the bundle's training, and its backbone."""
    source = bundle.metrics.get("root", "") if options.source is None else options.source
    if not source or not expand(source).exists():
        raise PhotosError(
            f"Adaptation needs the labelled photos that {bundle.path} was trained on, and they are not at {source}: "
            "name their folder with --source."
        )
    trained = TrainOptions(
        model=str(bundle.path.absolute()),
        seed=bundle.config.seed,
        class_weighting=bundle.config.class_weighting,
        near_duplicates=bundle.config.near_duplicates,
        group_by=bundle.config.group_by or None,
        time_budget=options.time_budget,
        augmentation=Augmentation(flip=bundle.config.flip),
        cache=options.cache,
        cache_size=options.cache_size,
    )
    try:
        found = find_photos(source, trained, progress)
    except PhotosError as error:
        hint = f"To adapt {bundle.path}, name the photos that it was trained on with --source."
        raise PhotosError(f"{error} {hint}") from error
    if found.classes != bundle.classes:
        raise PhotosError(
            f"The photos in {source} have the classes {', '.join(found.classes)}, but {bundle.path} has "
            f"{', '.join(bundle.classes)}: name the photos that it was trained on with --source."
        )
    run = prepare_training_run(lambda: found, replace(trained, seed=options.seed), progress)
    if options.source is None and bundle.metrics.get("learned_from") not in (None, run.learned_from):
        raise PhotosError(
            f"The photos in {source} are no longer those that {bundle.path} was trained on (some were added or "
            "removed, or a manifest lists them): name the original ones with --source, or these to use them anyway."
        )
    if not len(run.test):
        raise PhotosError(f"None of the test photos in {source} can be read; name readable ones with --source.")
    return run


def classifier_of(run: TrainingRun, bundle: Bundle) -> Classifier:
    """The bundle's model with its weights."""
    backbone = run.start.backbone.gathering(bundle.config.gathered)
    head = head_for(backbone, len(bundle.classes))
    tensors = read_weights(bundle.weights()).tensors
    head.load_state_dict({name: tensors[f"head.{name}"] for name in head.state_dict()})
    return Classifier(backbone, head).eval()


def build_problem(
    run: TrainingRun, bundle: Bundle, model: Classifier, target: StoredPhotos, options: AdaptOptions
) -> AdaptationProblem:
    """The problem: a model that was trained from scratch adapts as a whole, others by their tail on cached maps."""
    cut = None if bundle.config.strategy == "scratch" else default_cut(model.backbone)
    rows = np.arange(len(target.images))
    photos = len(run.train) + len(rows)
    needed = 0 if cut is None else feature_map_bytes(model.backbone, cut, run.preprocessing.image_size, photos)
    if needed > options.cache_size:
        raise UserError(
            f"The feature maps of {photos:,} photos take {needed / 1e9:.2f} GB, and the cache may "
            f"hold {options.cache_size / 1e9:.2f} GB: enlarge it (--cache-size)."
        )
    trained = replace(run.options, seed=bundle.config.seed)  # the validation photos of training from scratch
    seen, held = held_out_fold(replace(run, options=trained))
    return AdaptationProblem(
        model=model,
        temperature=bundle.temperature,
        cut=cut,
        source=domain_of(run, run.stored, run.train, cut),
        labels=run.learned.labels,
        groups=run.learned.groups,
        seen=seen,
        held=held,
        target=domain_of(run, target, rows, cut),
        preprocessing=run.preprocessing,
        augmentation=run.options.augmentation,
        seed=options.seed,
        seconds=run.seconds_left,
        progress=run.progress,
        class_weighting=bundle.config.class_weighting,
        recipe=replace(options.recipe, config=replace(options.recipe.config, device=str(find_device(options.device)))),
    )


def domain_of(run: TrainingRun, stored: StoredPhotos, rows: NDArray[np.int64], cut: str | None) -> Domain:
    """Those rows of ``stored`` as a domain, with their feature maps at ``cut`` if there is one."""
    pixels = stored.images.of(rows)
    if cut is None:
        return Domain(pixels, None)
    prefix = Prefix(run.start.backbone, run.start.digest, run.preprocessing, cut, run.options.cache)
    with run.stopwatch.phase("features"):
        view = prefix.view(0, run.options.augmentation)
        return Domain(pixels, view.compute(stored, rows, partial(run.progress, "features"))["map"])


def _predict_classes(
    run: TrainingRun, result: UnsupervisedRuns, labelled: LabelledPhotos
) -> dict[str, NDArray[np.int64]]:
    """The predicted classes of each candidate for labelled target photos."""
    shown = replace(run, stored=labelled.stored)
    return {name: logits_of_photos(shown, each.model, labelled.rows).argmax(1) for name, each in result.adapted.items()}


def _judge_by_oracle(
    candidates: tuple[AdaptedCandidate, ...], answers: dict[str, NDArray[np.int64]], labels: NDArray[np.int64]
) -> tuple[tuple[AdaptedCandidate, ...], str]:
    """The candidates with their accuracies on labelled target photos, and a sentence on the selection."""
    correct = {name: each == labels for name, each in answers.items()}
    judged = tuple(replace(each, oracle=wilson(int(correct[each.method].sum()), len(labels))) for each in candidates)
    taken = next(each.method for each in candidates if each.chosen)
    best = max(correct, key=lambda name: int(correct[name].sum()))
    gap = 100 * (correct[best].mean() - correct[taken].mean())
    said = [
        f"the best candidate is {best}, {gap:.1f} points above the selected one"
        if gap
        else "no other candidate is better"
    ]
    if taken != NONE:
        gain = 100 * (correct[taken].mean() - correct[NONE].mean())
        p = mcnemar(correct[taken], correct[NONE])
        verdict = (
            "inconclusive" if p >= 0.05 else "adaptation helped" if gain > 0 else "adaptation hurt: keep the old bundle"
        )
        said.append(f"{gain:+.1f} points compared with no adaptation (p = {p:.2g}): {verdict}")
    return judged, f"On {len(labels):,} labelled target photos {'; '.join(said)}."


def _source_notes(origin: str, *, adapted: bool) -> tuple[str, ...]:
    """Notes on the photos of the figures, and on the answers of an adapted model."""
    about = "These figures are of source photos; only labelled target photos can give the target accuracy."
    every = "The model answers every photo: its accuracy on target photos is unknown."
    return (origin, about, every) if adapted else (origin, about)


def _contents(
    run: TrainingRun, bundle: Bundle, result: UnsupervisedRuns, adaptation: Adaptation, notes: tuple[str, ...]
) -> BundleContents:
    """The selected model as a bundle; its figures are of source photos, the only ones whose labels may be used."""
    name = next(each.method for each in adaptation.candidates if each.chosen)
    taken: AdaptedModel = result.adapted[name]
    origin = f"{bundle.path.resolve().name}, {'not adapted' if name == NONE else 'adapted'} to {adaptation.target}"
    with run.stopwatch.phase("export"):
        graph = classifier_graph(taken.model, run.preprocessing)
    outcome = StrategyResult(
        strategy="not adapted" if name == NONE else f"adapted by {name}",
        model=taken.model,
        graph=graph,
        temperature=taken.temperature,
        fitted=accuracy_of(logits_of_photos(run, taken.model, run.train), run.learned.labels),
        candidates=(),
        curves=(),
        movements=(result.movements[name],) if name in result.movements else (),
        notes=(*_source_notes(f"This model is {origin}: {adaptation.verdict}.", adapted=name != NONE), *notes),
        evidence=bundle.evidence() if name == NONE else None,  # see docs/decisions/0021
    )
    logits, evaluation = evaluate_graph(run, outcome)
    report = replace(training_report(run, outcome, evaluation, logits), adaptation=adaptation)
    return BundleContents(
        config=replace(
            bundle_config(run, outcome),
            strategy=bundle.config.strategy,
            seed=bundle.config.seed,
        ),
        model=taken.model,
        graph=graph,
        report=report,
        page=to_html(report, thumbnails(run, report)),
        golden=choose_golden_inputs(run, logits),
        evidence=outcome.evidence,
    )

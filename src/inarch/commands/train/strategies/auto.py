"""``auto``: validation accuracy selects the strategy, and a note gives the reason."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from inarch.commands.train.strategies.finetune import (
    Trial,
    candidate_of,
    finetune_result,
    fit_config_to_budget,
    held_out_fold,
    obstacle,
    probe_in_trial,
    trial,
)
from inarch.commands.train.strategies.probe import (
    ProbeRun,
    learning_curve_of,
    probe_on,
    probe_result,
)
from inarch.commands.train.strategies.probe import candidate_of as probe_candidate_of
from inarch.commands.train.strategies.scratch import (
    ScratchRun,
    prepare_scratch_run,
    scratch,
    train_with_holdout,
)
from inarch.commands.train.verdict import judge_improvement
from inarch.metrics.accuracy import is_correct
from inarch.transfer.records.report import Candidate
from inarch.transfer.run import StrategyResult, TrainingRun


def auto(run: TrainingRun) -> StrategyResult:
    """Fit a probe; try fine-tuning and training from scratch if they could be significantly better; take the best."""
    if not run.start.pretrained:
        return scratch(run, why="there are no pre-trained weights to transfer")
    transferred = _choose_transfer(run)
    if run.plan is None or not run.plan.is_planned("scratch"):
        return transferred.outcome()
    own = prepare_scratch_run(run, reserved=transferred.seconds)
    alone = train_with_holdout(own)
    better, why = _compare_with_scratch(run, alone, transferred)
    rival = alone.candidate(why, chosen=better)
    if better:
        mine = replace(alone.outcome(own, why), learning_curve=learning_curve_of(run, transferred.probed))
        others = tuple(replace(each, chosen=False) for each in transferred.candidates)
        return replace(
            mine, candidates=(*others, rival), notes=(*transferred.notes, f"Trained from scratch: {why}.", *mine.notes)
        )
    outcome = transferred.outcome()
    return replace(
        outcome, candidates=(*outcome.candidates, rival), notes=(*outcome.notes, f"Not trained from scratch: {why}.")
    )


@dataclass(frozen=True)
class TransferResult:
    """The better of probe and fine-tuning, with the validation figures of both."""

    probed: ProbeRun
    candidates: tuple[Candidate, ...]
    notes: tuple[str, ...]
    held_out: NDArray[np.int64]
    """The validation photos of ``logits``, as places in ``run.train``."""
    logits: NDArray[np.float64]
    outcome: Callable[[], StrategyResult]
    """Fits it to every training photo."""
    seconds: float = 0.0
    """The expected duration of that fit."""


def _choose_transfer(run: TrainingRun) -> TransferResult:
    """Fit a probe, and fine-tune if that could be significantly better."""
    if why_not := obstacle(run):
        return _keep_probe(run, probe_on(run), why_not)
    probed = probe_on(run, run.start.cut)
    wrong, held = _mistakes(run, probed)
    recipe = run.options.recipes.finetune
    if wrong < recipe.provable:
        return _keep_probe(
            run,
            probed,
            f"the probe makes {wrong} mistakes on {held} validation photos; below {recipe.provable}, no improvement by "
            "fine-tuning could be significant",
        )
    config = fit_config_to_budget(run, probed)
    if not recipe.is_fair_trial(config.epochs):
        return _keep_probe(run, probed, "the remaining time allows no fair trial of fine-tuning")
    tried = trial(run, probed, config)
    better, why = judge(run, tried)
    candidates = (
        probe_in_trial(run, probed, tried).decided(why, chosen=not better),
        candidate_of(run, probed, tried, config).decided(why, chosen=better),
    )
    if better:
        said = candidates, (f"Fine-tuned: {why}.",)
        return TransferResult(
            probed,
            *said,
            tried.held_out,
            tried.tuned,
            lambda: finetune_result(run, probed, tried, config, said),
            recipe.all_photos * tried.seconds,
        )
    said = candidates, (f"Not fine-tuned: {why}.",)
    return TransferResult(probed, *said, tried.held_out, tried.probed, lambda: probe_result(run, probed, *said))


def _keep_probe(run: TrainingRun, probed: ProbeRun, why: str) -> TransferResult:
    said = (probe_candidate_of(run, probed).decided(why, chosen=True),), (f"Not fine-tuned: {why}.",)
    return TransferResult(
        probed, *said, probed.probe.held_out_rows, probed.probe.held_out, lambda: probe_result(run, probed, *said)
    )


def judge(run: TrainingRun, tried: Trial) -> tuple[bool, str]:
    """Whether fine-tuning is significantly better on the validation photos, and the reason in words."""
    return judge_improvement(run, tried.held_out, ("fine-tuning", tried.tuned), ("the probe", tried.probed))


def _compare_with_scratch(run: TrainingRun, alone: ScratchRun, transferred: TransferResult) -> tuple[bool, str]:
    """The same for a model trained from scratch, on the validation photos that both have in common."""
    both, mine, theirs = np.intersect1d(alone.held_out, transferred.held_out, return_indices=True)
    (chosen,) = (each.strategy for each in transferred.candidates if each.chosen)
    name = "fine-tuning" if chosen == "finetune" else "the probe"
    return judge_improvement(
        run, both, ("the model trained from scratch", alone.logits[mine]), (name, transferred.logits[theirs])
    )


def _mistakes(run: TrainingRun, probed: ProbeRun) -> tuple[int, int]:
    """The probe's out-of-fold mistakes on the validation photos of a trial, and the number of those photos."""
    _, held = held_out_fold(run)
    counted = np.isin(probed.probe.held_out_rows, held)
    labels = run.learned.labels[probed.probe.held_out_rows[counted]]
    wrong = ~is_correct(run.weighting.answers(probed.probe.held_out[counted], labels), labels)
    return int(wrong.sum()), len(labels)

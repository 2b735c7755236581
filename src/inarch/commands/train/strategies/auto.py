"""``auto``: validation accuracy selects the strategy, and a note gives the reason."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
from numpy.typing import NDArray

from inarch.commands.train.strategies.finetune import (
    Trial,
    cut_of,
    finetune_result,
    forget_trials,
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
from inarch.commands.train.strategies.tuning import obstacle, tunings_of
from inarch.commands.train.verdict import judge_improvement
from inarch.metrics.accuracy import is_correct
from inarch.transfer.records.report import Candidate
from inarch.transfer.run import StrategyResult, TrainingRun, held_out_fold


def auto(run: TrainingRun) -> StrategyResult:
    """Fit a probe; try fine-tuning and training from scratch if they could be significantly better; take the best."""
    if not run.start.pretrained:
        return scratch(run, why="there are no pre-trained weights to transfer")
    transferred = _choose_transfer(run)
    outcome = _best_with_scratch(run, transferred)
    forget_trials(transferred.trials)
    return outcome


def _best_with_scratch(run: TrainingRun, transferred: "TransferResult") -> StrategyResult:
    """The transfer or, if that was planned and is better, a model trained from scratch."""
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
    trials: tuple[Trial, ...] = ()


def _choose_transfer(run: TrainingRun) -> TransferResult:
    """Fit a probe, and fine-tune if that could be significantly better: every layer or, without the time, the last."""
    if why_not := obstacle(run):
        return _keep_probe(run, probe_on(run), why_not)
    probed = probe_on(run, cut_of(run))
    wrong, held = _mistakes(run, probed)
    recipe = run.options.recipes.finetune
    if wrong < recipe.provable:
        return _keep_probe(
            run,
            probed,
            f"the probe makes {wrong} mistakes on {held} validation photos; below {recipe.provable}, no improvement by "
            "fine-tuning could be significant",
        )
    tried = _fair_trial(run, probed)
    if tried is None:
        return _keep_probe(run, probed, "the remaining time allows no fair trial of fine-tuning")
    return _better_of(run, probed, tried)


def _better_of(run: TrainingRun, probed: ProbeRun, tried: Trial) -> TransferResult:
    """The probe or, if the trial was better, fine-tuning."""
    better, why = judge(run, tried)
    said = (
        (
            probe_in_trial(run, probed, tried).decided(why, chosen=not better),
            tried.candidate().decided(why, chosen=better),
        ),
        (f"{'Fine-tuned' if better else 'Not fine-tuned'}, {tried.tuning.depth}: {why}.",),
    )
    if not better:
        fit = partial(probe_result, run, probed, *said)
        return TransferResult(probed, *said, tried.held_out, tried.probed, fit, trials=(tried,))
    fit, seconds = partial(finetune_result, tried, said), run.options.recipes.finetune.all_photos * tried.seconds
    return TransferResult(probed, *said, tried.held_out, tried.tuned, fit, seconds, (tried,))


def _fair_trial(run: TrainingRun, probed: ProbeRun) -> Trial | None:
    """A trial of the deepest fine-tuning that the remaining time allows enough epochs of; None if it allows none."""
    for tuning in reversed(tunings_of(run, probed)):
        config = tuning.affordable_config()
        if tuning.recipe.is_fair_trial(config.epochs):
            return trial(tuning, config)
    return None


def _keep_probe(run: TrainingRun, probed: ProbeRun, why: str) -> TransferResult:
    said = (probe_candidate_of(run, probed).decided(why, chosen=True),), (f"Not fine-tuned: {why}.",)
    return TransferResult(
        probed, *said, probed.probe.held_out_rows, probed.probe.held_out, lambda: probe_result(run, probed, *said)
    )


def judge(run: TrainingRun, tried: Trial) -> tuple[bool, str]:
    """Whether fine-tuning is better than the probe on the validation photos, and the reason in words.

    Both are calibrated on these photos, as the finished classifier will be: fine-tuning is surer of itself than the
    probe, also of its mistakes, and one number mends that. The last layers have to be significantly better. Every layer
    has not: where both are as good within the noise, the one with the lower log loss and no more mistakes is the better
    guess.
    """
    labels = run.learned.labels[tried.held_out]
    rivals = [
        (name, logits / run.weighting.temperature(logits, labels))
        for name, logits in (("fine-tuning", tried.tuned), ("the probe", tried.probed))
    ]
    return judge_improvement(run, tried.held_out, *rivals, accepts_equal=tried.tuning.accepts_equal)


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

"""``auto``: the strategy is chosen by what was measured on training photos that were held out, and it says why."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from inarch.commands.train.strategies.finetune import (
    PROVABLE,
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
from inarch.transfer.records.report import Candidate
from inarch.transfer.run import StrategyResult, TrainingRun
from inarch.transfer.tail import is_fair_trial

ALL_PHOTOS = 1.4
"""What fitting on every photo takes, in times of its trial on four fifths; some of the time is for a busier machine."""


def auto(job: TrainingRun) -> StrategyResult:
    """Probe first; try fine-tuning, and a net from scratch, where they could prove themselves; take what did."""
    if not job.start.pretrained:
        return scratch(job, why="no pre-trained weights were given, so there is nothing to transfer")
    grafted = _choose_transfer(job)
    if job.plan is None or not job.plan.is_planned("scratch"):
        return grafted.outcome()
    own = prepare_scratch_run(job, reserved=grafted.seconds)
    alone = train_with_holdout(own)
    better, why = _compare_with_scratch(job, alone, grafted)
    rival = alone.candidate(why, chosen=better)
    if better:
        mine = replace(alone.outcome(own, why), learning_curve=learning_curve_of(job, grafted.probed))
        others = tuple(replace(each, chosen=False) for each in grafted.candidates)
        return replace(mine, candidates=(*others, rival), notes=(*grafted.notes, f"From scratch: {why}.", *mine.notes))
    outcome = grafted.outcome()
    return replace(
        outcome, candidates=(*outcome.candidates, rival), notes=(*outcome.notes, f"Not from scratch: {why}.")
    )


@dataclass(frozen=True)
class TransferResult:
    """The better of probing and fine-tuning, and what both were found to be worth."""

    probed: ProbeRun
    candidates: tuple[Candidate, ...]
    notes: tuple[str, ...]
    held_out: NDArray[np.int64]
    """Training photos (places in ``job.train``) that ``logits`` are of, answered by a fit that had not seen them."""
    logits: NDArray[np.float64]
    outcome: Callable[[], StrategyResult]
    """Fits it on every training photo."""
    seconds: float = 0.0
    """What that should take."""


def _choose_transfer(job: TrainingRun) -> TransferResult:
    """Probe, and fine-tune where it could prove itself."""
    if why_not := obstacle(job):
        return _keep_probe(job, probe_on(job), why_not)
    probed = probe_on(job, job.start.cut)
    wrong, held = _mistakes(job, probed)
    if wrong < PROVABLE:
        return _keep_probe(
            job,
            probed,
            f"the probe is wrong on {wrong} of {held} held-out photos; with fewer than {PROVABLE} mistakes to mend, "
            "fine-tuning could not prove that it is better",
        )
    config = fit_config_to_budget(job, probed)
    if not is_fair_trial(config.epochs):
        return _keep_probe(job, probed, "the time left does not allow a fair trial of fine-tuning")
    tried = trial(job, probed, config)
    better, why = judge(job, tried)
    candidates = (
        probe_in_trial(job, probed, tried, chosen=not better, why=why),
        candidate_of(job, probed, tried, config, chosen=better, why=why),
    )
    if better:
        said = candidates, (f"Fine-tuned: {why}.",)
        return TransferResult(
            probed,
            *said,
            tried.held_out,
            tried.tuned,
            lambda: finetune_result(job, probed, tried, config, said),
            ALL_PHOTOS * tried.seconds,
        )
    said = candidates, (f"Not fine-tuned: {why}.",)
    return TransferResult(probed, *said, tried.held_out, tried.probed, lambda: probe_result(job, probed, *said))


def _keep_probe(job: TrainingRun, probed: ProbeRun, why: str) -> TransferResult:
    said = (probe_candidate_of(job, probed, chosen=True, why=why),), (f"Not fine-tuned: {why}.",)
    return TransferResult(
        probed, *said, probed.probe.held_out_rows, probed.probe.held_out, lambda: probe_result(job, probed, *said)
    )


def judge(job: TrainingRun, tried: Trial) -> tuple[bool, str]:
    """Whether fine-tuning is better beyond chance on the held-out photos, and the sentence that says so."""
    return judge_improvement(job, tried.held_out, ("fine-tuning", tried.tuned), ("the probe", tried.probed))


def _compare_with_scratch(job: TrainingRun, alone: ScratchRun, grafted: TransferResult) -> tuple[bool, str]:
    """The same for a net from scratch, on the photos that neither it nor the graft had seen."""
    both, mine, theirs = np.intersect1d(alone.held_out, grafted.held_out, return_indices=True)
    (chosen,) = (each.strategy for each in grafted.candidates if each.chosen)
    name = "fine-tuning" if chosen == "finetune" else "the probe"
    return judge_improvement(job, both, ("the net from scratch", alone.logits[mine]), (name, grafted.logits[theirs]))


def _mistakes(job: TrainingRun, probed: ProbeRun) -> tuple[int, int]:
    """The probe's mistakes on the photos that a trial would hold out, each judged by a fit that had not seen it."""
    _, held = held_out_fold(job)
    counted = np.isin(probed.probe.held_out_rows, held)
    labels = job.labels[job.train][probed.probe.held_out_rows[counted]]
    wrong = job.weighting.answers(probed.probe.held_out[counted], labels).argmax(1) != labels
    return int(wrong.sum()), len(labels)

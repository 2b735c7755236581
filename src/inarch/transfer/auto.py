"""``auto``: the strategy is chosen by what was measured on training photos that were held out, and it says why."""

import numpy as np

from inarch.metrics.comparison import mcnemar, paired_difference
from inarch.transfer.finetune import (
    Trial,
    candidate_of,
    finetune_outcome,
    fitting_the_budget,
    held_out_fold,
    obstacle,
    probe_in_trial,
    trial,
)
from inarch.transfer.job import Job, Outcome
from inarch.transfer.probe import Probed, probe_on, probe_outcome
from inarch.transfer.probe import candidate_of as probe_candidate_of
from inarch.transfer.scratch import scratch
from inarch.transfer.tail import FEWEST_EPOCHS, default_cut

PROVABLE = 6
"""Mistakes that a flawless rival must mend before McNemar's exact test falls below 0.05 (2 * 0.5**6 = 0.03)."""


def auto(job: Job) -> Outcome:
    """Probe first; try fine-tuning where it could prove itself; take it only if it did."""
    if not job.start.pretrained:
        return scratch(job, why="no pre-trained weights were given, so there is nothing to transfer")
    if why_not := obstacle(job):
        return _keep_probe(job, probe_on(job), why_not)
    probed = probe_on(job, default_cut(job.start.backbone))
    wrong, held = _mistakes(job, probed)
    if wrong < PROVABLE:
        return _keep_probe(
            job,
            probed,
            f"the probe is wrong on {wrong} of {held} held-out photos; with fewer than {PROVABLE} mistakes to mend, "
            "fine-tuning could not prove that it is better",
        )
    config = fitting_the_budget(job, probed)
    if config.epochs == FEWEST_EPOCHS:
        return _keep_probe(job, probed, "the time left does not allow a fair trial of fine-tuning")
    tried = trial(job, probed, config)
    better, why = judge(job, tried)
    candidates = (
        probe_in_trial(job, probed, tried, chosen=not better, why=why),
        candidate_of(job, probed, tried, config, chosen=better, why=why),
    )
    if better:
        return finetune_outcome(job, probed, tried, config, (candidates, (f"Fine-tuned: {why}.",)))
    return probe_outcome(job, probed, candidates, (f"Not fine-tuned: {why}.",))


def judge(job: Job, tried: Trial) -> tuple[bool, str]:
    """Whether fine-tuning is better beyond chance on the held-out photos, and the sentence that says so.

    Better means: no less accurate, and either its accuracy (McNemar's exact test, p < 0.05; where classes are balanced,
    two standard errors of the paired difference) or its log loss (paired, two standard errors) beats the probe's.
    Everything else is too close to call, and the cheaper strategy stays.
    """
    labels = job.labels[job.train][tried.held_out]
    tuned, probed = (job.balanced.answers(each, labels) for each in (tried.tuned, tried.probed))
    right_tuned, right_probed = tuned.argmax(1) == labels, probed.argmax(1) == labels
    gain = paired_difference(*(job.balanced.losses(each, labels) for each in (probed, tuned)))
    counting = job.balanced.judged[labels]
    more = paired_difference(counting * right_tuned, counting * right_probed)
    p = mcnemar(right_tuned, right_probed)
    is_proven = p < 0.05 if job.balance == "none" else abs(more.mean) > 2 * more.standard_error
    alike = "" if job.balance == "none" else f", {100 * more.mean:+.1f} points where every class counts alike"
    figures = (
        f"on {len(labels)} held-out photos fine-tuning is right on {right_tuned.sum()} and the probe on "
        f"{right_probed.sum()} (p = {p:.2g}{alike}); log loss lower by {gain.mean:.3f} ± {gain.standard_error:.3f}"
    )
    if more.mean >= 0 and (is_proven or gain.mean > 2 * gain.standard_error):
        return True, f"better: {figures}"
    if more.mean < 0 and is_proven:
        return False, f"worse: {figures}"
    return False, f"too close to call: {figures}"


def _mistakes(job: Job, probed: Probed) -> tuple[int, int]:
    """The probe's mistakes on the photos that a trial would hold out, each judged by a fit that had not seen it."""
    _, held = held_out_fold(job)
    counted = np.isin(probed.probe.held_out_rows, held)
    labels = job.labels[job.train][probed.probe.held_out_rows[counted]]
    wrong = job.balanced.answers(probed.probe.held_out[counted], labels).argmax(1) != labels
    return int(wrong.sum()), len(labels)


def _keep_probe(job: Job, probed: Probed, why: str) -> Outcome:
    candidate = probe_candidate_of(job, probed, chosen=True, why=why)
    return probe_outcome(job, probed, (candidate,), (f"Not fine-tuned: {why}.",))

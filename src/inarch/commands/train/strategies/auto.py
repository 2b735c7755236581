"""``auto``: the strategy is chosen by what was measured on training photos that were held out, and it says why."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from inarch.commands.train.strategies.finetune import (
    PROVABLE,
    Trial,
    candidate_of,
    finetune_outcome,
    fitting_the_budget,
    held_out_fold,
    obstacle,
    probe_in_trial,
    trial,
)
from inarch.commands.train.strategies.probe import (
    Probed,
    learning_curve_of,
    probe_on,
    probe_outcome,
)
from inarch.commands.train.strategies.probe import candidate_of as probe_candidate_of
from inarch.commands.train.strategies.scratch import (
    Trained,
    own_job,
    scratch,
    trained,
)
from inarch.commands.train.verdict import better_beyond_chance
from inarch.transfer.job import Job, Outcome
from inarch.transfer.records.report import Candidate
from inarch.transfer.tail import is_fair_trial

ALL_PHOTOS = 1.4
"""What fitting on every photo takes, in times of its trial on four fifths; some of the time is for a busier machine."""


def auto(job: Job) -> Outcome:
    """Probe first; try fine-tuning, and a net from scratch, where they could prove themselves; take what did."""
    if not job.start.pretrained:
        return scratch(job, why="no pre-trained weights were given, so there is nothing to transfer")
    grafted = _grafted(job)
    if job.plan is None or not job.plan.is_planned("scratch"):
        return grafted.outcome()
    own = own_job(job, reserved=grafted.seconds)
    alone = trained(own)
    better, why = _against_scratch(job, alone, grafted)
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
class Grafted:
    """The better of probing and fine-tuning, and what both were found to be worth."""

    probed: Probed
    candidates: tuple[Candidate, ...]
    notes: tuple[str, ...]
    held_out: NDArray[np.int64]
    """Training photos (places in ``job.train``) that ``logits`` are of, answered by a fit that had not seen them."""
    logits: NDArray[np.float64]
    outcome: Callable[[], Outcome]
    """Fits it on every training photo."""
    seconds: float = 0.0
    """What that should take."""


def _grafted(job: Job) -> Grafted:
    """Probe, and fine-tune where it could prove itself."""
    if why_not := obstacle(job):
        return _only_probed(job, probe_on(job), why_not)
    probed = probe_on(job, job.start.cut)
    wrong, held = _mistakes(job, probed)
    if wrong < PROVABLE:
        return _only_probed(
            job,
            probed,
            f"the probe is wrong on {wrong} of {held} held-out photos; with fewer than {PROVABLE} mistakes to mend, "
            "fine-tuning could not prove that it is better",
        )
    config = fitting_the_budget(job, probed)
    if not is_fair_trial(config.epochs):
        return _only_probed(job, probed, "the time left does not allow a fair trial of fine-tuning")
    tried = trial(job, probed, config)
    better, why = judge(job, tried)
    candidates = (
        probe_in_trial(job, probed, tried, chosen=not better, why=why),
        candidate_of(job, probed, tried, config, chosen=better, why=why),
    )
    if better:
        said = candidates, (f"Fine-tuned: {why}.",)
        return Grafted(
            probed,
            *said,
            tried.held_out,
            tried.tuned,
            lambda: finetune_outcome(job, probed, tried, config, said),
            ALL_PHOTOS * tried.seconds,
        )
    said = candidates, (f"Not fine-tuned: {why}.",)
    return Grafted(probed, *said, tried.held_out, tried.probed, lambda: probe_outcome(job, probed, *said))


def _only_probed(job: Job, probed: Probed, why: str) -> Grafted:
    said = (probe_candidate_of(job, probed, chosen=True, why=why),), (f"Not fine-tuned: {why}.",)
    return Grafted(
        probed, *said, probed.probe.held_out_rows, probed.probe.held_out, lambda: probe_outcome(job, probed, *said)
    )


def judge(job: Job, tried: Trial) -> tuple[bool, str]:
    """Whether fine-tuning is better beyond chance on the held-out photos, and the sentence that says so."""
    return better_beyond_chance(job, tried.held_out, ("fine-tuning", tried.tuned), ("the probe", tried.probed))


def _against_scratch(job: Job, alone: Trained, grafted: Grafted) -> tuple[bool, str]:
    """The same for a net from scratch, on the photos that neither it nor the graft had seen."""
    both, mine, theirs = np.intersect1d(alone.held_out, grafted.held_out, return_indices=True)
    (chosen,) = (each.strategy for each in grafted.candidates if each.chosen)
    name = "fine-tuning" if chosen == "finetune" else "the probe"
    return better_beyond_chance(job, both, ("the net from scratch", alone.logits[mine]), (name, grafted.logits[theirs]))


def _mistakes(job: Job, probed: Probed) -> tuple[int, int]:
    """The probe's mistakes on the photos that a trial would hold out, each judged by a fit that had not seen it."""
    _, held = held_out_fold(job)
    counted = np.isin(probed.probe.held_out_rows, held)
    labels = job.labels[job.train][probed.probe.held_out_rows[counted]]
    wrong = job.balanced.answers(probed.probe.held_out[counted], labels).argmax(1) != labels
    return int(wrong.sum()), len(labels)

"""``finetune``: fit the head by a probe, then train it together with the last layers of the backbone, or with all.

Each depth is measured on a validation fifth of the training photos (`inarch.commands.train.strategies.tuning`); the
better one is then fitted to all of them.
"""

import copy
import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from inarch import clock
from inarch.commands.train.evidence import HeldOutAnswers, evidence_of, logits_from
from inarch.commands.train.strategies.probe import (
    ProbeRun,
    fit_in_run,
    learning_curve_of,
    measure_candidate,
    probe_on,
)
from inarch.commands.train.strategies.tuning import Fit, Tuning, known_places, obstacle, tail_obstacle, tunings_of
from inarch.errors import UserError
from inarch.metrics.accuracy import accuracy_of
from inarch.metrics.records import Curve
from inarch.models import Classifier
from inarch.report.wording import count_of
from inarch.runtime.onnx_graph import classifier_graph
from inarch.training.budget import SHORTEST, affordable_epochs
from inarch.training.config import TrainingConfig
from inarch.training.device import device_notes
from inarch.training.loop import Epoch
from inarch.transfer.class_weighting import ClassWeighting
from inarch.transfer.proof import Snapshot, digests
from inarch.transfer.records.report import Candidate, ParameterChanges
from inarch.transfer.run import StrategyResult, TrainingRun, held_out_fold
from inarch.transfer.tail import EpochLimits


@dataclass(frozen=True)
class TrainedWeights:
    """The state of a model before and after its training."""

    begun: Mapping[str, Tensor]
    ended: Mapping[str, Tensor]
    snapshot: Snapshot
    """The digests of the model with which training began."""


@dataclass(frozen=True)
class Trial:
    """Fine-tuning and probing, both fitted to the same four fifths of the training photos."""

    tuning: Tuning
    config: TrainingConfig
    answered: HeldOutAnswers
    """The fine-tuned model's predictions on the validation photos, the last fifth."""
    probed: NDArray[np.float64]
    """Logits of the probe on the same photos."""
    history: tuple[Epoch, ...]
    seconds: float
    share: float = 1.0
    """How far the weights went from where the probe left them, of the way that training took them."""
    weights: "TrainedWeights | None" = None
    """The weights from which the fit to all photos goes on; None in tests of the decision."""

    @property
    def held_out(self) -> NDArray[np.int64]:
        """The validation photos, as places in ``run.train``."""
        return self.answered.places

    @property
    def tuned(self) -> NDArray[np.float64]:
        """Logits of the fine-tuned model on them."""
        return self.answered.logits

    def candidate(self) -> Candidate:
        """The validation figures of fine-tuning."""
        config, run = self.config, self.tuning.run
        settings = f"{self.tuning.depth}, {count_of(len(self.history), 'epoch')}, {config.optimiser} {config.lr:g}"
        if self.share < 1:
            settings += f", weights interpolated at {self.share:g}"
        held_out = (self.tuned, run.learned.at(self.held_out))
        return measure_candidate(run.weighting, "finetune", settings, held_out, self.seconds)


def finetune(run: TrainingRun) -> StrategyResult:
    """Probe, measure the depths of fine-tuning on a validation fifth, then go on with the best on every photo."""
    if why := obstacle(run):
        raise UserError(f"Fine-tuning is not possible here: {why}; choose --strategy probe.")
    probed = probe_on(run, cut_of(run))
    trials = [trial(each, each.affordable_config()) for each in tunings_of(run, probed)]
    best = min(trials, key=lambda tried: tried.candidate().log_loss)
    candidates = [probe_in_trial(run, probed, best).decided("for comparison", chosen=False)]
    for tried in trials:
        why = "requested" if len(trials) == 1 else "the lower log loss" if tried is best else "the higher log loss"
        candidates.append(tried.candidate().decided(why, chosen=tried is best))
    outcome = finetune_result(best, (tuple(candidates), ()))
    forget_trials(trials)
    return outcome


def forget_trials(trials: Sequence[Trial]) -> None:
    """Remove their checkpoints: whatever they were to decide is decided, and trained."""
    for each in trials:
        each.tuning.forget()


def trial(tuning: Tuning, config: TrainingConfig) -> Trial:
    """Fine-tune on four fifths of the training photos, fit a probe to the same, and compare both on the last fifth."""
    run, probed = tuning.run, tuning.probed
    began = clock.seconds()
    seconds = tuning.trial_share * run.options.recipes.finetune.share * run.seconds_left
    with run.stopwatch.phase("trial"):
        seen, held = held_out_fold(run)
        stages = dict.fromkeys((probed.stage, probed.last))
        fits = {stage: fit_in_run(run, probed.features(stage), seen) for stage in stages}
        model = tuning.classifier(fits[probed.last])
        snapshot = Snapshot("finetune", digests(model), tuning.frozen(model))
        begun = copy.deepcopy(model.state_dict())
        limits = EpochLimits(seconds, tuning.recipe.fewest_epochs, tuning.recipe.config.epochs)
        history = tuning.train(model, Fit(seen, config, "trial", limits))
        weights = TrainedWeights(begun, copy.deepcopy(model.state_dict()), snapshot)
        share, features = _choose_share(tuning, model, weights, held)
        known = known_places(run, seen)
        answers = HeldOutAnswers(
            held, logits_from(model.head, features), features, known, tuning.features(model, known)
        )
    return Trial(
        tuning,
        config,
        answers,
        fits[probed.stage].logits(probed.features(probed.stage)[0, held]),
        tuple(history),
        clock.seconds() - began,
        share,
        weights,
    )


def _choose_share(
    tuning: Tuning, model: Classifier, weights: TrainedWeights, held: NDArray[np.int64]
) -> tuple[float, NDArray[np.float64]]:
    """Leave the model between its weights before and after training, where validation photos are answered best.

    Returns:
        How far it is from the weights before, and its features of the validation photos there.

    Interpolated weights (WiSE-FT; Wortsman et al. 2022, arXiv 2109.01903) keep what the pre-trained features know and
    few photos do not teach. Compared are log losses after calibration, as that is what is shipped.
    """
    run, labels = tuning.run, tuning.run.learned.labels[held]
    features: dict[float, NDArray[np.float64]] = {}

    def loss(share: float) -> float:
        interpolate_weights(model, weights.begun, weights.ended, share)
        features[share] = tuning.features(model, held)
        logits = logits_from(model.head, features[share])
        return float(run.weighting.losses(calibrate(run, logits, labels), labels).mean())

    shares = tuning.recipe.shares
    best = min(shares, key=loss) if len(shares) > 1 else shares[0]
    interpolate_weights(model, weights.begun, weights.ended, best)
    return best, features[best] if features else tuning.features(model, held)


@torch.no_grad()
def interpolate_weights(
    model: nn.Module, begun: Mapping[str, Tensor], ended: Mapping[str, Tensor], share: float
) -> None:
    """Set the parameters and statistics of a model to that share of the way from ``begun`` to ``ended``."""
    for name, tensor in model.state_dict().items():
        here, there = begun[name], ended[name]
        is_between = there.is_floating_point() and share < 1 and not torch.equal(here, there)
        tensor.copy_(torch.lerp(here, there, share) if is_between else there)


def calibrate(run: TrainingRun, logits: NDArray[np.float64], labels: NDArray[np.int64]) -> NDArray[np.float64]:
    """Logits of validation photos, shifted and divided by the temperature that suits them best."""
    return run.weighting.answers(logits, labels) / run.weighting.temperature(logits, labels)


def finetune_result(tried: Trial, said: tuple[tuple[Candidate, ...], tuple[str, ...]]) -> StrategyResult:
    """Go on with every training photo where the trial ended, and prove that what was to be frozen is unchanged.

    Raises:
        FrozenTensorChangedError: a frozen tensor changed.
    """
    tuning, (candidates, notes) = tried.tuning, said
    run, probed, labels = tuning.run, tuning.probed, tuning.run.learned.labels
    with run.stopwatch.phase("fit"):
        model, more, movement = _go_on(tried)
        features = tuning.features(model, np.arange(len(run.train)))
    temperature = run.weighting.temperature(tried.tuned, labels[tried.held_out])
    shift_logits(model.head, run.weighting, temperature)
    with run.stopwatch.phase("export"):
        graph = classifier_graph(model, tuning.shown.preprocessing)
    return StrategyResult(
        strategy="finetune",
        model=model,
        graph=graph,
        temperature=temperature,
        fitted=accuracy_of(logits_from(model.head, features), labels),
        candidates=candidates,
        curves=training_curves(_in_a_row(tried.history, more)),
        movements=(probed.snapshot.movement(Classifier(run.start.backbone, model.head)), movement),
        notes=(*notes, *_time_notes(tried, more), tuning.note, *device_notes(tried.config)),
        evidence=evidence_of(run, tried.answered, temperature, features),
        learning_curve=learning_curve_of(run, probed),
        run=None if tuning.shown is run else tuning.shown,
    )


def _go_on(tried: Trial) -> tuple[Classifier, Sequence[Epoch], ParameterChanges]:
    """The model of a trial after more epochs with every training photo, if there is time; and the updated parameters.

    These epochs begin at a lower learning rate: the weights are where a whole schedule has brought them.
    """
    tuning, weights = tried.tuning, tried.weights
    if weights is None:
        raise ValueError("A trial without weights cannot go on.")
    run, recipe = tuning.run, tuning.recipe
    model = tuning.classifier(tuning.probed.fits[tuning.probed.last])
    model.load_state_dict(weights.ended)
    seconds = run.options.recipes.finetune.share * run.seconds_left
    wanted = max(1, round(recipe.continued * len(tried.history)))
    taken = (
        statistics.mean(each.seconds for each in tried.history)
        * len(run.train)
        / (len(run.train) - len(tried.held_out))
    )
    epochs = affordable_epochs(seconds, max(taken, SHORTEST), most=wanted, fewest=0)
    more: Sequence[Epoch] = ()
    if epochs:
        config = replace(tried.config, epochs=epochs, lr=recipe.continued_rate * tried.config.lr)
        everywhere = np.arange(len(run.train))
        more = tuning.train(model, Fit(everywhere, config, "final", EpochLimits(seconds)))
    interpolate_weights(model, weights.begun, copy.deepcopy(model.state_dict()), tried.share)
    return model.eval(), more, weights.snapshot.movement(model)


def _in_a_row(first: Sequence[Epoch], then: Sequence[Epoch]) -> list[Epoch]:
    """The epochs of two fits, numbered through."""
    return [replace(each, number=number) for number, each in enumerate((*first, *then), start=1)]


def _time_notes(tried: Trial, more: Sequence[Epoch]) -> list[str]:
    """How many epochs there were, and what time did not allow."""
    tuning, run = tried.tuning, tried.tuning.run
    wanted, done, budget = tuning.recipe.config.epochs, len(tried.history), f"{run.time_budget:.0f} s"
    notes = []
    if done < wanted:
        notes.append(f"Fine-tuning ran {done} instead of {wanted} epochs to keep within the time budget of {budget}.")
    if more:
        notes.append(
            f"After {count_of(done, 'epoch')} with four fifths of the training photos, fine-tuning went on for "
            f"{count_of(len(more), 'epoch')} with all of them."
        )
    else:
        notes.append(
            f"Fine-tuning saw four fifths of the training photos; the time budget of {budget} left none for the others."
        )
    return notes


def probe_in_trial(run: TrainingRun, probed: ProbeRun, tried: Trial) -> Candidate:
    """The validation figures of the probe on the same photos, fitted to the same training part."""
    held_out = (tried.probed, run.learned.at(tried.held_out))
    return measure_candidate(run.weighting, "probe", "same photos", held_out, probed.seconds)


def cut_of(run: TrainingRun) -> str | None:
    """Where feature maps are kept for training the layers behind it; None if they would not be used, or not fit."""
    return None if tail_obstacle(run.start, run.options, run.preprocessing, len(run.train)) else run.start.cut


@torch.no_grad()
def shift_logits(head: nn.Module, weighting: ClassWeighting, temperature: float) -> None:
    """Subtract the logit adjustment from the bias of the head's last linear layer, at that temperature."""
    *_, last = (each for each in head.modules() if isinstance(each, nn.Linear))
    last.bias.sub_(torch.from_numpy(weighting.shift), alpha=temperature)


def training_curves(history: Sequence[Epoch]) -> tuple[Curve, ...]:
    """Training loss and accuracy on augmented photos, and the magnitudes of gradients and activations, by epoch."""
    by_stage = {each.stage: None for epoch in history for each in epoch.stages}
    return (
        Curve("training loss", "epoch", "loss", tuple((float(epoch.number), epoch.loss) for epoch in history)),
        Curve(
            "training accuracy", "epoch", "accuracy", tuple((float(epoch.number), epoch.accuracy) for epoch in history)
        ),
        *(_magnitudes(history, stage, "gradient") for stage in by_stage),
        *(_magnitudes(history, stage, "activation") for stage in by_stage),
    )


def _magnitudes(history: Sequence[Epoch], stage: str, what: str) -> Curve:
    """The order of magnitude of a stage's gradients or activations, from the last batch of each epoch."""
    values = [
        (float(epoch.number), math.log10(size))
        for epoch in history
        for each in epoch.stages
        if each.stage == stage and (size := getattr(each, what)) > 0
    ]
    return Curve(stage, "epoch", f"log10 of the {what}s' root mean square", tuple(values))

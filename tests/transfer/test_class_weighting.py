"""Classes of different size: what each class weighting promises, on features and in every strategy."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import balanced_accuracy_score

from inarch.commands.train.strategies import finetune as finetune_module
from inarch.commands.train.strategies import scratch as scratch_module
from inarch.commands.train.strategies.finetune import finetune
from inarch.commands.train.strategies.probe import probe
from inarch.commands.train.strategies.scratch import scratch
from inarch.data.labels import PhotoLabels
from inarch.errors import UnknownNameError
from inarch.metrics.softmax import softmax
from inarch.metrics.temperature import fit_temperature
from inarch.transfer.class_weighting import class_weighting_of
from inarch.transfer.linear import Probe, fit_probe
from inarch.transfer.options import CLASS_WEIGHTINGS
from inarch.transfer.recipes import ProbeRecipe
from inarch.transfer.run import StartingPoint, StrategyResult, TrainingRun
from tolerance import assert_same_computation
from trained import ONE_EPOCH

Jobs = Callable[..., TrainingRun]
COUNTS = (180, 40, 20)


def blobs(counts: tuple[int, ...], seed: int = 0) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Features (n, 8) of classes that overlap, and their labels."""
    draw = np.random.default_rng(seed)
    labels = np.repeat(np.arange(len(counts)), counts)
    centres = np.random.default_rng(99).normal(size=(len(counts), 8))
    return (centres[labels] + 1.4 * draw.normal(size=(len(labels), 8))).astype(np.float32), labels


def fitted(features: NDArray[np.float32], labels: NDArray[np.int64], class_weighting: str) -> Probe:
    return fit_probe(
        features[None], PhotoLabels(labels, np.arange(len(labels)), 3), seed=0, class_weighting=class_weighting
    )


@pytest.mark.parametrize("kind", CLASS_WEIGHTINGS)
def test_equal_classes_are_left_as_they_are(kind: str) -> None:
    """No weight but 1, no shift: the same probe as without."""
    features, labels = blobs((50, 50, 50))
    class_weighting = class_weighting_of(kind, labels, 3)
    assert class_weighting.learned == pytest.approx(1)
    assert class_weighting.judged == pytest.approx(1)
    assert class_weighting.shift == pytest.approx(0, abs=1e-6)
    np.testing.assert_array_equal(fitted(features, labels, kind).weight, fitted(features, labels, "none").weight)


@pytest.mark.parametrize("kind", CLASS_WEIGHTINGS)
def test_a_photo_counts_1_on_average(kind: str) -> None:
    """So that a penalty and a rate mean what they mean without, and a class that is missing breaks nothing."""
    labels = np.repeat([0, 2], (30, 6))
    class_weighting = class_weighting_of(kind, labels, 3)
    assert class_weighting.learned[labels].mean() == pytest.approx(1)
    assert class_weighting.judged[labels].mean() == pytest.approx(1)
    assert np.isfinite([class_weighting.learned, class_weighting.judged, class_weighting.shift]).all()


def test_weights_are_those_of_scikit_learn() -> None:
    """The probe is scikit-learn's regression with ``class_weight="balanced"`` at the same penalty."""
    features, labels = blobs(COUNTS)
    probe = fitted(features, labels, "loss")
    plain = features.astype(np.float64)
    scaled = (plain - plain.mean(0)) / (plain - plain.mean(0)).std()
    oracle = LogisticRegression(
        C=1 / (probe.strength * len(labels)), tol=1e-8, max_iter=10_000, class_weight="balanced"
    ).fit(scaled, labels)
    assert softmax(probe.logits(features)) == pytest.approx(oracle.predict_proba(scaled), abs=0.01)


def test_logits_lose_the_logarithm_of_the_share() -> None:
    """With k equal classes that is log(1 / k), so what is taken is the logarithm of k times the share."""
    _, labels = blobs(COUNTS)
    class_weighting = class_weighting_of("logit-adjustment", labels, 3)
    expected = np.log(3 * np.array(COUNTS) / sum(COUNTS))
    assert_same_computation(class_weighting.shift, expected, terms=len(COUNTS))


@pytest.mark.parametrize("temperature", [0.5, 1.0, 3.0])
def test_the_prior_is_taken_from_calibrated_logits(temperature: float) -> None:
    """Two classes of unit variance, nine to one: whatever the logits' unit, the border moves to the middle."""
    draw = np.random.default_rng(0)
    labels = (np.arange(20_000) % 10 == 0).astype(np.int64)
    seen = draw.normal(size=20_000) + 2.0 * labels
    log_odds = 2.0 * seen - 2.0 + np.log(1 / 9)
    logits = temperature * np.stack([-log_odds / 2, log_odds / 2], axis=1)
    answers = class_weighting_of("logit-adjustment", labels, 2).answers(logits, labels).argmax(1)
    assert np.mean(answers == (seen > 1)) > 0.99


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["loss", "logit-adjustment"])
def test_rare_classes_are_found(kind: str) -> None:
    """On new photos of classes that overlap, balanced accuracy rises by points, over ten draws."""
    gains = []
    for seed in range(10):
        features, labels = blobs(COUNTS, seed)
        new, truth = blobs((200, 200, 200), seed + 100)
        accuracy = {}
        for each in ("none", kind):
            probe = fitted(features, labels, each)
            answers = class_weighting_of(each, labels, 3).answers(probe.logits(new), truth)
            accuracy[each] = balanced_accuracy_score(truth, answers.argmax(1))
        gains.append(accuracy[kind] - accuracy["none"])
    assert np.mean(gains) > 0.05
    assert min(gains) > 0


def test_the_temperature_counts_photos_as_they_count() -> None:
    """A photo that counts twice is as good as two."""
    draw = np.random.default_rng(0)
    logits, labels = draw.normal(0, 2, (300, 3)), np.arange(300) % 3
    twice = np.concatenate([np.arange(300), np.flatnonzero(labels == 2)])
    weighted = fit_temperature(logits, labels, np.where(labels == 2, 2.0, 1.0))
    assert weighted == pytest.approx(fit_temperature(logits[twice], labels[twice]), rel=0.02)


def test_an_unknown_class_weighting_is_refused() -> None:
    """With the nearest name."""
    with pytest.raises(UnknownNameError, match="Did you mean 'logit-adjustment'"):
        class_weighting_of("logits-adjustment", np.arange(3), 3)


SHORT = replace(ONE_EPOCH, probe=ProbeRecipe(strengths=(0.1,)))
"""One epoch, one penalty."""


@pytest.fixture
def no_export(monkeypatch: pytest.MonkeyPatch) -> None:
    """Exporting takes seconds and is tested elsewhere."""
    monkeypatch.setattr(scratch_module, "classifier_graph", lambda *_: b"")
    monkeypatch.setattr(finetune_module, "classifier_graph", lambda *_: b"")


def _bias(outcome: StrategyResult) -> torch.Tensor:
    return outcome.model.head.get_parameter("linear.bias").detach()


@pytest.mark.usefixtures("no_export")
@pytest.mark.parametrize(
    "learn", [probe, pytest.param(finetune, marks=pytest.mark.slow), scratch], ids=lambda each: each.__name__
)
def test_every_strategy_ships_shifted_logits(
    make_job: Jobs, start: StartingPoint, learn: Callable[[TrainingRun], StrategyResult]
) -> None:
    """The same net as without, but for the shift of its last bias: nothing else knows of it."""
    rows = np.array([row for row in range(72) if row % 3 != 2 or row % 2])
    job = partial(make_job, start, train=rows, recipes=SHORT)
    plain, shifted = learn(job()), learn(job(class_weighting="logit-adjustment"))
    taken = shifted.temperature * job(class_weighting="logit-adjustment").weighting.shift
    assert_same_computation(_bias(plain) - _bias(shifted), taken, terms=4)
    assert plain.temperature == shifted.temperature
    for name, tensor in plain.model.state_dict().items():
        if name != "head.linear.bias":
            assert torch.equal(tensor, shifted.model.state_dict()[name])


@pytest.mark.parametrize("kind", ["loss", "logit-adjustment"])
def test_candidates_are_judged_class_by_class(kind: str) -> None:
    """The mean of what photos count times their losses is the mean over classes of their mean losses."""
    draw = np.random.default_rng(0)
    labels, logits = np.repeat([0, 1], (90, 10)), draw.normal(size=(100, 2))
    each = class_weighting_of("none", labels, 2).losses(logits, labels)
    by_class = np.mean([each[labels == label].mean() for label in (0, 1)])
    found = class_weighting_of(kind, labels, 2).losses(logits, labels).mean()
    assert_same_computation(found, by_class, terms=len(labels))


@pytest.mark.usefixtures("no_export")
@pytest.mark.parametrize(
    "learn", [pytest.param(finetune, marks=pytest.mark.slow), scratch], ids=lambda each: each.__name__
)
def test_every_loss_is_weighted(
    make_job: Jobs, start: StartingPoint, learn: Callable[[TrainingRun], StrategyResult]
) -> None:
    """With other weights in the loss the net becomes another."""
    rows = np.array([row for row in range(72) if row % 3 != 2 or row % 2])
    job = partial(make_job, start, train=rows, recipes=SHORT)
    plain, weighted = learn(job()), learn(job(class_weighting="loss"))
    assert not torch.equal(plain.model.head[-1].weight, weighted.model.head[-1].weight)  # type: ignore[index]

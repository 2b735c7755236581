"""The effect of auxiliary classifiers on accuracy, early and late."""

from dataclasses import dataclass, replace
from functools import partial

from inarch.commands.study.claims.auxiliary_gradients import AuxiliaryArm
from inarch.commands.study.learning import accuracy, learn_epochs, split_bench
from inarch.commands.study.readings import ReadingName
from inarch.commands.study.records import Bound, Claim, Quantity, QuantityScale
from inarch.commands.study.study import (
    Bench,
    Readings,
    Study,
    require_bench,
)
from inarch.models import architecture, build
from inarch.training.config import TrainingConfig
from inarch.training.losses import auxiliary_cross_entropy


@dataclass(frozen=True, kw_only=True)
class AuxiliaryDesign:
    """The settings that all arms share."""

    side: int
    """The side of the images, in pixels."""
    early: int
    """The epoch after which the early accuracy is measured."""
    weight: float
    """The weight of each auxiliary classifier's loss."""
    training: TrainingConfig


DESIGN = AuxiliaryDesign(
    side=64,
    early=3,
    weight=0.3,
    training=TrainingConfig(
        epochs=15, batch_size=64, optimiser="adamw", lr=2e-3, weight_decay=0.01, label_smoothing=0.0, ema_decay=0.0
    ),
)


def measure(bench: Bench | None, arm: str, seed: int, training: TrainingConfig = DESIGN.training) -> Readings:
    """Train the arm's model; its auxiliary classifiers take no part in predictions."""
    data = split_bench(require_bench(bench), seed, DESIGN.side)
    chosen = AuxiliaryArm(arm)
    name = f"{chosen.model}_tiny"
    taps = architecture(name).auxiliary_taps if chosen.has_auxiliary else ()
    model = build(name, classes=data.classes, auxiliary=taps, seed=seed)
    early = 0.0
    loss = partial(auxiliary_cross_entropy, weight=DESIGN.weight)
    for epoch in learn_epochs(model, data.learned, replace(training, seed=seed), loss):
        if epoch.number == DESIGN.early:
            early = accuracy(model, data.held_out)
    return {ReadingName.HELD_OUT_EARLY: early, ReadingName.HELD_OUT: accuracy(model, data.held_out)}


STUDY = Study(
    Claim(
        name="auxiliary-accuracy",
        statement="Auxiliary classifiers increase the final accuracy of the paper's GoogLeNet, but not its early "
        "accuracy; with batch normalisation they make no difference.",
        source="Szegedy et al. 2015, arXiv 1409.4842, section 5; Szegedy et al. 2016, arXiv 1512.00567, section 4",
        reported="Szegedy et al. 2015: about half a point (in a later note: one classifier is enough). Szegedy et al. "
        "2016: no effect until training is nearly over, then slightly better.",
        design="GoogLeNet at an eighth of its width, as in the paper and with batch normalisation, on images of "
        f"{DESIGN.side} pixels, for {DESIGN.training.epochs} epochs of AdamW; the auxiliary losses have weight "
        f"{DESIGN.weight} each. Test accuracy after {DESIGN.early} epochs and in the end. The weights of the model are "
        "the same with and without auxiliary classifiers. A seed draws the split, the weights and the order of the "
        "photos.",
        limits="A narrow model on small photos; in the paper the classifiers should help 22 layers on a million "
        "photos.",
        quantities=(
            Quantity(
                words="with auxiliary classifiers less without, as in the paper, in the end",
                one=(AuxiliaryArm.PAPER_AUXILIARY, ReadingName.HELD_OUT),
                other=(AuxiliaryArm.PAPER, ReadingName.HELD_OUT),
                threshold=0.005,
                scale=QuantityScale.POINTS,
                grain=0.003,
            ),
            Quantity(
                words="with auxiliary classifiers less without, as in the paper, early",
                one=(AuxiliaryArm.PAPER_AUXILIARY, ReadingName.HELD_OUT_EARLY),
                other=(AuxiliaryArm.PAPER, ReadingName.HELD_OUT_EARLY),
                bound=Bound.AT_MOST,
                threshold=0.02,
                scale=QuantityScale.POINTS,
                grain=0.003,
            ),
            Quantity(
                words="with auxiliary classifiers less without, batch normalisation, in the end",
                one=(AuxiliaryArm.NORMALISED_AUXILIARY, ReadingName.HELD_OUT),
                other=(AuxiliaryArm.NORMALISED, ReadingName.HELD_OUT),
                bound=Bound.AT_MOST,
                threshold=0.01,
                scale=QuantityScale.POINTS,
                grain=0.003,
            ),
        ),
        arms=tuple(AuxiliaryArm),
        seeds=5,
        seconds=120.0,
        photos=True,
    ),
    measure,
)

"""The effect of auxiliary classifiers on accuracy, early and late."""

from dataclasses import replace
from functools import partial

from inarch.commands.study.learning import (
    HELD_OUT,
    accuracy,
    learn_epochs,
    split_bench,
)
from inarch.commands.study.records import (
    AT_MOST,
    POINTS,
    Claim,
    Quantity,
)
from inarch.commands.study.study import (
    Bench,
    Readings,
    Study,
    require_bench,
)
from inarch.models import architecture, build
from inarch.training.config import TrainingConfig
from inarch.training.losses import auxiliary_cross_entropy

PAPER, PAPER_AUXILIARY = "as in the paper", "as in the paper, auxiliary classifiers"
NORMALISED, NORMALISED_AUXILIARY = "batch normalisation", "batch normalisation, auxiliary classifiers"
NETS = {
    PAPER: ("googlenet_paper_tiny", False),
    PAPER_AUXILIARY: ("googlenet_paper_tiny", True),
    NORMALISED: ("googlenet_tiny", False),
    NORMALISED_AUXILIARY: ("googlenet_tiny", True),
}
SIDE, EARLY, WEIGHT = 64, 3, 0.3
EARLY_HELD_OUT = f"{HELD_OUT}, early"
TRAINING = TrainingConfig(
    epochs=15, batch_size=64, optimiser="adamw", lr=2e-3, weight_decay=0.01, label_smoothing=0.0, ema_decay=0.0
)


def measure(bench: Bench | None, arm: str, seed: int, training: TrainingConfig = TRAINING) -> Readings:
    """Train the arm's model; its auxiliary classifiers take no part in predictions."""
    data = split_bench(require_bench(bench), seed, SIDE)
    name, auxiliary = NETS[arm]
    taps = architecture(name).auxiliary_taps if auxiliary else ()
    model = build(name, classes=data.classes, auxiliary=taps, seed=seed)
    early = 0.0
    loss = partial(auxiliary_cross_entropy, weight=WEIGHT)
    for epoch in learn_epochs(model, data.learned, replace(training, seed=seed), loss):
        if epoch.number == EARLY:
            early = accuracy(model, data.held_out)
    return {EARLY_HELD_OUT: early, HELD_OUT: accuracy(model, data.held_out)}


STUDY = Study(
    Claim(
        name="auxiliary-accuracy",
        statement="Auxiliary classifiers increase the final accuracy of the paper's GoogLeNet, but not its early "
        "accuracy; with batch normalisation they make no difference.",
        source="Szegedy et al. 2015, arXiv 1409.4842, section 5; Szegedy et al. 2016, arXiv 1512.00567, section 4",
        reported="Szegedy et al. 2015: about half a point (in a later note: one classifier is enough). Szegedy et al. "
        "2016: no effect until training is nearly over, then slightly better.",
        design=f"GoogLeNet at an eighth of its width, as in the paper and with batch normalisation, on images of "
        f"{SIDE} pixels, for {TRAINING.epochs} epochs of AdamW; the auxiliary losses have weight {WEIGHT} each. Test "
        f"accuracy after {EARLY} epochs and in the end. The weights of the model are the same with and without "
        "auxiliary classifiers. A seed draws the split, the weights and the order of the photos.",
        limits="A narrow model on small photos; in the paper the classifiers should help 22 layers on a million "
        "photos.",
        quantities=(
            Quantity(
                words="with auxiliary classifiers less without, as in the paper, in the end",
                one=(PAPER_AUXILIARY, HELD_OUT),
                other=(PAPER, HELD_OUT),
                threshold=0.005,
                scale=POINTS,
                grain=0.003,
            ),
            Quantity(
                words="with auxiliary classifiers less without, as in the paper, early",
                one=(PAPER_AUXILIARY, EARLY_HELD_OUT),
                other=(PAPER, EARLY_HELD_OUT),
                bound=AT_MOST,
                threshold=0.02,
                scale=POINTS,
                grain=0.003,
            ),
            Quantity(
                words="with auxiliary classifiers less without, batch normalisation, in the end",
                one=(NORMALISED_AUXILIARY, HELD_OUT),
                other=(NORMALISED, HELD_OUT),
                bound=AT_MOST,
                threshold=0.01,
                scale=POINTS,
                grain=0.003,
            ),
        ),
        arms=tuple(NETS),
        seeds=5,
        seconds=120.0,
        photos=True,
    ),
    measure,
)

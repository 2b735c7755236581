"""The effect of 1x1 reductions on accuracy."""

from dataclasses import replace

from inarch.commands.study.learning import (
    HELD_OUT,
    accuracy,
    learn,
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
from inarch.models import build
from inarch.training.config import TrainingConfig

NET = "googlenet_small:width=0.25"
WITHOUT, PUBLISHED, QUARTER, SIXTEENTH = "without", "as published", "a quarter", "a sixteenth"
ARMS = {
    WITHOUT: f"{NET}:without_reduction",
    PUBLISHED: NET,
    QUARTER: f"{NET}:reduction=0.25",
    SIXTEENTH: f"{NET}:reduction=0.0625",
}
GAP = "training accuracy less test accuracy"
TRAINING = TrainingConfig(epochs=8, batch_size=64, lr=0.1, label_smoothing=0.0, ema_decay=0.0)


def measure(bench: Bench | None, arm: str, seed: int, training: TrainingConfig = TRAINING) -> Readings:
    """Train the model with reductions of the arm's width."""
    data = split_bench(require_bench(bench), seed)
    model = build(ARMS[arm], classes=data.classes, seed=seed)
    learn(model, data.learned, replace(training, seed=seed))
    held_out = accuracy(model, data.held_out)
    return {HELD_OUT: held_out, GAP: accuracy(model, data.learned) - held_out}


STUDY = Study(
    Claim(
        name="reduction-accuracy",
        statement="The published reductions cost no accuracy and do not widen the gap between training and test "
        "accuracy; reductions to a sixteenth of them cost accuracy.",
        source="Szegedy et al. 2015, arXiv 1409.4842, sections 3 and 4; Szegedy et al. 2016, arXiv 1512.00567, "
        "section 2 (no representational bottlenecks)",
        reported="An argument, that even low-dimensional embeddings hold much of what a patch says; no figure for "
        "models with and without.",
        design="A GoogLeNet for small images, a quarter as wide, without reductions, with those of the paper's table, "
        "and with a quarter and a sixteenth of their width. The output of every module has the same width in all, and "
        f"all train for {TRAINING.epochs} epochs. A seed draws the split, the weights and the order of the photos.",
        limits="Not matched in parameters or time: the model without reductions has more of both. Small photos, a "
        "narrow model: at full width a sixteenth would leave more channels.",
        quantities=(
            Quantity(
                words="published less without, test accuracy",
                one=(PUBLISHED, HELD_OUT),
                other=(WITHOUT, HELD_OUT),
                threshold=-0.02,
                scale=POINTS,
                grain=0.003,
            ),
            Quantity(
                words="gap with the published less gap without",
                one=(PUBLISHED, GAP),
                other=(WITHOUT, GAP),
                bound=AT_MOST,
                threshold=0.01,
                scale=POINTS,
                grain=0.003,
            ),
            Quantity(
                words="published less a sixteenth, test accuracy",
                one=(PUBLISHED, HELD_OUT),
                other=(SIXTEENTH, HELD_OUT),
                threshold=0.01,
                scale=POINTS,
                grain=0.003,
            ),
        ),
        arms=tuple(ARMS),
        seeds=3,
        seconds=150.0,
        photos=True,
    ),
    measure,
)

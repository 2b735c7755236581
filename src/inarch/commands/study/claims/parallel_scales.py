"""Parallel convolutions of several sizes, compared with one size alone."""

from dataclasses import replace
from functools import cache

from inarch.commands.study.learning import accuracy, learn, split_bench
from inarch.commands.study.readings import ReadingName
from inarch.commands.study.records import Bound, Claim, Quantity, QuantityScale
from inarch.commands.study.study import (
    Bench,
    Readings,
    Study,
    require_bench,
)
from inarch.models import build
from inarch.models.anatomy.trace import trace_architecture
from inarch.training.config import TrainingConfig

ALL, BRANCHES = "all branches", ("1x1", "3x3", "5x5")
TRAINING = TrainingConfig(epochs=6, batch_size=64, lr=0.1, label_smoothing=0.0, ema_decay=0.0)


def measure(bench: Bench | None, arm: str, seed: int, training: TrainingConfig = TRAINING) -> Readings:
    """Train the model with the arm's branches, at the same cost as with all branches."""
    data = split_bench(require_bench(bench), seed)
    name = match_macs(arm, data.side)
    model = build(name, classes=data.classes, seed=seed)
    learn(model, data.learned, replace(training, seed=seed))
    macs = trace_architecture(name, image_size=data.side).macs
    return {ReadingName.HELD_OUT: accuracy(model, data.held_out), ReadingName.MACS: float(macs)}


@cache
def match_macs(arm: str, side: int) -> str:
    """The model with one branch alone that has as many multiply-adds as with all, or slightly fewer."""
    share = 0.25  # of the published width
    whole = f"googlenet_small:width={share}"
    if arm == ALL:
        return whole
    most = trace_architecture(whole, image_size=side).macs
    low, high = 0.0, 4 * share
    for _ in range(7):  # halvings, to 1 % of the width
        width = (low + high) / 2
        fits = trace_architecture(_single_branch_name(arm, width), image_size=side).macs <= most
        low, high = (width, high) if fits else (low, width)
    return _single_branch_name(arm, low)


def _single_branch_name(branch: str, width: float) -> str:
    return f"googlenet_small:branch={branch}:width={width:g}"


STUDY = Study(
    Claim(
        name="parallel-scales",
        statement="Convolutions of several sizes in parallel are more accurate than any size alone at the same cost.",
        source="Szegedy et al. 2015, arXiv 1409.4842, section 4",
        reported="An argument, that features of several scales should be aggregated; no network of one size is "
        "compared.",
        design="A GoogLeNet for small images, a quarter as wide, and the same with one branch in every module, made as "
        f"wide as the same multiply-adds allow. All train for {TRAINING.epochs} epochs; test accuracy. A "
        "seed draws the split, the weights and the order of the photos.",
        limits="Matched by multiply-adds, not by parameters or time. Photos of 16 or 32 pixels hold few scales.",
        quantities=(
            *(
                Quantity(
                    words=f"all branches less {branch} alone",
                    one=(ALL, ReadingName.HELD_OUT),
                    other=(branch, ReadingName.HELD_OUT),
                    threshold=0.005,
                    scale=QuantityScale.POINTS,
                    grain=0.003,
                )
                for branch in BRANCHES
            ),
            *(
                Quantity(
                    words=f"MACs of {branch} alone against all",
                    one=(branch, ReadingName.MACS),
                    other=(ALL, ReadingName.MACS),
                    bound=Bound.AT_MOST,
                    threshold=1.0,
                    exact=True,
                )
                for branch in BRANCHES
            ),
        ),
        arms=(ALL, *BRANCHES),
        seeds=3,
        seconds=120.0,
        photos=True,
    ),
    measure,
)

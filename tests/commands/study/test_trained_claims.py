"""Claims that are measured by training: their arms run, and differ in what they say and in nothing else."""

import importlib
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from inarch.commands.study import transplants
from inarch.commands.study.claims import (
    auxiliary_accuracy,
    backpropagation,
    few_labels,
    grid_reduction,
    parallel_scales,
    reduction_compresses,
)
from inarch.commands.study.claims.backpropagation import SlopeReading
from inarch.commands.study.claims.parallel_scales import ALL, BRANCHES
from inarch.commands.study.learning import BATCH, BenchSplit, Examples
from inarch.commands.study.study import Bench
from inarch.commands.study.transplants import (
    DESIGN,
    TRANSPLANTS,
    TransplantedPrefix,
    reading,
)
from inarch.errors import PhotosError
from inarch.models import build
from inarch.models.anatomy.trace import trace, trace_architecture
from inarch.training.config import TrainingConfig
from tolerance import assert_same_computation, terms_of

SHORT = TrainingConfig(epochs=1, batch_size=8, lr=0.05, label_smoothing=0.0, ema_decay=0.0)
SHORT_DOMAINS = replace(few_labels.DESIGN, source=SHORT, tuned=SHORT, alone=SHORT)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "arm", "training"),
    [
        ("degradation", "plain20", (SHORT,)),
        ("optimiser", "AdamW", ()),
        ("reduction_accuracy", "a sixteenth", (SHORT,)),
        ("reduction_attributions", "as published", (SHORT,)),
        ("parallel_scales", "3x3", (SHORT,)),
        ("grid_reduction", grid_reduction.GridArm.BLOCK, (SHORT,)),
        ("auxiliary_accuracy", auxiliary_accuracy.AuxiliaryArm.PAPER_AUXILIARY, (SHORT,)),
        ("few_labels", few_labels.DomainArm.STATISTICS, (SHORT_DOMAINS,)),
        ("few_labels", few_labels.DomainArm.ADAPTED, (SHORT_DOMAINS,)),
    ],
    ids=lambda each: each if isinstance(each, str) else "",
)
def test_an_arm_is_read(name: str, arm: str, training: tuple[Any, ...], bench: Bench) -> None:
    """Every reading that the claim is judged by is there, a share or a count; the same seed reads the same."""
    claim = importlib.import_module(f"inarch.commands.study.claims.{name}")
    first, again = (claim.measure(bench, arm, 0, *training) for _ in range(2))
    assert first == again
    wanted = {reading for each in claim.STUDY.claim.quantities for place, reading in (each.one, each.other)}
    assert wanted <= set(first)
    assert all(-1 <= value <= 1 for reading, value in first.items() if reading != "MACs")


@pytest.mark.parametrize("arm", backpropagation.STUDY.claim.arms)
def test_slopes_agree(arm: str) -> None:
    """Along the gradient, in double precision; a gradient that is a thousandth off would be seen."""
    both = backpropagation.measure(None, arm, 7)
    slope, differenced = both[SlopeReading.BACKPROPAGATED], both[SlopeReading.DIFFERENCED]
    assert differenced == pytest.approx(slope, rel=1e-5)
    assert slope > 0.1


@pytest.mark.slow
@pytest.mark.parametrize("arm", BRANCHES)
def test_one_branch_costs_what_all_cost(arm: str) -> None:
    """Hardly less, and never more."""
    whole, alone = (trace_architecture(parallel_scales.match_macs(name, 16), image_size=16).macs for name in (ALL, arm))
    assert 0.85 * whole < alone <= whole


def test_multiply_adds_of_a_grid_reduction() -> None:
    """Counted by hand for 16 channels at 16 pixels and 32 at 8: 1x1 and 3x3 at the old grid, strided 3x3 at the new."""
    stem = 16 * 16 * 9 * 3 * 16
    first = 2 * 256 * 16 * 8 + 64 * 9 * 8 * 8 + 256 * 9 * 8 * 8 + 64 * 9 * 8 * 8
    second = 2 * 64 * 32 * 16 + 16 * 9 * 16 * 16 + 64 * 9 * 16 * 16 + 16 * 9 * 16 * 16
    net = grid_reduction.build_model(grid_reduction.GridArm.BLOCK, classes=10, seed=0)
    assert trace(net, name="net", image_size=16).macs == stem + first + second + 64 * 10


@pytest.mark.parametrize("arm", grid_reduction.ARMS)
def test_every_way_to_halve_the_grid_ends_alike(arm: str) -> None:
    """A quarter of the side, four times the channels."""
    net = grid_reduction.build_model(arm, classes=2, seed=0).eval()
    assert net.backbone(torch.zeros(1, 3, 16, 16)).shape == (1, 64, 4, 4)


def test_reductions_are_scaled_and_nothing_else() -> None:
    """Half of the reductions' channels, and the same widths of what comes out."""
    whole, half = (build(name, classes=2) for name in ("googlenet_small_tiny", "googlenet_small_tiny:reduction=0.5"))
    widths = [
        {name: each.out_channels for name, each in net.named_modules() if isinstance(each, nn.Conv2d)}
        for net in (whole, half)
    ]
    assert widths[0].keys() == widths[1].keys()
    for name, width in widths[0].items():
        wanted = max(1, round(width / 2)) if ".reduce." in name else width
        assert widths[1][name] == wanted, name


def test_transplants(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every cut is read in all three ways; three classes cannot be halved twice."""
    with pytest.raises(PhotosError, match="needs 4"):
        transplants.measure(bench, TRANSPLANTS, 0)
    labels = torch.arange(24) % 4
    images = torch.randn(24, 3, 16, 16, generator=torch.Generator().manual_seed(0))
    examples = Examples(images, labels)
    monkeypatch.setattr(transplants, "split_bench", lambda *_: BenchSplit(examples, examples, classes=4, side=16))
    read = transplants.measure(bench, TRANSPLANTS, 0, SHORT)
    uncut, *cut_ones = TransplantedPrefix
    assert set(read) == {uncut} | {reading(what, cut)[1] for what in cut_ones for cut in DESIGN.cuts}


def test_halves_are_numbered_anew() -> None:
    """Labels count from 0 in the order in which the classes were drawn, and other photos are left out."""
    examples = Examples(torch.arange(6.0).reshape(6, 1, 1, 1).expand(6, 3, 1, 1), torch.tensor([0, 1, 2, 3, 2, 0]))
    of = transplants._select_classes(examples, torch.tensor([2, 0]))
    assert of.labels.tolist() == [1, 0, 0, 1]
    assert of.images[:, 0, 0, 0].tolist() == [0, 2, 4, 5]


def test_the_target_is_of_other_photos(bench: Bench) -> None:
    """No photo of the source half is among those of the target's."""
    examples = Examples(torch.arange(20.0).reshape(20, 1, 1, 1).expand(20, 3, 1, 1), torch.arange(20) % 2)
    own, other = few_labels._halves(examples, torch.Generator().manual_seed(0))
    seen = [set(part.images[:, 0, 0, 0].tolist()) for part in (own, other)]
    assert not seen[0] & seen[1]
    assert len(seen[0] | seen[1]) == 20
    few = few_labels._take_first_photos(other, 2, of_class=4)
    assert set(few.images[:, 0, 0, 0].tolist()) <= seen[1]
    assert np.bincount(few.labels).max() <= 4


def test_taken_statistics_are_the_targets() -> None:
    """The mean over the batches of what the first normalisation sees."""
    net = build("cifar_resnet_tiny", classes=2, seed=0)
    images = 3 + torch.randn(64, 3, 16, 16, generator=torch.Generator().manual_seed(1))
    few_labels.adopt_statistics(net, images.split(BATCH))
    first = next(module for module in net.modules() if isinstance(module, nn.BatchNorm2d))
    convolution = next(module for module in net.modules() if isinstance(module, nn.Conv2d))
    wanted = convolution(images).mean((0, 2, 3))
    assert first.running_mean is not None
    assert_same_computation(first.running_mean, wanted, terms=images[:, 0].numel() + terms_of(convolution))


def test_around_a_reduction_are_its_input_and_its_output(bench: Bench) -> None:
    """By name, with the channels of the table; hooks are gone afterwards."""
    net = build("googlenet_small_tiny", classes=2).eval()
    examples = Examples(torch.randn(4, 3, 32, 32, generator=torch.Generator().manual_seed(0)), torch.zeros(4).long())
    around = reduction_compresses._sample_around_reductions(net.backbone, examples, 0)
    assert len(around) == 18
    for name, (before, after) in around.items():
        conv = net.backbone.get_submodule(f"{name}.conv")
        assert isinstance(conv, nn.Conv2d)
        assert before.pooled.shape == (4, conv.in_channels)
        assert after.places.shape == (4 * reduction_compresses.DESIGN.places, conv.out_channels)
    assert not any(module._forward_hooks for module in net.modules())

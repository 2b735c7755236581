"""What studies read is what it is called."""

import pytest
import torch
from torch import nn

from inarch.commands.study.catalog import STUDIES
from inarch.commands.study.claims import frozen_statistics, reduction_cost
from inarch.commands.study.claims.frozen_statistics import (
    MEANINGS,
    FrozenArm,
)
from inarch.commands.study.claims.reduction_cost import CostArm, CostReading
from inarch.commands.study.gradients import first_layer_gradient, stem_gradient
from inarch.commands.study.learning import (
    Examples,
    accuracy,
    learn,
    split_bench,
)
from inarch.commands.study.lesions import removable_blocks, removing_block
from inarch.commands.study.readings import ReadingName
from inarch.commands.study.study import Bench
from inarch.errors import WorkError
from inarch.models import build
from inarch.models.initialisation import open_residuals
from inarch.training.config import TrainingConfig
from lively import enlivened
from tolerance import assert_same_computation, terms_of


def test_googlenet_counts_what_its_table_says() -> None:
    """Exact parameters and 1.583 GMACs at 224 pixels, computed elsewhere from Table 1 of the paper."""
    counts = reduction_cost.measure(None, CostArm.WITH, 0)
    assert counts[CostReading.PARAMETERS] == 6_998_552
    assert counts[CostReading.MACS] == pytest.approx(1.583e9, rel=1e-3)


def test_the_first_layers_gradient_is_autograds() -> None:
    """By a loss written out here, on the same draws."""
    model = build("cifar_resnet_tiny", classes=10, seed=3)
    open_residuals(model)
    draws = torch.Generator().manual_seed(3)
    noise = torch.randn(8, 3, 32, 32, generator=draws)
    labels = torch.randint(0, 10, (8,), generator=draws)
    loss = nn.functional.cross_entropy(model.train()(noise), labels)
    first = next(module for module in model.modules() if isinstance(module, nn.Conv2d))
    (gradient,) = torch.autograd.grad(loss, [first.weight])
    terms = 3 * terms_of(model) + noise.numel()
    found = first_layer_gradient("cifar_resnet_tiny", 3)
    assert_same_computation(found, float(gradient.norm()), terms=terms, dtype=torch.float32)
    assert first_layer_gradient("cifar_resnet_tiny", 4) != first_layer_gradient("cifar_resnet_tiny", 3)


def test_auxiliary_heads_change_the_gradient_and_nothing_else() -> None:
    """The same net and noise: the same twice, another with heads."""
    bare, again = (stem_gradient("googlenet_tiny", 0, auxiliary=False, image_size=64) for _ in range(2))
    assert bare == again != stem_gradient("googlenet_tiny", 0, auxiliary=True, image_size=64)


def test_a_lesion_is_the_shortcut_and_heals() -> None:
    """Without its residual path a block hands on its shortcut; afterwards the net is what it was, bit for bit."""
    model = enlivened(build("resnet20", classes=4)).eval()
    images = torch.randn(2, 3, 16, 16, generator=torch.Generator().manual_seed(0))
    before = model(images)
    places = removable_blocks(model)
    assert [name for _, name in places] == [
        f"block{s}_{b}" for s in (1, 2, 3) for b in (1, 2, 3) if (s, b) not in ((2, 1), (3, 1))
    ]
    with removing_block(model, "stage2", "block2_2"):
        maps = model.backbone.tapped(images, ["block2_1", "block2_2"])
        assert torch.equal(maps["block2_1"], maps["block2_2"])
        assert not torch.equal(model(images), before)
    assert torch.equal(model(images), before)


def test_the_four_meanings_of_frozen(bench: Bench) -> None:
    """In evaluation mode without a gradient nothing drifts, nor where only the updates are off; else it does."""
    drifts = {arm: frozen_statistics.measure(bench, arm, 0)[ReadingName.DRIFT] for arm in MEANINGS}
    assert drifts[FrozenArm.BOTH] == drifts[FrozenArm.MOMENTUM] == 0.0
    assert drifts[FrozenArm.WEIGHTS] > 0.01
    assert drifts[FrozenArm.STATISTICS] > 0.0


def test_sides_share_no_photo_and_follow_the_seed(bench: Bench) -> None:
    """Each photo once; the same seed the same photos; a net learns what can be told apart."""
    one, again, other = (split_bench(bench, seed, 16) for seed in (0, 0, 1))
    assert len(one.learned.labels) + len(one.held_out.labels) == len(bench.photos.photos)
    assert torch.equal(one.learned.images, again.learned.images)
    assert one.learned.images.shape[1:] == (3, 16, 16)
    assert other.classes == len(bench.photos.classes)
    model = build("cifar_resnet_tiny", classes=one.classes, seed=0)
    learn(model, one.learned, TrainingConfig(epochs=4, batch_size=8, lr=0.05, ema_decay=0.0))
    assert accuracy(model, one.held_out) > 0.8


def test_a_run_that_diverges_is_a_result_not_an_error() -> None:
    """Some arms are there to fail; accuracy is then that of what is left."""
    model = nn.Sequential(nn.Flatten(), nn.Linear(12, 2))
    images = torch.full((8, 3, 2, 2), 1e30)
    examples = Examples(images, torch.tensor([0, 1] * 4))
    learn(model, examples, TrainingConfig(epochs=3, batch_size=4, lr=1e10, ema_decay=0.0))
    assert 0.0 <= accuracy(model, examples) <= 1.0


@pytest.mark.parametrize("name", [name for name, each in STUDIES.items() if each.claim.photos])
def test_claims_about_photos_need_some(name: str) -> None:
    """They say so before anything is measured."""
    with pytest.raises(WorkError, match="needs photos"):
        STUDIES[name].measure(None, STUDIES[name].claim.arms[0], 0)

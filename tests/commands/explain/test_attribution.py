"""Attribution against nets of which it is known what they look at."""

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from inarch.commands.explain.attribution import (
    METHODS,
    RECIPE,
    FaithfulnessVerdict,
    border_share,
    compute_attribution,
    confidence_after_deletions,
    control_deletion_confidences,
    deletion_confidences,
    integrated_gradients,
    measure_border_reliance,
    measure_faithfulness,
)
from inarch.models import (
    Backbone,
    Block,
    Classifier,
    build,
)
from lively import enlivened
from tolerance import assert_same_computation

SIDE = 32


class UpperLeft(nn.Module):
    """Sees nothing but a quarter of the photo."""

    def forward(self, images: Tensor) -> Tensor:
        """The red of that quarter, as a map."""
        seen = torch.zeros_like(images)
        seen[:, :, : SIDE // 2, : SIDE // 2] = images[:, :, : SIDE // 2, : SIDE // 2]
        return nn.functional.avg_pool2d(seen, 4).relu()


class TwoClasses(nn.Module):
    """The second class grows with the mean of the map, the first does not."""

    def forward(self, feature_map: Tensor) -> Tensor:
        mean = feature_map.mean((1, 2, 3))
        return torch.stack([torch.zeros_like(mean), 8 * mean], 1)


@pytest.fixture
def quarter() -> Classifier:
    return Classifier(Backbone({"stage1": [Block("block1", UpperLeft(), 3, 4)]}), TwoClasses()).eval()


@pytest.fixture
def photos() -> Tensor:
    """Noise, brighter where the net looks."""
    noise = torch.rand(6, 3, SIDE, SIDE, generator=torch.Generator().manual_seed(0))
    noise[:, :, : SIDE // 2, : SIDE // 2] += 1
    return noise


@pytest.mark.parametrize("method", METHODS)
def test_what_a_net_does_not_see_is_not_in_its_map(method: str, quarter: Classifier, photos: Tensor) -> None:
    """Every method puts all of the map into the quarter that the net reads."""
    seen = compute_attribution(method, quarter, photos[:1], 1)
    half = RECIPE.fields // 2
    assert seen.sum() == pytest.approx(1)
    assert seen[:half, :half].sum() > 0.9  # a map that is drawn larger than it is runs over a little


@pytest.mark.parametrize("method", METHODS)
def test_an_answer_that_nothing_speaks_for_has_no_preference(method: str, quarter: Classifier, photos: Tensor) -> None:
    """The first class's logit is constant."""
    assert compute_attribution(method, quarter, photos[:1], 0) == pytest.approx(1 / RECIPE.fields**2)


def test_integrated_gradients_are_complete() -> None:
    """They add up to the difference of the logits at the photo and at its beginning (Sundararajan et al., axiom)."""
    net = enlivened(build("resnet_basic_tiny", classes=3)).eval()
    image = 0.1 * torch.randn(1, 3, 64, 64, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        change = float(net(image)[0, 2] - net(torch.zeros_like(image))[0, 2])
    assert float(integrated_gradients(net, image, 2).sum()) == pytest.approx(change, rel=0.1, abs=0.02)


def test_maps_that_tell_cost_confidence(quarter: Classifier, photos: Tensor) -> None:
    """The map of what the net sees beats chance and the centre; one of what it does not see beats neither."""
    answers = [1] * len(photos)
    known = [compute_attribution("occlusion", quarter, image[None], 1) for image in photos]
    blind = [seen[::-1, ::-1].copy() for seen in known]
    orders = control_deletion_confidences(quarter, photos, answers, 0)
    one, other = (
        measure_faithfulness("map", maps, known, deletion_confidences(quarter, photos, answers, maps), orders)
        for maps in (known, blind)
    )
    assert one.verdict == FaithfulnessVerdict.TELLS
    assert one.over_random.low > 0
    assert one.alike.value == pytest.approx(1)
    assert other.verdict == FaithfulnessVerdict.CLOSE
    assert other.over_random.high < one.over_random.low


def test_confidence_is_the_mean_over_the_deletions(quarter: Classifier) -> None:
    """Of a photo that is all one colour nothing can be deleted."""
    flat = torch.full((1, 3, SIDE, SIDE), 0.25)
    whole = float(quarter(flat).softmax(1)[0, 1])
    found = confidence_after_deletions(quarter, flat, 1, np.arange(RECIPE.fields**2))
    assert_same_computation(found, whole, terms=flat.numel(), dtype=flat.dtype)


def test_a_mark_in_the_corner_of_one_class_is_found() -> None:
    """Planted: all of a class is judged by its corner, the other by its middle; a map without a preference is clean."""
    corner, middle, flat = np.zeros((3, RECIPE.fields, RECIPE.fields))
    corner[0, 0], middle[3:5, 3:5], flat[:] = 1.0, 0.25, 1 / RECIPE.fields**2
    assert border_share(corner) == 1.0
    assert border_share(middle) == 0.0
    assert border_share(flat) == pytest.approx(RECIPE.border_area)
    labels = ["marked"] * 10 + ["clean"] * 10 + ["few"]
    found = measure_border_reliance(
        labels, ("marked", "clean", "few", "absent"), [corner] * 10 + [middle] * 10 + [corner]
    )
    assert [(each.label, each.is_suspicious) for each in found] == [("marked", True), ("clean", False), ("few", False)]

"""What layers are for: every layer for one thing, and as often as the papers' tables say."""

from collections import Counter

import pytest

from inarch.models import ARCHITECTURES
from traces import traced

COUNTS = [
    ("googlenet_paper", "1x1 reduction", 18),  # Szegedy et al. 2015, Table 1: nine modules, two reductions each
    ("googlenet_paper", "pool projection", 9),
    ("googlenet_paper", "5x5", 9),
    ("googlenet_paper", "3x3", 9),
    ("googlenet", "5x5", 0),  # pytorch/vision#906
    ("googlenet_paper", "1x1 branch", 9),
    ("googlenet_paper", "grid reduction", 2),  # the pools before stages 4 and 5
    ("inception_v3", "5x5", 3),  # Szegedy et al. 2016: three modules with a 5x5
    ("inception_v3", "pool projection", 9),
    ("resnet50", "1x1 reduction", 16),  # He et al. 2016, Table 1: 16 bottlenecks
    ("resnet50", "1x1 expansion", 16),
    ("resnet50", "shortcut projection", 4),
    ("resnet50", "grid reduction", 3),
    (
        "efficientnet_lite0",
        "1x1 expansion",
        15,
    ),  # Tan and Le 2019, Table 1: 16 blocks, of which the first widens nothing
    ("efficientnet_lite0", "1x1 reduction", 16),
    ("efficientnet_lite0", "5x5", 7),  # 9, of which two have a stride
    ("resnet18", "1x1 reduction", 0),
    ("resnet18", "shortcut projection", 3),
    ("resnet34", "3x3", 29),  # 32 in blocks, of which three have a stride
]


@pytest.mark.parametrize(("name", "concept", "count"), COUNTS)
def test_concepts_are_as_frequent_as_in_the_papers(name: str, concept: str, count: int) -> None:
    """Convolutions and pools of one purpose, counted."""
    assert Counter(node.concept for node in traced(name).nodes)[concept] == count


@pytest.mark.parametrize("name", [name for name in ARCHITECTURES if name.endswith("_tiny")])
def test_every_layer_is_for_one_thing(name: str) -> None:
    """No layer is left out, joins join, and nothing that computes hides between the layers."""
    for node in (*traced(name).nodes, *traced(name).auxiliary):
        assert node.concept
        assert (node.concept == "join") == (node.kind in ("concatenation", "addition"))
        assert node.macs == 0 or node.concept not in ("join", "between layers", "pooling")
        assert (node.concept == "auxiliary classifier") <= (node.stage == "auxiliary")


def test_an_inverted_residual_expands_and_reduces() -> None:
    """MBConv6: six times as wide around the depthwise convolution."""
    for node in traced("efficientnet_lite0").nodes:
        if node.concept == "1x1 expansion":
            assert node.out_shape[0] == 6 * node.in_shape[0]
        if node.concept == "1x1 reduction":
            assert node.out_shape[0] < node.in_shape[0]


def test_a_reduction_reduces_and_an_expansion_expands() -> None:
    """In ResNet-50 every one, but for the first block, whose map has the bottleneck's width already."""
    for node in traced("resnet50").nodes:
        if node.concept == "1x1 expansion":
            assert node.out_shape[0] == 4 * node.in_shape[0]
        if node.concept == "1x1 reduction" and node.block != "block1_1":
            assert node.out_shape[0] in (node.in_shape[0] // 4, node.in_shape[0] // 2)

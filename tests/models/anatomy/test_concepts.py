"""What layers are for: every layer for one thing, and as often as the papers' tables say."""

from collections import Counter
from functools import cache

import pytest

from inarch.models import ARCHITECTURES
from inarch.models.anatomy.records import ModelTrace
from inarch.models.anatomy.trace import trace_architecture

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
    ("resnet18", "1x1 reduction", 0),
    ("resnet18", "shortcut projection", 3),
    ("resnet34", "3x3", 29),  # 32 in blocks, of which three have a stride
]


@cache
def traced(name: str) -> ModelTrace:
    """Records are frozen, so tests may share them."""
    return trace_architecture(name)


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
        assert (node.concept == "auxiliary head") <= (node.stage == "auxiliary")


def test_a_reduction_reduces_and_an_expansion_expands() -> None:
    """In ResNet-50 every one, but for the first block, whose map has the bottleneck's width already."""
    for node in traced("resnet50").nodes:
        if node.concept == "1x1 expansion":
            assert node.out_shape[0] == 4 * node.in_shape[0]
        if node.concept == "1x1 reduction" and node.block != "block1_1":
            assert node.out_shape[0] in (node.in_shape[0] // 4, node.in_shape[0] // 2)

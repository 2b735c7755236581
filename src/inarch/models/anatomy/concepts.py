"""The concept of each layer, derived from its position and its neighbours.

Every layer has one concept, so that shares add up:

- ``stem``, ``classifier``, ``auxiliary classifier``: the convolutions, pools and linear layers there.
- ``grid reduction``: convolutions and pools with a stride, in stages and off the shortcut.
- ``shortcut projection``: layers on a skip path.
- ``pool projection``: a 1x1 after a pool of the same branch.
- ``1x1 reduction``: a 1x1 before a larger convolution on the same path; ``1x1 expansion``: one that ends a residual
  path; around a depthwise convolution it is the other way round (an inverted residual); ``1x1 branch``: one that is a
  branch by itself.
- ``3x3``, ``5x5`` …: other convolutions by their kernel; ``1xn and nx1``: factorised ones.
- ``pooling`` without a stride; ``join``: concatenation and addition; ``between layers``: normalisation, activation and
  other element-wise operations.
"""

from collections.abc import Sequence
from dataclasses import replace
from itertools import groupby
from operator import attrgetter

from inarch.models.anatomy.layers import POOLS, is_depthwise, is_shortcut, settings_of
from inarch.models.anatomy.records import Node

ENDS = {"stem": "stem", "head": "classifier", "auxiliary": "auxiliary classifier"}


def add_concepts(nodes: Sequence[Node]) -> tuple[Node, ...]:
    """The same nodes, each with its concept."""
    blocks = [list(run) for _, run in groupby(nodes, attrgetter("stage", "block"))]
    return tuple(replace(node, concept=_concept(node, block)) for block in blocks for node in block)


def _concept(node: Node, block: Sequence[Node]) -> str:
    if node.kind in ("concatenation", "addition"):
        return "join"
    if node.kind not in ("convolution", "linear", *POOLS):
        return "between layers"
    if node.stage in ENDS:
        return ENDS[node.stage]
    if is_shortcut(node):
        return "shortcut projection"
    if settings_of(node).get("stride", "stride 1") != "stride 1":
        return "grid reduction"
    if node.kind in POOLS:
        return "pooling"
    kernel = settings_of(node)["kernel"]
    if kernel != "1x1":
        return kernel if len(set(kernel.split("x"))) == 1 else "1xn and nx1"
    return _pointwise_concept(node, block)


def _pointwise_concept(node: Node, block: Sequence[Node]) -> str:
    """Which of its four uses a 1x1 convolution has."""
    at = block.index(node)
    before = [each for each in block[:at] if each.branch == node.branch]
    if any(each.kind in POOLS for each in before):
        return "pool projection"
    behind = [each for each in block[at + 1 :] if f"{each.branch}/".startswith(f"{node.branch}/")]
    if larger := [each for each in behind if _is_larger(each)]:
        return "1x1 expansion" if is_depthwise(larger[0]) else "1x1 reduction"
    inside = [each for each in block[:at] if f"{each.branch}/".startswith(f"{node.branch}/")]
    if convolutions := [each for each in inside if each.kind == "convolution"]:
        return "1x1 reduction" if is_depthwise(convolutions[-1]) else "1x1 expansion"
    return "1x1 branch"


def _is_larger(node: Node) -> bool:
    return node.kind == "convolution" and settings_of(node)["kernel"] != "1x1"

"""Properties of a layer for comparing two models: its position in its block, and its own settings."""

from collections.abc import Mapping, Sequence
from math import prod

from inarch.models.anatomy.records import Node

NORMS = frozenset({"batch norm", "local response norm"})
ACTIVATIONS = frozenset({"relu", "relu6"})
FOLLOWERS = frozenset({*NORMS, *ACTIVATIONS, "zero padding", "mul"})
"""Kinds that belong to another layer, and are not listed one by one."""
POOLS = frozenset({"max pool", "average pool"})


def label_of(node: Node) -> str:
    """A layer's name within its path of the block: ``reduce``; empty where the block or the branch is the layer."""
    parts = node.path.split(".")
    inside = parts[4:] if parts[0] == "backbone" else parts[1:]
    begins = [at + 1 for at, part in enumerate(inside) if part in ("residual", "shortcut")]
    begins += [at + 2 for at, part in enumerate(inside) if part == "branches"]
    own = inside[max(begins, default=0) :]
    names_part = bool(own) and own[-1] in ("conv", "norm", "batch_norm", "relu")  # readers know a unit by its own name
    return ".".join(own[:-1] if names_part else own)


def place_of(node: Node) -> str:
    """Branch and label: ``5x5 conv``, ``residual reduce``."""
    return f"{node.branch} {label_of(node)}".strip()


def settings_of(node: Node) -> Mapping[str, str]:
    """The layer's own settings except its width: kernel, stride, groups, dilation, kind of pool."""
    if node.kind != "convolution" and node.kind not in POOLS:
        return {}
    kernel, *rest = node.detail.split(" ")
    side, _, stride = kernel.partition("/")
    words = dict(zip(rest[::2], rest[1::2], strict=True))
    return {
        "pool": node.kind,
        "kernel": side,
        "stride": f"stride {stride or 1}",
        "groups": f"{words['groups']} groups" if "groups" in words else "no groups",
        "dilation": f"dilation {words['dilation']}" if "dilation" in words else "no dilation",
    }


def bias_of(node: Node) -> int:
    """Parameters of a convolution's or linear layer's bias: its parameters without its weights."""
    if node.kind not in ("convolution", "linear"):
        return 0
    return node.parameters - node.macs // prod(node.out_shape[1:])


def is_depthwise(node: Node) -> bool:
    """Whether the layer is a depthwise convolution."""
    return node.kind == "convolution" and settings_of(node)["groups"] == f"{node.in_shape[0]} groups"


def shortcut_of(nodes: Sequence[Node]) -> str:
    """The kind of a block's skip path: ``identity``, ``projection`` …; ``none`` if nothing is added."""
    if all(node.kind != "addition" for node in nodes):
        return "none"
    kinds = [node.kind for node in nodes if is_shortcut(node)]
    if "convolution" in kinds:
        return "pooled projection" if POOLS.intersection(kinds) else "projection"
    return "padded with zeros" if kinds else "identity"


def is_shortcut(node: Node) -> bool:
    """Whether the layer is on the skip path."""
    return node.branch.split("/")[-1] == "shortcut"


def norm_position(nodes: Sequence[Node]) -> str:
    """Whether a block's normalisation comes ``before`` or ``after`` its convolutions; empty if one is missing."""
    kinds = [node.kind for node in nodes]
    if "batch norm" not in kinds or "convolution" not in kinds:
        return ""
    return "before" if kinds.index("batch norm") < kinds.index("convolution") else "after"


def kernels(nodes: Sequence[Node]) -> str:
    """The layers of a path that have a kernel, in order: ``1x1, 3x3, 1x1``."""
    return ", ".join(settings_of(node)["kernel"] for node in nodes if node.kind == "convolution") or "no convolution"

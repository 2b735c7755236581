"""Which architecture a state dict belongs to, by its names and shapes."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache

from torch import Size, Tensor

from inarch.nets import ARCHITECTURES, Backbone, architecture, build
from inarch.weights.torchvision_names import TRANSLATED, to_ours

OURS = ("backbone.", "head.", "auxiliary.")
COUNTER = "num_batches_tracked"
SIMILAR = 0.5
"""Share of the backbone's tensors that must agree before a name is offered."""

Shapes = Mapping[str, Size]


@dataclass(frozen=True)
class Translated:
    """A state dict under our names."""

    source: str
    tensors: Mapping[str, Tensor]
    """By our name; what has none stays under the file's."""
    foreign: Mapping[str, str]
    """The file's name of each, by ours."""
    folded: bool
    """Whether it has biases where the net has batch normalisation, and no batch normalisation."""


def translated(tensors: Mapping[str, Tensor], name: str) -> Translated:
    """``tensors`` under our names, as a state dict of architecture ``name``."""
    if any(each.startswith(OURS) for each in tensors):
        source, foreign = "inarch", {each: each for each in tensors}
    else:
        source = "torchvision" if name in TRANSLATED else "unknown"
        foreign = {(to_ours(each, name) or _own_head(each)): each for each in tensors}
    has_norms = any(".norm." in each for each in foreign)
    folded = not has_norms and not signature(name).biases.isdisjoint(foreign)
    return Translated(source, {ours: tensors[theirs] for ours, theirs in foreign.items()}, foreign, folded)


def _own_head(foreign: str) -> str:
    """Under ``head.`` where someone put layers of their own in place of torchvision's ``fc``."""
    return f"head.{foreign}" if foreign.startswith("fc.") else foreign


@dataclass(frozen=True)
class Signature:
    """The names and shapes of an architecture's backbone."""

    blocks: Mapping[str, Shapes]
    """Every block that has weights, in running order, by name."""
    folded_blocks: Mapping[str, Shapes]
    """The same with batch normalisation folded."""
    biases: frozenset[str]
    """The names that only the folded form has."""

    def of(self, *, folded: bool) -> Mapping[str, Shapes]:
        """The blocks of one form."""
        return self.folded_blocks if folded else self.blocks


@lru_cache
def signature(name: str) -> Signature:
    """The signature of architecture ``name``.

    Raises:
        UnknownNameError: no architecture has that name.
    """
    architecture(name)
    blocks = dict(_blocks(build(name, classes=1, device="meta").backbone))
    folded = {block: folded_shapes(shapes) for block, shapes in blocks.items()}
    biases = {name for block in blocks for name in folded[block] if name not in blocks[block]}
    return Signature(blocks, folded, frozenset(biases))


def _blocks(backbone: Backbone) -> Iterator[tuple[str, Shapes]]:
    for stage_name, stage in backbone.stages.items():
        for block_name, block in stage.named_children():
            prefix = f"backbone.stages.{stage_name}.{block_name}."
            shapes = {prefix + name: tensor.shape for name, tensor in block.state_dict().items()}
            if shapes:
                yield block_name, shapes


def folded_shapes(shapes: Shapes) -> Shapes:
    """What `inarch.nets.folded` would leave: in place of each ``norm`` a bias of its convolution."""
    kept = {name: shape for name, shape in shapes.items() if ".norm." not in name}
    biases = {name.replace(".norm.", ".conv."): shape for name, shape in shapes.items() if name.endswith(".norm.bias")}
    return kept | biases


def is_complete(shapes: Shapes, tensors: Mapping[str, Tensor]) -> bool:
    """Whether ``tensors`` has all of a block; batch counters are not needed."""
    return all(
        name in tensors and tensors[name].shape == shape for name, shape in shapes.items() if not name.endswith(COUNTER)
    )


def complete_prefix(blocks: Mapping[str, Shapes], tensors: Mapping[str, Tensor]) -> tuple[str, ...]:
    """The names of the blocks that are complete, up to the first that is not."""
    names: list[str] = []
    for name, shapes in blocks.items():
        if not is_complete(shapes, tensors):
            break
        names.append(name)
    return tuple(names)


def identify(tensors: Mapping[str, Tensor]) -> tuple[str, ...]:
    """The architectures whose backbone, or the beginning of it, these tensors are; the whole ones if there are any.

    Heads do not count. Names and shapes cannot tell ResNet v1.5 from v1: both are given, v1.5 first.
    """
    shares = {name: _share(name, tensors) for name in ARCHITECTURES}
    best = max(shares.values(), default=0.0)
    whole = best == 1.0
    return tuple(name for name, share in shares.items() if share and (share == 1.0 or not whole))


def _share(name: str, tensors: Mapping[str, Tensor]) -> float:
    """Share of the blocks that the tensors fill; 0 where a tensor is none of the net's, or a block follows a gap."""
    file = translated(tensors, name)
    blocks = signature(name).of(folded=file.folded)
    complete = complete_prefix(blocks, file.tensors)
    allowed = {each: shape for block in list(blocks)[: len(complete) + 1] for each, shape in blocks[block].items()}
    given = {each: tensor.shape for each, tensor in file.tensors.items() if each.startswith("backbone.")}
    strangers = len(file.tensors) - sum(each.startswith(OURS) for each in file.tensors)
    if strangers or any(allowed.get(each) != shape for each, shape in given.items()):
        return 0.0
    return len(complete) / len(blocks)


def nearest(tensors: Mapping[str, Tensor]) -> tuple[str, ...]:
    """The architectures that these tensors are most like, where any is similar at all."""
    fitting = identify(tensors)
    if fitting:
        return fitting
    overlaps = {name: _overlap(name, tensors) for name in ARCHITECTURES}
    best = max(overlaps.values())
    return tuple(name for name, overlap in overlaps.items() if overlap == best and best > SIMILAR)


def _overlap(name: str, tensors: Mapping[str, Tensor]) -> float:
    """Tensors that agree in name and shape, as a share of all that either side has."""
    file = translated(tensors, name)
    shapes = signature(name).of(folded=file.folded).values()
    wanted = {(each, tuple(shape)) for block in shapes for each, shape in block.items() if not each.endswith(COUNTER)}
    given = {
        (each, tuple(tensor.shape))
        for each, tensor in file.tensors.items()
        if not each.endswith(COUNTER) and not each.startswith(("head.", "auxiliary."))
    }
    return len(wanted & given) / len(wanted | given)

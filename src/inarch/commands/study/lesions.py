"""A trained model with one of its blocks removed."""

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise

from torch import nn

from inarch.models import Classifier


def removable_blocks(model: Classifier) -> tuple[tuple[str, str], ...]:
    """Stage and name of every block whose output has the shape of its input, so that it can be removed."""
    blocks = [(stage, name) for stage, row in model.backbone.stages.items() for name, _ in row.named_children()]
    taps = model.backbone.taps
    return tuple(
        (stage, name)
        for (_, before), (stage, name) in pairwise(blocks)
        if (taps[before].channels, taps[before].stride) == (taps[name].channels, taps[name].stride)
    )


@contextmanager
def removing_block(model: Classifier, stage: str, name: str) -> Iterator[None]:
    """Inside the ``with``, the block is the identity; a residual block is reduced to its shortcut."""
    row = model.backbone.stages[stage]
    block = row.get_submodule(name)
    row.set_submodule(name, nn.Identity())
    try:
        yield
    finally:
        row.set_submodule(name, block)

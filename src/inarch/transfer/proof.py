"""What training moved: every weight and every statistic of a net, compared bit by bit before and after."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from inarch.errors import FrozenTensorChangedError
from inarch.transfer.records.report import ParameterChanges


def digests(net: nn.Module, prefix: str = "") -> dict[str, str]:
    """The digest of every parameter and every buffer, saved with the net or not, by its name behind ``prefix``."""
    tensors = [*net.named_parameters(remove_duplicate=False), *net.named_buffers(remove_duplicate=False)]
    return {f"{prefix}{name}": _digest(tensor) for name, tensor in tensors}


@dataclass(frozen=True)
class Snapshot:
    """A net before a phase of training."""

    phase: str
    before: Mapping[str, str]
    """The digests of its tensors by name; what is not among them is new."""
    frozen: frozenset[str]
    """The names of those that must not move."""

    def movement(self, net: nn.Module) -> ParameterChanges:
        """What has moved in ``net`` since.

        Raises:
            FrozenMovedError: something that was frozen.
        """
        after = digests(net)
        moved = tuple(name for name in after if after[name] != self.before.get(name))
        wrong = sorted(self.frozen.intersection(moved) | (self.frozen - after.keys()))
        if wrong:
            raise FrozenTensorChangedError(
                f"In {self.phase}, {wrong[0]} changed although it was frozen ({len(wrong)} in all). This is a mistake "
                "in inarch or in code that reaches into its nets: please report it; nothing was written."
            )
        return ParameterChanges(self.phase, moved, kept=len(after) - len(moved))


def _digest(tensor: Tensor) -> str:
    content = tensor.detach().contiguous().view(-1).view(torch.uint8).numpy()
    return hashlib.sha256(content.data).hexdigest()

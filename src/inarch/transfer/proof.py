"""Proof of freezing: every parameter and buffer of a model is compared before and after training, bit by bit."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from inarch.errors import FrozenTensorChangedError
from inarch.transfer.records.report import ParameterChanges


def digests(model: nn.Module, prefix: str = "") -> dict[str, str]:
    """The digest of every parameter and every buffer, persistent or not, by its name with ``prefix``."""
    tensors = [*model.named_parameters(remove_duplicate=False), *model.named_buffers(remove_duplicate=False)]
    return {f"{prefix}{name}": _digest(tensor) for name, tensor in tensors}


@dataclass(frozen=True)
class Snapshot:
    """The digests of a model before a phase of training."""

    phase: str
    before: Mapping[str, str]
    """The digests of its tensors by name; other tensors are new."""
    frozen: frozenset[str]
    """The names of the tensors that must not change."""

    def movement(self, model: nn.Module) -> ParameterChanges:
        """The tensors of ``model`` that changed since.

        Raises:
            FrozenTensorChangedError: a frozen tensor changed.
        """
        after = digests(model)
        moved = tuple(name for name in after if after[name] != self.before.get(name))
        wrong = sorted(self.frozen.intersection(moved) | (self.frozen - after.keys()))
        if wrong:
            raise FrozenTensorChangedError(
                f"In {self.phase}, {wrong[0]} changed although it was frozen ({len(wrong)} in all). This is a mistake "
                "in inarch or in code that changes its models: please report it; nothing was written."
            )
        return ParameterChanges(self.phase, moved, kept=len(after) - len(moved))


def _digest(tensor: Tensor) -> str:
    content = tensor.detach().contiguous().view(-1).view(torch.uint8).numpy()
    return hashlib.sha256(content.data).hexdigest()

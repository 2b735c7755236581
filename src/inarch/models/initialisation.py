"""Where every weight starts: drawn from the generator that the caller hands over, nothing left to chance."""

import torch
from torch import Tensor, nn

from inarch.errors import WorkError
from inarch.models.blocks import ResidualBlock


@torch.no_grad()
def initialise(model: nn.Module, generator: torch.Generator) -> None:
    """Set every parameter and buffer of ``model``.

    Convolutions are drawn as He et al. 2015 (arXiv 1502.01852, eq. 10: normal, variance 2 / fan-in), which also
    keeps the models without batch normalisation alive; linear layers are normal with standard deviation 0.01;
    batch normalisation starts as the identity, but as zero where it ends a residual path, so that every
    residual block starts as its shortcut (Goyal et al. 2017, arXiv 1706.02677, section 5.1).

    Raises:
        WorkError: a parameter belongs to a kind of layer that has no rule here.
    """
    done: set[int] = set()
    for module in model.modules():
        done.update(id(tensor) for tensor in _initialise_layer(module, generator))
    left = [name for name, tensor in model.state_dict(keep_vars=True).items() if id(tensor) not in done]
    if left:
        raise WorkError(f"No rule initialises {', '.join(left)}.")
    for block in model.modules():
        if isinstance(block, ResidualBlock):
            norms = [each for each in block.residual.modules() if isinstance(each, nn.BatchNorm2d)]
            if norms:
                norms[-1].weight.zero_()


@torch.no_grad()
def open_residuals(model: nn.Module) -> None:
    """Let residual paths that end in a normalisation of zero scale start with scale one, as in He et al. 2016.

    A block that starts as its shortcut shows nothing of its residual path: neither what it sees nor its gradients.
    """
    for block in model.modules():
        if isinstance(block, ResidualBlock):
            for norm in block.residual.modules():
                if isinstance(norm, nn.BatchNorm2d) and not norm.weight.any():
                    norm.weight.fill_(1.0)


def _initialise_layer(module: nn.Module, generator: torch.Generator) -> list[Tensor]:
    """Initialise the tensors that ``module`` itself owns; returns them."""
    if isinstance(module, nn.Conv2d):
        fan_in = module.weight[0].numel()
        module.weight.normal_(0.0, (2.0 / fan_in) ** 0.5, generator=generator)
    elif isinstance(module, nn.Linear):
        module.weight.normal_(0.0, 0.01, generator=generator)
    elif isinstance(module, nn.BatchNorm2d):
        module.weight.fill_(1.0)
        module.reset_running_stats()
    else:
        return []
    if module.bias is not None:
        module.bias.zero_()
    return [*module.parameters(recurse=False), *module.buffers(recurse=False)]

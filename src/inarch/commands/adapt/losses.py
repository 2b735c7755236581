"""The terms that adaptation adds to the loss on labelled source photos; one function for each method."""

import math

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn


def class_confusion(logits: Float[Tensor, "m classes"], temperature: float = 2.5) -> Float[Tensor, ""]:
    """Minimum class confusion: how much target predictions spread over two classes; confident photos count more.

    Jin et al. 2020, arXiv 1912.03699, section 3: it needs no source photo, no domain critic and no label. The
    temperature is that of section 4.1.
    """
    probabilities = (logits / temperature).softmax(1)
    entropy = -(probabilities * probabilities.clamp_min(1e-8).log()).sum(1)
    sureness = 1 + torch.exp(-entropy.detach())
    weights = sureness * len(logits) / sureness.sum()
    together = (probabilities * weights[:, None]).T @ probabilities
    confusion = together / together.sum(1, keepdim=True)
    return (confusion.sum() - confusion.trace()) / logits.shape[1]


def domain_confusion(
    critic: nn.Module, source: Float[Tensor, "n d"], target: Float[Tensor, "m d"], reversal: float
) -> Float[Tensor, ""]:
    """The cross-entropy of ``critic``, which classifies features by domain; the features get the reversed gradient.

    The critic learns to distinguish the domains, and the feature extractor learns to prevent it (Ganin et al. 2016,
    arXiv 1505.07818, section 4).

    Args:
        critic: features (n, d) to one logit each: high for the target.
        source: features of source photos.
        target: features of target photos.
        reversal: the gradient that leaves here is multiplied by minus this.
    """
    together = critic(reverse_gradient(torch.cat([source, target]), reversal)).squeeze(1)
    from_source, from_target = together.tensor_split([len(source)])
    wrong = F.softplus(from_source).mean() + F.softplus(-from_target).mean()
    return wrong / 2


class _GradientReversal(torch.autograd.Function):
    @staticmethod
    def forward(ctx: torch.autograd.function.FunctionCtx, features: Tensor, factor: float) -> Tensor:
        ctx.factor = factor  # type: ignore[attr-defined]
        return features.view_as(features)

    @staticmethod
    def backward(ctx: torch.autograd.function.FunctionCtx, *gradients: Tensor) -> tuple[Tensor, None]:
        return -ctx.factor * gradients[0], None  # type: ignore[attr-defined]


def reverse_gradient(features: Tensor, factor: float) -> Tensor:
    """The identity; the gradient through it is multiplied by ``-factor``."""
    return _GradientReversal.apply(features, factor)


def reversal_factor(progress: float) -> float:
    """The factor of the reversal, rising from 0 to 1 with the progress of training (the paper's section 5.2.2)."""
    return math.tanh(5 * progress)

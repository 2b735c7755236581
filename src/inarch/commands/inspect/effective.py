"""The effective receptive field: the pixels that influence a value.

A value of a deep feature map has a large receptive field, but most of its pixels have little influence: the gradient
of a map's central value by the image is bell-shaped (Luo, Li, Urtasun and Zemel 2016, arXiv 1701.04128).
"""

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor

from inarch.commands.inspect.records import EffectiveField
from inarch.models import Classifier, evaluating
from inarch.models.anatomy.records import ModelTrace


def effective_fields(
    model: Classifier, trace: ModelTrace, *, taps: Sequence[str] = (), images: int = 4, seed: int = 0
) -> tuple[EffectiveField, ...]:
    """The effective receptive field of the central value of every stage's feature map.

    Measured on images of noise with the present weights; ``model`` is not changed. For each image, the gradient of the
    central values' sum over channels, each with a random sign, is computed; squares are averaged over images and
    colours (without signs, channels would cancel or add up by their common mean).

    Args:
        model: on the CPU.
        trace: its record; gives the image size and the theoretical fields.
        taps: stages or blocks; every stage if None.
        images: the number of images.
        seed: of the noise and the signs.

    Raises:
        UnknownNameError: no stage or block has that name.
    """
    draws = torch.Generator().manual_seed(seed)
    noise = torch.randn(images, 3, trace.image_size, trace.image_size, generator=draws)
    names = [*taps] or [info.name for info in model.backbone.info]
    with evaluating(model):
        return tuple(_field(model, trace, tap, noise.clone().requires_grad_(True), draws) for tap in names)


def _field(model: Classifier, trace: ModelTrace, tap: str, images: Tensor, draws: torch.Generator) -> EffectiveField:
    counted = 0.0455  # of the largest gradient: a pixel above it counts (Luo et al., section 4: 1 - 95.45 %)
    feature_map = model.backbone.tapped(images, [tap])[tap]
    centre = feature_map[:, :, feature_map.shape[2] // 2, feature_map.shape[3] // 2]
    signs = torch.randint(0, 2, centre.shape, generator=draws).to(centre.dtype) * 2 - 1
    (gradient,) = torch.autograd.grad((centre * signs).sum(), images)
    seen = gradient.square().mean((0, 1)).sqrt()
    last = [node for node in trace.nodes if tap in (node.stage, node.block)][-1]
    return EffectiveField(
        tap=tap,
        channels=int(centre.shape[1]),
        images=len(images),
        theoretical=last.receptive_field,
        effective=float((seen > counted * seen.max()).sum()) ** 0.5,
        deviation=deviation(seen),
        profile=_profile(seen),
    )


def deviation(seen: Float[Tensor, "h w"]) -> float:
    """Standard deviation of a bell of weights around its centre, along one axis (the mean of both), in pixels."""
    total = seen.double() / seen.double().sum()
    spreads = []
    for axis in (0, 1):
        along = total.sum(1 - axis)
        at = torch.arange(len(along), dtype=torch.float64)
        mean = (along * at).sum()
        spreads.append(float((along * (at - mean).square()).sum()) ** 0.5)
    return sum(spreads) / len(spreads)


def _profile(seen: Float[Tensor, "h w"], most: int = 64) -> tuple[float, ...]:
    rows = seen.mean(0) / seen.mean(0).max()
    few = torch.nn.functional.adaptive_avg_pool1d(rows[None, None], min(most, len(rows)))
    return tuple(round(float(each), 4) for each in few.flatten())

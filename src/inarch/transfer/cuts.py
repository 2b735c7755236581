"""The cut of a backbone for fine-tuning: the prefix up to it is frozen, and its feature maps are computed once."""

import math

from torch import nn

from inarch.errors import UnknownNameError
from inarch.models import Backbone

NOTHING_FROZEN = "none"
"""In place of a cut: every layer is trained."""


def default_cut(backbone: Backbone) -> str | None:
    """The default cut: before the first layer with weights of the last stage.

    A pool that opens the last stage has no weights, so it stays with the prefix, and the cached feature maps are small.
    None if only one stage has weights: there would be no frozen prefix. If stages are gathered, the tail begins after
    the first of them.
    """
    if backbone.gathered:
        return next(iter(backbone.gathered))
    names = list(backbone.stages)
    learned = [name for name in names if _has_weights(backbone.stages[name])]
    if len(learned) < 2:
        return None
    cut = names[names.index(learned[-1]) - 1]
    for name, block in backbone.stages[learned[-1]].named_children():
        if _has_weights(block):
            break
        cut = name
    return cut


def later_cuts(backbone: Backbone) -> tuple[str, ...]:
    """Cuts in the last stage that leave fewer and fewer layers to train; none if stages are gathered."""
    usual = default_cut(backbone)
    if usual is None or backbone.gathered:
        return ()
    cuts = _cuts(backbone)
    return tuple(cuts[cuts.index(usual) + 1 :])


def check_cut(backbone: Backbone, cut: str) -> None:
    """Refuse a cut without trainable layers after it.

    Raises:
        UnknownNameError: no stage or block that weights follow has that name.
        UserError: the tail would lack a stage that the backbone gathers.
    """
    cuts = _cuts(backbone)
    if cut not in cuts:
        raise UnknownNameError("stage or block before weights", cut, cuts)
    backbone.split(cut)


def feature_map_bytes(backbone: Backbone, cut: str, image_size: int, photos: int) -> int:
    """Bytes of the cached feature maps of that many photos at ``cut``, in 16 bits."""
    tap = backbone.taps[cut]
    return 2 * photos * tap.channels * math.ceil(image_size / tap.stride) ** 2


def _cuts(backbone: Backbone) -> list[str]:
    """Every stage and block that weights follow, in running order, whether stages are gathered or not."""
    whole = backbone.gathering(())
    return [name for name in backbone.taps if _has_weights(whole.split(name)[1])]


def _has_weights(module: nn.Module) -> bool:
    return next(module.parameters(), None) is not None

"""The ResNets for images of 32 pixels, and their plain counterparts. He et al. 2016, arXiv 1512.03385, section 4.2.

A 3x3 stem, then three stages of n basic blocks with 16, 32 and 64 channels: 6n + 2 layers. Shortcuts have no
parameters (option A), so a model and its plain counterpart have exactly the same ones, under the same names: nothing in
a checkpoint says which of the two it is of.
"""

from functools import partial

from inarch.errors import UserError
from inarch.models.resnet import resnet
from inarch.models.resnet_parts import (
    BASIC,
    SMALL_STEM,
    ResNetParts,
    no_shortcut,
    padded_shortcut,
)

cifar_resnet = partial(resnet, parts=ResNetParts(BASIC, SMALL_STEM), width=16, shortcut=padded_shortcut)
cifar_plain = partial(cifar_resnet, shortcut=no_shortcut)


def cifar_depths(layers: int, *, per_block: int = 2) -> tuple[int, int, int]:
    """Blocks in each of the three stages of a model with so many layers.

    Args:
        layers: the stem, the linear layer, and ``per_block`` for every block.
        per_block: 2 of a basic block, 3 of a bottleneck.

    Raises:
        UserError: no three equal stages have so many layers.
    """
    blocks, left = divmod(layers - 2, 3 * per_block)
    if left or blocks < 1:
        raise UserError(f"Three equal stages have {3 * per_block} n + 2 layers; {layers} were asked for.")
    return blocks, blocks, blocks

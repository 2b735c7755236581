"""How TensorFlow and Keras lay out what a layer holds, and how we do.

Convolution kernels are (height, width, in, out) there and (out, in, height, width) here; a linear layer is (in, out)
there, or a 1x1 convolution, and (out, in) here.
"""

from torch import Tensor

BACKGROUND = 1001
"""TF-slim's models for ImageNet have a class before the 1,000, "background", that no photo has; it is dropped."""


def kind_of(layer: str) -> str:
    """``norm``, ``linear`` or ``conv``, by the last word of our layer's name."""
    last = layer.rpartition(".")[2]
    return last if last in ("norm", "linear") else "conv"


def ours_from_tensorflow(layer: str, tensor: Tensor) -> Tensor:
    """Their tensor of our ``layer``, laid out as ours; of 1,001 classes those that ImageNet has."""
    kind = kind_of(layer)
    if kind == "conv" and tensor.dim() == 4:
        return tensor.permute(3, 2, 0, 1)
    if kind != "linear":
        return tensor
    if tensor.dim() == 4 and tensor.shape[:2] == (1, 1):
        tensor = tensor[0, 0]
    ours = tensor.T if tensor.dim() == 2 else tensor
    return ours[1:] if len(ours) == BACKGROUND else ours


def tensorflow_from_ours(layer: str, tensor: Tensor) -> Tensor:
    """Our tensor, laid out as that of their ``layer``."""
    if tensor.dim() == 4:
        return tensor.permute(2, 3, 1, 0).contiguous()
    if tensor.dim() != 2:
        return tensor
    is_convolution = layer.rpartition("/")[2].startswith("Conv2d")
    return (tensor.T[None, None] if is_convolution else tensor.T).contiguous()

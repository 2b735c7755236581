"""A model's preprocessing as a transform of torchvision: our one decode, normalised."""

from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor
from torchvision import tv_tensors
from torchvision.transforms import v2

from inarch.data.decode import decode
from inarch.data.photos import Preprocessing
from inarch.errors import UserError
from inarch.models import Classifier
from inarch.training.pixels import normalise_pixels


class PhotoTransform(v2.Transform):  # type: ignore[misc]  # torchvision has no types
    """From a photo to a model's input: upright, the centre square, normalised, as float32 (3, size, size).

    It gives what training, evaluation and prediction see, to the bit: the decoding is `inarch.data.decode.decode`.
    A photo is a path, the bytes of a file, a Pillow image, or 8-bit pixels as a tensor or ``tv_tensors.Image`` of shape
    (..., 3, h, w) or (..., 1, h, w). In a sample of several parts the others, such as labels, pass unchanged, by the
    rules of all transforms of ``torchvision.transforms.v2``; text counts as a path.

    Args:
        preprocessing: image size, mean, standard deviation and interpolation.

    Raises:
        UnreadableImageError: when called, with a file or an image that cannot be read.
        UserError: when called, with a tensor that is no image of 8 bits.

    Examples:
        >>> transform = inarch.transform_for(inarch.create_model("resnet18"))
        >>> transform
        PhotoTransform(image_size=224, mean=(0.485, 0.456, 0.406), std=(0.229, 0.224, 0.225), interpolation=bilinear)
        >>> transform("photo.jpg").shape
        torch.Size([3, 224, 224])
    """

    _transformed_types = (Tensor, Image.Image, Path, str, bytes)

    def __init__(self, preprocessing: Preprocessing) -> None:
        super().__init__()
        self.image_size = preprocessing.image_size
        self.mean = preprocessing.mean
        self.std = preprocessing.std
        self.interpolation = preprocessing.interpolation

    @property
    def preprocessing(self) -> Preprocessing:
        """The same as a record."""
        return Preprocessing(image_size=self.image_size, mean=self.mean, std=self.std, interpolation=self.interpolation)

    def transform(self, inpt: Any, params: dict[str, Any]) -> Tensor:
        """One photo, or a batch of pixels; called by ``forward`` for each part of a sample that is one."""
        if not isinstance(inpt, Tensor):
            source = Path(inpt) if isinstance(inpt, str) else inpt
            return self._normalised(decode(source, self.preprocessing)[None])[0]
        *batch, _, height, width = _checked(inpt).shape
        photos = inpt.expand(*batch, 3, height, width).movedim(-3, -1).reshape(-1, height, width, 3).cpu().numpy()
        squares = [decode(Image.fromarray(pixels), self.preprocessing) for pixels in photos]
        images = self._normalised(np.stack(squares)).reshape(*batch, 3, self.image_size, self.image_size)
        return tv_tensors.wrap(images, like=inpt) if isinstance(inpt, tv_tensors.Image) else images

    def _normalised(self, squares: NDArray[np.uint8]) -> Tensor:
        """Pixels (n, side, side, 3) as images (n, 3, side, side)."""
        return normalise_pixels(torch.from_numpy(squares).movedim(-1, 1), self.preprocessing).contiguous()


def _checked(pixels: Tensor) -> Tensor:
    if pixels.dtype != torch.uint8 or pixels.ndim < 3 or pixels.shape[-3] not in (1, 3) or not pixels.numel():
        raise UserError(
            f"Pixels are 8-bit, (..., 3, h, w) or (..., 1, h, w), not a tensor of {pixels.dtype} of shape "
            f"{tuple(pixels.shape)}: give the photo as it was read, before anything has scaled it."
        )
    return pixels


def transform_for(model: Classifier) -> PhotoTransform:
    """The preprocessing that a model's weights need, as a transform of torchvision.

    Args:
        model: of `inarch.create_model`, which knows the image size and the normalisation of its weights, or of
            `inarch.TrainedClassifier.torch`, which has those that it was trained with.

    Examples:
        >>> model = inarch.create_model("resnet18_narrow", weights="embedded", num_classes=5).eval()
        >>> transform = inarch.transform_for(model)
        >>> model(transform("photo.jpg")[None]).shape
        torch.Size([1, 5])
        >>> photos = torchvision.datasets.ImageFolder("photos", transform)
        >>> photos[0][0].shape
        torch.Size([3, 128, 128])
    """
    return PhotoTransform(
        Preprocessing(image_size=model.image_size, mean=model.mean, std=model.std, interpolation=model.interpolation)
    )

"""The means and standard deviations of red, green and blue by which models expect their pixels normalised."""

from typing import Protocol, runtime_checkable

IMAGENET_MEAN, IMAGENET_STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
"""The statistics of ImageNet's training photos, as fractions of 255, for torchvision's and most of timm's models."""
HALF = (0.5, 0.5, 0.5)
"""Mean and standard deviation alike: pixels from -1 to 1, for TensorFlow's models.

torchvision's GoogLeNet and Inception v3 turn ImageNet's normalisation into this one inside the model
(`transform_input`); here the photo itself is normalised so, and the model stays unchanged.
"""


@runtime_checkable
class PixelStatistics(Protocol):
    """The normalisation of pixels: a `Preprocessing`, or a row of the catalog."""

    @property
    def mean(self) -> tuple[float, float, float]:
        """The mean of each channel, as a fraction of 255."""

    @property
    def std(self) -> tuple[float, float, float]:
        """The standard deviation of each channel, as a fraction of 255."""

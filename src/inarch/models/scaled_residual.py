"""The residual block of the Inception-ResNets: scaled before it is added (Szegedy et al. 2017, section 3.3)."""

from torch import nn

from inarch.models.shapes import MapIn


class Scaling(nn.Module):
    """Multiplies by a constant.

    Wide residual models without it may die early in training: all activations become zero, and stay so.
    """

    def __init__(self, factor: float) -> None:
        super().__init__()
        self.factor = factor

    def forward(self, feature_map: MapIn) -> MapIn:
        """``factor * feature_map``."""
        return self.factor * feature_map

    def extra_repr(self) -> str:
        """The factor."""
        return str(self.factor)


class ScaledResidualBlock(nn.Module):
    """``activation(x + residual(x))`` and nothing else (Szegedy et al. 2017, Fig. 20).

    Args:
        residual: ends in a linear 1x1 convolution, without normalisation, that gives as many channels as came in,
            and in its `Scaling`.
        activation: `nn.ReLU`, or `nn.Identity` for none.
    """

    def __init__(self, residual: nn.Module, activation: nn.Module) -> None:
        super().__init__()
        self.residual = residual
        self.activation = activation

    def forward(self, feature_map: MapIn) -> MapIn:
        """A map of the same shape."""
        return self.activation(feature_map + self.residual(feature_map))

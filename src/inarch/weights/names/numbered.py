"""Our names and those of torchvision's and timm's models taken apart: ``nn.Sequential(*model.children())``.

The first part of a name is then the place of the child in the model: ``layer1`` is ``4``. lightly, fastai and many
training scripts make backbones so.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from types import MappingProxyType

from inarch.weights.names import timm_resnet, torchvision


def _children(name: str) -> Sequence[str]:
    """The children of a model of torchvision or timm, in their order."""
    if name.startswith("googlenet"):
        return (
            *("conv1", "maxpool1", "conv2", "conv3", "maxpool2", "inception3a", "inception3b", "maxpool3"),
            *("inception4a", "inception4b", "inception4c", "inception4d", "inception4e", "maxpool4"),
            *("inception5a", "inception5b", "aux1", "aux2", "avgpool", "dropout", "fc"),
        )
    if name.startswith("inception_v3"):
        return (
            *(
                "Conv2d_1a_3x3",
                "Conv2d_2a_3x3",
                "Conv2d_2b_3x3",
                "maxpool1",
                "Conv2d_3b_1x1",
                "Conv2d_4a_3x3",
                "maxpool2",
            ),
            *(
                "Mixed_5b",
                "Mixed_5c",
                "Mixed_5d",
                "Mixed_6a",
                "Mixed_6b",
                "Mixed_6c",
                "Mixed_6d",
                "Mixed_6e",
                "AuxLogits",
            ),
            *("Mixed_7a", "Mixed_7b", "Mixed_7c", "avgpool", "dropout", "fc"),
        )
    return ("conv1", "bn1", "relu", "maxpool", "layer1", "layer2", "layer3", "layer4", "avgpool", "fc")


"""The children of a ResNet, in their order."""
GOOGLENET = (
    *("conv1", "maxpool1", "conv2", "conv3", "maxpool2", "inception3a", "inception3b", "maxpool3"),
    *("inception4a", "inception4b", "inception4c", "inception4d", "inception4e", "maxpool4"),
    *("inception5a", "inception5b", "aux1", "aux2", "avgpool", "dropout", "fc"),
)


def _layer(layer: str, named: Callable[[str], str], children: Sequence[str]) -> str:
    child, *rest = named(layer).split(".")
    if child not in children:
        raise KeyError(layer)
    return ".".join([str(children.index(child)), *rest])


TRANSLATED: Mapping[str, Callable[[str], str]] = MappingProxyType(
    {
        name: partial(_layer, named=named, children=_children(name))
        for names in (torchvision.TRANSLATED, timm_resnet.TRANSLATED)
        for name, named in names.items()
        if "_v2" not in name
    }
)
"""The architectures whose children are numbered so."""

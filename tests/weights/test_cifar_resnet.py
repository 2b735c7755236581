"""The public CIFAR ResNets (akamaster's files) against a second implementation, and on photos."""

import tarfile
from collections.abc import Callable, Mapping
from pathlib import Path, PurePath

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from inarch.data.decode import decode
from inarch.data.photos import Preprocessing
from inarch.metrics.intervals import wilson
from inarch.models import Classifier, architecture, build
from inarch.weights.files import read_weights
from inarch.weights.names.cifar import TRANSLATED
from tolerance import assert_same_computation, terms_of

FILES = {"resnet20": "resnet20-12fca82f.th", "resnet56": "resnet56-4bfd9763.th"}
ON_2000_PHOTOS = {"resnet20": 0.803, "resnet56": 0.835}
"""What an independent loading of the same files got on 2,000 JPEG test images, 200 of each class."""
PER_CLASS = 50


def their_names(model: Classifier, name: str) -> dict[str, str]:
    """Their name of every tensor, by ours; their files are older than batch counters."""
    split = {ours: ours.rpartition(".") for ours in model.state_dict() if not ours.endswith("num_batches_tracked")}
    return {ours: f"{TRANSLATED[name](layer)}.{leaf}" for ours, (layer, _, leaf) in split.items()}


def loaded(name: str, given: Mapping[str, Tensor]) -> Classifier:
    """Our net with every tensor of the file in it, and no other."""
    model = build(name, classes=10)
    translation = their_names(model, name)
    assert set(translation.values()) == set(given)
    missing, unexpected = model.load_state_dict(
        {ours: given[theirs] for ours, theirs in translation.items()}, strict=False
    )
    assert unexpected == []
    assert all(key.endswith("num_batches_tracked") for key in missing)
    return model.eval()


def reference(state: Mapping[str, Tensor], images: Tensor) -> Tensor:
    """He et al. 2016, section 4.2, with option A, written from the paper over the file's own names."""

    def norm(maps: Tensor, name: str) -> Tensor:
        mean, var = state[f"{name}.running_mean"], state[f"{name}.running_var"]
        return F.batch_norm(maps, mean, var, state[f"{name}.weight"], state[f"{name}.bias"])

    maps = norm(F.conv2d(images, state["conv1.weight"], padding=1), "bn1").relu()
    blocks = dict.fromkeys(".".join(key.split(".")[:2]) for key in state if key.startswith("layer"))
    for block in blocks:
        stride = 2 if block in ("layer2.0", "layer3.0") else 1
        path = norm(F.conv2d(maps, state[f"{block}.conv1.weight"], stride=stride, padding=1), f"{block}.bn1").relu()
        path = norm(F.conv2d(path, state[f"{block}.conv2.weight"], padding=1), f"{block}.bn2")
        if stride == 2:
            zeros = torch.zeros_like(path[:, : maps.shape[1] // 2])
            maps = torch.cat([zeros, maps[:, :, ::2, ::2], zeros], dim=1)
        maps = (path + maps).relu()
    return F.linear(maps.mean((2, 3)), state["linear.weight"], state["linear.bias"])


@pytest.mark.parametrize("name", FILES)
@torch.no_grad()
def test_public_weights_answer_as_the_paper_says(name: str, shared_data: Callable[[str], Path]) -> None:
    """Loaded whole, the net gives the logits of a second implementation, made of functions alone."""
    given = read_weights(shared_data("weights") / FILES[name]).tensors
    images = torch.randn(8, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    model, expected = loaded(name, given), reference(given, images)
    assert expected.std() > 0.1
    assert_same_computation(model(images), expected, terms=terms_of(model))


@pytest.fixture(scope="session")
def photos(shared_data: Callable[[str], Path]) -> tuple[Tensor, Tensor]:
    """`PER_CLASS` test photos of every class as pixels, and their labels; read without unpacking 60,000 files."""
    contents: dict[str, list[bytes]] = {}
    with tarfile.open(shared_data("cifar10_jpeg.tar.xz"), "r|xz") as archive:
        for member in archive:
            folder, name = PurePath(member.name).parts[-2:]
            if member.name.startswith("cifar10/test/") and member.isfile() and name < f"{PER_CLASS:04}":
                contents.setdefault(folder, []).append(archive.extractfile(member).read())
    geometry = Preprocessing(image_size=32, mean=(0.0,) * 3, std=(1.0,) * 3)
    pixels = np.stack([decode(each, geometry) for folder in sorted(contents) for each in contents[folder]])
    labels = [label for label, folder in enumerate(sorted(contents)) for _ in contents[folder]]
    assert labels == sorted([*range(10)] * PER_CLASS)
    return torch.from_numpy(pixels), torch.tensor(labels)


@pytest.mark.slow
@pytest.mark.parametrize("name", FILES)
@torch.no_grad()
def test_public_weights_see_the_photos(
    name: str, shared_data: Callable[[str], Path], photos: tuple[Tensor, Tensor]
) -> None:
    """Accuracy on the photos, under the row's own normalisation, is what others got, within the 99 % interval."""
    model = loaded(name, read_weights(shared_data("weights") / FILES[name]).tensors)
    row, (pixels, labels) = architecture(name), photos
    images = (pixels / 255 - torch.tensor(row.mean)) / torch.tensor(row.std)
    predictions = model(images.permute(0, 3, 1, 2)).argmax(1)
    estimate = wilson(int((predictions == labels).sum()), len(labels), confidence=0.99)
    assert estimate.low <= ON_2000_PHOTOS[name] <= estimate.high


def test_both_twins_have_the_same_names() -> None:
    """A plain net's tensors are called as its residual twin's: no name tells which of the two a file is of."""
    residual, plain = (build(name, classes=10, device="meta") for name in ("resnet20", "plain20"))
    assert their_names(residual, "resnet20") == their_names(plain, "plain20")
    with pytest.raises(KeyError):
        TRANSLATED["resnet20"]("backbone.stages.stage2.block2_1.shortcut.conv")

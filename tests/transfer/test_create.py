"""Models by name, as users of timm and torchvision expect them."""

import warnings
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
import torch
import torchvision

from inarch.bundle.model import load_model
from inarch.bundle.reading import read_bundle
from inarch.errors import UnknownNameError, UserError, WeightsError
from inarch.models import ARCHITECTURES, fold_batch_norm
from inarch.training.transform import transform_for
from inarch.transfer import create
from inarch.transfer.create import create_model, list_models
from inarch.weights.export import export_state_dict
from inarch.weights.files import write_weights
from inarch.weights.locating import WeightsPlaces, is_local
from lively import enlivened
from tolerance import assert_same_computation, terms_of
from trained import CLASSES, Trained

NET = "resnet_basic_tiny"


@pytest.fixture(scope="module")
def resnet18(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, torchvision.models.ResNet]:
    """torchvision's net with seven classes, and its weights as a file."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        theirs = enlivened(torchvision.models.resnet18(num_classes=7)).eval()
    path = tmp_path_factory.mktemp("weights") / "resnet18.pth"
    torch.save(theirs.state_dict(), path)
    return path, theirs


def test_heads_are_as_long_as_asked_for_and_as_designed_else() -> None:
    """1000 classes of ImageNet, 10 of CIFAR."""
    assert create_model("resnet_tiny", device="meta").head.linear.out_features == 1000
    assert create_model("resnet20", device="meta").head.linear.out_features == 10
    assert create_model("resnet20", num_classes=3, device="meta").head.linear.out_features == 3
    with pytest.raises(UserError, match="at least one class; classes=0"):
        create_model("resnet20", num_classes=0)


def test_the_seed_says_it_all() -> None:
    """The same seed, the same model; another seed, another one; it is ready to be trained."""
    one, same, other = (create_model(NET, num_classes=3, seed=seed).state_dict() for seed in (1, 1, 2))
    assert all(torch.equal(one[name], same[name]) for name in one)
    assert any(not torch.equal(one[name], other[name]) for name in one)
    assert create_model(NET).training


def test_weights_bring_their_head(resnet18: tuple[Path, torchvision.models.ResNet]) -> None:
    """All of torchvision's net, its seven classes included: the same logits."""
    path, theirs = resnet18
    model = create_model("resnet18", weights=path)
    assert model.training
    images = torch.randn(2, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    assert_same_computation(model.eval()(images), theirs(images), terms=terms_of(model))
    assert torch.equal(create_model("resnet18", weights=str(path), num_classes=7).head.linear.bias, theirs.fc.bias)


def test_another_number_of_classes_begins_with_a_random_head(
    resnet18: tuple[Path, torchvision.models.ResNet],
) -> None:
    """Of the seed, with the backbone as it is in the file, and without a warning: it was asked for."""
    path, theirs = resnet18
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        one, same, other = (create_model("resnet18", weights=path, num_classes=3, seed=seed) for seed in (1, 1, 2))
    assert torch.equal(one.head.linear.weight, same.head.linear.weight)
    assert not torch.equal(one.head.linear.weight, other.head.linear.weight)
    assert one.head.linear.weight.std().item() == pytest.approx(0.01, rel=0.1)  # as `initialise` draws linear layers
    exported = export_state_dict(one, "torchvision")
    assert all(torch.equal(exported[name], each) for name, each in theirs.state_dict().items() if "fc" not in name)


def test_a_backbone_alone_warns_of_its_random_head() -> None:
    """Unless the number of classes was said, nobody may take such logits for answers."""
    with pytest.warns(UserWarning, match="no head for resnet18_narrow: its 1000 logits are random until you train it"):
        create_model("resnet18_narrow", weights="embedded")
    model = create_model("resnet18_narrow", weights="embedded", num_classes=4)
    assert model.head.linear.out_features == 4
    assert model.image_size == 128


def test_a_bundles_weights_are_a_file_of_weights(tiny: Trained) -> None:
    """Its head comes along; the same answers as the bundle's own net."""
    bundle = read_bundle(tiny.bundle)
    model = create_model(NET, weights=tiny.bundle / "model.safetensors").eval()
    assert model.head.linear.out_features == len(CLASSES)
    images = torch.randn(2, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    assert torch.equal(model(images), load_model(bundle)(images))


def test_folded_weights_give_a_folded_model(tmp_path: Path) -> None:
    """Without batch normalisation, and with the same answers."""
    whole = enlivened(create_model(NET, num_classes=3)).eval()
    write_weights(tmp_path / "folded.safetensors", fold_batch_norm(whole).state_dict())
    model = create_model(NET, weights=tmp_path / "folded.safetensors").eval()
    assert not any("norm" in name for name in model.state_dict())
    images = torch.randn(2, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        assert_same_computation(model(images), whole(images), terms=terms_of(whole))


def test_weights_that_end_early_give_a_model_that_ends_there(tmp_path: Path) -> None:
    """With a linear head of its own on the last map that they fill."""
    whole = create_model(NET)
    begun = {f"backbone.{name}": each for name, each in whole.backbone.cut("stage3").state_dict().items()}
    write_weights(tmp_path / "begun.safetensors", begun)
    model = create_model(NET, weights=tmp_path / "begun.safetensors", num_classes=3)
    assert [info.name for info in model.backbone.info][-1] == "stage3"
    assert model(torch.zeros(1, 3, 64, 64)).shape == (1, 3)
    with pytest.raises(UserError, match=rf"ends after .*, and {NET} after"):
        export_state_dict(model, "torchvision")


def test_mistakes_are_told(resnet18: tuple[Path, torchvision.models.ResNet]) -> None:
    """What was asked, what there is."""
    path, _ = resnet18
    with pytest.raises(UnknownNameError, match="Did you mean 'resnet18'"):
        create_model("resnet_18")
    with pytest.raises(WeightsError, match="do not fit resnet34"):
        create_model("resnet34", weights=path)
    with pytest.raises(UserError, match="device 'meta' has none"):
        create_model("resnet18", weights=path, device="meta")
    with pytest.raises(UnknownNameError, match="set of weights for resnet18"):
        create_model("resnet18", weights="torchvision:IMAGENET1K_V9")


def test_models_are_listed_by_patterns(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """All of the catalog, sorted; with weights, those of which the file is here."""
    assert list_models() == sorted(ARCHITECTURES)
    assert list_models("inception_v[34]") == ["inception_v3", "inception_v4"]
    assert list_models("no such*") == []
    here = {"googlenet", "resnet18_narrow"}
    assert here <= set(list_models(pretrained=True)) <= set(ARCHITECTURES)
    monkeypatch.setattr(create, "is_local", partial(is_local, places=WeightsPlaces(folder=tmp_path, hub=tmp_path)))
    assert "resnet18" not in list_models(pretrained=True)
    (tmp_path / "resnet18-f37072fd.pth").write_bytes(b"")
    assert list_models("resnet18", pretrained=True) == ["resnet18"]


@pytest.mark.slow
@torch.no_grad()
def test_imagenet_weights_know_imagenets_classes(shared_data: Callable[[str], Path]) -> None:
    """A model with its own head, fed by its own transform, names what is in photos: 75 % is what was published."""
    photos = sorted(shared_data("imagenet_sample_s160").glob("*.jpg"))  # one of each class, in the order of the logits
    assert len(photos) == 1000
    model = create_model("efficientnet_lite0", weights="imagenet").eval()
    images = torch.stack([transform_for(model)(path) for path in photos[::20]])
    hits = model(images).argmax(1) == torch.arange(0, 1000, 20)
    assert hits.float().mean() > 0.6

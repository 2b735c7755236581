"""Where a graft starts: what was named, what the weights fit, and what to say where that is not clear."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from inarch.errors import UnknownNameError, WeightsError
from inarch.models import architecture, build
from inarch.transfer.backbones import DEFAULT_MODEL, starting_point
from inarch.weights.embedded import list_embedded_models, pack
from inarch.weights.export import export_state_dict
from inarch.weights.fetching import digest
from inarch.weights.files import read_weights, weights_digest, write_weights
from inarch.weights.locating import WeightsPlaces
from inarch.weights.named import NAMED
from tolerance import assert_same_computation


@pytest.fixture(scope="module")
def bottlenecks(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Weights that two variants could have."""
    path = tmp_path_factory.mktemp("weights") / "bottlenecks.safetensors"
    state = build("resnet_tiny", classes=3, seed=5).state_dict()
    alive = {name: torch.ones_like(each) if name.endswith("norm.weight") else each for name, each in state.items()}
    write_weights(path, alive)
    return path


def test_weights_that_fit_two_variants_ask_which(bottlenecks: Path) -> None:
    """v1 and v1.5 have the same names and shapes; guessing would be silently wrong half of the time."""
    with pytest.raises(WeightsError, match=r"fit resnet_tiny \(v1\.5.*and resnet_v1_tiny \(v1: .*--model"):
        starting_point(None, bottlenecks)


@pytest.mark.parametrize("name", ["resnet_tiny", "resnet_v1_tiny"])
def test_our_own_files_say_which_they_are(tmp_path: Path, name: str) -> None:
    """The architecture stands in the metadata, so there is nothing to ask; another --model is taken, and remarked."""
    path = tmp_path / "own.safetensors"
    write_weights(path, build(name, classes=3).state_dict(), {"architecture": name})
    assert starting_point(None, path).architecture == name
    other = {"resnet_tiny": "resnet_v1_tiny", "resnet_v1_tiny": "resnet_tiny"}[name]
    assert starting_point(other, path).weights.endswith(f"The file says that it is {name}; it was loaded as {other}.")


def test_a_file_of_a_project_without_plain_nets_is_not_asked_about(shared_data: Callable[[str], Path]) -> None:
    """akamaster's names fit a plain net as well, which that project never trained."""
    assert starting_point(None, shared_data("weights/resnet20-12fca82f.th")).architecture == "resnet20"


def test_plain_or_residual_is_asked_where_nobody_says(tmp_path: Path) -> None:
    """Shortcuts without weights leave no trace in a file."""
    path = tmp_path / "w.safetensors"
    write_weights(path, build("plain20", classes=3).state_dict())
    with pytest.raises(WeightsError, match=r"fit resnet20 .*and plain20 .*say which with --model"):
        starting_point(None, path)


def named_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> WeightsPlaces:
    """Places in which the weights called ``name`` lie, as torchvision would have left them: a small net's."""
    file = tmp_path / "file.pth"
    model = build("resnet_basic_tiny", classes=3, seed=4)
    torch.save(export_state_dict(model, "torchvision"), file)
    row = replace(NAMED[name], architecture="resnet_basic_tiny", file="net-1.pth", sha256=digest(file)[:8])
    monkeypatch.setattr("inarch.weights.named.NAMED", {name: row})
    (tmp_path / "torch").mkdir()
    file.rename(tmp_path / "torch" / row.file)
    return WeightsPlaces(folder=tmp_path / "torch", hub=tmp_path / "hub", forbidden="for this test")


def test_named_weights_are_found_and_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The name says the net, which would be loaded as torchvision's; name, file and hash stand in the report."""
    name = "torchvision:resnet18.IMAGENET1K_V1"
    places = named_file(tmp_path, monkeypatch, name)
    for model, weights in ((None, name), ("resnet_basic_tiny", "imagenet"), ("resnet_basic_tiny", Path("imagenet"))):
        start = starting_point(model, weights, places)
        assert (start.architecture, start.pretrained) == ("resnet_basic_tiny", True)
        assert start.weights.startswith(f"{name}, net-1.pth (sha256 ")


def test_named_weights_that_are_absent_are_never_random(tmp_path: Path) -> None:
    """Nothing is built, and the ways to get them are listed."""
    places = WeightsPlaces(folder=tmp_path, hub=tmp_path, forbidden="INARCH_OFFLINE=1")
    with pytest.raises(WeightsError, match=r"(?s)are not on this machine: downloads are forbidden.*Ways to go on:\n- "):
        starting_point("resnet18", "imagenet", places)
    with pytest.raises(WeightsError, match="No weights are called 'imagenett'"):
        starting_point(None, "imagenett", places)
    with pytest.raises(UnknownNameError, match="No set of weights for resnet18 is called 'imagenett'"):
        starting_point("resnet18", "imagenett", places)
    with pytest.raises(WeightsError, match=r"nowhere\.pth, which does not exist"):
        starting_point(None, tmp_path / "nowhere.pth", places)


def test_a_file_goes_before_a_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, weights: Path) -> None:
    """A file called imagenet is a file."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "imagenet").write_bytes(weights.read_bytes())
    assert starting_point(None, "imagenet").architecture == "resnet_basic_tiny"


def test_two_variants_with_the_same_weights_differ_by_digest(bottlenecks: Path) -> None:
    """They compute different features, so they must not find each other's in the cache."""
    first, second = (starting_point(name, bottlenecks) for name in ("resnet_tiny", "resnet_v1_tiny"))
    images = torch.randn(1, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        assert not torch.allclose(first.backbone(images), second.backbone(images))
    assert first.digest != second.digest
    assert first.digest == starting_point("resnet_tiny", bottlenecks).digest


def test_weights_name_their_model(weights: Path) -> None:
    """Where they fit one only, nothing has to be said; the backbone is ready to be evaluated."""
    start = starting_point(None, weights)
    assert start.architecture == "resnet_basic_tiny"
    assert (start.pretrained, start.folded, start.after) == (True, False, "block4_1")
    assert start.weights.startswith("learned.safetensors (sha256 ")
    assert not any(module.training for module in start.backbone.modules())


def test_weights_that_fit_nothing_say_so(tmp_path: Path) -> None:
    """With the command that lists what there is."""
    write_weights(tmp_path / "other.safetensors", {"layer.weight": torch.zeros(3)})
    with pytest.raises(WeightsError, match="fit no model of the catalog; `inarch models` lists them"):
        starting_point(None, tmp_path / "other.safetensors")


@pytest.mark.parametrize("with_weights", [False, True])
def test_an_unknown_model_is_refused_before_anything_is_read(with_weights: bool) -> None:
    """The nearest name is offered."""
    path = Path("/nowhere/at.all") if with_weights else None
    with pytest.raises(
        UnknownNameError, match=r"No model is called 'resnet_basic_tny'. Did you mean 'resnet_basic_tiny'"
    ):
        starting_point("resnet_basic_tny", path)


def test_nothing_named_takes_the_default(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where no weights come with inarch, a fresh net of the catalog, with the weights of `build`."""
    monkeypatch.setattr("inarch.weights.embedded._folder", lambda: tmp_path)
    start = starting_point(None, None)
    assert start.architecture == DEFAULT_MODEL
    assert architecture(DEFAULT_MODEL).family == "resnet"
    assert not start.pretrained
    assert weights_digest(start.backbone.state_dict()) == weights_digest(
        build(DEFAULT_MODEL, classes=1).backbone.state_dict()
    )


def test_weights_that_do_not_come_with_inarch_say_which_do() -> None:
    """Those that do load as what they say they are."""
    with pytest.raises(WeightsError, match="inarch comes without weights of resnet_tiny: it has"):
        starting_point("resnet_tiny", "embedded")
    for name in list_embedded_models():
        start = starting_point(name, "embedded")
        assert (start.architecture, start.pretrained) == (name, True)


def test_what_comes_with_inarch_is_the_default(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where nothing is named, and where only the net is; it says at what size it was trained; ``random`` is random."""
    net = "resnet_basic_tiny"
    backbone = build(net, classes=1, seed=5).backbone
    pack(backbone.state_dict(), tmp_path / f"{net}.safetensors", architecture=net, image_size=96, origin="a test")
    monkeypatch.setattr("inarch.weights.embedded._folder", lambda: tmp_path)
    monkeypatch.setattr("inarch.transfer.backbones.DEFAULT_EMBEDDED", net)
    for start in (starting_point(None, None), starting_point(net, None), starting_point(None, "embedded")):
        assert (start.architecture, start.pretrained, start.image_size) == (net, True, 96)
        for name, tensor in start.backbone.state_dict().items():
            assert_same_computation(tensor, backbone.state_dict()[name], terms=1, dtype=torch.float16, name=name)
    assert not starting_point(net, "random").pretrained
    assert not starting_point("resnet_tiny", None).pretrained


def test_half_precision_keeps_small_variances(tmp_path: Path) -> None:
    """Convolutions are stored in 16 bits; a running variance of 1e-9, which 16 bits would make 0, stays."""
    backbone = build("resnet_basic_tiny", classes=1).backbone
    state = {
        name: torch.full_like(each, 1e-9) if "running_var" in name else each
        for name, each in backbone.state_dict().items()
    }
    pack(state, tmp_path / "w.safetensors", architecture="resnet_basic_tiny", image_size=64, origin="a test")
    tensors = read_weights(tmp_path / "w.safetensors").tensors
    assert all((each > 0).all() for name, each in tensors.items() if "running_var" in name)
    assert {each.dtype for each in tensors.values() if each.ndim == 4} == {torch.float16}

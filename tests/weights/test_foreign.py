"""Other libraries' nets behind the face of ours: what they compute, where they can be cut, whose weights they take."""

import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from inarch.bundle.model import trace
from inarch.bundle.predictor import Predictor
from inarch.commands.train.run import train
from inarch.data.photos import Preprocessing
from inarch.errors import MissingExtraError, UnknownNameError, UserError
from inarch.models import architecture, build
from inarch.runtime.onnx_graph import features_graph
from inarch.runtime.session import Graph
from inarch.weights.files import read_weights, write_weights
from inarch.weights.loading import load_backbone
from tolerance import assert_same_computation, terms_of
from trained import draw_folder, options

SMALL = "timm:mobilenetv3_small_050"
NETS = (SMALL, "timm:regnetx_002", "timm:convnext_atto", "timm:resnet10t")
SIZE = 96
RESNET = "timm:resnet10t"


@pytest.fixture(scope="module", autouse=True)
def _installed() -> None:
    """An extra brings this package."""
    pytest.importorskip("timm")


def images(n: int = 1, size: int = SIZE) -> Tensor:
    return torch.randn(n, 3, size, size, generator=torch.Generator().manual_seed(2))


def theirs(name: str, seed: int = 3) -> tuple[nn.Module, Callable[[Tensor], Tensor]]:
    """The library's own net, with statistics that are no longer 0 and 1."""
    torch.manual_seed(seed)
    net = pytest.importorskip("timm").create_model(name.removeprefix("timm:"), pretrained=False)
    for tensor in [*net.parameters(), *net.buffers()]:
        if tensor.dim() == 1 and tensor.is_floating_point():
            tensor.data.uniform_(0.5, 1.5)
    return net.eval(), net.forward_features


@pytest.mark.parametrize("name", NETS)
@torch.no_grad()
def test_the_chain_takes_their_weights_and_computes_what_they_compute(name: str) -> None:
    """Every tensor of their state dict is loaded or belongs to the head; the final map is the same to the bit."""
    net, features = theirs(name)
    state = net.state_dict()
    loaded = load_backbone(state, name)
    assert torch.equal(loaded.backbone(images()), features(images()))
    assert loaded.report.missing == loaded.report.unexpected == ()
    assert len(loaded.report.loaded) + len(loaded.report.ignored) == len(state)
    head = ("classifier.", "head.", "fc.", "conv_head.", "norm_head.")
    assert all(each.startswith(head) for each in loaded.report.ignored)
    assert loaded.report.source == "timm"


@pytest.mark.parametrize("name", NETS)
@torch.no_grad()
def test_every_tap_is_what_it_declares_and_can_be_cut(name: str) -> None:
    """Channels and strides of every block; prefix and tail make the whole; names stay through the state dict."""
    backbone = build(name, classes=3).backbone.eval()
    maps = backbone.tapped(images(size=128), tuple(backbone.taps))
    for tap, info in backbone.taps.items():
        assert maps[tap].shape[1:] == (info.channels, 128 // info.stride, 128 // info.stride), tap
    assert [info.stride for info in backbone.info] == sorted(info.stride for info in backbone.info)
    assert len(backbone.info) >= 4
    whole = backbone(images())
    for info in backbone.info[:-1]:
        prefix, tail = backbone.split(info.name)
        assert torch.equal(tail(prefix(images())), whole), info.name
        assert {*prefix.state_dict(), *tail.state_dict()} == set(backbone.state_dict())


@torch.no_grad()
def test_graphs_answer_like_the_net() -> None:
    """Pixels to features, for a net whose batch normalisation is not ours."""
    net, _ = theirs(SMALL)
    backbone = load_backbone(net.state_dict(), SMALL).backbone
    row = architecture(SMALL)
    preprocessing = Preprocessing(image_size=64, mean=row.mean, std=row.std)
    pixels = np.random.default_rng(0).integers(0, 256, (2, 64, 64, 3), dtype=np.uint8)
    scaled = torch.from_numpy(pixels).permute(0, 3, 1, 2) / 255
    normalised = (scaled - torch.tensor(row.mean)[:, None, None]) / torch.tensor(row.std)[:, None, None]
    (found,) = Graph(features_graph(backbone, preprocessing), threads=1)(pixels)
    assert_same_computation(found, backbone(normalised).mean((2, 3)), terms=terms_of(backbone))


@pytest.mark.parametrize("end", ["stem", "stage2", "stage4"])
@torch.no_grad()
def test_a_cut_file_ends_where_it_was_cut(tmp_path: Path, end: str) -> None:
    """A stage may end with an activation, of which no file has a trace."""
    whole = build(RESNET, classes=3).backbone.eval()
    cut = whole.cut(end)
    write_weights(tmp_path / "w.safetensors", {f"backbone.{name}": each for name, each in cut.state_dict().items()})
    loaded = load_backbone(read_weights(tmp_path / "w.safetensors"), RESNET)
    assert loaded.after == cut.end
    assert torch.equal(loaded.backbone(images()), cut(images()))


def test_our_own_file_of_a_foreign_net_comes_back(tmp_path: Path) -> None:
    """What a bundle holds: our names, with the head of some classes."""
    model = build(SMALL, classes=3, seed=5)
    write_weights(tmp_path / "w.safetensors", model.state_dict())
    loaded = load_backbone(read_weights(tmp_path / "w.safetensors"), SMALL)
    assert loaded.report.source == "inarch"
    assert all(
        torch.equal(each, model.backbone.state_dict()[name]) for name, each in loaded.backbone.state_dict().items()
    )


def test_the_seed_decides_and_the_global_generator_is_left_alone() -> None:
    """As for the nets of the catalog."""
    before = torch.get_rng_state()
    first, again, other = (build(SMALL, classes=3, seed=seed).state_dict() for seed in (1, 1, 2))
    assert torch.equal(torch.get_rng_state(), before)
    assert all(torch.equal(first[name], again[name]) for name in first)
    assert not torch.equal(first["head.linear.weight"], other["head.linear.weight"])
    shapes = {name: each.shape for name, each in build(SMALL, classes=3, device="meta").state_dict().items()}
    assert shapes == {name: each.shape for name, each in first.items()}


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("timm:vit_tiny_patch16_224", "its parts do not run one after the other"),
        ("timm:hrnet_w18_small", "its parts do not run one after the other"),
    ],
)
def test_nets_that_are_no_chain_are_refused(name: str, why: str) -> None:
    """In one sentence that says why, and what would do."""
    with pytest.raises(UserError, match=f"{name} cannot serve as a backbone here: {why}. Models that are chains"):
        build(name)


def test_unknown_nets_and_weights_of_timm_offer_the_nearest() -> None:
    """Out of more than a thousand."""
    with pytest.raises(UnknownNameError, match=r"No timm model is called 'resnett18'. Did you mean 'resnet18'"):
        architecture("timm:resnett18")
    with pytest.raises(UnknownNameError, match=r"No set of weights of timm's resnet18 is called 'tv'.*tv_in1k"):
        architecture("timm:resnet18.tv")


def test_a_missing_package_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """With the command that installs it; whether a net was proved before does not matter."""
    monkeypatch.setitem(sys.modules, "timm", None)
    with pytest.raises(MissingExtraError, match=r'needs timm, .*: run pip install "inarch\[timm\]"'):
        build(SMALL)


def test_the_row_of_a_timm_net_has_its_own_normalisation() -> None:
    """As timm's record of the weights says, which differs from net to net, and between weights of one net."""
    assert architecture("timm:resnet18.a1_in1k").mean == (0.485, 0.456, 0.406)
    assert architecture("timm:resnet34.ra4_e3600_r224_in1k").mean == (0.5, 0.5, 0.5)
    assert architecture("timm:inception_v3.gluon_in1k").image_size == 299


@pytest.mark.slow
def test_a_bundle_of_a_foreign_net_predicts_without_its_package(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The graph, normalisation inside, needs nobody; a look into the net does."""
    photos, file = draw_folder(tmp_path / "photos"), tmp_path / "w.safetensors"
    write_weights(file, theirs(RESNET)[0].state_dict())
    given = options(tmp_path, model=RESNET, weights=file, strategy="probe", image_size=64)
    bundle = train(photos, tmp_path / "bundle", given)
    assert bundle.preprocessing.mean == architecture(RESNET).mean
    held_out = sorted((photos / "val").rglob("*.*"))
    before = [each.label for each in Predictor(bundle.path).predict(held_out)]
    monkeypatch.setitem(sys.modules, "timm", None)
    assert [each.label for each in Predictor(bundle.path).predict(held_out)] == before
    with pytest.raises(MissingExtraError, match=r'pip install "inarch\[timm\]"'):
        trace(bundle.path)

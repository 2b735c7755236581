"""TF-slim's and Keras' Inception nets: names, layouts, and what their formats leave out.

TensorFlow is no dependency, so its names are known here by the digest of the list that TF-slim itself gave (tf_slim
1.1.0 on TensorFlow 2.21: ``name shape`` of every variable with 1,001 classes, sorted, joined by newlines). Where Keras
is installed, its own nets are asked for their answers.
"""

import hashlib
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from inarch.errors import UserError, WeightsError, WeightsMismatchError
from inarch.models import ARCHITECTURES, Classifier, architecture, build
from inarch.weights.export import export_state_dict
from inarch.weights.files import read_weights
from inarch.weights.identification import identify
from inarch.weights.loading import load, load_backbone
from inarch.weights.sources import WeightsSource, source
from lively import enlivened
from tolerance import assert_same_computation, terms_of

SLIM, KERAS = source("TF-slim"), source("Keras")
TENSORFLOW = [(each, name) for each in (SLIM, KERAS) for name in ARCHITECTURES if name in each.layers]
FROM_TENSORFLOW = {
    "googlenet": (230, "f70dc441139319e78370bca1aee4bbe9d68f0ecf81b68aad327d1aa1ca1f8993"),
    "inception_v3": (388, "740c77ddd09921aaecb5f5cc564ab60f669d1cd7eff1a678a7bc865f190aaf24"),
}


def lively(name: str, *, classes: int = 5, auxiliary: tuple[str, ...] = ()) -> Classifier:
    return enlivened(build(name, classes=classes, auxiliary=auxiliary, seed=3)).eval()


def images(size: int = 96) -> Tensor:
    return torch.randn(1, 3, size, size, generator=torch.Generator().manual_seed(2))


def with_background(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The logits' layers as TF-slim has them for ImageNet: a class in front of the others."""
    return {
        name: torch.cat([torch.full_like(each[..., :1], 9.0), each], dim=-1) if each.shape[-1] == 1000 else each
        for name, each in tensors.items()
    }


@pytest.mark.parametrize("name", FROM_TENSORFLOW)
def test_names_and_shapes_are_those_that_tensorflow_gave(name: str) -> None:
    """Our export, with TF-slim's background class, is the list of its variables: same names, same shapes."""
    model = build(name, auxiliary=architecture(name).auxiliary_taps if name == "inception_v3" else (), seed=1)
    theirs = with_background(export_state_dict(model, "TF-slim"))
    listed = "\n".join(f"{key} {tuple(each.shape)}" for key, each in sorted(theirs.items()))
    assert (len(theirs), hashlib.sha256(listed.encode()).hexdigest()) == FROM_TENSORFLOW[name]


@pytest.mark.parametrize(
    ("one", "name"), [(each, name) for each in (SLIM, KERAS) for name in ARCHITECTURES if name in each.layers]
)
def test_names_are_a_bijection(one: WeightsSource, name: str) -> None:
    """Every tensor but those that the source omits has a name of its own there, and the way back leads home."""
    model = build(name, device="meta")
    wanted = [ours for ours in model.state_dict() if not (one.omits(ours) or ours.endswith("num_batches_tracked"))]
    theirs = {ours: one.theirs(ours, name) for ours in wanted}
    assert len(set(theirs.values())) == len(theirs)
    assert all(one.ours(each, name) == ours for ours, each in theirs.items())


@pytest.mark.parametrize(
    ("name", "slim"),
    [
        ("backbone.stages.stage5.5a.branches.5x5.conv.conv.weight", "Mixed_5b/Branch_2/Conv2d_0a_3x3/weights"),
        ("backbone.stages.stage5.5b.branches.5x5.conv.conv.weight", "Mixed_5c/Branch_2/Conv2d_0b_3x3/weights"),
        ("backbone.stages.stage3.3a.branches.1x1.conv.norm.bias", "Mixed_3b/Branch_0/Conv2d_0a_1x1/BatchNorm/beta"),
    ],
)
def test_slips_are_kept(name: str, slim: str) -> None:
    """One of nine siblings has another name, and that is the file format."""
    assert SLIM.theirs(name, "googlenet") == f"InceptionV1/{slim}"


@pytest.mark.parametrize("library", ["TF-slim", "Keras"])
@torch.no_grad()
def test_there_and_back_gives_the_same_answers(library: str) -> None:
    """Kernels turned, scales moved into the convolutions, and back: the net has other weights and the same logits."""
    model = lively("inception_v3_tiny")
    file = export_state_dict(model, library)
    assert not any("gamma" in name for name in file)
    other = build("inception_v3_tiny", classes=5)
    assert identify(file) == ("inception_v3_tiny",)
    report = load(other, file, architecture="inception_v3_tiny")
    assert_same_computation(other.eval()(images()), model(images()), terms=terms_of(model))
    assert report.source == library
    scales = [each for each in report.missing if each.endswith("norm.weight")]
    assert len(scales) == 94
    assert {*report.loaded, *report.missing} == set(other.state_dict())
    assert any("without the scale" in note for note in report.notes)


@pytest.mark.parametrize("name", ["inception_v4", "inception_resnet_v2"])
def test_the_large_nets_are_identified_by_their_export(name: str) -> None:
    """Names and kernels, turned both ways, fill every block of the net and of no other."""
    file = export_state_dict(build(name, device="meta"), "TF-slim")
    assert identify(file) == (name,)
    assert len(file) == {"inception_v4": 4 * 149 + 2, "inception_resnet_v2": 4 * 204 + 2 * 40 + 2}[name]


def test_the_background_class_is_left_out_and_said() -> None:
    """1,001 classes become the 1,000 that ImageNet has; the report names the layers."""
    model = lively("googlenet_tiny", classes=1000)
    file = with_background(export_state_dict(model, "TF-slim"))
    assert file["InceptionV1/Logits/Conv2d_0c_1x1/weights"].shape == (1, 1, 128, 1001)
    other = build("googlenet_tiny")
    report = load(other, file, architecture="googlenet_tiny")
    assert torch.equal(other.head.linear.weight, model.head.linear.weight)
    assert torch.equal(other.head.linear.bias, model.head.linear.bias)
    assert any("background, was left out (InceptionV1/Logits" in note for note in report.notes)


def test_what_training_leaves_in_a_checkpoint_is_reported_as_ignored() -> None:
    """Counters of steps and slots of the optimiser belong to no net; a side head that this net lacks is a head."""
    file = export_state_dict(lively("googlenet_tiny"), "TF-slim")
    some = next(name for name in file if name.endswith("weights"))
    extra = {"global_step": torch.tensor(7), f"{some}/RMSProp": torch.ones(2)}
    report = load(build("googlenet_tiny", classes=5), {**file, **extra}, architecture="googlenet_tiny")
    assert set(report.ignored) == set(extra)
    side = {"InceptionV1/AuxLogits/Conv2d_2b_1x1/weights": torch.ones(1, 1, 2, 3)}
    assert load_backbone({**file, **side}, "googlenet_tiny").report.ignored == (
        "InceptionV1/Logits/Conv2d_0c_1x1/weights",
        "InceptionV1/Logits/Conv2d_0c_1x1/biases",
        *side,
    )
    with pytest.raises(WeightsMismatchError, match="ExponentialMovingAverage: not in the model"):
        load(
            build("googlenet_tiny", classes=5),
            {**file, f"{some}/ExponentialMovingAverage": torch.ones(2)},
            architecture="googlenet_tiny",
        )


def test_differences_that_no_name_shows_are_said() -> None:
    """TensorFlow pads otherwise: the report of the full-size nets says so."""
    for name, words in (("googlenet", "shifted by one pixel"), ("inception_v3", "near the borders")):
        model = build(name, device="meta")
        file = {key: torch.zeros(1).expand(each.shape) for key, each in export_state_dict(model, "TF-slim").items()}
        assert any(words in note for note in load_backbone(file, name).report.notes)


def test_numbers_count_from_the_lowest_in_the_file() -> None:
    """Keras numbers on through a session: the same net made third has the same weights under later numbers."""
    model = lively("inception_v3_tiny")
    file = export_state_dict(model, "Keras")

    def later(name: str) -> str:
        layer, leaf = name.split("/")
        kind, _, number = layer.rpartition("_")
        return f"{kind}_{int(number) + 94}/{leaf}:0" if number.isdigit() else name

    renamed = {later(name): each for name, each in file.items()}
    assert identify(renamed) == ("inception_v3_tiny",)
    other = build("inception_v3_tiny", classes=5)
    load(other, renamed, architecture="inception_v3_tiny")
    assert all(torch.equal(file[each], again) for each, again in export_state_dict(other, "Keras").items())


def arrays(tensors: Mapping[str, Tensor]) -> dict[str, Any]:
    return {name: each.numpy() for name, each in tensors.items()}


def test_numpy_archives_are_read(tmp_path: Path) -> None:
    """What `tf.train.load_checkpoint` gives, saved by NumPy; an archive with objects in it stays closed."""
    file = export_state_dict(lively("googlenet_tiny"), "TF-slim")
    np.savez(tmp_path / "slim.npz", **arrays(file))
    read = read_weights(tmp_path / "slim.npz")
    assert set(read.tensors) == set(file)
    assert all(torch.equal(read.tensors[name], file[name]) for name in file)
    np.savez(tmp_path / "objects.npz", a=np.array([{}], dtype=object))
    with pytest.raises(WeightsError, match="damaged or holds more than numbers"):
        read_weights(tmp_path / "objects.npz")


def test_a_tensorflow_checkpoint_says_how_to_make_an_archive_of_it(tmp_path: Path) -> None:
    """It is recognised by how its tables end."""
    path = tmp_path / "inception_v3.ckpt"
    path.write_bytes(bytes(300) + bytes.fromhex("57fb808b247547db"))
    with pytest.raises(WeightsError, match=r"a TensorFlow checkpoint.*np\.savez"):
        read_weights(path)


@pytest.mark.parametrize("format", ["keras 2", "keras 3"])
def test_hdf5_files_are_read(tmp_path: Path, format: str) -> None:
    """Both of Keras' layouts give layer/array; where folders and layers are numbered apart, the layers' names count."""
    h5py = pytest.importorskip("h5py")
    file = export_state_dict(lively("inception_v3_tiny"), "Keras")
    path = tmp_path / "weights.h5"
    places = {"kernel": 0, "bias": 1, "beta": 0, "moving_mean": 1, "moving_variance": 2}
    layers = sorted({name.split("/")[0] for name in file})
    with h5py.File(path, "w") as out:
        for name, each in file.items():
            layer, leaf = name.split("/")
            if format == "keras 2":
                out[f"model_weights/{layer}/{layer}/{leaf}:0"] = each.numpy()
                continue
            kind = "dense" if layer == "predictions" else layer.rpartition("_")[0]
            folder = f"layers/{kind}_{layers.index(layer)}/vars"
            out[f"{folder}/{places[leaf]}"] = each.numpy()
            out[folder].attrs["name"] = layer
    read = read_weights(path)
    assert set(read.tensors) == set(file)
    assert all(torch.equal(read.tensors[name], file[name]) for name in file)


def test_hdf5_links_are_not_followed(tmp_path: Path) -> None:
    """A file cannot make us read another one."""
    h5py = pytest.importorskip("h5py")
    with h5py.File(tmp_path / "secret.h5", "w") as out:
        out["secret"] = np.ones(3)
    with h5py.File(tmp_path / "evil.h5", "w") as out:
        out["conv2d/kernel"] = np.ones(3)
        out["link"] = h5py.ExternalLink(str(tmp_path / "secret.h5"), "secret")
    assert set(read_weights(tmp_path / "evil.h5").tensors) == {"conv2d/kernel"}


def test_hdf5_without_its_package_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An extra brings it."""
    monkeypatch.setitem(sys.modules, "h5py", None)
    path = tmp_path / "weights.h5"
    path.write_bytes(b"\x89HDF\r\n\x1a\n" + bytes(100))
    with pytest.raises(UserError, match=r'pip install "inarch\[keras\]"'):
        read_weights(path)


@pytest.mark.parametrize(
    ("name", "theirs"), [("inception_v3", "InceptionV3"), ("inception_resnet_v2", "InceptionResNetV2")]
)
@pytest.mark.filterwarnings("ignore")
@torch.no_grad()
def test_logits_are_kerass(tmp_path: Path, name: str, theirs: str) -> None:
    """Keras' own net, its random weights saved by itself and read by us, answers alike (our pools set as its are)."""
    os.environ.setdefault("KERAS_BACKEND", "torch")
    keras = pytest.importorskip("keras")
    model = getattr(keras.applications, theirs)(weights=None, classes=7, classifier_activation=None)
    draw = np.random.default_rng(0)
    for each in model.weights:
        if each.name == "moving_variance":
            each.assign(draw.uniform(0.5, 1.5, each.shape))
        elif each.name in ("moving_mean", "beta", "bias"):
            each.assign(draw.normal(0, 0.1, each.shape))
    model.save_weights(tmp_path / "net.weights.h5")
    file = read_weights(tmp_path / "net.weights.h5")
    assert identify(file.tensors) == (name,)
    ours = build(name, classes=7)
    report = load(ours, file, architecture=name)
    assert len(report.loaded) == len(file.tensors) == len(model.weights)
    for module in ours.eval().modules():
        if isinstance(module, nn.AvgPool2d):
            module.count_include_pad = False
    photo = images(299)
    expected = torch.from_numpy(keras.ops.convert_to_numpy(model(photo.permute(0, 2, 3, 1).numpy(), training=False)))
    assert expected.std() > 0.01
    assert_same_computation(ours(photo), expected, terms=terms_of(ours))
    back = export_state_dict(ours, "Keras")
    assert {key: tuple(each.shape) for key, each in back.items()} == {
        KERAS.spelled(file.tensors)[key]: tuple(each.shape) for key, each in file.tensors.items()
    }

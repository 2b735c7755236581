"""Known models in foreign wrappings: the same tensors come out, and what lies beside them is named."""

import argparse
import json
import zipfile
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from safetensors.torch import save_file
from torch import Tensor, nn
from torch.nn.utils import prune

from inarch.errors import WeightsMismatchError
from inarch.models import build
from inarch.transfer.backbones import starting_point
from inarch.weights.accounting import describe_nearest
from inarch.weights.files import read_weights
from inarch.weights.identification import identify
from inarch.weights.loading import load, load_backbone
from inarch.weights.sources import names, source

NAME = "resnet_basic_tiny"
BOTTLENECK = "resnet_tiny"
SPELLINGS = ("inarch", "torchvision", "torchvision, numbered", "transformers")
PARTS = (
    "module",
    "model",
    "net",
    "backbone",
    "encoder",
    "encoder_q",
    "online_network",
    "_orig_mod",
    "0",
    "resnet",
    "a b",
)
STRANGERS = ("criterion.weight", "queue", "queue_ptr", "projector.0.weight", "metric.total", "fc2.bias", "mlp.0.bias")


@cache
def _spell(name: str, of: str) -> dict[str, Tensor]:
    """The state dict of a freshly built model under the names of a source, as files have it."""
    model = build(name, classes=4, seed=1)
    state = {ours: each.clone() for ours, each in model.state_dict().items()}
    if of == "inarch":
        return state
    table = names(model, name, source(of))
    return {table[ours]: each for ours, each in state.items()}


def spell(name: str, of: str) -> dict[str, Tensor]:
    """The same, to be changed."""
    return dict(_spell(name, of))


def assert_backbone(tensors: Mapping[str, Tensor], name: str = NAME) -> None:
    """What was loaded is, tensor by tensor, the backbone that was saved."""
    expected = build(name, classes=4, seed=1).backbone.state_dict()
    assert tensors.keys() == expected.keys()
    assert all(torch.equal(tensors[each], expected[each]) for each in expected)


@settings(deadline=None, max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    of=st.sampled_from(SPELLINGS),
    parts=st.lists(st.sampled_from(PARTS), max_size=3),
    strangers=st.lists(st.sampled_from(STRANGERS), unique=True, max_size=4),
    second=st.sampled_from((None, "zz_encoder_k.", "zz_target.net.")),
    inside=st.booleans(),
    wrappers=st.lists(st.sampled_from(("state_dict", "model", "my_net", "ema")), max_size=2),
    extra=st.sampled_from((None, argparse.Namespace(lr=0.1), 3, {"lr": [0.1]})),
)
def test_a_model_wrapped_at_random_loads_to_the_same_tensors(
    tmp_path: Path,
    of: str,
    parts: list[str],
    strangers: list[str],
    second: str | None,
    inside: bool,
    wrappers: list[str],
    extra: Any,
) -> None:
    """Any prefix, any strangers, a second model behind it, any dicts around it, objects of any class beside it."""
    state = spell(NAME, of)
    prefix = "".join(f"{part}." for part in parts)
    outer = prefix if inside else ""
    content: Any = {f"{prefix}{name}": each for name, each in state.items()}
    content |= {f"{outer}{name}": torch.ones(3) for name in strangers}
    if second:
        content |= {f"{second}{name}": each + 1 for name, each in state.items()}
    for wrapper in wrappers:
        content = {wrapper: content, "args": extra}
    torch.save(content, tmp_path / "w.ckpt")
    loaded = load_backbone(read_weights(tmp_path / "w.ckpt"), NAME)
    assert_backbone(loaded.backbone.state_dict())
    said = " ".join(loaded.report.notes)
    assert all(name.split(".")[0] in said for name in strangers)
    assert second is None or second.split(".")[0] in said


@pytest.mark.parametrize("name", [NAME, BOTTLENECK])
@pytest.mark.parametrize("of", SPELLINGS)
def test_every_spelling_is_read_of_both_kinds_of_blocks(name: str, of: str) -> None:
    """Basic blocks and bottlenecks; the head comes along in a whole load."""
    state = spell(name, of)
    assert_backbone(load_backbone(state, name).backbone.state_dict(), name)
    model = build(name, classes=4, seed=2)
    load(model, state, architecture=name)
    assert_backbone(model.backbone.state_dict(), name)


def test_a_model_of_another_library_is_read_from_a_wrapping() -> None:
    """A prefix and strangers need no model of the catalog."""
    name = "timm:resnet10t"
    timm = pytest.importorskip("timm")
    state = timm.create_model("resnet10t", pretrained=False).state_dict()
    wrapped = {f"net.encoder.{each}": tensor for each, tensor in state.items()} | {"loss.scale": torch.ones(1)}
    loaded = load_backbone(wrapped, name)
    assert torch.equal(next(iter(loaded.backbone.state_dict().values())), state["conv1.0.weight"])
    assert "loss" in " ".join(loaded.report.notes)


def test_children_stand_where_torchvision_has_them() -> None:
    """Numbers of children are held against torchvision's own models."""
    models = pytest.importorskip("torchvision").models
    for name, make in (("resnet18", models.resnet18), ("resnet50", models.resnet50), ("googlenet", models.googlenet)):
        more = {"init_weights": False} if name == "googlenet" else {}
        with torch.device("meta"):
            theirs = nn.Sequential(*make(weights=None, **more).children()).state_dict()
        table = names(build(name, classes=1000, device="meta"), name, source("torchvision, numbered"))
        assert {each for each in theirs if each.split(".")[0] not in ("16", "17")} == set(table.values())


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (lambda state: state | {"layer1.0.attention.weight": torch.ones(3)}, "layer1.0.attention.weight"),
        (lambda state: state | {"layer9.0.conv1.weight": torch.ones(3)} | {"layer1.0.extra": torch.ones(1)}, "extra"),
        (lambda state: {k: v for k, v in state.items() if "bn1" not in k} | {"norm.weight": torch.ones(3)}, "norm"),
    ],
)
def test_strangers_inside_the_model_are_another_model(
    spoil: Callable[[dict[str, Tensor]], dict[str, Tensor]], words: str
) -> None:
    """A layer more in a block, or a stranger beside a model that is not whole, is refused and named."""
    with pytest.raises(WeightsMismatchError) as caught:
        load_backbone(spoil(spell(NAME, "torchvision")), NAME)
    assert any(words in each for each in caught.value.problems)


def test_a_whole_load_stays_strict() -> None:
    """`load` refuses strangers unless the caller leaves them out by name."""
    state = spell(NAME, "torchvision") | {"criterion.weight": torch.ones(3)}
    model = build(NAME, classes=4, seed=2)
    with pytest.raises(WeightsMismatchError, match=r"ignore=\('criterion\.',\)"):
        load(model, state, architecture=NAME)
    assert load(model, state, architecture=NAME, ignore=("criterion.",)).ignored == ("criterion.weight",)


def test_of_two_whole_models_the_first_is_read_and_the_other_named() -> None:
    """MoCo keeps two encoders and a queue."""
    state = spell(NAME, "torchvision")
    both = {f"encoder_{q}.{name}": each + (q == "k") for q in "qk" for name, each in state.items()}
    loaded = load_backbone({**both, "queue": torch.ones(3)}, NAME)
    assert_backbone(loaded.backbone.state_dict())
    assert loaded.report.notes[0] == "The model lies under 'encoder_q.' in the file."
    assert "encoder_k (" in loaded.report.notes[1]
    assert "queue" in loaded.report.notes[1]


def test_a_pruned_model_is_read_as_its_layers_compute_it(tmp_path: Path) -> None:
    """torch's own pruning is the oracle: the masked weight is what its layers use."""
    layer = prune.random_unstructured(nn.Conv2d(3, 4, 3), "weight", 0.5)
    torch.save({"conv": 1, "model": {f"conv1.{k}": v for k, v in layer.state_dict().items()}}, tmp_path / "w.pth")
    tensors = read_weights(tmp_path / "w.pth").tensors
    assert tensors.keys() == {"conv1.weight", "conv1.bias"}
    assert torch.equal(tensors["conv1.weight"], layer.weight)


@pytest.mark.parametrize("channels", [1, 4])
def test_another_number_of_channels_is_named(channels: int) -> None:
    """A net for grey pictures is known for what it is."""
    state = spell(NAME, "torchvision")
    state["conv1.weight"] = state["conv1.weight"][:, :1].repeat(1, channels, 1, 1)
    said = describe_nearest(state)
    assert f"most like {NAME}'s. Its first layer takes {channels} channel" in said
    with pytest.raises(WeightsMismatchError) as caught:
        load_backbone(state, NAME)
    assert "instead of 3" in caught.value.hint


def test_names_that_no_model_has_are_said() -> None:
    """Keras' ResNets, and names that are unknown altogether."""
    assert "Keras' ResNets" in describe_nearest({"conv2_block1_1_conv/kernel": torch.ones(3)})
    assert "begin with blocks.0.attn.qkv.weight" in describe_nearest({"blocks.0.attn.qkv.weight": torch.ones(3)})


def test_a_wrapped_model_is_found_without_its_name() -> None:
    """Names and shapes under a prefix say which model it is."""
    state = {f"net.{name}": each for name, each in spell(NAME, "transformers").items()}
    assert identify(state | {"loss": torch.ones(1)}) == (NAME,)


@pytest.mark.parametrize(("in_bottleneck", "expected"), [(True, "resnet_v1_tiny"), (False, BOTTLENECK)])
def test_the_config_of_a_snapshot_says_where_the_stride_is(tmp_path: Path, in_bottleneck: bool, expected: str) -> None:
    """v1 and v1.5 have the same names and shapes; transformers writes the difference into config.json."""
    save_file(
        {name: each.contiguous() for name, each in spell(BOTTLENECK, "transformers").items()},
        tmp_path / "model.safetensors",
    )
    config = {"model_type": "resnet", "layer_type": "bottleneck", "downsample_in_bottleneck": in_bottleneck}
    (tmp_path / "config.json").write_text(json.dumps(config))
    assert starting_point(None, tmp_path).architecture == expected


@pytest.mark.parametrize("packed", [True, False])
@pytest.mark.parametrize("outer", ["", "inception_v3/"])
def test_keras_models_in_models_and_archives_are_read(tmp_path: Path, outer: str, packed: bool) -> None:
    """A nested model has a group of its own in the file; a ``.keras`` archive holds the file; heads have any name."""
    h5py = pytest.importorskip("h5py")
    name = "inception_v3_tiny"
    model = build(name, classes=4, seed=1)
    theirs = source("Keras")
    state = {ours: each for ours, each in model.backbone.state_dict().items() if "num_batches" not in ours}
    for ours in state:
        if ours.endswith("norm.weight"):
            state[ours].fill_(1.0)
    with h5py.File(tmp_path / "w.h5", "w") as file:
        for ours, each in state.items():
            if theirs.omits(f"backbone.{ours}"):
                continue
            layer, _, leaf = theirs.theirs(f"backbone.{ours}", name).partition("/")
            content = theirs.outgoing(layer, each).numpy()
            file[f"model_weights/{outer or layer + '/'}{layer}/{leaf}:0"] = content
        file["model_weights/my_own_head/my_own_head/kernel:0"] = torch.ones(2, 3).numpy()
    path = tmp_path / "w.h5"
    if packed:
        path = tmp_path / "w.keras"
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("config.json", "{}")
            archive.write(tmp_path / "w.h5", "model.weights.h5")
    loaded = load_backbone(read_weights(path), name)
    assert all(torch.equal(loaded.backbone.state_dict()[ours], each) for ours, each in state.items())
    assert "my_own_head" in " ".join(loaded.report.notes)

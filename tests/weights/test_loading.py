"""Loading: every tensor accounted for or nothing changed; partial, folded and foreign files told for what they are."""

import copy
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from inarch.errors import UnknownNameError, UserError, WeightsError, WeightsMismatchError
from inarch.models import (
    ARCHITECTURES,
    Classifier,
    architecture,
    build,
    fold_batch_norm,
)
from inarch.weights.files import read_weights, write_weights
from inarch.weights.identification import identify
from inarch.weights.loading import load, load_backbone
from inarch.weights.sources import names, source, sources_of
from lively import enlivened

TINY = [name for name in ARCHITECTURES if name.endswith("_tiny")]
NAME = "resnet_tiny"


def lively(name: str, *, classes: int = 5, auxiliary: tuple[str, ...] = ()) -> Classifier:
    """A net that no other seed's build resembles."""
    return enlivened(build(name, classes=classes, auxiliary=auxiliary, seed=11)).eval()


def foreign(model: nn.Module, name: str) -> dict[str, Tensor]:
    """The state dict under the names of the first library that has the net, folded nets included."""
    source = sources_of(name)[0]
    table = names(model, name, source)
    return {
        table[key]: source.outgoing(table[key].rpartition(".")[0], tensor) for key, tensor in model.state_dict().items()
    }


def images(size: int = 96) -> Tensor:
    return torch.randn(1, 3, size, size, generator=torch.Generator().manual_seed(2))


def assert_untouched(model: nn.Module, before: Mapping[str, Tensor]) -> None:
    assert all(torch.equal(before[key], value) for key, value in model.state_dict().items())


@pytest.mark.parametrize("name", TINY)
def test_every_tensor_is_accounted_for(name: str) -> None:
    """Our own state dict loads whole; the report names every tensor of the model as loaded."""
    model, other = (
        lively(name, auxiliary=architecture(name).auxiliary_taps),
        build(name, classes=5, auxiliary=architecture(name).auxiliary_taps),
    )
    report = load(other, model.state_dict(), architecture=name)
    assert report.source == "inarch"
    assert set(report.loaded) == set(other.state_dict())
    assert_untouched(other, model.state_dict())


def test_fresh_and_ignored_are_named_by_prefix() -> None:
    """A new head on a loaded backbone: the head keeps its values, both heads are in the report."""
    model, other = lively(NAME), build(NAME, classes=2)
    head = copy.deepcopy(other.head.state_dict())
    report = load(other, foreign(model, NAME), architecture=NAME, fresh=("head.",))
    assert report.source == "torchvision"
    assert set(report.fresh) == {"head.linear.weight", "head.linear.bias"}
    assert set(report.ignored) == {"fc.weight", "fc.bias"}
    assert_untouched(other.head, head)
    assert_untouched(other.backbone, model.backbone.state_dict())
    assert "2 fresh; 2 ignored" in str(report)


@pytest.mark.parametrize("prefix", ["auxiliary.", "aux"])
def test_auxiliary_heads_are_left_out_by_either_name(prefix: str) -> None:
    """torchvision's GoogLeNet file into a net without heads: refused with the remedy, loaded once it is followed."""
    file = foreign(lively("googlenet_tiny", auxiliary=("4a", "4d")), "googlenet_tiny")
    other = build("googlenet_tiny", classes=5)
    with pytest.raises(
        WeightsMismatchError, match=r"(?s)aux1\.fc1\.weight in the file.*ignore=\('auxiliary\.',\)"
    ) as caught:
        load(other, file, architecture="googlenet_tiny")
    assert len(caught.value.problems) == 20
    report = load(other, file, architecture="googlenet_tiny", ignore=(prefix,))
    assert len(report.ignored) == 20


def test_counters_may_be_absent() -> None:
    """Files from before PyTorch 0.4.1 have no num_batches_tracked: the counters start at 0."""
    model, other = lively(NAME), build(NAME, classes=5)
    state = {key: tensor for key, tensor in foreign(model, NAME).items() if "num_batches" not in key}
    other(images().expand(2, -1, -1, -1))
    report = load(other, state, architecture=NAME)
    assert all(name.endswith("num_batches_tracked") for name in report.missing)
    assert all(not tensor.any() for name, tensor in other.state_dict().items() if "num_batches" in name)


def broken(state: dict[str, Tensor], how: str) -> dict[str, Tensor]:
    weight = "backbone.stages.stage1.block1_1.residual.conv.conv.weight"
    change: dict[str, Callable[[], dict[str, Tensor]]] = {
        "shape": lambda: {**state, weight: torch.ones(16, 16, 1, 1)},
        "missing": lambda: {key: tensor for key, tensor in state.items() if key != weight},
        "unexpected": lambda: {**state, "head.extra": torch.ones(1)},
        "head": lambda: {**state, "head.linear.weight": torch.ones(7, 512), "head.linear.bias": torch.ones(7)},
        "nan": lambda: {**state, weight: state[weight] * float("nan")},
        "variance": lambda: {
            **state,
            "backbone.stages.stem.conv1.norm.running_var": -torch.ones(16),
        },
        "int8": lambda: {**state, weight: state[weight].to(torch.int8)},
    }
    return change[how]()


@pytest.mark.parametrize(
    ("how", "error", "words"),
    [
        (
            "shape",
            WeightsMismatchError,
            r"1 weight does.*conv\.conv\.weight: model \(16, 16, 3, 3\), file \(16, 16, 1, 1\)",
        ),
        ("missing", WeightsMismatchError, r"residual\.conv\.conv\.weight: not in the file"),
        ("unexpected", WeightsMismatchError, r"head\.extra: not in the model.*ignore=\('head\.',\)"),
        ("head", WeightsMismatchError, r"model \(5, 512\), file \(7, 512\).*fresh=\('head\.',\)"),
        ("nan", WeightsError, r"conv\.conv\.weight is not finite"),
        ("variance", WeightsError, r"running_var is a negative variance"),
        ("int8", WeightsError, r"conv\.conv\.weight is of type torch\.int8 \(quantised\?\)"),
    ],
)
def test_what_does_not_fit_changes_nothing(how: str, error: type[WeightsError], words: str) -> None:
    """Each misfit is named with what to do, and the model is as it was."""
    model = build(NAME, classes=5)
    before = copy.deepcopy(model.state_dict())
    with pytest.raises(error, match=f"(?s){words}"):
        load(model, broken(lively(NAME).state_dict(), how), architecture=NAME)
    assert_untouched(model, before)


@pytest.mark.parametrize("kind", [torch.float16, torch.bfloat16, torch.float64])
def test_other_precisions_load_to_the_models(kind: torch.dtype) -> None:
    """The model's type stays float32; the values are those of the file."""
    state = {
        key: tensor.to(kind) if tensor.is_floating_point() else tensor
        for key, tensor in lively(NAME).state_dict().items()
    }
    model = build(NAME, classes=5)
    load(model, state, architecture=NAME)
    assert all(each.dtype == torch.float32 for each in model.parameters())
    assert_untouched(model, {key: tensor.to(model.state_dict()[key].dtype) for key, tensor in state.items()})


def test_values_beyond_single_precision_are_refused() -> None:
    """A float64 that becomes infinite in float32 is not loaded."""
    state = lively(NAME).state_dict()
    state["head.linear.bias"] = torch.full((5,), 1e300, dtype=torch.float64)
    with pytest.raises(WeightsError, match=r"head\.linear\.bias is not finite"):
        load(build(NAME, classes=5), state, architecture=NAME)


@pytest.mark.slow
def test_another_nets_weights_are_recognised() -> None:
    """The error names the nets that the weights are like."""
    state = foreign(build("resnet50", device="meta"), "resnet50")
    with pytest.raises(WeightsMismatchError, match=r"look like resnet50 or resnet50_v1's weights, not resnet18's"):
        load(build("resnet18"), state, architecture="resnet18")
    for name in ("resnet18", "resnet101", "googlenet", "inception_v3", "googlenet_paper"):
        with pytest.raises(WeightsMismatchError, match="look like resnet50 or resnet50_v1's"):
            load_backbone(state, name)


def test_a_shorter_net_is_not_taken_for_the_beginning_of_a_longer_one() -> None:
    """ResNet-18's blocks all have the names and shapes of ResNet-34's, with gaps."""
    state = foreign(build("resnet18", device="meta"), "resnet18")
    with pytest.raises(WeightsMismatchError, match="look like resnet18's weights, not resnet34's"):
        load_backbone(state, "resnet34")


def test_nobodys_weights_are_said_to_be_nobodys() -> None:
    """No likeness is claimed where there is none."""
    with pytest.raises(WeightsMismatchError, match="nor like those of any model in the catalog"):
        load(build(NAME), {"encoder.weight": torch.ones(3)}, architecture=NAME)
    assert identify({"encoder.weight": torch.ones(3)}) == ()


def test_a_checkpoint_from_the_wild_is_identified(shared_data: Callable[[str], Path]) -> None:
    """akamaster's ResNet-20 is that or its plain twin, and not taken for another ResNet."""
    file = read_weights(shared_data("weights/resnet20-12fca82f.th"))
    assert identify(file.tensors) == ("resnet20", "plain20")
    report = load(build("resnet20", classes=10), file, architecture="resnet20")
    assert report.source == "akamaster"
    assert len(report.loaded) == len(file.tensors)
    with pytest.raises(WeightsMismatchError, match="look like resnet20 or plain20's weights, not resnet18's"):
        load_backbone(file, "resnet18")


def find_near_duplicates(name: str) -> set[str]:
    """The nets with the same names and shapes: v1 and v1.5; plain and residual where shortcuts have no weights."""
    bare = name.replace("_v1", "") if name.startswith("resnet") else name
    twins = {each for each in ARCHITECTURES if each.startswith("resnet") and each.replace("_v1", "") == bare}
    if ARCHITECTURES[name].image_size == 32:
        twins |= {each for each in ARCHITECTURES if each.replace("plain", "resnet") == name.replace("plain", "resnet")}
    return twins | {name}


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_every_net_is_identified_by_its_weights(name: str) -> None:
    """Under our names and the first library's, with another number of classes; twins are named too."""
    model = build(name, classes=7, device="meta")
    assert set(identify(model.state_dict())) == find_near_duplicates(name)
    if sources_of(name):
        assert set(identify(foreign(model, name))) == find_near_duplicates(name)


def test_wrong_requests_are_refused() -> None:
    """A prefix that nothing has, a model without memory, a net that does not exist."""
    state = lively(NAME).state_dict()
    with pytest.raises(UserError, match=r"begins with fresh='haed\.'; there is backbone\., head\."):
        load(build(NAME, classes=5), state, architecture=NAME, fresh=("haed.",))
    with pytest.raises(UserError, match="device 'meta'"):
        load(build(NAME, classes=5, device="meta"), state, architecture=NAME)
    with pytest.raises(UnknownNameError, match="Did you mean 'resnet_tiny'"):
        load_backbone(state, "resnet_tini")


@pytest.mark.parametrize("name", ["resnet_tiny", "resnet_basic_tiny", "inception_v3_tiny", "googlenet_tiny"])
@torch.no_grad()
def test_folded_files_load_into_the_folded_net(name: str) -> None:
    """Exactly the folded weights, under torchvision's names; the unfolded net refuses them and says why."""
    light = fold_batch_norm(lively(name))
    file = foreign(light, name)
    assert identify(file)[0] == name
    other = fold_batch_norm(build(name, classes=5))
    assert load(other, file, architecture=name).folded
    assert torch.equal(other.eval()(images()), light(images()))
    with pytest.raises(WeightsMismatchError, match=r"folded into the convolutions.*inarch\.models\.folded"):
        load(build(name, classes=5), file, architecture=name)
    loaded = load_backbone(file, name)
    assert loaded.folded
    assert torch.equal(loaded.backbone(images()), light.backbone(images()))


@pytest.mark.parametrize("name", TINY)
@torch.no_grad()
def test_a_whole_backbone_loads_whole(name: str) -> None:
    """Heads are left out and reported; the map is the same to the bit; nothing is left uninitialised."""
    model = lively(name, auxiliary=architecture(name).auxiliary_taps)
    loaded = load_backbone(model.state_dict(), name)
    assert torch.equal(loaded.backbone(images()), model.backbone(images()))
    assert not loaded.folded
    assert loaded.report.unexpected == loaded.report.missing == ()
    assert {each.split(".")[0] for each in loaded.report.ignored} == {
        "head",
        *(["auxiliary"] if model.auxiliary else []),
    }
    assert_untouched(loaded.backbone, model.backbone.state_dict())


@torch.no_grad()
def test_a_partial_file_is_cut_at_its_last_complete_block() -> None:
    """Half a block and what follows a gap are reported by the file's names; what is missing by ours."""
    model = lively("inception_v3_tiny")
    full = foreign(model, "inception_v3_tiny")
    begun = ("Conv2d", "Mixed_5", "Mixed_6a", "Mixed_6b", "Mixed_6c.branch1x1", "Mixed_6d.branch_pool")
    loaded = load_backbone({key: each for key, each in full.items() if key.startswith(begun)}, "inception_v3_tiny")
    assert loaded.after == "b1"
    assert {key.split(".")[0] for key in loaded.report.unexpected} == {"Mixed_6c", "Mixed_6d"}
    assert any(key.startswith("backbone.stages.stage5.c2.") for key in loaded.report.missing)
    assert torch.equal(loaded.backbone(images()), model.backbone.cut("b1")(images()))
    accounted = {
        *loaded.report.loaded,
        *loaded.report.missing,
        *names(model, "inception_v3_tiny", source("torchvision")),
    } - {
        "head.linear.weight",
        "head.linear.bias",
    }
    assert accounted == {f"backbone.{key}" for key in model.backbone.state_dict()}


def test_a_head_of_someones_own_is_a_head() -> None:
    """``model.fc = Sequential(...)`` is what fine-tuned files have: the net is recognised, the head left out."""
    state = foreign(lively(NAME), NAME)
    state["fc.1.weight"], state["fc.1.bias"] = state.pop("fc.weight"), state.pop("fc.bias")
    assert NAME in identify(state)
    assert load_backbone(state, NAME).report.ignored == ("fc.1.weight", "fc.1.bias")
    report = load(build(NAME, classes=2), state, architecture=NAME, fresh=("head.",))
    assert report.ignored == ("fc.1.weight", "fc.1.bias")


def test_a_file_without_the_first_block_is_refused() -> None:
    """There is no backbone without a stem."""
    state = {key: each for key, each in lively(NAME).state_dict().items() if "stem" not in key}
    with pytest.raises(WeightsMismatchError, match=r"conv1\.conv\.weight: not in the file"):
        load_backbone(state, NAME)


def test_the_real_inception_v3_file(shared_data: Callable[[str], Path]) -> None:
    """Folded, half precision, cut at Mixed_7a: 1280 channels of 8x8 at 299 pixels, rectified and alive."""
    file = read_weights(shared_data("weights/inception_v3_imagenet_to_mixed_7a.safetensors"))
    assert identify(file.tensors) == ("inception_v3",)
    loaded = load_backbone(file, "inception_v3")
    assert loaded.after == "reduction_b"
    assert loaded.folded
    assert len(loaded.report.loaded) == len(file.tensors) == 152
    assert loaded.report.unexpected == loaded.report.ignored == ()
    assert all(".c1." in key or ".c2." in key for key in loaded.report.missing)
    assert loaded.report.sha256 == file.sha256
    with torch.no_grad():
        feature_map = loaded.backbone(images(299))
    assert feature_map.shape == (1, 1280, 8, 8)
    assert feature_map.isfinite().all()
    assert all(each.dtype == torch.float32 for each in loaded.backbone.parameters())


def test_what_the_file_says_of_itself_is_a_hint(tmp_path: Path) -> None:
    """A v1 file loaded as v1.5 loads, as names and shapes cannot tell, and the report says what the file said."""
    path = tmp_path / "w.safetensors"
    write_weights(path, lively("resnet_v1_tiny").state_dict(), {"architecture": "resnet_v1_tiny"})
    report = load(build(NAME, classes=5), read_weights(path), architecture=NAME)
    assert report.notes == ("The file says that it is resnet_v1_tiny; it was loaded as resnet_tiny.",)
    assert report.lines[1:] == report.notes
    assert load(build("resnet_v1_tiny", classes=5), read_weights(path), architecture="resnet_v1_tiny").notes == ()

"""The table of named weights against the libraries that publish them, and what a name means for which model."""

import re
from pathlib import Path

import pytest
import timm
import torchvision

from inarch.errors import UnknownNameError, WeightsError
from inarch.models import architecture
from inarch.transfer.backbones import starting_point
from inarch.weights.locating import WeightsPlaces
from inarch.weights.named import NAMED, ROWS, NamedWeights, default_weights, find_named_weights, hash_in, is_name

TORCHVISION = [row for row in NAMED.values() if row.name.startswith("torchvision:")]
TIMM = [row for row in NAMED.values() if row.name.startswith("timm:")]
WITH_OWN_NORMALISATION = ("googlenet", "inception_v3")


def test_every_row_is_of_a_net_that_exists() -> None:
    """No row is left out of the table for want of its net."""
    assert tuple(NAMED.values()) == tuple(ROWS)
    assert all(row.licence for row in NAMED.values())


@pytest.mark.parametrize("row", TORCHVISION, ids=lambda row: row.name)
def test_files_are_torchvisions(row: NamedWeights) -> None:
    """Address, and with it the hash, and the normalisation are those of torchvision's own table."""
    tag = row.name.rpartition(".")[2]
    theirs = getattr(torchvision.models.get_model_weights(row.architecture), tag)
    assert theirs.url == row.url
    assert row.sha256 == hash_in(row.file) != ""
    if row.architecture not in WITH_OWN_NORMALISATION:
        preset = theirs.transforms()
        assert (tuple(preset.mean), tuple(preset.std)) == (row.mean, row.std)


@pytest.mark.parametrize("row", TIMM, ids=lambda row: row.name)
def test_files_are_timms(row: NamedWeights) -> None:
    """Hub repository, file, normalisation and licence are those of timm's own table."""
    theirs = timm.get_pretrained_cfg(row.name.removeprefix("timm:"))
    assert theirs.hf_hub_id == row.hub
    assert (tuple(theirs.mean), tuple(theirs.std)) == (row.mean, row.std)
    assert row.licence.lower().startswith(theirs.license)
    if row.url:
        assert theirs.url.rpartition("/")[2] == row.file
        assert row.sha256 == hash_in(row.file) != ""


@pytest.mark.parametrize("row", NAMED.values(), ids=lambda row: row.name)
def test_weights_and_nets_agree_about_normalisation(row: NamedWeights) -> None:
    """Photos are normalised as the net's row says: weights that expect another normalisation have no place here."""
    assert (architecture(row.architecture).mean, architecture(row.architecture).std) == (row.mean, row.std)


def test_torchvisions_own_normalisation_is_that_of_the_net() -> None:
    """Its GoogLeNet and Inception v3 turn ImageNet's normalisation into (p - 0.5) / 0.5 inside."""
    for name in WITH_OWN_NORMALISATION:
        net = torchvision.models.get_model(name, weights=None, init_weights=False, transform_input=True)
        assert net.transform_input
        assert architecture(name).mean == architecture(name).std == (0.5, 0.5, 0.5)


@pytest.mark.parametrize(
    ("weights", "model", "file"),
    [
        ("imagenet", "resnet18", "resnet18-f37072fd.pth"),
        ("imagenet", "resnet50", "resnet50-0676ba61.pth"),
        ("torchvision:IMAGENET1K_V2", "resnet50", "resnet50-11ad3fa6.pth"),
        ("torchvision:resnet50.IMAGENET1K_V2", None, "resnet50-11ad3fa6.pth"),
        ("torchvision:resnet50.IMAGENET1K_V2", "resnet50", "resnet50-11ad3fa6.pth"),
        ("timm:resnet18.a1_in1k", None, "resnet18_a1_0-d63eafa0.pth"),
        ("timm:a1_in1k", "resnet18", "resnet18_a1_0-d63eafa0.pth"),
        ("imagenet", "efficientnet_lite0", "efficientnet-lite0-57934424.pth"),
        ("imagenet", "resnet50_half", "open-nsfw.onnx"),
        ("package:resnet50_half.open_nsfw", None, "open-nsfw.onnx"),
        ("imagenet", "timm:mobilenetv3_small_100", "mobilenetv3_small_100_lamb-266a294c.pth"),
        ("timm:lamb_in1k", "timm:mobilenetv3_small_100.lamb_in1k", "mobilenetv3_small_100_lamb-266a294c.pth"),
    ],
)
def test_names_mean_files(weights: str, model: str | None, file: str) -> None:
    """With the model and without, as far as the name says it."""
    assert find_named_weights(weights, model).file == file
    assert is_name(weights)


@pytest.mark.parametrize(
    ("weights", "model", "words"),
    [
        ("imagenet", None, "Many models have weights called 'imagenet'; say which with --model. Models that have: "),
        ("torchvision:IMAGENET1K_V2", None, "weights of resnet50, resnet101, .*say which with --model"),
        ("torchvision:resnet18.IMAGENET1K_V1", "resnet50", "is for resnet18, not for resnet50; leave out --model"),
        ("imagenet", "resnet50_v1", "No weights for resnet50_v1 have a name here; pass a file"),
        ("imagenett", None, "No weights are called 'imagenett', and there is no such file. Known: "),
    ],
)
def test_names_that_do_not_say_enough(weights: str, model: str | None, words: str) -> None:
    """The message says what is missing and what there is."""
    with pytest.raises(WeightsError, match=words):
        find_named_weights(weights, model)


def test_unknown_tags_offer_the_nearest() -> None:
    """Of the model that was named, or of timm."""
    with pytest.raises(UnknownNameError, match=r"Did you mean 'torchvision:resnet18\.IMAGENET1K_V1'"):
        find_named_weights("torchvision:resnet18.IMAGENET1K_V2", "resnet18")
    with pytest.raises(UnknownNameError, match=r"No set of weights of timm's resnet18 is called 'a1_in2k'.*'a1_in1k'"):
        find_named_weights("imagenet", "timm:resnet18.a1_in2k")
    with pytest.raises(UnknownNameError, match=r"No timm model is called 'resnet19'. Did you mean 'resnet18'"):
        find_named_weights("imagenet", "timm:resnet19")


def test_only_packages_bring_weights_unasked() -> None:
    """Nothing is downloaded unless it was asked for."""
    assert default_weights("resnet18") is None
    for name in ("efficientnet_lite0", "resnet50_half"):
        assert re.match("package:", default_weights(name).name)


@pytest.mark.parametrize(
    ("given", "model", "words"),
    [
        ("microsoft/resnet-50", None, r"`hf download microsoft/resnet-50`.*Known names for resnet50: torchvision:"),
        ("hf_hub:timm/resnet18.a1_in1k", None, r"`hf download timm/resnet18\.a1_in1k`.*timm:resnet18\.a1_in1k"),
        ("https:/download.org/a.pth", None, r"https://download\.org/a\.pth, which is an address\. Addresses are not"),
        ("ResNet50_Weights.DEFAULT", None, r"does not exist.*torchvision:resnet50\.IMAGENET1K_V2"),
        ("best.pth", "resnet34", r"Known names for resnet34: torchvision:resnet34"),
        ("best.pth", None, r"Known names: package:efficientnet_lite0"),
    ],
)
def test_what_is_neither_a_file_nor_a_name_gets_the_known_names(given: str, model: str | None, words: str) -> None:
    """Names of other libraries and addresses are known for what they are, and nothing is fetched."""
    with pytest.raises(WeightsError, match=words):
        starting_point(model, given)


def test_a_tag_names_weights() -> None:
    """``timm:resnet18.a1_in1k`` means these weights and no random ones; the error says how to get them."""
    pytest.importorskip("timm")
    with pytest.raises(WeightsError, match=r"timm:resnet18\.a1_in1k are not on this machine: downloads are forbidden"):
        starting_point("timm:resnet18.a1_in1k", None, WeightsPlaces(folder=Path("nowhere"), forbidden="a test"))

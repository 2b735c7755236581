"""``inarch inspect`` with variations, against another net, and with the ledger; ``inarch models``."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from inarch.nets import architecture
from trained import Trained

Inarch = Callable[..., Any]


def test_a_varied_net_is_inspected_under_its_own_name(inarch: Inarch) -> None:
    """Two variations, one after the other."""
    ended = inarch("inspect", "resnet_tiny:without_shortcut:width=0.5", "--format", "json")
    told = json.loads(ended.out)
    assert (ended.code, told["name"]) == (0, "resnet_tiny:without_shortcut:width=0.5")
    assert told["variant"].endswith("without shortcut, width 0.5")


def test_a_net_is_told_against_another(inarch: Inarch) -> None:
    """In sentences and in figures that agree: the reductions save what leaving them out costs."""
    words = ("inspect", "googlenet_tiny", "--against", "googlenet_tiny:without_reduction")
    text, record = inarch(*words), json.loads(inarch(*words, "--format", "json").out)
    assert text.code == 0
    difference = record["here"]["parameters"] - record["there"]["parameters"]
    assert f"{difference:+,}" in text.out
    assert sum(each["parameters"] for each in record["changes"]) == difference


def test_a_bundle_stands_against_a_net(inarch: Inarch, tiny: Trained) -> None:
    """On either side; classes differ."""
    for words in ((tiny.bundle, "--against", "resnet_tiny"), ("resnet_tiny", "--against", tiny.bundle)):
        ended = inarch("inspect", *words)
        assert (ended.code, ended.err) == (0, "")
        assert "classes" in ended.out
    assert "do not differ" in inarch("inspect", tiny.bundle, "--against", tiny.bundle).out


def test_variants_print_the_ledger(inarch: Inarch) -> None:
    """Every departure of the net; as JSON the same."""
    departures = architecture("googlenet_tiny").departures
    assert departures
    ended = inarch("inspect", "googlenet_tiny", "--variants")
    flat = " ".join(ended.out.split())
    assert ended.code == 0
    assert all(each.what in flat and each.why in flat and each.source in flat for each in departures)
    told = json.loads(inarch("inspect", "googlenet_tiny", "--variants", "--format", "json").out)
    assert len(told["departures"]) == len(departures)
    assert "googlenet_paper" in [each["name"] for each in told["siblings"]]


def test_a_comparison_is_written_to_a_file(inarch: Inarch, tmp_path: Path) -> None:
    """As any other picture of a net."""
    place = tmp_path / "against.json"
    ended = inarch("inspect", "resnet_tiny", "--against", "resnet_v1_tiny", "--format", "json", "--out", place)
    assert (ended.code, ended.out) == (0, f"written to {place}\n")
    assert json.loads(place.read_text())["alike"]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["resnet51"], "No model or bundle is called 'resnet51'. Did you mean"),
        (["resnet_tiny", "--against", "resnet51"], "No model or bundle is called 'resnet51'."),
        (["resnet_tiny:foo"], "No variation is called 'foo'."),
        (["resnet_tiny:width"], "takes a number, as in width=0.5"),
        (["resnet_tiny", "--against", "resnet_tiny:without_reduction"], "cannot be varied by without_reduction"),
        (["resnet51", "--variants"], "No model is called 'resnet51'."),
        (["resnet_tiny", "--variants", "--format", "svg"], "No format for this is called 'svg'."),
        (["resnet_tiny", "--against", "resnet_tiny", "--format", "html"], "Known: json, text."),
        (["resnet_tiny", "--against", "resnet_tiny", "--variants"], "--against and --variants"),
        (["resnet_tiny", "--variants", "--layers"], "--variants and --layers"),
        (["resnet_tiny", "--variants", "--image-size", "64"], "leave --image-size out"),
        (["./nothing", "--variants"], "not of a bundle"),
    ],
)
def test_a_mistake_ends_with_a_sentence(words: list[str], said: str, inarch: Inarch) -> None:
    """Exit code 2, nothing on stdout, no traceback."""
    ended = inarch("inspect", *words)
    assert (ended.code, ended.out) == (2, "")
    assert ended.err.startswith("inarch: ")
    assert said in ended.err
    assert ended.err.count("\n") == 1

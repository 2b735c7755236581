"""``inarch inspect`` with variations, against another net, and with the ledger; ``inarch models``."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from inarch.commands.inspect.picture import BROWSERS
from inarch.models import architecture
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
    assert "googlenet_paper" in [each["model"]["name"] for each in told["siblings"]]


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
        (["./nothing", "--variants"], "not for the bundle"),
        (["resnet_tiny", "--measure", "--against", "resnet_tiny"], "--against and --measure"),
        (["resnet_tiny", "--format", "png"], "say where to with --out"),
        (["resnet_tiny", "--format", "gif"], "Known: html, json, mermaid, png, svg, text."),
        (["resnet_tiny", "--part", "stage2"], "--part and --colour are for --format svg and png, not text"),
        (["resnet_tiny", "--format", "svg", "--part", "stage22"], "No stage or block is called 'stage22'."),
        (["resnet_tiny", "--format", "svg", "--colour", "ms"], "No colour is called 'ms'."),
    ],
)
def test_a_mistake_ends_with_a_sentence(words: list[str], said: str, inarch: Inarch) -> None:
    """Exit code 2, nothing on stdout, no traceback."""
    ended = inarch("inspect", *words)
    assert (ended.code, ended.out) == (2, "")
    assert ended.err.startswith("inarch: ")
    assert said in ended.err
    assert ended.err.count("\n") == 1


@pytest.mark.parametrize("part", ["model", "stage2", "block2_1"])
def test_a_part_is_drawn(inarch: Inarch, part: str) -> None:
    """The whole at a glance, a stage, a block."""
    ended = inarch("inspect", "resnet_tiny", "--format", "svg", "--part", part, "--colour", "parameters")
    assert ended.code == 0
    assert ended.out.startswith("<svg")
    assert "by-parameters" in ended.out


def test_a_bundle_is_measured(inarch: Inarch, tiny: Trained) -> None:
    """With its own weights; all that there is to measure, of every layer."""
    ended = inarch("inspect", tiny.bundle, "--measure", "--format", "json")
    told = json.loads(ended.out)
    assert (ended.code, ended.err) == (0, "")
    engines = [each["engine"].rpartition(" ")[0] for each in told["measured"]["timings"]]
    assert engines == ["PyTorch", "ONNX Runtime"]
    assert all(len(each["layers"]) == len(told["nodes"]) for each in told["measured"]["timings"])
    assert told["measured"]["fields"]
    assert told["measured"]["flow"]["blocks"]


@pytest.mark.skipif(not any(map(shutil.which, BROWSERS)), reason="no browser that renders a PNG is on the path")
def test_a_picture_comes_as_pixels(inarch: Inarch, tmp_path: Path) -> None:
    """Two for each of the drawing's, and not all of one colour."""
    place = tmp_path / "net.png"
    ended = inarch("inspect", "resnet_tiny", "--format", "png", "--part", "model", "--out", place)
    assert (ended.code, ended.out) == (0, f"written to {place}\n")
    with Image.open(place) as picture:
        assert picture.width == 2 * 880
        assert len(picture.convert("RGB").getcolors(maxcolors=2**24) or []) > 20


def test_without_a_browser_it_is_said(inarch: Inarch, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was looked for, and what to do; nothing is written."""
    monkeypatch.setenv("PATH", str(tmp_path))
    ended = inarch("inspect", "resnet_tiny", "--format", "png", "--out", tmp_path / "net.png")
    assert ended.code == 2
    assert "chromium" in ended.err
    assert "--format svg" in ended.err
    assert not list(tmp_path.iterdir())

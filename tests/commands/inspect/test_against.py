"""A comparison as text and as JSON: pure functions of the record."""

import json
from dataclasses import replace

import pytest

from inarch.commands.inspect.drawing.against_text import (
    LAYOUT,
    sentence,
    to_json,
    to_text,
)
from inarch.models.anatomy.records import (
    Change,
    ModelComparison,
    ModelFigures,
    StageFigures,
    StagePair,
)

HERE = ModelFigures("googlenet", "torchvision", 224, 1000, 6_624_904, 1_498_376_192, 22, 379)
THERE = ModelFigures("googlenet_paper", "paper", 224, 1000, 6_998_552, 1_582_671_872, 22, 715)
STEM = StageFigures("stem", 5, (192, 28, 28), 8, 124_800, 477_000_000, 27)
NINE = ("3a", "3b", "4a", "4b", "4c", "4d", "4e", "5a", "5b")
KERNEL = Change("kernel", "convolution", "3x3", "5x5", ("5x5 conv",), NINE, ("stage3",), True, 9, -380_928, -84_295_680)
COMPARISON = ModelComparison(HERE, THERE, (StagePair(STEM, STEM),), True, (KERNEL,))


def change(what: str, **fields: object) -> Change:
    blank = Change(what, "", "", "", (), ("block1_1",), ("stage1",), False, 1, 0, 0)
    return replace(blank, **fields)


@pytest.mark.parametrize(
    ("told", "words"),
    [
        (KERNEL, "In all 9 such blocks (3a … 5b) the 5x5 branch's conv is 3x3, not 5x5"),
        (
            change("stride", kind="convolution", here="stride 1", there="stride 2", layers=("residual reduce",)),
            "In block1_1 the residual path's reduce has stride 1, not stride 2",
        ),
        (
            change("width", kind="convolution", here="0.5 times the channels", blocks=NINE, count=57),
            "In 9 blocks (3a … 5b) all 57 convolutions have 0.5 times the channels",
        ),
        (change("kernel", kind="max pool", here="2x2", there="3x3"), "In block1_1 the max pool is 2x2, not 3x3"),
        (change("bias", kind="convolution", here="no bias", there="a bias", count=57), "57 convolutions have no bias"),
        (
            change("layer", kind="batch norm", here="batch norm", count=2, blocks=("a", "b")),
            "2 batch norm layers more, in a and b",
        ),
        (
            change(
                "layer", kind="convolution", there="1x1", layers=("3x3 reduce", "5x5 reduce"), blocks=("a", "b", "c")
            ),
            "In a, b and c the 3x3 branch's reduce and the 5x5 branch's reduce, 1x1, are missing",
        ),
        (change("branch", here="branch", layers=("5x5",)), "In block1_1 there is a branch 5x5"),
        (change("branch", there="branch", layers=("5x5",)), "In block1_1 there is no branch 5x5"),
        (
            change("block", there="block", count=4, blocks=("3_3", "3_4", "3_5", "3_6"), stages=("stage3",)),
            "stage3 has 4 blocks fewer (3_3 … 3_6)",
        ),
        (change("block", here="block", blocks=("final",)), "stage1 has 1 block more (final)"),
        (
            change("path", here="3x3, 3x3", there="1x1, 3x3, 1x1", layers=("residual",)),
            "In block1_1 the residual path is 3x3, 3x3, not 1x1, 3x3, 1x1",
        ),
        (
            change("shortcut", here="none", there="identity"),
            "In block1_1 there is no shortcut, and the other has the identity",
        ),
        (
            change("shortcut", here="projection", there="none"),
            "In block1_1 the shortcut is a projection, and in the other none",
        ),
        (
            change("order", here="after", there="before"),
            "In block1_1 normalisation and ReLU come after the convolutions, not before them",
        ),
        (
            change("input", kind="linear", here="more channels"),
            "1 linear layer, otherwise the same, takes in more channels",
        ),
    ],
)
def test_every_kind_of_change_has_its_sentence(told: Change, words: str) -> None:
    """That begins with where and ends before the figures."""
    assert sentence(told) == words


def test_figures_stand_behind_the_sentence() -> None:
    """With their signs: this net's minus the other's."""
    flat = " ".join(to_text(COMPARISON).split())
    assert "the 5x5 branch's conv is 3x3, not 5x5: -380,928 parameters, -84.3 M MACs." in flat
    assert "-373,648 (-5.3 %)" in flat


def test_no_line_is_wider_than_a_terminal() -> None:
    """80 columns, with long names as with short ones."""
    long = replace(HERE, name="a bundle with a name that is longer than any column of the table could hold")
    many = tuple(replace(KERNEL, blocks=(f"block{n}_1",), layers=("residual reduce", "shortcut")) for n in range(40))
    for comparison in (
        COMPARISON,
        ModelComparison(long, replace(long, parameters=95_000_000), (StagePair(STEM, None),), True, many),
    ):
        assert max(map(len, to_text(comparison).splitlines())) <= 80


def test_of_many_changes_the_rest_is_summed() -> None:
    """What is shown and what is summed make the whole."""
    many = tuple(replace(KERNEL, parameters=-1, macs=-1) for _ in range(LAYOUT.changes + 5))
    flat = " ".join(to_text(replace(COMPARISON, changes=many)).split())
    assert flat.count("- In all") == LAYOUT.changes
    assert "- 5 smaller changes (all with --format json): -5 parameters, -5 MACs." in flat


def test_nets_that_are_the_same_are_said_to_be() -> None:
    """And nets of different structures, too."""
    assert "do not differ in any layer" in to_text(ModelComparison(HERE, HERE, (StagePair(STEM, STEM),), True, ()))
    unlike = to_text(ModelComparison(HERE, THERE, (StagePair(STEM, None),), False, ()))
    assert "different structures" in unlike
    assert "do not differ" not in unlike


def test_json_holds_the_whole_record() -> None:
    """Of every change every field."""
    told = json.loads(to_json(COMPARISON))
    assert (told["alike"], told["identical"], told["here"]["name"]) == (True, False, "googlenet")
    assert told["changes"][0]["parameters"] == -380_928
    assert told["stages"][0]["there"]["name"] == "stem"


def test_names_cannot_command_the_terminal() -> None:
    """A bundle may be called anything."""
    assert "\x1b" not in to_text(replace(COMPARISON, here=replace(HERE, name="\x1b[2J"), changes=(KERNEL,)))

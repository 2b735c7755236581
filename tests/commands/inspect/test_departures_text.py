"""The ledger of departures and the list of the catalog, as text and as JSON."""

import json
from dataclasses import replace

from inarch.commands.inspect.drawing.catalog_text import catalog_text
from inarch.commands.inspect.drawing.departures_text import to_json, to_text
from inarch.models.anatomy.records import Departure, Ledger, ModelSize, Sibling, VariedModel

SLIP = Departure("The branch called 5x5 has a 3x3 kernel; in the paper 5x5.", "A slip, kept.", "pytorch/vision#906")
POOL = Departure("The pool is 2x2; in the paper 3x3.", "The port has it so.", "Table 1")
HEADS = Departure("Heads fit their map first.", "So they work at any size.", "section 5")
NET = ModelSize("googlenet", "torchvision", "Szegedy 2015, arXiv 1409.4842, Table 1", 224, 6_624_904, 13_004_888, 10**9)
PAPER = replace(NET, name="googlenet_paper", variant="paper", parameters=6_998_552)
SMALL = replace(NET, name="googlenet_small", image_size=64)
BARE = replace(NET, name="googlenet:without_auxiliary", training_parameters=6_624_904)
WIDE = replace(NET, name="googlenet:width=2", parameters=2 * NET.parameters, macs=4 * NET.macs)
LEDGER = Ledger(
    model=NET,
    departures=(SLIP, POOL),
    siblings=(Sibling(PAPER, (POOL, HEADS)), Sibling(SMALL, (SLIP, POOL, HEADS))),
    variations=(VariedModel(BARE, "no auxiliary classifiers"), VariedModel(WIDE, "every width times that")),
)


def flat(text: str) -> str:
    return " ".join(text.split())


def test_every_departure_is_told_with_reason_and_source() -> None:
    """Numbered, so that the siblings can refer to it."""
    told = flat(to_text(LEDGER))
    for number, each in enumerate((SLIP, POOL), start=1):
        assert f"{number}. {each.what} Why: {each.why} Source: {each.source}" in told


def test_siblings_refer_to_departures_by_number() -> None:
    """One that is met for the first time is told there, under the next number, and afterwards only counted."""
    told = flat(to_text(LEDGER))
    assert "googlenet_paper 6,998,552 parameters 1.00 G MACs paper departs in 2 3. Heads fit their map first." in told
    assert "torchvision, 64 pixels departs in 1, 2, 3" in told
    assert told.count(HEADS.what) == 1


def test_variations_say_what_they_cost() -> None:
    """As multiples; what shows in training only is said to."""
    told = flat(to_text(LEDGER))
    assert "every width times that: parameters × 2.00, MACs × 4.00" in told
    assert "no auxiliary classifiers: the same model, 6,379,984 parameters fewer in training" in told


def test_a_net_without_quirks_or_kin_is_said_to_be() -> None:
    """In a sentence each, and nothing about variations."""
    told = to_text(Ledger(NET, (), (), ()))
    assert "no known departure from its paper" in told
    assert "The catalog has no related models." in told
    assert "varied" not in told


def test_no_line_is_wider_than_a_terminal() -> None:
    """80 columns."""
    long = Departure("word " * 60, "word " * 60, "word " * 60)
    assert max(map(len, to_text(replace(LEDGER, departures=(long, SLIP))).splitlines())) <= 80


def test_json_holds_the_whole_ledger() -> None:
    """Departures, siblings with theirs, variations."""
    told = json.loads(to_json(LEDGER))
    assert [each["source"] for each in told["departures"]] == ["pytorch/vision#906", "Table 1"]
    assert [len(each["departures"]) for each in told["siblings"]] == [2, 3]
    assert told["variations"][1]["model"]["name"] == "googlenet:width=2"


def test_the_catalog_lists_every_net_once_under_its_paper() -> None:
    """Papers in the order of their first nets, even where their nets stand apart."""
    other = replace(NET, name="resnet18", source="He 2016, arXiv 1512.03385, Table 1")
    lines = catalog_text([NET, other, SMALL]).splitlines()
    names = [line.split()[0] for line in lines if line.startswith("  ")]
    assert names == ["googlenet", "googlenet_small", "resnet18"]
    assert lines.index("Szegedy 2015, arXiv 1409.4842") < lines.index("He 2016, arXiv 1512.03385")
    assert "come with inarch" not in lines[-1]
    assert catalog_text([NET], ("googlenet", "resnet18")).endswith("come with inarch for googlenet and resnet18.")

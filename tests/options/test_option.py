"""Options are what their records say: with defaults, in records inside records, refused where they make no sense."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

import pytest

from inarch.commands.adapt.methods import METHODS
from inarch.commands.adapt.options import METHOD_NAMES, VALIDATOR_NAMES
from inarch.commands.adapt.validators import VALIDATORS
from inarch.commands.export.export import TARGETS
from inarch.commands.export.options import TARGET_NAMES
from inarch.commands.inspect.inspection import FORMS
from inarch.commands.inspect.options import FORMS as FORM_NAMES
from inarch.commands.predict.listing import WRITERS
from inarch.commands.train.strategies.registry import STRATEGIES as STRATEGY_TABLE
from inarch.errors import UnknownNameError, UserError
from inarch.options.device import AUTO, NAMES, CpuDevice, check_cpu, check_device
from inarch.options.kinds import LARGEST_SEED, Seed
from inarch.options.notation import SHARE
from inarch.options.option import Option, check_options, fill_record, option_fields
from inarch.transfer.class_weighting import WEIGHTINGS
from inarch.transfer.options import CLASS_WEIGHTINGS, STRATEGIES, TrainOptions


@dataclass(frozen=True, kw_only=True)
class Pot:
    """What a plant stands in."""

    litres: Annotated[int, Option("Its size.", minimum=1)] = 2
    glazed: bool = False

    def __post_init__(self) -> None:
        check_options(self)


@dataclass(frozen=True, kw_only=True)
class PlantOptions:
    """How to plant."""

    kind: Annotated[str, Option("What to plant.", choices=("rose", "ivy"))] = "rose"
    light: Annotated[float | None, Option("Share of the day.", notation=SHARE)] = None
    friends: Annotated[tuple[str, ...], Option("Beside it.", name="friend", kind="plant", choices=("rose", "ivy"))] = ()
    pot: Pot = field(default_factory=lambda: Pot(litres=5))
    shed: Annotated[Path, Option("Where the tools are.")] = field(default_factory=lambda: Path("shed"))
    seed: Seed = 0
    device: CpuDevice = AUTO

    def __post_init__(self) -> None:
        check_options(self)


def test_every_option_is_found_in_its_place() -> None:
    """Those of an inner record with the default that the outer one gives it; fields that are none are passed over."""
    found = {each.name: each for each in option_fields(PlantOptions)}
    assert [*found] == ["kind", "light", "friend", "litres", "shed", "seed", "device"]
    assert (found["litres"].path, found["litres"].default) == (("pot", "litres"), 5)
    assert [name for name, each in found.items() if each.is_computed] == ["shed"]
    assert found["light"].type == float | None


def test_records_are_filled_through_and_through() -> None:
    """What is not named stays; the record is checked as a whole."""
    filled = fill_record(PlantOptions(), {("kind",): "ivy", ("pot", "litres"): 9})
    assert filled == PlantOptions(kind="ivy", pot=Pot(litres=9))
    with pytest.raises(UserError, match="A litres is a whole number of 1 or more; 0 was asked for"):
        fill_record(PlantOptions(), {("pot", "litres"): 0})


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"kind": "roes"}, "No kind is called 'roes'. Did you mean 'rose'?"),
        ({"friends": ("ivy", "oak")}, "No plant is called 'oak'."),
        ({"light": 1.5}, "A light is a share between 0 and 1, such as 0.95; 1.5 was asked for."),
        ({"light": float("nan")}, "A light is a share"),
        ({"seed": -1}, f"A seed is a whole number from 0 to {LARGEST_SEED}; -1 was asked for."),
        ({"seed": LARGEST_SEED + 1}, "A seed is"),
        ({"device": "cuda"}, "This command computes on the CPU alone, by ONNX Runtime; device cuda was asked for."),
    ],
)
def test_what_makes_no_sense_is_refused(given: dict[str, object], said: str) -> None:
    """In one sentence, by whichever way the record is made."""
    with pytest.raises(UserError) as refused:
        PlantOptions(**given)  # type: ignore[arg-type]
    assert said in str(refused.value)
    assert "\n" not in str(refused.value)


def test_a_wrong_choice_can_be_told_from_other_mistakes() -> None:
    """By its kind of error."""
    with pytest.raises(UnknownNameError):
        TrainOptions(strategy="prob")


@pytest.mark.parametrize(
    ("names", "table"),
    [
        (METHOD_NAMES, METHODS),
        (VALIDATOR_NAMES, VALIDATORS),
        (TARGET_NAMES, TARGETS),
        (STRATEGIES, STRATEGY_TABLE),
        (CLASS_WEIGHTINGS, WEIGHTINGS),
        ([name for name in FORM_NAMES if name != "png"], FORMS),  # a png is drawn as svg first
        (("text", "csv"), WRITERS),
    ],
)
def test_names_that_help_shows_are_those_of_the_tables(names: list[str], table: dict[str, object]) -> None:
    """The tables import torch, which ``--help`` must not: so the names are written down once more."""
    assert set(names) == set(table)


def test_devices_are_checked_in_one_place() -> None:
    """What has several has numbers; what computes on the CPU alone takes that."""
    for name in (*NAMES, "cuda:0", "cuda:12", "xpu:1"):
        check_device(name)
    for name in ("auto", "cpu"):
        check_cpu(name)
    for name in ("cuda:", "cuda:-1", "mps:0", "auto:0", "CUDA", "cuda 0"):
        with pytest.raises(UserError):
            check_device(name)
    with pytest.raises(UserError, match="device mps was asked for"):
        check_cpu("mps")

"""A new command is one new folder, and no edit elsewhere."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from inarch import commands

Inarch = Callable[..., Any]
TOY = '''
"""``inarch toy``"""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from inarch.commands.command import Command, Output
from inarch.errors import WorkError
from inarch.options.kinds import Seed
from inarch.options.notation import DURATION
from inarch.options.option import Option, check_options

SCHEMA = "inarch.toy/1"


@dataclass(frozen=True, kw_only=True)
class ToyOptions:
    """How to play."""

    speed: Annotated[int, Option("Metres a second.", minimum=1)] = 3
    rest: Annotated[float, Option("How long it stands still.", notation=DURATION)] = 90.0
    colours: Annotated[tuple[str, ...], Option("Its coat.", name="colour", kind="colour", choices=("red", "blue"))] = ()
    name: Annotated[str | None, Option("What it is called.")] = None
    brakes: Annotated[bool, Option("It can stop.")] = True
    seed: Seed = 0

    def __post_init__(self) -> None:
        check_options(self)


@dataclass(frozen=True)
class Ride:
    """What came of it."""

    place: str
    metres: float
    colours: tuple[str, ...]


def toy(
    place: Annotated[Path, typer.Argument(help="Where to play.")], *, options: ToyOptions, output: Output
) -> None:
    """Play with a toy.

    Example: inarch toy garden --speed 5
    """
    with output.progress() as show:
        show("play", 1, 1)
    if not options.brakes:
        raise WorkError("It did not stop.")
    output.show(Ride(str(place), options.speed * options.rest, options.colours), _to_text, SCHEMA)
    output.say("Well played.")


def _to_text(ride: Ride) -> str:
    return f"{ride.metres:g} m in {ride.place}, {' and '.join(ride.colours) or 'without colour'}"


COMMANDS = (Command(toy, results={SCHEMA: f"{__name__}.Ride"}),)
'''


@pytest.fixture
def _toy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "toy"
    folder.mkdir()
    (folder / "__init__.py").write_text('"""A toy."""\n')
    (folder / "cli.py").write_text(TOY)
    monkeypatch.setattr(commands, "__path__", [*commands.__path__, str(tmp_path)])
    for name in ("inarch.commands.toy", "inarch.commands.toy.cli"):
        monkeypatch.delitem(sys.modules, name, raising=False)
        monkeypatch.delattr(commands, "toy", raising=False)


@pytest.mark.usefixtures("_toy")
def test_help_lists_it_and_its_options(inarch: Inarch) -> None:
    """From its folder alone: the names, the meanings, the defaults as people write them, and the common switches."""
    assert "toy       Play with a toy." in inarch("--help").out
    told = " ".join(inarch("toy", "--help").out.split())
    for words in (
        "Example: inarch toy garden --speed 5",
        "Where to play.",
        "Metres a second. [default: 3]",
        "--rest TIME How long it stands still: 90s, 10m, 1h. [default: 90s]",
        "--colour red|blue",
        "--brakes / --no-brakes",
        "--seed INTEGER Random seed. [default: 0]",
        "--format text|json",
        "--json",
        "--quiet",
    ):
        assert words in told


@pytest.mark.usefixtures("_toy")
def test_it_prints_text_and_json(inarch: Inarch) -> None:
    """With options read as people write them."""
    assert inarch("toy", "garden").out == "270 m in garden, without colour\nWell played.\n"
    words = ("toy", "garden", "--speed", "2", "--rest", "1m", "--colour", "red", "--colour", "blue", "--colour", "red")
    assert inarch(*words, "--quiet").out == "120 m in garden, red and blue\n"


@pytest.mark.usefixtures("_toy")
@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["--speed", "0"], 2, "inarch: A speed is a whole number of 1 or more; 0 was asked for."),
        (["--rest", "soon"], 2, "inarch: 'soon' is not a duration; write it as 90s, 10m or 1h."),
        (["--colour", "blu"], 2, "inarch: No colour is called 'blu'. Did you mean 'blue'? Known: blue, red."),
        (["--seed", "-1"], 2, "inarch: A seed is a whole number from 0 to 2147483647; -1 was asked for."),
        (["--speed", "fast"], 2, "inarch: --speed takes a whole number; 'fast' was given."),
        (["--wings"], 2, "No such option: --wings"),
        (["--no-brakes"], 1, "inarch: It did not stop."),
    ],
)
def test_what_is_wrong_is_said(words: list[str], code: int, said: str, inarch: Inarch) -> None:
    """Exit code 2 for a mistake and 1 for work that failed; stdout stays empty."""
    ended = inarch("toy", "garden", *words)
    assert (ended.code, ended.out) == (code, "")
    assert said in ended.err

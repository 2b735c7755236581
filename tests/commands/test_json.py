"""What each command prints as JSON is what its published schema says."""

import json
import math
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import jsonschema
import pytest

from handbook.schemas import meanings_of, records_in, results, schema_of
from inarch.bundle.reading import read_bundle
from inarch.commands.cli import commands
from inarch.commands.demo import demo as demo_module
from inarch.commands.demo.demo import Demo
from inarch.commands.inspect import inspect
from inarch.commands.pretrain import run as pretrain_module
from inarch.commands.pretrain.pretrain import Chunk
from inarch.commands.train import run as train_module
from inarch.storage.serialisation import to_printed_json
from inarch.storage.shown import in_json
from inarch.training.loop import Epoch
from inarch.training.watching import StageState
from schemas import check_json
from trained import Trained

Inarch = Callable[..., Any]
CALLS = {
    "inarch.doctor-apply/1": "doctor {photos} --apply {patch} --out {out}",
    "inarch.doctor/1": "doctor {photos} --no-labels --out {out}",
    "inarch.evaluate/1": "evaluate {bundle} {photos}",
    "inarch.export/1": "export {bundle} --out {out}",
    "inarch.inspect-against/1": "inspect resnet_tiny --against resnet_v1_tiny",
    "inarch.inspect-variants/1": "inspect googlenet_tiny --variants",
    "inarch.inspect/1": "inspect resnet_tiny",
    "inarch.models/1": "models --all",
    "inarch.predict/1": "predict {bundle} {photos}/val",
    "inarch.rename/1": "rename {bundle} red red",
    "inarch.study-list/1": "study --list",
    "inarch.study/1": "study zero-start --budget 0.001s --out {out}",
}
STAND_INS = {"inarch.demo/1": "demo", "inarch.pretrain/1": "pretrain {out}", "inarch.train/1": "train {photos}"}
"""What would take minutes is done by others."""
ELSEWHERE = ("inarch.adapt/1", "inarch.explain/1")
"""Take long, and are held to their schemas where they are tested anyway: in test_commands.py and test_explain.py."""


@pytest.fixture
def _others_do_the_work(tiny: Trained, monkeypatch: pytest.MonkeyPatch) -> None:
    bundle = read_bundle(tiny.bundle)

    def pretrain(*_: object, **__: object) -> Iterator[Chunk]:
        for number in (1, 2):
            yield Chunk(Epoch(number, 1.5, 0.5, 2.0, (StageState("stem", 1.0, 2.0),)), number == 2, {"colours": 0.5})

    monkeypatch.setattr(demo_module, "demo", lambda *_: Demo(bundle, bundle))
    monkeypatch.setattr(train_module, "train", lambda *_: bundle)
    monkeypatch.setattr(pretrain_module, "pretrain", pretrain)
    monkeypatch.setattr(inspect, "catalog", partial(inspect.catalog, names=("resnet_tiny",)))


@pytest.mark.usefixtures("_others_do_the_work")
@pytest.mark.parametrize("schema", [*CALLS, *STAND_INS])
def test_json_keeps_to_its_schema(schema: str, inarch: Inarch, tiny: Trained, tmp_path: Path) -> None:
    """Every key is there, none besides, and each has a value of its kind; nothing but JSON goes to stdout."""
    patch = tmp_path / "patch.csv"
    patch.write_text("path,decision,label,why\n")
    words = (CALLS | STAND_INS)[schema].format(**tiny._asdict(), out=tmp_path / "out", patch=patch).split()
    ended = inarch(*words, "--json", "--quiet")
    assert (ended.code, ended.err) == (0, "")
    assert check_json(ended.out) == schema


def test_every_command_that_prints_json_is_held_to_its_schema() -> None:
    """None is left out above; a name says whose it is, and its version."""
    assert {*CALLS, *STAND_INS, *ELSEWHERE} == set(results())
    for command in commands():
        assert command.results
        for name in command.results:
            assert re.fullmatch(rf"inarch\.{command.run.__name__}(-[a-z]+)?/[1-9]\d*", name)


def test_the_short_form_is_the_long_one(inarch: Inarch, tiny: Trained) -> None:
    """``--json`` and ``--format json`` print the same; both together do, too."""
    words = ("evaluate", tiny.bundle, tiny.photos)
    long, short = ["--format", "json"], ["--json"]
    assert inarch(*words, *long) == inarch(*words, *short) == inarch(*words, *long, *short)


def test_quiet_prints_results_alone(inarch: Inarch, tiny: Trained) -> None:
    """What is asked for, without the remarks about it; errors as ever."""
    words = ("predict", tiny.bundle, tiny.photos / "val")
    loud, quiet = inarch(*words), inarch(*words, "--quiet")
    assert loud.err
    assert (quiet.code, quiet.out, quiet.err) == (0, loud.out, "")
    assert "There is no bundle at nowhere" in inarch("predict", "nowhere", tiny.photos, "--quiet").err


@dataclass(frozen=True)
class Branch:
    """A branch of a tree."""

    length: float
    """In metres."""
    leaves: tuple[int, ...] = ()


class Fruit(NamedTuple):
    """What a tree bears."""

    name: str
    ripe: bool


@dataclass(frozen=True)
class Tree:
    """A tree.

    With branches.
    """

    height: float
    place: Path
    branches: tuple[Branch, ...]
    best: Branch | None
    """None while there is none."""
    fruit: Mapping[str, Fruit]
    picture: bytes
    span: tuple[str, float] = ("m", 1.0)

    @property
    @in_json
    def grown(self) -> bool:
        """Whether it is taller than a person."""
        return self.height > 2

    @property
    def secret(self) -> int:
        """Not for JSON."""
        return 1


TREE = Tree(math.inf, Path("a/b"), (Branch(1.0, (1, 2)),), None, {"apple": Fruit("Boskop", True)}, b"png", ("m", 2.0))


def test_a_record_becomes_plain_values() -> None:
    """Records and named tuples as objects, with the properties that are marked; pictures stay out, infinity is null."""
    assert json.loads(to_printed_json(TREE, "inarch.tree/1")) == {
        "schema": "inarch.tree/1",
        "height": None,
        "place": "a/b",
        "branches": [{"length": 1.0, "leaves": [1, 2]}],
        "best": None,
        "fruit": {"apple": {"name": "Boskop", "ripe": True}},
        "span": ["m", 2.0],
        "grown": True,
    }
    assert "\n" not in to_printed_json(TREE, "inarch.tree/1", indent=None)


def test_a_schema_follows_from_the_record() -> None:
    """It takes what the record gives and refuses anything else; what keys mean is in the docstrings below them."""
    schema = schema_of("inarch.tree/1", Tree)
    validator = jsonschema.Draft202012Validator(schema)
    validator.check_schema(schema)
    good = json.loads(to_printed_json(TREE, "inarch.tree/1"))
    validator.validate(good)
    for change in (
        {"schema": "inarch.tree/2"},
        {"height": "tall"},
        {"branches": [{"length": 1.0}]},
        {"fruit": {"apple": {"name": "Boskop", "ripe": "yes"}}},
        {"span": ["m"]},
        {"unknown": 1},
    ):
        assert not validator.is_valid({**good, **change})
    assert not validator.is_valid({name: value for name, value in good.items() if name != "best"})
    assert [each.__name__ for each in records_in(Tree)] == ["Tree", "Branch", "Fruit"]
    assert meanings_of(Tree)["best"] == "null while there is none."
    assert meanings_of(Tree)["grown"] == "Whether it is taller than a person."
    assert schema["description"] == "A tree."

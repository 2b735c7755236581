"""The public API: whole, documented, and every example in its docstrings runs."""

import ast
import doctest
import inspect
import re
import shutil
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch
import torchvision
from PIL import Image
from sklearn.utils import Bunch

import inarch
from inarch import commands
from inarch.commands.demo import digits
from inarch.commands.demo.demo import SCRATCH
from test_documents import ROOT, draw_photos

REFERENCE = ROOT / "docs" / "reference" / "python.md"
WITHOUT_EXAMPLE = {"ARCHITECTURES"}
"""Tables, which have no docstring of their own."""
SLOW = {
    *("ImageClassifier", "ImageClassifier.save", "TrainedClassifier.export", "adapt", "demo", "doctor", "explain"),
    *("export", "pretrain", "study", "train"),
}
"""Examples that take seconds; quicker tests call the same functions."""
RECIPE = """
model = "resnet_basic_tiny"
teacher = "efficientnet_lite0"
teacher_size = 64
chunk = 8
[training]
lr = 0.01
batch_size = 4
[[photos]]
photos = "photos"
image_size = 32
[[phases]]
image_size = 32
chunks = 1
"""


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder as the examples suppose it: photos, new photos, one photo, a recipe, and the bundle ``mine``."""
    folder = tmp_path_factory.mktemp("workspace")
    draw_photos(folder / "photos", 20)
    draw_photos(folder / "new-photos", 5)
    for path in [*(folder / "new-photos").rglob("*.png")][::2]:  # exports are tried on JPEGs
        Image.open(path).save(path.with_suffix(".jpg"), quality=95)
        path.unlink()
    shutil.copy(folder / "new-photos" / "dark" / "1.png", folder / "photo.jpg")
    shutil.copytree(folder / "photos", folder / "data" / "photos")
    (folder / "recipe.toml").write_text(RECIPE, encoding="utf-8")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("INARCH_CACHE", str(folder / "cache"))
        patch.chdir(folder)
        inarch.train("photos", "mine", model="resnet18_narrow", strategy="probe")
    return folder


@pytest.fixture
def here(workspace: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The workspace, as the current folder, with a cache of its own."""
    monkeypatch.setenv("INARCH_CACHE", str(workspace / "cache"))
    monkeypatch.chdir(workspace)
    return workspace


def documented() -> list[tuple[str, str]]:
    """Names and docstrings of the public API, with those of its classes' methods."""
    found = [(name, getattr(inarch, name).__doc__ or "") for name in inarch.__all__ if name not in WITHOUT_EXAMPLE]
    for cls in (inarch.TrainedClassifier, inarch.ImageClassifier, inarch.Predictor):
        found += [
            (f"{cls.__name__}.{name}", inspect.getdoc(each) or "")
            for name, each in vars(cls).items()
            if not name.startswith("_") and callable(each)
        ]
    return found


@pytest.mark.parametrize(
    ("name", "text"),
    [pytest.param(*each, id=each[0], marks=[pytest.mark.slow] if each[0] in SLOW else []) for each in documented()],
)
def test_examples_run(name: str, text: str, here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Exactly as they stand, on drawn photos; every function and class of the API has one."""
    few = digits.load_digits()
    few = Bunch(images=few.images[:600], target=few.target[:600])
    monkeypatch.setattr(digits, "load_digits", lambda: few)
    monkeypatch.setattr(inarch, "demo", partial(inarch.demo, scratch=replace(SCRATCH, time_budget=1.0)), raising=False)
    names = {"inarch": inarch, "torch": torch, "torchvision": torchvision, "np": np, "Path": Path}
    test = doctest.DocTestParser().get_doctest(text, names, name, None, None)
    assert test.examples or "." in name
    told: list[str] = []
    runner = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE)
    failed, _ = runner.run(test, out=told.append)
    assert not failed, "".join(told)


def test_one_list_of_names_three_times() -> None:
    """``__all__``, the table of where names are found, and what type checkers read: they cannot drift apart."""
    tree = ast.parse(Path(inarch.__file__).read_text("utf-8"))
    (checked,) = (each for each in tree.body if isinstance(each, ast.If))
    typed = {
        alias.name: line.module for line in checked.body if isinstance(line, ast.ImportFrom) for alias in line.names
    }
    assert typed == inarch._HOMES
    assert sorted(typed) == inarch.__all__


def test_each_command_is_a_function() -> None:
    """The main function of a command's folder has the folder's name."""
    folders = [path.parent.name for path in Path(commands.__path__[0]).glob("*/cli.py")]
    assert len(folders) > 10
    assert not [name for name in folders if not inspect.isfunction(getattr(inarch, name, None))]


def test_everything_is_in_the_reference() -> None:
    """Each public name has its entry, under the module that defines it."""
    entries = set(re.findall(r"^::: ([\w.]+)$", REFERENCE.read_text("utf-8"), re.MULTILINE))
    assert {f"{home}.{name}" for name, home in inarch._HOMES.items()} <= entries


def test_functions_return_records_and_no_bare_tuples() -> None:
    """Nothing to be guessed at by its place."""
    for name in inarch.__all__:
        if inspect.isfunction(given := getattr(inarch, name)):
            returned = str(inspect.signature(given).return_annotation)
            assert not re.match(r"tuple\[(?!.*\.\.\.\])", returned), f"{name} returns {returned}"

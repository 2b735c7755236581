"""What the documents name exists, and what they tell a reader to type works."""

import re
import shlex
import tomllib
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import typer
from PIL import Image

import inarch
from inarch.bundle.format import BundleFile
from inarch.commands.cli import build_app
from inarch.commands.inspect.inspect import draw_model
from inarch.commands.train import run as train_module
from inarch.commands.train.strategies.registry import STRATEGIES
from inarch.transfer.options import TrainOptions
from inarch.transfer.recipes import Recipes, ScratchRecipe
from inarch.weights.files import write_weights

ROOT = Path(__file__).parents[1]
DECISIONS = sorted((ROOT / "docs" / "decisions").glob("*.md"))
CARDS = sorted((ROOT / "src" / "inarch" / "weights" / "embedded").glob("*.md"))
NAMED = ("README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "CHANGELOG.md")
PAGES = sorted(path for path in (ROOT / "docs").rglob("*.md") if path.parent.name in ("docs", "how-to", "handbook"))
DOCUMENTS = [*(ROOT / name for name in NAMED), *DECISIONS, *CARDS, *PAGES]

FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
INLINE = re.compile(r"`([^`\n]+)`")
LINK = re.compile(r"\]\(([^)\s]+)\)")
PATH = re.compile(r"[\w.-]+(?:/[\w.-]+)+\.(?:py|md|svg|png|toml|j2)|(?:src|tests|docs|benchmarks|\.ci)/[\w./-]*")
MACHINE = re.compile(r"(?<![\w.~-])/(?:work|tmp|root|home)\b")

documents = pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)


def prose(document: Path) -> str:
    """A document without its code blocks."""
    return FENCE.sub("", document.read_text("utf-8"))


def code(document: Path, language: str) -> list[str]:
    return [body for found, body in FENCE.findall(document.read_text("utf-8")) if found == language]


def typed(document: Path) -> list[list[str]]:
    """Every command line that a document shows, in words, without the folder that the program lies in."""
    lines = [*"".join(code(document, "")).splitlines(), *INLINE.findall(prose(document))]
    words = [shlex.split(line, comments=True) for line in lines if re.match(r"(\.venv/bin/)?(inarch|make)\s", line)]
    return [[Path(first).name, *rest] for first, *rest in words]


@documents
def test_every_path_exists(document: Path) -> None:
    """Paths in code style are in the repository, or below ``src/inarch``; links are relative to their document."""
    named = {path for span in INLINE.findall(prose(document)) for path in PATH.findall(span)}
    absent = [path for path in named if not any((base / path).exists() for base in (ROOT, ROOT / "src" / "inarch"))]
    targets = {target for target in LINK.findall(prose(document)) if not target.startswith("https://")}
    assert not absent
    assert not [target for target in targets if not (document.parent / target.partition("#")[0]).exists()]


@documents
def test_every_command_line_parses(document: Path) -> None:
    """Commands exist and accept the options shown; a bare name needs no arguments; ``make`` has the target."""
    commands = typer.main.get_command(build_app()).commands
    targets = re.findall(r"^([\w-]+):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE)
    for program, name, *rest in typed(document):
        if program == "make":
            assert name in targets
        elif rest:
            commands[name].make_context(name, rest)
        else:
            assert name in commands


@documents
def test_no_machine_is_named(document: Path) -> None:
    """Absolute paths hold on one machine only."""
    assert not MACHINE.findall(document.read_text("utf-8"))


def test_documents_show_every_command() -> None:
    """A command that neither the README nor a page for users shows is one that nobody finds."""
    shown = {name for page in (ROOT / "README.md", *PAGES) for program, name, *_ in typed(page) if program == "inarch"}
    assert shown >= set(typer.main.get_command(build_app()).commands)


def test_readme_is_short() -> None:
    """It says what inarch is; everything else is in ``docs``."""
    assert (ROOT / "README.md").stat().st_size <= 6000


@pytest.mark.parametrize(
    ("page", "names"),
    [
        ("how-to/strategies.md", [*STRATEGIES]),
        ("bundle.md", [*BundleFile]),
    ],
)
def test_tables_are_complete(page: str, names: list[str]) -> None:
    """Each row names a strategy, or a file of a bundle, and each of them has a row."""
    rows = re.findall(r"^\| `([^`]+)` \|", (ROOT / "docs" / page).read_text("utf-8"), re.MULTILINE)
    assert sorted(rows) == sorted(names)


def test_layers_in_architecture_are_the_contract() -> None:
    """The picture of the layers is the one that import-linter checks."""
    (picture,) = code(ROOT / "ARCHITECTURE.md", "layers")
    drawn_layers = [re.split(r"\s{2,}", line)[0] for line in picture.splitlines()]
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["importlinter"]["contracts"]
    assert drawn_layers == contracts[0]["layers"]


def test_decisions_are_short_and_complete() -> None:
    """Numbered without a gap, with context, decision and consequences, in 25 lines at most."""
    assert [path.name[:4] for path in DECISIONS] == [f"{number:04}" for number in range(1, len(DECISIONS) + 1)]
    for path in DECISIONS:
        text = path.read_text("utf-8")
        assert text.startswith(f"# {path.name[:4]} ")
        assert re.findall(r"^## (.*)$", text, re.MULTILINE) == ["Context", "Decision", "Consequences"]
        assert len(text.splitlines()) <= 25, path.name


def test_picture_is_what_the_tool_draws() -> None:
    """Else run the command that stands below it in the README."""
    assert (ROOT / "docs" / "pictures" / "googlenet.svg").read_text("utf-8") == draw_model("googlenet", "svg")


@pytest.mark.slow
@pytest.mark.parametrize(("page", "lines"), [("README.md", 2), ("docs/how-to/python.md", 2)])
def test_python_examples_run(
    page: str, lines: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """On drawn photos and a tiny net under the names that the examples use; they print what they promise."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("INARCH_CACHE", str(tmp_path / "cache"))
    short = partial(TrainOptions, recipes=Recipes(scratch=ScratchRecipe(most_epochs=6)))
    monkeypatch.setattr(train_module, "TrainOptions", short)
    monkeypatch.setattr(inarch, "TrainOptions", short)
    net = inarch.create_model("inception_v3_tiny", num_classes=2)
    write_weights("inception_v3.safetensors", net.state_dict())
    draw_photos(tmp_path / "photos", 20)
    draw_photos(tmp_path / "new-photos", 5)
    Path("photo.jpg").write_bytes(next((tmp_path / "new-photos" / "dark").iterdir()).read_bytes())
    example = "\n".join(code(ROOT / page, "python"))
    exec(compile(example, page, "exec"), {})
    printed = capsys.readouterr().out.splitlines()
    promised = re.findall(r"print\(.*\)  # (.*)", example)
    assert set(promised) <= set(printed)
    assert printed[lines] == "photo.jpg dark" or printed[lines].startswith("photo.jpg dark ")
    if page != "README.md":
        assert printed[0] == "{'stage2': (1, 512, 28, 28), 'stage4': (1, 2048, 7, 7)}"
        assert printed[3].endswith("n=10)")
        assert printed[4] == "[1. 1. 1. 1. 1.]"


def draw_photos(folder: Path, each: int) -> None:
    """Noise around two greys: classes that any net tells apart."""
    draws = np.random.default_rng(len(folder.name))
    for name, low in (("dark", 0), ("light", 180)):
        (folder / name).mkdir(parents=True)
        for number in range(each):
            pixels = draws.integers(low, low + 70, (96, 96, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(folder / name / f"{number}.png")

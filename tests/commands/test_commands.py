"""What each command prints, and where."""

import csv
import io
import json
import re
import runpy
import subprocess
import sys
from collections.abc import Callable
from dataclasses import fields
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest
import typer

from inarch.bundle.predictor import Predictor
from inarch.bundle.reading import read_bundle
from inarch.commands.cli import build_app
from inarch.commands.inspect import inspect
from inarch.commands.predict.listing import photos_in
from inarch.commands.train import run as train_module
from inarch.commands.train.strategies import scratch
from inarch.metrics.records import Evaluation
from inarch.progress import progress
from trained import Trained, draw, draw_folder

Inarch = Callable[..., Any]
COMMANDS = (
    "demo",
    "doctor",
    "train",
    "predict",
    "evaluate",
    "explain",
    "export",
    "adapt",
    "rename",
    "models",
    "inspect",
    "pretrain",
    "study",
)


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("option", ["--help", "-h"])
def test_every_command_has_help_with_an_example(command: str, option: str, inarch: Inarch) -> None:
    """On stdout, and it is no failure."""
    ended = inarch(command, option)
    assert (ended.code, ended.err) == (0, "")
    assert f"Example: inarch {command}" in " ".join(ended.out.split())


def test_help_lists_the_commands(inarch: Inarch) -> None:
    """Each on a line of its own, with what it does."""
    listed = inarch("--help")
    assert listed.code == 0
    for command in COMMANDS:
        assert re.search(rf"^  {command} +[A-Z]", listed.out, re.MULTILINE)


def test_without_a_command_it_says_how_to_begin(inarch: Inarch) -> None:
    """The three commands of the first steps, each with a line that can be typed, and how to see all; no mistake."""
    ended = inarch()
    assert (ended.code, ended.err) == (0, "")
    typed = [line.split() for line in ended.out.splitlines() if line.startswith("  inarch ")]
    assert [words[1] for words in typed] == ["demo", "train", "predict"]
    assert "inarch --help" in ended.out
    commands = typer.main.get_command(build_app()).commands
    for _, command, *words in typed:
        commands[command].make_context(command, words)


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_shells_can_complete(shell: str, inarch: Inarch, monkeypatch: pytest.MonkeyPatch) -> None:
    """Commands, options, and the values that an option has to choose from."""
    monkeypatch.setenv("_INARCH_COMPLETE", f"complete_{shell}")
    for typed, expected in (
        ("inarch eval", {"evaluate"}),
        ("inarch train --time", {"--time-budget"}),
        ("inarch train --strategy ", {"auto", "probe", "finetune", "scratch"}),
        ("inarch predict --device c", {"cpu"}),
    ):
        monkeypatch.setenv("COMP_WORDS", typed)
        monkeypatch.setenv("COMP_CWORD", str(len(typed.split(" ")) - 1))
        monkeypatch.setenv("_TYPER_COMPLETE_ARGS", typed)
        monkeypatch.setenv("_TYPER_COMPLETE_FISH_ACTION", "get-args")
        offered = set(re.findall(r"[\w-]+", inarch().out))
        assert expected <= offered, typed


def test_the_version_is_told(inarch: Inarch) -> None:
    """One line."""
    assert inarch("--version").out.split() == ["inarch", version("inarch")]


def test_the_package_can_be_run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """`python -m inarch` is the same program."""
    monkeypatch.setattr(sys, "argv", ["inarch", "--version"])
    with pytest.raises(SystemExit) as ended:
        runpy.run_module("inarch", run_name="__main__")
    assert (ended.value.code or 0, capsys.readouterr().out.split()) == (0, ["inarch", version("inarch")])


@pytest.mark.parametrize("words", [[command, "--nonsense"] for command in COMMANDS] + [["nonsense"], ["predict", "b"]])
def test_a_wrong_option_is_the_users_mistake(words: list[str], inarch: Inarch) -> None:
    """Exit code 2, on stderr; so is an unknown command, and an argument that is missing."""
    ended = inarch(*words)
    assert (ended.code, ended.out) == (2, "")
    assert "inarch" in ended.err


def test_predict_takes_folders_and_names_the_photos(inarch: Inarch, tiny: Trained) -> None:
    """A line for each photo, in order; more classes than there are is all of them."""
    folder = tiny.photos / "val" / "red"
    ended = inarch("predict", tiny.bundle, folder, "--top", 99, "--always-answer")
    assert (ended.code, ended.err) == (0, "")
    lines = ended.out.splitlines()
    assert [line.split(": ")[0] for line in lines] == sorted(map(str, folder.iterdir()))
    assert all(line.count("%") == 3 for line in lines)


def test_predict_says_what_it_does_not_know(inarch: Inarch, tiny: Trained) -> None:
    """By the target accuracy that is asked for; that a few photos promise nothing is said beside the answers."""
    folder = tiny.photos / "val"
    strict, always = inarch("predict", tiny.bundle, folder), inarch("predict", tiny.bundle, folder, "--always-answer")
    assert "is not guaranteed" in strict.err or "The model abstains on every photo" in strict.err
    assert (strict.code, always.code, always.err) == (0, 0, "")
    assert "abstains" not in always.out
    answers = [each for each in Predictor(tiny.bundle).predict(photos_in([folder])) if each.abstention]
    assert strict.out.count("abstains") == len(answers)
    sets = inarch("predict", tiny.bundle, folder, "--sets", "0.999", "--always-answer").out
    assert all(line.count("%") == 3 for line in sets.splitlines())


def test_evaluate_counts_what_predict_answers(inarch: Inarch, tiny: Trained) -> None:
    """The same rule: coverage and accuracy among the answered are those of the answers, for any target accuracy."""
    for target_accuracy in (0.6, 0.95):
        found = json.loads(
            inarch("evaluate", tiny.bundle, tiny.photos, "--target-accuracy", target_accuracy, "--json").out
        )["evaluation"]["answered"]
        files = photos_in([tiny.photos / "val"])
        answers = list(Predictor(tiny.bundle, target_accuracy=target_accuracy).predict(files))
        given = [(each.answer, Path(each.name).parent.name) for each in answers if each.answer]
        assert found["coverage"]["value"] == pytest.approx(len(given) / len(files))
        right = found["accuracy"]["value"] if found["accuracy"] else 0
        assert round(right * len(given)) == sum(answer == truth for answer, truth in given)
        assert found["unlike"] == sum(each.abstention.startswith("out-of") for each in answers)


@pytest.mark.parametrize("form", ["text", "json", "csv"])
def test_photos_that_cannot_be_read_are_named_and_the_others_answered(
    form: str, inarch: Inarch, tiny: Trained, tmp_path: Path
) -> None:
    """Exit code 1; where the answers go to a file, stderr still says which photos have none."""
    good = [draw(tmp_path / f"{n}.png", "red", n) for n in range(2)]
    broken = tmp_path / "broken.jpg"
    broken.write_bytes(b"\xff\xd8\xff\xe0 cut short")
    ended = inarch("predict", tiny.bundle, good[0], broken, good[1], "--format", form, "--always-answer")
    assert ended.code == 1
    assert ended.err.splitlines() == [
        f"inarch: 1 photo could not be read: {broken}. The reasons stand among the answers."
    ]
    assert all(str(photo) in ended.out for photo in (*good, broken))
    if form == "json":
        assert [bool(row["ranking"]) for row in json.loads(ended.out)["predictions"]] == [True, False, True]
    if form == "csv":
        assert len(list(csv.DictReader(io.StringIO(ended.out)))) == 7


def test_many_unreadable_photos_make_one_sentence(inarch: Inarch, tiny: Trained, tmp_path: Path) -> None:
    """The first ten are named, the others counted."""
    for number in range(13):
        (tmp_path / f"{number:02}.jpg").touch()
    ended = inarch("predict", tiny.bundle, tmp_path)
    assert ended.code == 1
    assert "13 photos could not be read" in ended.err
    assert "09.jpg and 3 more." in ended.err


def test_evaluate_prints_what_training_measured(inarch: Inarch, tiny: Trained) -> None:
    """As text, and with --json nothing but JSON, with all figures."""
    text, figures = inarch("evaluate", tiny.bundle, tiny.photos), inarch("evaluate", tiny.bundle, tiny.photos, "--json")
    assert (text.code, figures.code, text.err, figures.err) == (0, 0, "", "")
    assert "12 of 12 correct" in text.out
    content = json.loads(figures.out)
    assert set(content["evaluation"]) == {each.name for each in fields(Evaluation)}
    assert content["evaluation"]["confusion"] == read_bundle(tiny.bundle).metrics["evaluation"]["confusion"]


def test_evaluate_tells_what_it_left_out(inarch: Inarch, tiny: Trained, tmp_path: Path) -> None:
    """With the reason, in text and in JSON."""
    folder = draw_folder(tmp_path / "photos", {"": 1})
    (folder / "red" / "broken.jpg").touch()
    assert "left out: red/broken.jpg: The file is empty." in inarch("evaluate", tiny.bundle, folder).out
    skipped = json.loads(inarch("evaluate", tiny.bundle, folder, "--json").out)["skipped"]
    assert skipped == [{"path": "red/broken.jpg", "reason": "The file is empty."}]


@pytest.mark.slow
def test_train_with_json_prints_nothing_else(
    inarch: Inarch, tiny: Trained, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The figures of the bundle that it wrote; without, lines that say where it lies."""
    monkeypatch.setenv("INARCH_CACHE", str(tiny.cache))
    monkeypatch.setattr(train_module, "write_bundle", lambda out, contents: read_bundle(tiny.bundle))
    monkeypatch.setattr(scratch, "classifier_graph", lambda *_: read_bundle(tiny.bundle).graph())
    words = (
        "train",
        tiny.photos,
        "--model",
        "resnet_basic_tiny",
        "--image-size",
        32,
        "--out",
        tmp_path / "out",
        "--time-budget",
        "1s",
    )
    ended = inarch(*words, "--json")
    assert (ended.code, ended.err) == (0, "")
    assert json.loads(ended.out).items() >= read_bundle(tiny.bundle).metrics.items()
    told = inarch(*words)
    assert told.out.splitlines()[-2:] == [f"bundle  {tiny.bundle}", f"report  {tiny.bundle / 'report.html'}"]


def test_inspect_writes_to_a_file_or_to_the_terminal(inarch: Inarch, tiny: Trained, tmp_path: Path) -> None:
    """The same picture."""
    shown = inarch("inspect", tiny.bundle, "--format", "json")
    written = inarch("inspect", tiny.bundle, "--format", "json", "--out", tmp_path / "net.json")
    assert json.loads(shown.out) == json.loads((tmp_path / "net.json").read_text())
    assert written.out == f"written to {tmp_path / 'net.json'}\n"


def test_models_are_listed_as_text_and_as_json(inarch: Inarch, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same nets; JSON is nothing but JSON."""
    few = ("resnet_tiny", "resnet18")
    monkeypatch.setattr(inspect, "catalog", partial(inspect.catalog, names=few))
    listed = json.loads(inarch("models", "--all", "--json").out)["models"]
    assert [row["name"] for row in listed] == list(few)
    assert listed[1]["parameters"] == 11_689_512
    text = inarch("models").out
    assert "resnet18" in text
    assert "resnet_tiny" not in text


@pytest.mark.parametrize("terminal", [False, True])
def test_a_progress_bar_is_for_terminals(
    terminal: bool, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """And never on stdout, where the figures go."""
    monkeypatch.setattr(sys.stderr, "isatty", lambda: terminal)
    with progress() as show:
        show("decode", 3, 7)
    out, err = capsys.readouterr()
    assert out == ""
    assert ("decode" in err) == terminal


@pytest.mark.parametrize("words", [(), ("--help",), ("train", "--help")])
def test_help_needs_neither_numpy_nor_torch(words: tuple[str, ...]) -> None:
    """It is there at once."""
    heavy = ("numpy", "torch", "torchvision", "sklearn", "scipy", "onnxruntime", "onnx", "PIL", "rich", "jaxtyping")
    program = (
        f"import sys; sys.argv = ['inarch', *{words!r}]\n"
        "from inarch.commands.cli import run\n"
        "try: run()\n"
        f"finally: print('heavy:', [name for name in {heavy!r} if name in sys.modules])"
    )
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert ran.stdout.splitlines()[-1] == "heavy: []"


@pytest.mark.slow
def test_adapt_prints_what_was_tried(inarch: Inarch, tiny: Trained, tmp_path: Path) -> None:
    """As a table with the verdict, or the record alone as JSON; an unknown method is the user's mistake."""
    new = draw_folder(tmp_path / "new", {"": 8}, seed=4321)
    words = ["adapt", str(tiny.bundle), str(new), "--method", "adabn", "--method", "coral"]
    ended = inarch(*words, "--oracle", str(new), "--out", str(tmp_path / "a"))
    assert (ended.code, ended.err) == (0, "")
    assert "adapted to 24 unlabelled target photos; selected by the agreement score:" in ended.out
    assert "n=24" in ended.out
    assert str(tmp_path / "a") in ended.out
    record = json.loads(inarch(*words, "--json", "--out", str(tmp_path / "b")).out)
    assert [each["method"] for each in record["candidates"]] == ["none", "adabn", "coral"]
    wrong = inarch("adapt", str(tiny.bundle), str(new), "--method", "adabm", "--out", str(tmp_path / "c"))
    assert wrong.code == 2
    assert "Did you mean 'adabn'?" in wrong.err

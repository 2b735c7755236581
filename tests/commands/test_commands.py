"""What each command prints, and where."""

import csv
import io
import json
import runpy
import sys
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest

from inarch.bundle.predictor import load
from inarch.bundle.reading import read_bundle
from inarch.commands.inspect import inspect
from inarch.commands.predict.listing import photos_in
from inarch.commands.train import run as train_module
from inarch.commands.train.strategies import scratch
from inarch.errors import UserError
from inarch.metrics.records import Evaluation
from inarch.options.durations import seconds_of
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
    """Asked for or not; not asked for, it is the answer to a mistake."""
    asked, unasked = inarch("--help"), inarch()
    assert (asked.code, unasked.code) == (0, 2)
    assert all(command in asked.out for command in COMMANDS)


def test_the_version_is_told(inarch: Inarch) -> None:
    """One line."""
    assert inarch("--version").out.split() == ["inarch", "0.1.0"]


def test_the_package_can_be_run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """`python -m inarch` is the same program."""
    monkeypatch.setattr(sys, "argv", ["inarch", "--version"])
    with pytest.raises(SystemExit) as ended:
        runpy.run_module("inarch", run_name="__main__")
    assert (ended.value.code or 0, capsys.readouterr().out.split()) == (0, ["inarch", "0.1.0"])


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
    """By the goal that is asked for; that a few photos promise nothing is said beside the answers."""
    folder = tiny.photos / "val"
    strict, always = inarch("predict", tiny.bundle, folder), inarch("predict", tiny.bundle, folder, "--always-answer")
    assert "is not promised" in strict.err or "It answers nothing" in strict.err
    assert (strict.code, always.code, always.err) == (0, 0, "")
    assert "don't know" not in always.out
    answers = [each for each in load(tiny.bundle).predict(photos_in([folder])) if each.doubt]
    assert strict.out.count("don't know") == len(answers)
    sets = inarch("predict", tiny.bundle, folder, "--sets", "0.999", "--always-answer").out
    assert all(line.count("%") == 3 for line in sets.splitlines())


def test_evaluate_counts_what_predict_answers(inarch: Inarch, tiny: Trained) -> None:
    """The same rule: coverage and accuracy among the answered are those of the answers, for any goal."""
    for goal in (0.6, 0.95):
        found = json.loads(inarch("evaluate", tiny.bundle, tiny.photos, "--goal", goal, "--json").out)["answered"]
        files = photos_in([tiny.photos / "val"])
        answers = list(load(tiny.bundle, goal=goal).predict(files))
        given = [(each.answer, Path(each.name).parent.name) for each in answers if each.answer]
        assert found["coverage"]["value"] == pytest.approx(len(given) / len(files))
        right = found["accuracy"]["value"] if found["accuracy"] else 0
        assert right * len(given) == pytest.approx(sum(answer == truth for answer, truth in given))
        assert found["unlike"] == sum(each.doubt.startswith("unlike") for each in answers)


@pytest.mark.parametrize("form", ["table", "json", "csv"])
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
        assert [bool(row["predictions"]) for row in json.loads(ended.out)] == [True, False, True]
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
    assert "of 12 photos" in text.out
    content = json.loads(figures.out)
    assert set(content) == {each.name for each in fields(Evaluation)} | {"skipped"}
    assert content["confusion"] == read_bundle(tiny.bundle).metrics["evaluation"]["confusion"]


def test_evaluate_tells_what_it_left_out(inarch: Inarch, tiny: Trained, tmp_path: Path) -> None:
    """With the reason, in text and in JSON."""
    folder = draw_folder(tmp_path / "photos", {"": 1})
    (folder / "red" / "broken.jpg").touch()
    assert "left out: red/broken.jpg: The file is empty." in inarch("evaluate", tiny.bundle, folder).out
    skipped = json.loads(inarch("evaluate", tiny.bundle, folder, "--json").out)["skipped"]
    assert skipped == [{"path": "red/broken.jpg", "reason": "The file is empty."}]


def test_train_with_json_prints_nothing_else(
    inarch: Inarch, tiny: Trained, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The figures of the bundle that it wrote; without, lines that say where it lies."""
    monkeypatch.setenv("INARCH_CACHE", str(tiny.cache))
    monkeypatch.setattr(train_module, "write_bundle", lambda out, contents: read_bundle(tiny.bundle))
    monkeypatch.setattr(scratch, "MOST_EPOCHS", 1)
    monkeypatch.setattr(scratch, "FEWEST_EPOCHS", 1)
    monkeypatch.setattr(scratch, "classifier_graph", lambda *_: read_bundle(tiny.bundle).graph())
    words = ("train", tiny.photos, "--model", "resnet_basic_tiny", "--image-size", 32, "--out", tmp_path / "out")
    ended = inarch(*words, "--json")
    assert (ended.code, ended.err) == (0, "")
    assert json.loads(ended.out) == read_bundle(tiny.bundle).metrics
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
    few = {name: inspect.ARCHITECTURES[name] for name in ("resnet_tiny", "resnet18")}
    monkeypatch.setattr(inspect, "ARCHITECTURES", few)
    listed = json.loads(inarch("models", "--all", "--json").out)
    assert [row["model"] for row in listed] == list(few)
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


@pytest.mark.parametrize(("text", "seconds"), [("90s", 90), ("10m", 600), ("1h", 3600), ("1.5 H", 5400), ("2", 2)])
def test_durations_are_read_as_people_write_them(text: str, seconds: float) -> None:
    """Seconds, minutes, hours."""
    assert seconds_of(text) == seconds


@pytest.mark.parametrize("text", ["", "0", "0.0m", "-1s", "10min", "nan", "inf", "1e3", "9" * 400 + "h", "m", "1:30"])
def test_what_is_no_duration_is_refused(text: str) -> None:
    """With the ways to write one."""
    with pytest.raises(UserError, match="is not a duration; write it as 90s, 10m or 1h"):
        seconds_of(text)


def test_adapt_prints_what_was_tried(inarch: Inarch, tiny: Trained, tmp_path: Path) -> None:
    """As a table with the verdict, or the record alone as JSON; an unknown method is the user's mistake."""
    new = draw_folder(tmp_path / "new", {"": 8}, seed=4321)
    words = ["adapt", str(tiny.bundle), str(new), "--method", "adabn", "--method", "coral"]
    ended = inarch(*words, "--oracle", str(new), "--out", str(tmp_path / "a"))
    assert (ended.code, ended.err) == (0, "")
    assert "adapted to 24 photos without labels; chosen by their agreement:" in ended.out
    assert "n=24" in ended.out
    assert str(tmp_path / "a") in ended.out
    record = json.loads(inarch(*words, "--json", "--out", str(tmp_path / "b")).out)
    assert [each["method"] for each in record["candidates"]] == ["none", "adabn", "coral"]
    wrong = inarch("adapt", str(tiny.bundle), str(new), "--method", "adabm", "--out", str(tmp_path / "c"))
    assert wrong.code == 2
    assert "Did you mean 'adabn'?" in wrong.err

"""Each way of failing ends in one sentence and its exit code; nothing is half written."""

import errno
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from inarch.bundle import predictor, reading
from inarch.bundle.format import BundleFile
from inarch.commands import cli as main
from inarch.models import build
from inarch.weights.files import write_weights
from trained import Trained, draw_folder

Inarch = Callable[..., Any]
PROGRAM = (sys.executable, "-c", "from inarch.commands.cli import run; run()")
TRAIN = ("train", "photos", "--model", "resnet_basic_tiny", "--strategy", "scratch", "--image-size", "32")


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, tiny: Trained) -> Path:
    """A working folder with all kinds of input that cannot be used."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("INARCH_CACHE", str(tiny.cache))
    draw_folder(tmp_path / "photos", {"": 4})
    draw_folder(tmp_path / "other", {"": 1})
    (tmp_path / "other" / "red").rename(tmp_path / "other" / "purple")
    draw_folder(tmp_path / "one", {"": 2})
    for kind in ("red", "green"):
        (tmp_path / "one" / kind).rename(tmp_path / f"{kind} left out")
    draw_folder(tmp_path / "single", {"": 2})
    (tmp_path / "single" / "red" / "00.png").unlink()
    draw_folder(tmp_path / "split", {"train": 2, "val": 2})
    (tmp_path / "split" / "val" / "red").rename(tmp_path / "red left out too")
    for name in ("empty", "taken"):
        (tmp_path / name).mkdir()
    for name in ("file", "taken/file"):
        (tmp_path / name).write_text("text")
    (tmp_path / "bundle").symlink_to(tiny.bundle)
    for name, net in (("either", "resnet_tiny"), ("basic", "resnet_basic_tiny")):
        write_weights(tmp_path / f"{name}.safetensors", build(net, classes=2).state_dict())
    return tmp_path


MISTAKES: dict[str, tuple[tuple[object, ...], str]] = {
    "empty folder": (("train", "empty"), "empty holds no photos"),
    "no folder": (("train", "nowhere"), "There is nothing at .*nowhere"),
    "a file": (("train", "file"), "neither a folder nor a .csv"),
    "one class": (("train", "one"), "only one class, 'blue'"),
    "a class of one image": (("train", "single"), "Too few have 'blue' \\(2\\), 'green' \\(2\\), 'red' \\(1\\)"),
    "unknown cut": (
        (
            "train",
            "photos",
            "--model",
            "resnet_basic_tiny",
            "--weights",
            "basic.safetensors",
            "--freeze-until",
            "stage5",
        ),
        "No stage or block before weights is called 'stage5'. Did you mean 'stage3'",
    ),
    "a cut without tuning": (
        ("train", "photos", "--strategy", "probe", "--freeze-until", "stage3"),
        "Fine-tuning alone takes freeze_until",
    ),
    "a cut of a net that knows nothing": (
        ("train", "photos", "--model", "resnet_basic_tiny", "--weights", "random", "--freeze-until", "stage3"),
        "nothing to fine-tune: resnet_basic_tiny has no pre-trained weights",
    ),
    "unknown model": (("train", "photos", "--model", "resnet81"), "No model is called 'resnet81'. Did you mean"),
    "unknown strategy": ((*TRAIN, "--strategy", "prob"), "No strategy is called 'prob'. Did you mean 'probe'"),
    "nothing to transfer": ((*TRAIN, "--strategy", "probe"), "nothing to transfer"),
    "no weights": (
        ("train", "photos", "--weights", "nowhere"),
        "No weights are called 'nowhere', and there is no such file",
    ),
    "no weights file": (("train", "photos", "--weights", "file"), "file is nothing that is known here"),
    "two variants": (
        ("train", "photos", "--weights", "either.safetensors"),
        r"fit resnet_tiny \(v1\.5.* and resnet_v1_tiny \(v1: ",
    ),
    "weights beside a bundle": (
        ("train", "photos", "--model", "./bundle", "--weights", "basic.safetensors"),
        "brings its own weights",
    ),
    "no bundle to graft": (("train", "photos", "--model", "./typo"), "There is no bundle at typo"),
    "below a file": ((*TRAIN, "--out", "file/out"), "file/out cannot be written"),
    "where nothing can be": ((*TRAIN, "--out", "/proc/out"), "/proc/out cannot be written"),
    "a folder with files": ((*TRAIN, "--out", "taken"), "taken exists and is not a bundle"),
    "a file in the way": ((*TRAIN, "--out", "file"), "file is a file; choose another --out"),
    "no time": ((*TRAIN, "--time-budget", "0s"), "'0s' is not a duration"),
    "no duration": ((*TRAIN, "--time-budget", "soon"), "'soon' is not a duration"),
    "no size": ((*TRAIN, "--cache-size", "much"), "'much' is not a size; write it as 500M"),
    "a cache too small": ((*TRAIN, "--cache-size", "1M", "--image-size", "512"), "GB, and the cache may hold"),
    "small images": ((*TRAIN, "--model", "inception_v3_tiny"), "inception_v3_tiny cannot run on images of 32 x 32"),
    "no pixels": ((*TRAIN, "--image-size", "0"), "An image size in pixels is a whole number from 1"),
    "huge images": ((*TRAIN, "--image-size", "1000000"), "An image size in pixels is a whole number from 1 to 2048"),
    "negative seed": ((*TRAIN, "--seed", "-1"), "A seed is"),
    "seed of the demo": (("demo", "--seed", "-1", "--out", "demo"), "A seed is"),
    "demo below a file": (("demo", "--out", "file/demo"), "cannot write to file/demo"),
    "no bundle": (("predict", "nowhere", "photos"), "There is no bundle at nowhere"),
    "half a bundle": (("predict", "taken", "photos"), "taken is not a whole bundle"),
    "a photo for a bundle": (("predict", "photos/red/00.png", "bundle"), "There is no bundle at photos"),
    "no photo": (("predict", "bundle", "nowhere.jpg"), "There is no photo at nowhere.jpg"),
    "no photos": (("predict", "bundle", "empty"), "The folder empty holds no photos"),
    "a target accuracy in percent": (
        ("predict", "bundle", "photos", "--target-accuracy", "95"),
        "A target accuracy is",
    ),
    "a set of everything": (
        ("predict", "bundle", "photos", "--sets", "1"),
        "A coverage of sets is a share",
    ),
    "a target accuracy and none": (
        ("predict", "bundle", "photos", "--target-accuracy", "0.9", "--always-answer"),
        "leave out one of them",
    ),
    "a target accuracy to measure": (
        ("evaluate", "bundle", "photos", "--target-accuracy", "nan"),
        "A target accuracy is",
    ),
    "unknown format": (("predict", "bundle", "photos", "--format", "txt"), "Did you mean 'text'"),
    "no hundred graphics cards": ((*TRAIN, "--device", "cuda:99"), "Device cuda:99 cannot be used: "),
    "no graphics card for adapting": (("adapt", "bundle", "photos", "--device", "cuda:99"), "Device cuda:99 cannot be"),
    "no graphics card for pre-training": (
        ("pretrain", "recipe.toml", "--device", "cuda:99"),
        "Device cuda:99 cannot be",
    ),
    "no such device": ((*TRAIN, "--device", "gpu"), "No device is called 'gpu'."),
    "a device that prediction does not use": (
        ("predict", "bundle", "photos", "--device", "cuda"),
        "This command computes on the CPU alone",
    ),
    "two formats": (("predict", "bundle", "photos", "--format", "csv", "--json"), "--json and --format csv"),
    "no class weighting": (
        (*TRAIN, "--class-weighting", "los"),
        "No class weighting is called 'los'.",
    ),
    "no percentage": (
        ("evaluate", "bundle", "photos", "--target-accuracy", "most"),
        "'most' is not a share; write it as",
    ),
    "unknown classes": (("evaluate", "bundle", "other"), "has class 'purple', which the model does not have"),
    "nothing to evaluate": (("evaluate", "bundle", "empty"), "empty holds no photos"),
    "unknown net": (("inspect", "resnet500"), "No model or bundle is called 'resnet500'. Did you mean 'resnet50'"),
    "too small to inspect": (("inspect", "inception_v3_tiny", "--image-size", "9"), "cannot run on images of 9 x 9"),
    "nothing to inspect": (("inspect", "resnet_tiny", "--image-size", "0"), "image_size=0"),
    "unknown picture": (("inspect", "resnet_tiny", "--format", "pdf"), "No format is called 'pdf'"),
    "grouping by nothing": ((*TRAIN, "--group-by", "folder"), "Grouping by 'folder' puts no two photos together"),
    "grouping by no pattern": ((*TRAIN, "--group-by", "("), r"'\(' is not a regular expression"),
    "doctor for nothing": (("doctor", "nowhere"), "There is nothing at .*nowhere"),
    "doctor among the photos": (("doctor", "photos", "--out", "photos/check"), "would be taken for a class"),
    "doctor in no format": (("doctor", "photos", "--format", "xml"), "No format is called 'xml'"),
    "no patch": (("doctor", "photos", "--apply", "nowhere.csv"), "The patch nowhere.csv cannot be opened"),
    "no patch but text": (("doctor", "photos", "--apply", "file"), "a patch begins with path,decision,label,why"),
    "picture in no folder": (("inspect", "resnet_tiny", "--out", "nowhere/net.txt"), "nowhere/net.txt cannot be"),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_ends_in_one_sentence(mistake: str, inarch: Inarch, here: Path) -> None:
    """On stderr, with exit code 2; stdout stays empty, and nothing is written, not even in part."""
    words, said = MISTAKES[mistake]
    before = sorted(here.rglob("*"))
    ended = inarch(*words)
    assert (ended.code, ended.out) == (2, "")
    (line,) = ended.err.splitlines()
    assert line.startswith("inarch: ")
    assert line.endswith((".", "?"))
    assert "Error" not in line
    assert re.search(said, line), line
    assert sorted(here.rglob("*")) == before


def test_weights_of_another_net_are_accounted_for(inarch: Inarch, here: Path) -> None:
    """What does not fit, line by line, and whose weights these look like."""
    ended = inarch("train", "photos", "--weights", "basic.safetensors", "--model", "resnet18")
    assert (ended.code, ended.out) == (2, "")
    assert "do not fit" in ended.err.splitlines()[0]
    assert "resnet_basic_tiny" in ended.err.splitlines()[-1]


@pytest.mark.parametrize("name", [name for name in BundleFile if name in reading.NEEDED])
def test_a_damaged_bundle_is_a_mistake_that_names_the_file(
    name: str, inarch: Inarch, own_bundle: Path, tiny: Trained
) -> None:
    """Through the command line, as anywhere."""
    (own_bundle / name).write_bytes(b"garbage")
    ended = inarch("predict", own_bundle, tiny.photos / "val")
    assert ended.code == 2
    assert name in ended.err
    assert len(ended.err.splitlines()) == 1


def test_damaged_weights_are_noticed_before_they_are_grafted(
    inarch: Inarch, own_bundle: Path, tiny: Trained, tmp_path: Path
) -> None:
    """A bundle whose weights were exchanged still predicts, but is no start for another."""
    write_weights(own_bundle / BundleFile.WEIGHTS, build("resnet_basic_tiny", classes=3, seed=1).state_dict())
    ended = inarch("train", tiny.photos, "--model", own_bundle, "--out", tmp_path / "out")
    assert ended.code == 2
    assert f"{BundleFile.WEIGHTS} is not the file that was written with this bundle" in ended.err


@pytest.mark.parametrize(
    ("failure", "code", "said"),
    [
        (KeyboardInterrupt(), 130, "Stopped; nothing half written is left."),
        (OSError(28, "No space left on device", "/x"), 1, "The work could not go on: .*No space left on device"),
        (RuntimeError("what\x1b[2J now"), 1, "This should not have happened: RuntimeError"),
        (MemoryError(), 1, "This should not have happened: MemoryError"),
    ],
)
def test_whatever_else_fails_ends_in_a_sentence_too(
    failure: BaseException, code: int, said: str, inarch: Inarch, tiny: Trained, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ctrl-C, a full disk, a bug: never a traceback, and nothing that commands the terminal."""

    def fail(*_: object, **__: object) -> None:
        raise failure

    monkeypatch.setattr(predictor.Predictor, "__init__", fail)
    monkeypatch.setattr(main, "_silence_stdout", lambda: None)
    ended = inarch("predict", tiny.bundle, tiny.photos)
    assert (ended.code, ended.out) == (code, "")
    assert re.search(said, ended.err)
    assert "Traceback" not in ended.err
    assert "\x1b" not in ended.err


def test_a_bug_can_be_looked_into(inarch: Inarch, tiny: Trained, monkeypatch: pytest.MonkeyPatch) -> None:
    """With INARCH_DEBUG set it is raised as it is."""

    def fail(*_: object, **__: object) -> None:
        raise RuntimeError("a bug")

    monkeypatch.setattr(predictor.Predictor, "__init__", fail)
    monkeypatch.setenv("INARCH_DEBUG", "1")
    monkeypatch.setattr(sys, "argv", ["inarch", "predict", str(tiny.bundle), str(tiny.photos)])
    with pytest.raises(RuntimeError, match="a bug"):
        main.run()


@pytest.mark.skipif(os.name != "posix", reason="names that are no text are of POSIX")
def test_names_that_the_terminal_cannot_show_are_escaped(tiny: Trained, tmp_path: Path) -> None:
    """Linux allows any bytes in a name, and a terminal may know ASCII alone."""
    photo = tmp_path / os.fsdecode(b"caf\xe9.png")
    photo.write_bytes((tiny.photos / "val/red/00.png").read_bytes())
    for form in ("text", "json", "csv"):
        words = ("predict", str(tiny.bundle), str(photo), "--format", form, "--always-answer")
        done = subprocess.run([*PROGRAM, *words], capture_output=True, env={**os.environ, "PYTHONIOENCODING": "ascii"})
        assert (done.returncode, done.stderr) == (0, b"")
        assert b"caf" in done.stdout


@pytest.mark.slow
@pytest.mark.parametrize(
    "words",
    [
        ("--help",),
        ("train", "--help"),
        ("models",),
        ("inspect", "resnet_tiny"),
        ("predict", "bundle", "photos"),
        ("evaluate", "bundle", "photos"),
        ("doctor", "photos", "--no-labels", "--out", "check"),
    ],
    ids=" ".join,
)
def test_a_terminal_of_windows_shows_what_it_can(words: tuple[str, ...], here: Path) -> None:
    """Code page 1252 has no arrows and no "at most": they are escaped, and what it has is shown."""
    (here / "photos" / "blue" / "caf\u00e9 \u65e5\u672c.png").write_bytes((here / "photos/blue/00.png").read_bytes())
    done = subprocess.run(
        [*PROGRAM, *words], capture_output=True, cwd=here, env={**os.environ, "PYTHONIOENCODING": "cp1252"}
    )
    assert done.returncode == 0, done.stderr
    shown = done.stdout.decode("cp1252")
    assert "Traceback" not in shown
    if words[0] == "predict":
        assert "caf\u00e9 \\u65e5\\u672c.png" in shown


def test_a_pipe_that_windows_calls_an_invalid_argument_is_no_failure(
    inarch: Inarch, tiny: Trained, monkeypatch: pytest.MonkeyPatch
) -> None:
    """There, that is what writing to a reader that has gone ends with; a file's name would make it a failure."""
    failures = [OSError(errno.EINVAL, "Invalid argument"), OSError(errno.EINVAL, "Invalid argument", "C:/x?")]
    monkeypatch.setattr(sys, "platform", "win32")
    monkeypatch.setattr(main, "_silence_stdout", lambda: None)

    def fail(*_: object, **__: object) -> None:
        raise failures.pop(0)

    monkeypatch.setattr(predictor.Predictor, "__init__", fail)
    assert [inarch("predict", tiny.bundle, tiny.photos).code for _ in range(2)] == [0, 1]


@pytest.mark.parametrize("words", [("--help",), ("predict", "bundle", "photos", "--always-answer")])
def test_a_reader_that_has_seen_enough_is_no_failure(words: tuple[str, ...], here: Path) -> None:
    """``inarch … | head``: quiet, whatever was left to print."""
    read, write = os.pipe()
    os.close(read)
    done = subprocess.run([*PROGRAM, *words], stdout=write, stderr=subprocess.PIPE, cwd=here)
    os.close(write)
    assert done.stderr == b""
    assert done.returncode in ((0,) if words[0] == "predict" else (0, 1))


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no file that is always full")
def test_a_full_disk_behind_stdout_is_told(here: Path) -> None:
    """``inarch predict … > file``: a file that is cut short must not pass for whole."""
    with open("/dev/full", "wb") as full:
        words = ("predict", "bundle", "photos", "--always-answer")
        done = subprocess.run([*PROGRAM, *words], stdout=full, stderr=subprocess.PIPE, cwd=here, text=True)
    assert done.returncode == 1
    assert done.stderr.splitlines() == ["inarch: The work could not go on: [Errno 28] No space left on device."]


def _until(condition: Callable[[], bool], seconds: float) -> bool:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if condition():
            return True
        time.sleep(0.05)
    return False


@pytest.mark.slow
@pytest.mark.skipif(os.name != "posix", reason="Windows sends Ctrl-C to a whole console")
def test_ctrl_c_leaves_nothing_half_written(here: Path, tmp_path: Path) -> None:
    """In the midst of training: a sentence, exit code 130, no bundle, and the checkpoint to go on from."""
    cache = tmp_path / "cache"
    words = (
        "train",
        "photos",
        "--model",
        "resnet18",
        "--strategy",
        "scratch",
        "--image-size",
        "96",
        "--out",
        "out/new",
    )
    environment = {**os.environ, "INARCH_CACHE": str(cache), "OMP_NUM_THREADS": "1"}
    listening = partial(signal.signal, signal.SIGINT, signal.SIG_DFL)  # a shell's background jobs inherit deaf ears
    running = subprocess.Popen(
        [*PROGRAM, *words], stdout=-1, stderr=-1, cwd=here, env=environment, text=True, preexec_fn=listening
    )
    try:
        assert _until(lambda: any((cache / "checkpoints").glob("*.pt")) or running.poll() is not None, 120)
        running.send_signal(signal.SIGINT)
        out, err = running.communicate(timeout=60)
    finally:
        running.kill()
    assert (running.returncode, out) == (130, "")
    assert err.splitlines() == [
        "inarch: Stopped; nothing half written is left. The same command goes on (`inarch train … --resume`)."
    ]
    assert not list((here / "out").iterdir())
    assert [path.suffix for path in (cache / "checkpoints").iterdir()] == [".pt"]

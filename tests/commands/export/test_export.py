"""Exported nets answer real files as the bundle does, in a process without inarch; what differs is not handed over."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from torchvision.models import get_model

from inarch.bundle.predictor import Predictor
from inarch.commands.export import export as export_module
from inarch.commands.export.export import (
    TARGETS,
    TORCHVISION_OPTIONS,
    ExportFile,
    export,
)
from inarch.commands.train.run import train
from inarch.errors import BundleError, OutputError, PhotosError, UnknownNameError, UserError, WorkError
from inarch.models import build
from inarch.weights.export import export_state_dict
from tolerance import assert_same_probabilities, terms_of
from trained import CLASSES, ONE_EPOCH, Trained, draw, draw_folder, options


@pytest.fixture(scope="session")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Trained:
    """A bundle of a net that torchvision and timm have, too."""
    folder = tmp_path_factory.mktemp("whole")
    photos = draw_folder(folder / "photos")
    bundle = train(photos, folder / "bundle", options(folder, model="resnet18", recipes=ONE_EPOCH))
    return Trained(bundle.path, photos, folder / "cache")


TERMS = terms_of(build("resnet18", classes=len(CLASSES), device="meta"))


@pytest.mark.slow
@pytest.mark.parametrize("to", TARGETS)
def test_every_runtime_answers_as_the_bundle_does(whole: Trained, tmp_path: Path, to: str) -> None:
    """Measured on the user's JPEGs, turned ones among them; the folder goes on answering when it has moved."""
    out = tmp_path / "exported"
    parity = export(whole.bundle, out, to, photos=whole.photos)
    assert parity.photos == sum(1 for _ in whole.photos.rglob("*.jpg"))
    assert parity.largest < 1e-3
    assert (tmp_path / "exported").is_dir()
    assert [path.name for path in tmp_path.iterdir()] == ["exported"]
    moved = out.rename(tmp_path / "moved")
    photos = sorted(whole.photos.rglob("*.png"))[:3]
    command = [sys.executable, "-c", BLOCKING, str(moved / ExportFile.ANSWER), *map(str, photos)]
    run = subprocess.run(command, capture_output=True, check=True, cwd="/", text=True)
    for line, ours in zip(run.stdout.splitlines(), Predictor(whole.bundle).predict(photos), strict=True):
        theirs = json.loads(line)
        found = [theirs["probabilities"][name] for name, _ in ours.ranking]
        assert_same_probabilities(found, [value for _, value in ours.ranking], terms=TERMS)
        assert (theirs["answer"], theirs["abstention"]) == (ours.answer, ours.abstention)


BLOCKING = """
import runpy, sys
sys.modules["inarch"] = None
sys.argv = sys.argv[1:]
sys.path.insert(0, sys.argv[0].rpartition("/")[0])
runpy.run_path(sys.argv[0], run_name="__main__")
"""


def test_without_photos_the_golden_inputs_are_read_as_jpegs(tiny: Trained, tmp_path: Path) -> None:
    """Any net goes to ONNX."""
    parity = export(tiny.bundle, tmp_path / "new" / "exported")
    assert parity.photos == len(Predictor(tiny.bundle).bundle.golden()[0])
    assert "golden" in parity.source


@pytest.mark.parametrize("target_accuracy", [0.5, None, 0.0])
def test_the_rule_goes_with_the_net(tiny: Trained, tmp_path: Path, target_accuracy: float | None) -> None:
    """As it was asked for, or none."""
    export(tiny.bundle, tmp_path / "exported", photos=tiny.photos, target_accuracy=target_accuracy)
    rule = json.loads((tmp_path / "exported" / ExportFile.ABOUT).read_text("utf-8"))["rule"]
    ours = Predictor(tiny.bundle, target_accuracy=target_accuracy).rule
    assert (rule is None) is (ours is None)
    if ours is not None:
        assert (rule["confidence"], rule["novelty"]) == (ours.confidence, ours.novelty)


@pytest.mark.parametrize(
    ("script", "was", "becomes", "said"),
    [
        (ExportFile.MODEL, '{"pixels": pixels}', '{"pixels": 255 - pixels}', "answers .* differ by"),
        (ExportFile.ANSWER, "ImageOps.exif_transpose(opened)", "opened", "answers .* differ by"),
        (ExportFile.ABOUT, '"novelty": ', '"novelty": -1.0, "was": ', "answers .* with 'out-of-distribution"),
        (ExportFile.MODEL, "import onnxruntime", "import no_such_runtime", "does not run, .*no_such_runtime"),
    ],
)
def test_what_answers_differently_is_not_handed_over(
    tiny: Trained, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: str, was: str, becomes: str, said: str
) -> None:
    """A mistake in the net, in reading a photo or in the rule: an error, and nothing is left behind."""
    fill = export_module._fill_folder

    def spoilt(folder: Path, *given: object) -> None:
        fill(folder, *given)  # type: ignore[arg-type]
        text = (folder / script).read_text("utf-8")
        assert was in text
        (folder / script).write_text(text.replace(was, becomes), encoding="utf-8")

    monkeypatch.setattr(export_module, "_fill_folder", spoilt)
    with pytest.raises(WorkError, match=said):
        export(tiny.bundle, tmp_path / "exported", photos=tiny.photos)
    assert not [*tmp_path.iterdir()]


@pytest.mark.parametrize("name", TORCHVISION_OPTIONS)
def test_torchvisions_inception_nets_are_built_to_fit(name: str) -> None:
    """Nothing missing, nothing left over: without auxiliary heads."""
    state = export_state_dict(build(name, classes=3), "torchvision")
    assert get_model(name, weights=None, num_classes=3, **TORCHVISION_OPTIONS[name]).load_state_dict(state)


def test_nets_that_a_library_has_not_are_refused(tiny: Trained, tmp_path: Path) -> None:
    """With the way that is open."""
    for to in ("torchvision", "timm"):
        with pytest.raises(UserError, match=r"no model .*resnet_basic_tiny.*--to onnx takes every model"):
            export(tiny.bundle, tmp_path / "exported", to)
    assert not [*tmp_path.iterdir()]


def test_mistakes_are_told_before_the_work(tiny: Trained, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An unknown target, a package that is missing, a folder that is taken, no bundle, no JPEG."""
    with pytest.raises(UnknownNameError, match=r"export target.*'onxx'.*Did you mean 'onnx'"):
        export(tiny.bundle, tmp_path / "exported", "onxx")
    (tmp_path / "taken").mkdir()
    (tmp_path / "taken" / "mine.txt").write_text("mine", encoding="utf-8")
    with pytest.raises(OutputError, match="exists, and is not overwritten"):
        export(tiny.bundle, tmp_path / "taken")
    with pytest.raises(BundleError, match="no bundle"):
        export(tmp_path / "none", tmp_path / "exported")
    shutil.copytree(tiny.photos, tmp_path / "pngs", ignore=lambda _, names: [n for n in names if n.endswith(".jpg")])
    with pytest.raises(PhotosError, match="no readable JPEG"):
        export(tiny.bundle, tmp_path / "exported", photos=tmp_path / "pngs")
    monkeypatch.setitem(sys.modules, "openvino", None)
    with pytest.raises(UserError, match=r'needs openvino, .*: run pip install "inarch\[openvino\]"'):
        export(tiny.bundle, tmp_path / "exported", "openvino")
    assert sorted(os.listdir(tmp_path)) == ["pngs", "taken"]


def test_an_empty_folder_may_be_filled(tiny: Trained, tmp_path: Path) -> None:
    """It need not be removed first."""
    (tmp_path / "exported").mkdir()
    export(tiny.bundle, tmp_path / "exported")
    assert (tmp_path / "exported" / ExportFile.MODEL).is_file()


@torch.no_grad()
def test_the_guide_says_what_was_compared(tiny: Trained, tmp_path: Path) -> None:
    """With the figures."""
    parity = export(tiny.bundle, tmp_path / "exported", photos=tiny.photos)
    guide = (tmp_path / "exported" / "README.md").read_text("utf-8")
    assert f"read {parity.photos} JPEGs" in guide
    assert "pip install onnxruntime numpy pillow" in guide


def test_few_jpegs_among_many_others_are_found(tiny: Trained, tmp_path: Path) -> None:
    """Photos of other formats do not take the places of those that can be compared on."""
    photos = draw_folder(tmp_path / "photos", {"": 1})
    for kind in CLASSES:
        for place in range(50):
            shutil.copy(photos / kind / "00.png", photos / kind / f"more{place}.png")
    draw(photos / "red" / "one.jpg", "red", 5)
    source, files = export_module._jpegs(Predictor(tiny.bundle).bundle, photos, tmp_path / "unused")
    assert [file.name for file in files] == ["one.jpg"]
    assert source == "of photos"

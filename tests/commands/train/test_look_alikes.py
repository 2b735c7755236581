"""Photos of a fixed camera: all of a class look alike. They are trained on, and no figure is to be trusted."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from inarch.commands.doctor.doctor import apply_patch, doctor
from inarch.commands.doctor.options import DoctorOptions
from inarch.commands.train.run import train
from inarch.commands.train.text import training_lines
from photos import smooth
from trained import ONE_EPOCH, options


def film(folder: Path, frames: int, seed: int) -> None:
    """Frames of one scene: the same picture, but for a little noise."""
    folder.mkdir(parents=True)
    scene = smooth(seed, 120, 96).astype(np.int16)
    draw = np.random.default_rng(seed)
    for number in range(frames):
        noisy = (scene + draw.integers(-4, 5, scene.shape)).clip(0, 255).astype(np.uint8)
        Image.fromarray(noisy).save(folder / f"{number:03}.png")


@pytest.mark.parametrize("splits", [("",), ("train", "test")])
def test_frames_of_one_scene_are_trained_on_and_the_first_line_says_so(tmp_path: Path, splits: tuple[str, ...]) -> None:
    """Whether we split them or the user did."""
    for split in splits:
        for seed, name in enumerate(("closed", "open")):
            film(tmp_path / "photos" / split / name, 8, seed)
    bundle = train(tmp_path / "photos", tmp_path / "bundle", options(tmp_path, recipes=ONE_EPOCH))
    first = training_lines(bundle.report)[0]
    assert first.startswith("Do not trust the test accuracy: ")
    assert "test photos are near-duplicates of training photos (all of 'closed', 'open' look alike)" in first
    for page in ("report.html", "README.md"):
        assert "Do not trust this accuracy" in (bundle.path / page).read_text("utf-8")


def test_other_photos_have_no_such_line(tmp_path: Path) -> None:
    """A class that has other photos as well keeps its near-duplicates on one side, without a word of distrust."""
    for seed, name in enumerate(("closed", "open")):
        film(tmp_path / "photos" / name, 3, seed)
        for other in range(8):
            Image.fromarray(smooth(10 * seed + other + 2, 120, 96)).save(
                tmp_path / "photos" / name / f"other{other}.png"
            )
    report = train(tmp_path / "photos", tmp_path / "bundle", options(tmp_path, recipes=ONE_EPOCH)).report
    assert report.caveat == ""
    assert any("each cluster was kept on one side of the split" in note for note in report.notes)


def test_the_doctor_warns_and_its_manifest_can_be_trained_on(tmp_path: Path) -> None:
    """Groups in a manifest are the user's own, so the doctor writes none that make training impossible."""
    for seed, name in enumerate(("closed", "open")):
        film(tmp_path / "photos" / name, 8, seed)
    asked = DoctorOptions(labels=False, cache=tmp_path / "cache")
    diagnosis = doctor(tmp_path / "photos", tmp_path / "check", asked)
    assert [finding.path for finding in diagnosis.of_kind("alike")] == ["closed", "open"]
    patched = apply_patch(tmp_path / "photos", tmp_path / "check/patch.csv", tmp_path / "check", asked)
    assert train(patched.path, tmp_path / "bundle", options(tmp_path, recipes=ONE_EPOCH)).report.caveat

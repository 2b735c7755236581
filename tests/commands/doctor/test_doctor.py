"""Planted faults are found, sound photos are left in peace, and no photo is ever touched."""

import hashlib
import json
import time
from collections import defaultdict
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import ExifTags, Image

from inarch.bundle.starting import backbones_of
from inarch.commands.doctor.doctor import (
    DoctorFile,
    apply_patch,
    doctor,
)
from inarch.commands.doctor.judge import _choose_judge
from inarch.commands.doctor.options import DoctorOptions
from inarch.commands.doctor.records import KINDS, Finding
from inarch.commands.doctor.text import to_text
from inarch.data.scan import scan
from inarch.errors import OutputError
from inarch.progress import ignore_progress
from inarch.runtime.session import Graph
from inarch.storage.serialisation import to_printed_json
from inarch.transfer.options import TrainOptions
from trained import CLASSES, draw_folder

KINDS_OF_FAULTS = {
    "unreadable": {"train/red/cut.jpg", "train/red/empty.jpg", "train/red/text.png"},
    "stray": {"train/red/notes.txt"},
    "hidden": {"train/.cache", "val/red/.DS_Store"},
    "extension": {"train/green/really.jpg"},
    "orientation": {"train/green/turned.jpg"},
    "mode": {"train/green/print.jpg"},
    "animation": {"train/green/moving.gif"},
    "aspect": {"train/green/long.png"},
    "blank": {"train/green/blank.png"},
    "copy": {"train/blue/copy.png"},
    "copy-across-classes": {"train/red/strange.png", "train/blue/0.png"},
    "copy-across-splits": {"train/blue/leak.png"},
    "near-duplicate": {"train/blue/twin.jpg"},
    "near-duplicate-across-splits": {"train/blue/leaking.jpg"},
    "class-mismatch": {"purple"},
    "few-photos": {"purple"},
    "imbalance": {"purple"},
}


def scene(seed: int) -> Image.Image:
    """As different from every other as photos are."""
    draw = np.random.default_rng(seed)
    canvas = np.zeros((110, 130, 3))
    for cells in (3, 8, 24):
        coarse = Image.fromarray(draw.integers(0, 256, (cells, cells, 3), dtype=np.uint8))
        canvas += np.asarray(coarse.resize((130, 110), Image.Resampling.BICUBIC), dtype=float) / 3
    return Image.fromarray(canvas.astype(np.uint8))


def plant(root: Path) -> Path:
    for number, (split, name) in enumerate((split, name) for split in ("train", "val") for name in CLASSES):
        folder = root / split / name
        folder.mkdir(parents=True)
        for photo in range(12):
            scene(100 * number + photo).save(folder / f"{photo}.png")
    red, green, blue = (root / "train" / name for name in ("red", "green", "blue"))
    whole = (red / "0.png").read_bytes()
    scene(1).save(red / "cut.jpg")
    (red / "cut.jpg").write_bytes((red / "cut.jpg").read_bytes()[:900])
    (red / "empty.jpg").touch()
    (red / "text.png").write_text("no photo")
    (red / "notes.txt").write_text("notes")
    (root / "train" / ".cache").mkdir()
    (root / "train" / ".cache" / "photo.png").write_bytes(whole)
    (root / "val" / "red" / ".DS_Store").touch()
    scene(2001).save(green / "really.jpg", "PNG")
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = 6
    scene(2002).save(green / "turned.jpg", exif=exif)
    scene(2003).convert("CMYK").save(green / "print.jpg")
    scene(2004).save(green / "moving.gif", save_all=True, append_images=[scene(2005)])
    scene(2006).resize((400, 40)).save(green / "long.png")
    Image.new("RGB", (90, 90), (90, 100, 110)).save(green / "blank.png")
    for source, copy in (
        ("train/blue/1", blue / "copy"),
        ("train/blue/0", red / "strange"),
        ("val/blue/1", blue / "leak"),
    ):
        copy.with_suffix(".png").write_bytes((root / f"{source}.png").read_bytes())
    for source, copy in (("train/blue/2", "twin"), ("val/blue/2", "leaking")):
        Image.open(root / f"{source}.png").crop((5, 3, 130, 110)).save(blue / f"{copy}.jpg", quality=70)
    (root / "train" / "purple").mkdir()
    scene(2007).save(root / "train" / "purple" / "0.png")
    return root


def hashes(root: Path) -> dict[Path, str]:
    return {path: hashlib.sha256(path.read_bytes()).hexdigest() for path in root.rglob("*") if path.is_file()}


@pytest.fixture
def options(tmp_path: Path) -> DoctorOptions:
    return DoctorOptions(labels=False, cache=tmp_path / "cache")


def test_every_planted_fault_is_found_and_nothing_else(tmp_path: Path, options: DoctorOptions) -> None:
    """By kind and path, the same in text, JSON and page; the photos are as they were."""
    photos = plant(tmp_path / "photos")
    before = hashes(photos)
    diagnosis = doctor(photos, tmp_path / "out", options)
    assert hashes(photos) == before
    found = defaultdict(set)
    for finding in diagnosis.findings:
        found[finding.kind].add(finding.path)
    assert found == KINDS_OF_FAULTS
    assert len({finding.id for finding in diagnosis.findings}) == len(diagnosis.findings)
    read = json.loads(to_printed_json(diagnosis, "inarch.doctor/1"))
    assert {(each["id"], each["path"]) for each in read["findings"]} == {(f.id, f.path) for f in diagnosis.findings}
    page = (tmp_path / "out" / DoctorFile.REPORT).read_text("utf-8")
    assert all(finding.id in page for finding in diagnosis.findings)
    assert "http" not in page.replace("http-equiv", "")
    assert all(KINDS[kind].title in to_text(diagnosis) for kind in found)


def test_a_patch_becomes_a_manifest_that_training_obeys(tmp_path: Path, options: DoctorOptions) -> None:
    """Proposals as they are, and one that the user changed; twins are one group."""
    photos = plant(tmp_path / "photos")
    (photos / "train" / "purple" / "0.png").unlink()
    out = tmp_path / "out"
    doctor(photos, out, options)
    text = (out / DoctorFile.PATCH).read_text("utf-8")
    assert "train/red/strange.png,keep,blue," in text
    (out / DoctorFile.PATCH).write_text(
        text.replace("train/red/strange.png,keep,", "train/red/strange.png,relabel,"), "utf-8"
    )
    with pytest.raises(OutputError, match="holds other decisions"):
        doctor(photos, out, options)
    manifest = apply_patch(photos, out / DoctorFile.PATCH, out, options)
    assert manifest.path == out / DoctorFile.MANIFEST
    found = scan(manifest.path)
    assert manifest.photos == len(found.photos)
    by_path = {photo.path.removeprefix("../photos/"): photo for photo in found.photos}
    assert found.classes == CLASSES
    assert not by_path.keys() & {"train/blue/copy.png", "train/blue/leak.png", "train/green/blank.png"}
    assert not by_path.keys() & KINDS_OF_FAULTS["unreadable"]
    assert found.classes[by_path["train/red/strange.png"].label] == "blue"
    assert by_path["train/blue/2.png"].group == by_path["train/blue/twin.jpg"].group != ""
    assert by_path["train/blue/3.png"].group == ""


def test_what_would_become_a_class_is_refused(tmp_path: Path, options: DoctorOptions) -> None:
    """The folder for the report lies elsewhere, and can be written."""
    photos = plant(tmp_path / "photos")
    with pytest.raises(OutputError, match="would be taken for a class"):
        doctor(photos, photos / "check", options)
    (tmp_path / "file").touch()
    with pytest.raises(OutputError, match="cannot be written"):
        doctor(photos, tmp_path / "file" / "check", options)
    assert not (photos / "check").exists()


def test_wrong_labels_are_found(tmp_path: Path, options: DoctorOptions) -> None:
    """Photos of two plain colours, two of them filed wrongly: these, and the right class beside."""
    draw = np.random.default_rng(0)
    for number in range(40):
        kind = number % 2
        pixels = draw.integers(0, 80, (64, 64, 3), dtype=np.uint8)
        pixels[..., 2 * kind] += 150
        filed = 1 - kind if number in (4, 15) else kind
        folder = tmp_path / "photos" / ("red", "blue")[filed]
        folder.mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels).save(folder / f"{number}.png")
    asked = replace(options, labels=True, model="resnet18_narrow")
    diagnosis = doctor(tmp_path / "photos", tmp_path / "out", asked)
    assert {finding.path for finding in diagnosis.of_kind("label")} == {"blue/4.png", "red/15.png"}
    assert {each.label for each in diagnosis.decisions} == {"red", "blue"}
    assert "resnet18_narrow" in diagnosis.notes[0]


def test_identity_of_a_finding_depends_on_its_kind_and_place() -> None:
    """Not on the words."""
    one = Finding("blank", "a/b.jpg", "It is so.")
    assert one.id == Finding("blank", "a/b.jpg", "It is otherwise.").id
    assert len({one.id, Finding("blank", "a/c.jpg", "").id, Finding("border", "a/b.jpg", "").id}) == 3


@pytest.mark.slow
def test_the_judge_of_labels_follows_from_the_photos_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """However slow a backbone seems to be, and at a smaller size where there are many photos."""
    found = scan(draw_folder(tmp_path / "photos", {"": 8}))
    choices = backbones_of(TrainOptions(), ranking=True)[:2]
    chosen = []
    for slow in (0.0, 0.02):
        run = Graph.__call__

        def delayed(graph: Graph, pixels: NDArray[np.uint8], slow: float = slow, run: object = run) -> object:
            time.sleep(slow)
            return run(graph, pixels)  # type: ignore[operator]

        monkeypatch.setattr(Graph, "__call__", delayed)
        judge = _choose_judge(found, choices, DoctorOptions(cache=tmp_path / f"cache{slow}"), ignore_progress)
        monkeypatch.setattr(Graph, "__call__", run)
        chosen.append((judge.start.architecture, judge.preprocessing))
    assert chosen[0] == chosen[1]
    given = DoctorOptions(cache=tmp_path / "cache0.0")
    small = _choose_judge(found, choices, given, ignore_progress, most_macs=1e9).preprocessing.image_size
    assert small <= min(each.preprocessing.image_size for each in choices)

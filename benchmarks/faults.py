"""What `inarch doctor` finds of faults that were planted into real photos, and what it finds where there are none.

    python -m benchmarks.faults --seeds 2
    python -m benchmarks.faults --labels 3      # wrong labels alone, beside cleanlab where that is installed

A fault is found if a finding of its kind names it. A false alarm is a finding about something that was not tampered
with; real photos have faults of their own, which count as such here.
"""

import argparse
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import ExifTags, Image

from benchmarks.measuring import table, unpacked, write
from benchmarks.planted import CHANGES, encoded, files_of, resized
from inarch.bundle.starting import backbones_of
from inarch.commands.doctor.confident_learning import find_label_errors
from inarch.commands.doctor.doctor import doctor
from inarch.commands.doctor.labels import LABELS, predict_out_of_fold
from inarch.commands.doctor.options import DoctorOptions
from inarch.commands.doctor.records import KINDS
from inarch.data.augmentation import Augmentation
from inarch.data.scan import survey
from inarch.data.split import groups_of
from inarch.data.store import store
from inarch.storage.cache_folder import default_cache_folder
from inarch.transfer.features import Prefix
from inarch.transfer.options import TrainOptions

CACHE = default_cache_folder()
SET, TRAIN, VAL = "imagenette_s128", 400, 100
SHARE = 0.05
"""Of the labels, which are changed."""
COPIES = 5


class Fault(NamedTuple):
    """Something that was planted."""

    kind: str
    path: str


class Planter:
    """A folder of real photos, and a way to spoil photos that nobody has touched yet."""

    def __init__(self, root: Path, draw: np.random.Generator) -> None:
        self.root, self.draw = root, draw
        self.faults: list[Fault] = []
        self.untouched: dict[str, list[Path]] = {}
        for split, count in (("train", TRAIN), ("val", VAL)):
            self.untouched[split] = []
            for file in files_of(f"{SET}/{split}", count, draw):
                place = root / split / file.parent.name / file.name
                place.parent.mkdir(parents=True, exist_ok=True)
                place.write_bytes(file.read_bytes())
                self.untouched[split].append(place)
        for files in self.untouched.values():
            draw.shuffle(files)

    def next(self, split: str = "train") -> Path:
        """A photo that is as it was."""
        return self.untouched[split].pop()

    def plant(self, kind: str, place: Path, content: bytes | None = None) -> None:
        """Note a fault, and write the file where there is something to write."""
        if content is not None:
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(content)
        self.faults.append(Fault(kind, place.relative_to(self.root).as_posix() if place.is_absolute() else str(place)))


def _broken(planter: Planter) -> None:
    for share in (0.3, 0.5, 0.8, 0.95):
        place = planter.next()
        content = place.read_bytes()
        planter.plant("unreadable", place, content[: round(share * len(content))])
    for content in (b"", b"", b"This is no photo.", b"\x89PNG\r\n\x1a\n" + b"\0" * 40):
        planter.plant("unreadable", planter.next(), content)
    bomb = Image.new("1", (20_000, 10_000))
    place = planter.next()
    bomb.save(place.with_suffix(".png"))
    place.unlink()
    planter.plant("unreadable", place.with_suffix(".png"))


def _unusual(planter: Planter) -> None:
    for _ in range(4):
        place = planter.next()
        planter.plant("extension", place, encoded(Image.open(place).convert("RGB"), kind="PNG"))
        place = planter.next()
        exif = Image.Exif()
        exif[ExifTags.Base.Orientation] = int(planter.draw.integers(2, 9))
        image = Image.open(place).convert("RGB")
        image.save(place, "JPEG", quality=90, exif=exif)
        planter.plant("orientation", place)
        place = planter.next()
        planter.plant("mode", place, encoded(Image.open(place).convert("CMYK")))
        place = planter.next()
        planter.plant("small", place, encoded(resized(Image.open(place).convert("RGB"), 0.18)))
        place = planter.next()
        image = Image.open(place).convert("RGB")
        planter.plant("aspect", place, encoded(image.crop((0, 0, image.width, image.height // 4))))
    for _ in range(2):
        place = planter.next()
        grey = np.asarray(Image.open(place).convert("L")).astype(np.uint16) * 257
        Image.fromarray(grey).save(place.with_suffix(".png"))
        place.unlink()
        planter.plant("mode", place.with_suffix(".png"))
        place = planter.next()
        image = Image.open(place).convert("RGB")
        frames = [image.rotate(angle) for angle in (0, 90)]
        frames[0].save(place.with_suffix(".gif"), save_all=True, append_images=frames[1:])
        place.unlink()
        planter.plant("animation", place.with_suffix(".gif"))


def _empty(planter: Planter) -> None:
    for level in (0, 128, 250, 30):
        planter.plant("blank", planter.next(), encoded(Image.new("RGB", (160, 128), (level, level, level // 2))))
        place = planter.next()
        image = Image.open(place).convert("RGB")
        sheet = Image.new("RGB", image.size, "white")
        sheet.paste(resized(image, 0.5), (image.width // 5, image.height // 5))
        planter.plant("border", place, encoded(sheet, 90))


def _copies(planter: Planter) -> None:
    """The original stays untouched; found is whichever of the two is named."""
    changes = list(CHANGES.values())
    for number in range(COPIES):
        for kind, content in (("copy", None), ("twin", changes[number])):
            for across in ("", "-across-splits", "-across-classes"):
                original = planter.next("val" if across == "-across-splits" else "train")
                folder = original.parent
                if across == "-across-splits":
                    folder = planter.root / "train" / folder.name
                if across == "-across-classes":
                    folder = next(each for each in sorted(folder.parent.iterdir()) if each != folder)
                image = Image.open(original).convert("RGB")
                place = folder / f"{kind}{across}_{number}.jpg"
                planter.plant(kind + across, place, content(image, planter.draw) if content else original.read_bytes())


def _times(planter: Planter) -> None:
    for burst in range(2):
        shots = [planter.next() for _ in range(3)]
        for second, place in enumerate(shots):
            image = Image.open(place).convert("RGB")
            exif = Image.Exif()
            exif[ExifTags.Base.Model] = "camera"
            exif.get_ifd(ExifTags.IFD.Exif)[ExifTags.Base.DateTimeOriginal] = f"2024:05:0{burst + 1} 10:00:0{second}"
            image.save(place, "JPEG", quality=90, exif=exif)
        planter.plant("burst", shots[0])


def _folders(planter: Planter) -> None:
    train = planter.root / "train"
    first = sorted(train.iterdir())[0]
    planter.plant("hidden", train / ".ipynb_checkpoints")
    planter.plant("hidden", first / ".DS_Store", b"\0")
    (train / ".ipynb_checkpoints").mkdir()
    (train / ".ipynb_checkpoints" / "a.jpg").write_bytes(planter.next().read_bytes())
    planter.plant("stray", first / "notes.txt", b"notes")
    planter.plant("stray", first / "Thumbs.db", b"\xd0\xcf\x11\xe0")
    planter.plant("stray", planter.root / "README.md", b"read me")
    again = train / first.name.upper()
    again.mkdir()
    for _ in range(3):
        place = planter.next()
        place.rename(again / place.name)
    planter.faults += [Fault(kind, again.name) for kind in ("class-name", "few-photos", "imbalance", "class-mismatch")]


def _labels(planter: Planter) -> None:
    classes = sorted(each for each in (planter.root / "train").iterdir() if each.name.islower())
    for _ in range(round(SHARE * TRAIN)):
        place = planter.next()
        wrong = classes[int(planter.draw.integers(len(classes)))]
        while wrong.name == place.parent.name:
            wrong = classes[int(planter.draw.integers(len(classes)))]
        moved = wrong / f"moved_{place.name}"
        place.rename(moved)
        planter.plant("label", moved)


PLANTED: tuple[Callable[[Planter], None], ...] = (_broken, _unusual, _empty, _copies, _times, _labels, _folders)


def _run(seed: int) -> tuple[Counter[str], Counter[str], Counter[str]]:
    """By kind: what was planted, found, and found where nothing was planted."""
    with TemporaryDirectory() as folder:
        planter = Planter(Path(folder, "photos"), np.random.default_rng(seed))
        for plant in PLANTED:
            plant(planter)
        diagnosis = doctor(planter.root, Path(folder, "out"), DoctorOptions(cache=CACHE, seed=seed))
    tampered = {path for _, path in planter.faults}
    named: dict[str, set[str]] = {kind: set() for kind in KINDS}
    for finding in diagnosis.findings:
        named[finding.kind] |= {finding.path, *finding.others}
    planted = Counter(kind for kind, _ in planter.faults)
    found = Counter(kind for kind, path in planter.faults if any(_is_same(path, each) for each in named[kind]))
    alarms = Counter(
        finding.kind
        for finding in diagnosis.findings
        if not tampered.intersection({finding.path, *finding.others}) and finding.path.lower() not in tampered
    )
    return planted, found, alarms


def _is_same(path: str, named: str) -> bool:
    """Two class names that are confused are one fault, whichever is named."""
    return path == named or ("/" not in path and path.lower() == named.lower())


def faults(seeds: int) -> None:
    """Print found, missed and false alarms for each kind, over all seeds."""
    planted, found, alarms = Counter[str](), Counter[str](), Counter[str]()
    for seed in range(seeds):
        for total, one in zip((planted, found, alarms), _run(seed), strict=True):
            total.update(one)
    rows = [
        [kind, str(planted[kind]), str(found[kind]), str(planted[kind] - found[kind]), str(alarms[kind])]
        for kind in KINDS
        if planted[kind] or alarms[kind]
    ]
    sums = [sum(int(row[at]) for row in rows) for at in range(1, 5)]
    print(table(["kind", "planted", "found", "missed", "false alarms"], [*rows, ["all", *map(str, sums)]]))
    print(f"{TRAIN + VAL} photos before planting, {seeds} seeds")
    write("faults", {"seeds": seeds, "rows": rows})


def labels(seeds: int) -> None:
    """Print precision and recall on changed labels, ours beside cleanlab's on the same probabilities."""
    rows = []
    for backbone in backbones_of(TrainOptions(), ranking=True):
        start, preprocessing = backbone.start, backbone.preprocessing
        for seed in range(seeds):
            draw = np.random.default_rng(seed)
            found = survey(unpacked(SET))
            kept = np.sort(draw.permutation(len(found.photos))[: TRAIN + VAL])
            found = replace(found, photos=tuple(replace(found.photos[place], split="") for place in kept))
            stored = store(found, preprocessing, CACHE)
            prefix = Prefix(start.backbone, start.digest, preprocessing, None, CACHE)
            every = np.arange(len(stored.photos.photos))
            seen = prefix.view(0, Augmentation()).compute(stored, every, lambda done, total: None)
            features = {stage: seen[prefix.output(stage)][:] for stage in prefix.stages}
            right = np.array([photo.label for photo in stored.photos.photos], dtype=np.int64)
            wrong = draw.permutation(len(right))[: round(SHARE * len(right))]
            given = right.copy()
            given[wrong] = (given[wrong] + draw.integers(1, len(found.classes), len(wrong))) % len(found.classes)
            groups = groups_of(stored.photos.photos)
            probabilities = predict_out_of_fold(features, given, groups, classes=len(found.classes), seed=seed)
            for name, doubted in _judges(probabilities, given):
                hits = len(set(doubted) & set(wrong.tolist()))
                row = [start.architecture, str(seed), name, f"{hits / max(1, len(doubted)):.2f}"]
                rows.append([*row, f"{hits / len(wrong):.2f}", str(len(doubted))])
                print(rows[-1], flush=True)
    print(table(["backbone", "seed", "judge", "precision", "recall", "doubted"], rows))
    write("faults_labels", {"photos": TRAIN + VAL, "share": SHARE, "rows": rows})


def _judges(probabilities: NDArray[np.float64], given: NDArray[np.int64]) -> Iterator[tuple[str, list[int]]]:
    every = find_label_errors(probabilities, given)
    yield "inarch doctor", [each.row for each in every if each.margin >= LABELS.margin]
    yield "both prunings", [each.row for each in every]
    if find_spec("cleanlab"):
        from cleanlab.filter import find_label_issues

        for way in ("both", "prune_by_noise_rate"):
            yield f"cleanlab {way}", np.flatnonzero(find_label_issues(given, probabilities, filter_by=way)).tolist()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument("--labels", type=int, default=0, metavar="SEEDS")
    asked = parser.parse_args()
    if asked.labels:
        labels(asked.labels)
    else:
        faults(asked.seeds)

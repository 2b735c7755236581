"""From photos to a bundle, and from a bundle to another: what is promised of every one of them."""

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file, save_file

from inarch.bundle import starting
from inarch.bundle.format import BundleFile
from inarch.bundle.model import build_meta_model, trace
from inarch.bundle.predictor import Predictor
from inarch.bundle.reading import read_bundle
from inarch.commands.evaluate.evaluate import evaluate
from inarch.commands.train import run as train_module
from inarch.commands.train.run import train
from inarch.commands.train.text import training_lines
from inarch.data.decode import decode
from inarch.data.scan import scan
from inarch.data.store import store
from inarch.errors import OutputError, PhotosError, UserError
from inarch.metrics.novelty import directions
from inarch.models import Classifier, build, fold_batch_norm
from inarch.options.kinds import LARGEST_SEED
from inarch.report.wording import duration
from inarch.runtime.session import Graph
from inarch.transfer import photos as finding
from inarch.transfer.options import LARGEST_IMAGE, TrainOptions
from inarch.transfer.recipes import StrategyCurvesRecipe
from inarch.transfer.records.plan import Plan
from inarch.weights.embedded import pack
from tolerance import assert_same_computation, terms_of
from trained import ONE_EPOCH, SIDE, Trained, draw_folder, options

KINDS = ("scratch", "finetune", "cut", "cut again", pytest.param("varied", marks=pytest.mark.slow))


class Bundles:
    """Bundles of every kind, each trained when it is first asked for."""

    def __init__(self, tiny: Trained, folder: Path) -> None:
        self.folder = folder
        self.photos = tiny.photos
        self._made = {"scratch": tiny.bundle}

    def __call__(self, kind: str) -> Path:
        if kind not in self._made:
            self._made[kind] = getattr(self, f"_{kind.replace(' ', '_')}")()
        return self._made[kind]

    def _train(self, name: str, **changes: Any) -> Path:
        given = options(self.folder, image_size=None, **changes)
        return train(self.photos, self.folder / name, given).path

    def _finetune(self) -> Path:
        given = {"model": str(self("scratch")), "strategy": "finetune", "freeze_until": "stage3", "time_budget": 1.0}
        return self._train("finetune", **given)

    def _cut(self) -> Path:
        """On the first three stages of the scratch bundle's net, with batch normalisation folded."""
        net = build_meta_model(read_bundle(self("scratch"))).to_empty(device="cpu")
        net.load_state_dict(load_file(self("scratch") / BundleFile.WEIGHTS))
        start = fold_batch_norm(Classifier(net.backbone.cut("stage3"), net.head))
        weights = {name: each for name, each in start.state_dict().items() if name.startswith("backbone.")}
        save_file(weights, self.folder / "cut.safetensors")
        given = {"model": "resnet_basic_tiny", "weights": self.folder / "cut.safetensors", "strategy": "probe"}
        return train(self.photos, self.folder / "cut", options(self.folder, **given)).path

    def _varied(self) -> Path:
        """A net that is in the catalog under no name of its own."""
        given = {"model": "resnet_basic_tiny:without_shortcut:width=0.5", "time_budget": 1.0}
        return train(self.photos, self.folder / "varied", options(self.folder, **given)).path

    def _cut_again(self) -> Path:
        return self._train("cut again", model=str(self("cut")), strategy="probe")


@pytest.fixture(scope="module")
def bundles(tiny: Trained, tmp_path_factory: pytest.TempPathFactory) -> Bundles:
    """``bundles(kind)`` for each of `KINDS`."""
    return Bundles(tiny, tmp_path_factory.mktemp("bundles"))


@pytest.mark.parametrize("kind", KINDS)
def test_evaluating_repeats_what_training_measured(kind: str, bundles: Bundles) -> None:
    """The same photos from their files give the figures in ``metrics.json``: every one, but for rounding."""
    report = evaluate(bundles(kind), bundles.photos)
    figures, skipped = report.evaluation, report.skipped
    assert not skipped
    bundle = read_bundle(bundles(kind))
    found, expected = _flat(_as_json(figures)), _flat(bundle.metrics["evaluation"])
    _, logits = bundle.golden()
    scale = float(np.abs(logits).max()) / bundle.temperature
    assert found.keys() == expected.keys()
    for place, value in expected.items():
        if isinstance(value, float):
            given = {"terms": terms_of(build_meta_model(bundle)), "magnitude": scale, "dtype": torch.float32}
            assert_same_computation(found[place], value, **given, name=place)
        else:
            assert found[place] == value, place


def _as_json(figures: Any) -> Any:
    return json.loads(json.dumps(figures, default=vars))


def _flat(value: Any, name: str = "") -> dict[str, Any]:
    """Every figure by its place."""
    if isinstance(value, dict | list):
        pairs = value.items() if isinstance(value, dict) else enumerate(value)
        return {place: each for key, inner in pairs for place, each in _flat(inner, f"{name}/{key}").items()}
    return {name: value}


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_known_is_what_the_shipped_net_reads(kind: str, bundles: Bundles, tiny: Trained) -> None:
    """Every stored feature is that of a training photo, by the second output of the graph; held-out photos are some
    of the training photos, and their answers are probabilities."""
    bundle = read_bundle(bundles(kind))
    evidence = bundle.evidence()
    assert evidence is not None
    stored = store(scan(tiny.photos), bundle.preprocessing, tiny.cache)
    learned = [row for row, photo in enumerate(stored.photos.photos) if photo.split == "train"]
    features = Graph(bundle.graph(), threads=1)(stored.images[np.array(learned)])[1]
    likeness = evidence.known.astype(np.float32) @ directions(features).astype(np.float32).T
    assert likeness.max(1).min() > 0.999
    assert 0 < len(evidence.known) <= len(learned)
    assert 0 < len(evidence.truth) <= len(learned)
    assert (evidence.truth <= evidence.confidence).all()
    assert (evidence.correct == (evidence.truth == evidence.confidence)).all()
    assert (evidence.novelty > -1e-3).all()


@pytest.mark.parametrize("kind", KINDS)
def test_a_bundle_is_inspected_as_it_is(kind: str, bundles: Bundles) -> None:
    """Cut, folded or whole: the parameters that `trace` counts are the tensors in the weights file, name by name."""
    bundle = read_bundle(bundles(kind))
    tensors = load_file(bundle.path / BundleFile.WEIGHTS)
    net = build_meta_model(bundle)
    assert {name: each.shape for name, each in net.state_dict().items()} == {
        name: each.shape for name, each in tensors.items()
    }
    counted = sum(tensors[name].numel() for name, _ in net.named_parameters())
    record = trace(bundle.path)
    assert record.parameters == counted
    assert (record.image_size, record.classes, record.name) == (SIDE, 3, bundle.path.name)


def test_a_probe_on_a_bundle_leaves_its_backbone_as_it_was(bundles: Bundles) -> None:
    """Bit for bit, as far as the new net goes, and folded if that was; preprocessing comes with it."""
    old, new = read_bundle(bundles("cut")), read_bundle(bundles("cut again"))
    before, after = load_file(old.weights()), load_file(new.weights())
    kept = [name for name in after if name.startswith("backbone.")]
    assert kept
    assert all(torch.equal(after[name], before[name]) for name in kept)
    assert (new.config.folded, new.preprocessing) == (old.config.folded, old.preprocessing)
    assert old.config.folded


def test_fine_tuning_a_bundle_moves_the_last_stage_alone(bundles: Bundles) -> None:
    """Everything before it, statistics included, is bit for bit what the bundle had."""
    before, after = (load_file(bundles(kind) / BundleFile.WEIGHTS) for kind in ("scratch", "finetune"))
    moved = {name for name, each in before.items() if not torch.equal(each, after[name])}
    assert all(name.startswith(("head.", "backbone.stages.stage4.")) for name in moved)
    assert any(name.startswith("backbone.stages.stage4.") for name in moved)


def test_the_report_says_where_the_weights_came_from(bundles: Bundles) -> None:
    """A graft names its source with a digest, and training from scratch says that there was none."""
    assert "sha256" in read_bundle(bundles("cut again")).metrics["weights"]
    assert read_bundle(bundles("scratch")).metrics["weights"] == "random initialisation"


class Looked(Exception):
    """The photos were looked at."""


def _refusing(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Run `train` on no photos at all: it fails with `Looked` once it wants to see one."""

    def look(*_: object, **__: object) -> None:
        raise Looked

    monkeypatch.setattr(finding, "scan", look)
    monkeypatch.setattr(train_module, "store", look)
    return lambda out, given: train("photos", out, given)  # type: ignore[return-value]


@pytest.mark.parametrize(("net", "side"), [("inception_v3_tiny", 74), ("inception_v3", 16), ("googlenet_tiny", 14)])
def test_images_too_small_for_the_net_are_refused_before_any_photo_is_read(
    net: str, side: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The sentence names net and size; for both families one pixel more than tried here is enough."""
    run = _refusing(monkeypatch)
    with pytest.raises(UserError, match=f"{net} cannot run on images of {side} x {side} pixels.*larger image size"):
        run(tmp_path / "out", options(tmp_path, model=net, image_size=side))
    if side != 16:
        with pytest.raises(Looked):
            run(tmp_path / "out", options(tmp_path, model=net, image_size=side + 1))


@pytest.mark.parametrize("net", ["inception_v3", "googlenet_paper"])
def test_the_usual_image_size_fits_every_net(net: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is taken when nothing is asked for, from random weights."""
    with pytest.raises(Looked):
        _refusing(monkeypatch)(tmp_path / "out", TrainOptions(model=net, cache=tmp_path))


def test_a_bundle_for_a_model_is_named_by_its_path(
    bundles: Bundles, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A folder called like a model of the catalog is not taken for it, and a missing bundle is called one."""
    run = _refusing(monkeypatch)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "resnet18").mkdir()
    with pytest.raises(Looked):
        run(tmp_path / "out", options(tmp_path, model="resnet18"))
    for model, said in (("./resnet18", "not a whole bundle"), ("./typo", "There is no bundle at typo")):
        with pytest.raises(UserError, match=said):
            run(tmp_path / "out", options(tmp_path, model=model))
    with pytest.raises(UserError, match="brings its own weights"):
        run(tmp_path / "out", options(tmp_path, model=str(bundles("scratch")), weights=Path("w")))


def test_the_output_is_checked_before_the_photos(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Hours of work must not end with a folder that cannot be written."""
    (tmp_path / "file").touch()
    with pytest.raises(OutputError):
        _refusing(monkeypatch)(tmp_path / "file" / "out", options(tmp_path))


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"seed": -1}, f"from 0 to {LARGEST_SEED}; -1"),
        ({"seed": 2**31}, "A seed is"),
        ({"time_budget": 0.0}, "A time budget"),
        ({"time_budget": float("nan")}, "A time budget"),
        ({"time_budget": float("inf")}, "A time budget"),
        ({"image_size": LARGEST_IMAGE + 1}, f"image size in pixels is a whole number from 1 to {LARGEST_IMAGE}"),
    ],
)
def test_options_that_cannot_be_are_refused_at_once(changes: dict[str, Any], said: str) -> None:
    """Valid once it exists."""
    with pytest.raises(UserError, match=said):
        TrainOptions(**changes)


@pytest.mark.parametrize("side", [0, -3, 7])
def test_too_few_pixels_are_not_taken_for_the_default(
    side: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """0 is a number, not the absence of one."""
    with pytest.raises(UserError, match=f"{side} was asked for"):
        _refusing(monkeypatch)(tmp_path / "out", options(tmp_path, image_size=side))


def test_the_built_net_of_a_scratch_bundle_is_that_of_the_catalog(tiny: Trained) -> None:
    """Its weights load into `build`'s net under the names that it has."""
    net = build("resnet_basic_tiny", classes=3)
    net.load_state_dict(load_file(tiny.bundle / BundleFile.WEIGHTS), strict=True)


def test_photos_of_one_folder_may_be_evaluated_without_splits(bundles: Bundles, tmp_path: Path) -> None:
    """Then all of them count, and the record says so; photos of some of the classes are enough."""
    folder = draw_folder(tmp_path / "new", {"": 2}, seed=77)
    for file in (folder / "red").iterdir():
        file.unlink()
    (folder / "red").rmdir()
    (folder / "blue" / "broken.jpg").write_bytes(b"\xff\xd8\xff\xe0 cut short")
    report = evaluate(bundles("scratch"), folder)
    figures, skipped = report.evaluation, report.skipped
    assert (figures.split, figures.n) == ("all", 4)
    assert [each.path for each in skipped] == ["blue/broken.jpg"]


@pytest.mark.slow
def test_where_nothing_is_named_the_backbones_at_hand_are_compared(
    tiny: Trained, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The bundle and the lines for the terminal name each of them; the best is what was grafted."""
    nets = ("resnet_basic_tiny", "googlenet_tiny")
    for seed, net in enumerate(nets):
        backbone = build(net, classes=1, seed=seed).backbone.state_dict()
        pack(backbone, tmp_path / f"{net}.safetensors", architecture=net, image_size=SIDE, origin="a test")
    monkeypatch.setattr("inarch.weights.embedded._folder", lambda: tmp_path)
    monkeypatch.setattr(starting, "list_available_models", lambda: nets)
    given = options(tmp_path, model=None, strategy="probe")
    bundle = train(tiny.photos, tmp_path / "bundle", given)
    rows = bundle.metrics["ranking"]["backbones"]
    (chosen,) = (row for row in rows if row["chosen"])
    assert {row["model"] for row in rows} == set(nets)
    assert (bundle.config.architecture, bundle.config.weights) == (chosen["model"], chosen["weights"])
    assert {row["accuracy"]["n"] for row in rows} == {bundle.metrics["ranking"]["sampled"]} == {24}
    lines = training_lines(bundle.report)
    assert [line for line in lines if line.startswith(f"→ {chosen['model']}") and " photos/s  " in line]
    assert "<h2>Backbone selection" in (tmp_path / "bundle" / "report.html").read_text("utf-8")
    named = train(tiny.photos, tmp_path / "named", replace(given, model=nets[0]))
    assert [row["model"] for row in named.metrics["ranking"]["backbones"]] == [nets[0]]
    assert "<h2>Backbone selection" not in (tmp_path / "named" / "report.html").read_text("utf-8")


@pytest.mark.slow
def test_a_backbone_that_nobody_named_stops_no_other(
    tiny: Trained, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One net cannot run on such small images; where none can, the error is the first one's."""
    net = "resnet_basic_tiny"
    backbone = build(net, classes=1, seed=1).backbone.state_dict()
    pack(backbone, tmp_path / f"{net}.safetensors", architecture=net, image_size=SIDE, origin="a test")
    monkeypatch.setattr("inarch.weights.embedded._folder", lambda: tmp_path)
    monkeypatch.setattr(starting, "list_available_models", lambda: ("efficientnet_lite0", net))
    given = options(tmp_path, model=None, strategy="probe", image_size=24)
    bundle = train(tiny.photos, tmp_path / "bundle", given)
    assert bundle.config.architecture == net
    monkeypatch.setattr(starting, "list_available_models", lambda: ("efficientnet_lite0",))
    with pytest.raises(UserError, match="efficientnet_lite0 cannot run on images of 24 x 24"):
        train(tiny.photos, tmp_path / "none", given)


def test_a_net_from_scratch_that_nobody_named_suits_the_size_of_the_photos(tmp_path: Path) -> None:
    """Photos of 28 pixels are not blown up to four times their size."""
    draw = np.random.default_rng(0)
    for place in range(12):
        path = tmp_path / "photos" / ("dark", "light")[place % 2] / f"{place}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(draw.integers(0, 99, (28, 28, 3), dtype=np.uint8) + np.uint8(99 * (place % 2))).save(path)
    given = options(tmp_path, model=None, image_size=None, recipes=ONE_EPOCH)
    bundle = train(tmp_path / "photos", tmp_path / "bundle", given)
    assert (bundle.config.architecture, bundle.preprocessing.image_size) == ("resnet20", 32)


@pytest.mark.slow
def test_the_plan_is_announced_before_the_start_and_kept_in_the_bundle(bundles: Bundles, tmp_path: Path) -> None:
    """Promise and outcome stand side by side in the lines and in the report; training from scratch has no plan."""
    given = options(bundles.folder, model=str(bundles("scratch")), strategy="probe", image_size=None)
    phases: list[str] = []
    announced: list[tuple[Plan, bool]] = []
    bundle = train(
        bundles.photos,
        tmp_path / "bundle",
        given,
        lambda phase, done, total: phases.append(phase),
        lambda plan: announced.append((plan, "decode" in phases)),
    )
    ((plan, is_late),) = announced
    assert not is_late
    assert [each.strategy for each in plan.strategies if each.planned] == ["probe"]
    kept = bundle.metrics["plan"]
    assert [each["seconds"] for each in kept["strategies"]] == [each.seconds for each in plan.strategies]
    promised = duration(plan.seconds("probe"))
    assert any(f"planned {promised} for probe" in line for line in training_lines(bundle.report))
    page = (bundle.path / "report.html").read_text("utf-8").replace("\N{NO-BREAK SPACE}", " ")
    assert f"The run ended with probe: planned {promised}, took" in page
    assert read_bundle(bundles("scratch")).metrics["plan"] is None


@pytest.mark.slow
def test_photos_without_labels_are_learned_from_or_said_not_to_be(bundles: Bundles, tmp_path: Path) -> None:
    """Those that have a label already, to be learned or to be tested, do not count among them."""
    more = draw_folder(tmp_path / "more", {"": 3}, seed=5_000)
    shutil.copytree(bundles.photos / "val", more / "known")
    given = options(bundles.folder, model=str(bundles("scratch")), strategy="probe", unlabelled=more)
    metrics = train(bundles.photos, tmp_path / "bundle", given).metrics
    plain, rival = metrics["candidates"]
    assert rival["settings"] == "with 9 unlabelled photos"
    assert plain["accuracy"]["n"] == rival["accuracy"]["n"]
    assert plain["chosen"] is not rival["chosen"]
    assert sum(rival["why"] in note for note in metrics["notes"]) == 1
    shutil.rmtree(more / "red")
    for kind in ("blue", "green"):
        shutil.rmtree(more / kind)
    with pytest.raises(PhotosError, match="name a folder with other photos"):
        train(bundles.photos, tmp_path / "again", given)
    for changes in ({"strategy": "finetune"}, {"strategy": "probe", "class_weighting": "logit-adjustment"}):
        with pytest.raises(UserError, match="Photos without labels"):
            replace(given, **changes)


@pytest.mark.slow
def test_learning_curves_are_kept_drawn_and_told(bundles: Bundles, tmp_path: Path) -> None:
    """Where they are asked for; the plan says that they come on top, and its promise is not about them."""
    short = replace(ONE_EPOCH, strategy_curves=StrategyCurvesRecipe(folds=2))
    given = options(bundles.folder, model=str(bundles("scratch")), strategy="probe", image_size=None, recipes=short)
    announced: list[Plan] = []
    bundle = train(
        bundles.photos,
        tmp_path / "bundle",
        replace(given, learning_curves=True, time_budget=1000.0),
        announce=announced.append,
    )
    record = bundle.metrics["strategy_curves"]
    assert [curve["strategy"] for curve in record["curves"]] == ["probe", "finetune", "scratch"]
    assert (record["judged"], record["folds"]) == (record["photos"], 2)
    assert any(note.startswith("Learning curves are extra") for note in announced[0].notes)
    lines = training_lines(bundle.report)
    assert any(line.startswith("- Fine-tuning compared with the probe: ") for line in lines)
    phases = {phase["name"]: phase["seconds"] for phase in bundle.metrics["phases"]}
    trained = sum(seconds for name, seconds in phases.items() if name != "learning curves")
    assert any(line.startswith("plan ") and f"took {duration(trained)}" in line for line in lines)
    assert "Learning curves by strategy" in (bundle.path / "report.html").read_text("utf-8")
    assert read_bundle(bundles("scratch")).metrics["strategy_curves"] is None


def test_golden_inputs_are_of_as_many_classes_as_there_are(tiny: Trained) -> None:
    """Test photos as they are decoded; a class comes twice only where all have come once."""
    bundle = Predictor(tiny.bundle).bundle
    pixels, logits = bundle.golden()
    tested = sorted((tiny.photos / "val").rglob("*.*"))
    kinds = [
        path.parent.name
        for seen in pixels
        for path in tested
        if np.array_equal(decode(path, bundle.preprocessing), seen)
    ]
    assert len(kinds) == len(logits) == 4
    assert set(kinds) == {"blue", "green", "red"}

"""`adapt`: a bundle and a folder of photos without labels in, a bundle out."""

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from inarch.bundle.predictor import Predictor
from inarch.bundle.reading import Bundle, read_bundle
from inarch.commands.adapt import methods
from inarch.commands.adapt.adapt import adapt
from inarch.commands.adapt.options import AdaptOptions
from inarch.commands.adapt.recipe import AdaptRecipe
from inarch.commands.evaluate.evaluate import evaluate
from inarch.commands.inspect.inspect import draw_model
from inarch.commands.train.run import train
from inarch.commands.train.strategies import probe
from inarch.data.photos import PhotoSet
from inarch.errors import OutputError, PhotosError, UnknownNameError, UserError
from inarch.transfer import photos as finding
from trained import CLASSES, ONE_EPOCH, Trained, draw, draw_folder, options

EACH = 30
"""Photos of each class of the other domain."""


def _darkened(folder: Path) -> Path:
    """Every photo below ``folder`` at half its light."""
    for path in folder.rglob("*.*"):
        with Image.open(path) as image:
            dark = image.convert("RGB").point(lambda value: value // 2)
        dark.save(path, quality=85)
    return folder


@pytest.fixture(scope="module")
def elsewhere(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Labelled photos of the other domain, more than fit into one batch, and one that cannot be read."""
    folder = _darkened(draw_folder(tmp_path_factory.mktemp("elsewhere"), {"": EACH}, seed=77_000))
    (folder / CLASSES[0] / "broken.jpg").write_bytes(b"\xff\xd8 no photo")
    return folder


@pytest.fixture(scope="module")
def unlabelled(elsewhere: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same photos in one folder."""
    folder = tmp_path_factory.mktemp("unlabelled")
    for number, path in enumerate(sorted(elsewhere.rglob("*.*"))):
        shutil.copy(path, folder / f"{number:02}{path.suffix}")
    return folder


FEW_UPDATES = AdaptRecipe(updates=8, fewest_updates=2)


def _options(tiny: Trained, **changes: object) -> AdaptOptions:
    return replace(AdaptOptions(cache=tiny.cache, recipe=FEW_UPDATES), **changes)


@pytest.fixture(scope="module")
def adapted(tiny: Trained, elsewhere: Path, unlabelled: Path, tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    """By all methods, with labelled photos as an oracle."""
    out = tmp_path_factory.mktemp("adapted") / "bundle"
    return adapt(tiny.bundle, unlabelled, out, _options(tiny, oracle=elsewhere))


def test_the_bundle_predicts_and_says_what_was_tried(adapted: Bundle, unlabelled: Path) -> None:
    """Every method has its scores, its time and, by the oracle, its accuracy; one was chosen."""
    record = adapted.metrics["adaptation"]
    assert [each["method"] for each in record["candidates"]] == ["none", "adabn", "coral", "mcc", "dann"]
    assert sum(each["chosen"] for each in record["candidates"]) == 1
    assert record["photos"] == 3 * EACH
    assert all(each["oracle"]["n"] == 3 * EACH for each in record["candidates"])
    assert "90 labelled target photos" in record["oracle_verdict"]
    (answer,) = Predictor(adapted.path).predict([sorted(unlabelled.iterdir())[0]])
    assert {name for name, _ in answer.ranking} == set(CLASSES)
    (chosen,) = (each["method"] for each in record["candidates"] if each["chosen"])
    assert (adapted.evidence() is None) == (chosen != "none")


def test_the_chosen_net_is_the_one_whose_accuracy_is_told(adapted: Bundle, elsewhere: Path) -> None:
    """The bundle's own answers for the oracle's photos are right as often as the record says."""
    record = adapted.metrics["adaptation"]
    chosen = next(each for each in record["candidates"] if each["chosen"])
    paths = [path for path in sorted(elsewhere.rglob("*.*")) if path.name != "broken.jpg"]
    answers = list(Predictor(adapted.path).predict(paths))
    right = np.mean([answer.ranking[0][0] == path.parent.name for answer, path in zip(answers, paths, strict=True)])
    assert right == pytest.approx(chosen["oracle"]["value"])


def test_labels_of_the_target_change_nothing(adapted: Bundle, tiny: Trained, elsewhere: Path, tmp_path: Path) -> None:
    """The same net to the last bit without an oracle, and where photos lie in folders of other classes."""
    renamed = shutil.copytree(elsewhere, tmp_path / "renamed")
    for old, new in zip(CLASSES, ("x", "y", "z"), strict=True):
        (renamed / old).rename(renamed / new)
    blind = adapt(tiny.bundle, renamed, tmp_path / "out", _options(tiny))
    candidates = blind.metrics["adaptation"]["candidates"]
    assert all(each["oracle"] is None for each in candidates)
    assert blind.graph() == adapted.graph()
    assert [each["scores"] for each in candidates] == [
        each["scores"] for each in adapted.metrics["adaptation"]["candidates"]
    ]
    assert not blind.metrics["adaptation"]["oracle_verdict"]


@pytest.mark.slow
def test_an_oracle_with_wrong_labels_chooses_the_same_net(
    adapted: Bundle, tiny: Trained, unlabelled: Path, elsewhere: Path, tmp_path: Path
) -> None:
    """To the last bit."""
    lying = shutil.copytree(elsewhere, tmp_path / "lying")
    (lying / CLASSES[0]).rename(lying / "spare")
    (lying / CLASSES[1]).rename(lying / CLASSES[0])
    (lying / "spare").rename(lying / CLASSES[1])
    other = adapt(tiny.bundle, unlabelled, tmp_path / "out", _options(tiny, oracle=lying))
    assert other.graph() == adapted.graph()
    told, said = (each.metrics["adaptation"]["candidates"] for each in (other, adapted))
    assert [each["scores"] for each in told] == [each["scores"] for each in said]
    assert [each["oracle"] for each in told] != [each["oracle"] for each in said]


@pytest.mark.slow
def test_the_photos_to_test_on_stay_the_same(tmp_path: Path, unlabelled: Path) -> None:
    """However often a bundle is adapted and with whatever seed: they are split as when it was trained."""
    photos = draw_folder(tmp_path / "photos", {"": 10})
    bundle = train(photos, tmp_path / "bundle", options(tmp_path, seed=5, recipes=ONE_EPOCH))
    given = AdaptOptions(cache=tmp_path / "cache", methods=("adabn",))
    once = adapt(bundle.path, unlabelled, tmp_path / "once", given)
    twice = adapt(once.path, unlabelled, tmp_path / "twice", replace(given, seed=3))
    learned = [each.metrics["learned_from"] for each in (bundle, once, twice)]
    assert learned[0] == learned[1] == learned[2]
    draw(photos / "red" / "new.png", "red", 1234)
    with pytest.raises(PhotosError, match="no longer those"):
        adapt(bundle.path, unlabelled, tmp_path / "more", given)
    assert adapt(bundle.path, unlabelled, tmp_path / "more", replace(given, source=photos)).classes == CLASSES


@pytest.mark.slow
def test_photos_are_grouped_as_they_were_for_training(
    tmp_path: Path, unlabelled: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Near-duplicates and groups make another split; the bundle says by which it was measured."""

    def in_pairs(photos: PhotoSet, cache: Path, progress: object) -> PhotoSet:
        pairs = [replace(photo, group=f"{photo.label} {place // 2}") for place, photo in enumerate(photos.photos)]
        return replace(photos, photos=tuple(pairs))

    photos = draw_folder(tmp_path / "photos", {"": 10})
    monkeypatch.setattr(finding, "group_near_duplicates", in_pairs)
    short = options(tmp_path, seed=5, recipes=ONE_EPOCH)
    bundle = train(photos, tmp_path / "bundle", short)
    plain = train(photos, tmp_path / "plain", replace(short, near_duplicates=False))
    assert bundle.metrics["learned_from"] != plain.metrics["learned_from"]
    given = AdaptOptions(cache=tmp_path / "cache", methods=("adabn",))
    for before, name in ((bundle, "one"), (plain, "other")):
        after = adapt(before.path, unlabelled, tmp_path / name, given)
        assert after.metrics["learned_from"] == before.metrics["learned_from"]
        assert after.config.near_duplicates is before.config.near_duplicates


@pytest.mark.slow
def test_a_probed_bundle_adapts_behind_the_cut(
    tiny: Trained, unlabelled: Path, elsewhere: Path, tmp_path: Path
) -> None:
    """What stands before stays as it is, but for the statistics of `adabn`."""
    bundle = train(
        tiny.photos, tmp_path / "probed", options(tiny.cache.parent, model=str(tiny.bundle), strategy="probe")
    )
    given = _options(tiny, oracle=elsewhere, methods=("adabn", "mcc", "dann"))
    moved = set()
    for validator in ("information", "certainty", "density"):
        result = adapt(bundle.path, unlabelled, tmp_path / validator, replace(given, validator=validator))
        moved |= {name for each in result.metrics["movements"] if each["phase"] != "adabn" for name in each["moved"]}
        (told,) = [each["oracle"] for each in result.metrics["adaptation"]["candidates"] if each["chosen"]]
        figures = evaluate(result.path, elsewhere).evaluation
        assert abs(figures.accuracy.value - told["value"]) < 1.5 / told["n"]  # maps in 16 bits may turn one answer
    assert not any(name.startswith("backbone.stages.stem") for name in moved)


@pytest.mark.slow
def test_a_head_on_several_stages_adapts_too(tiny: Trained, unlabelled: Path, elsewhere: Path, tmp_path: Path) -> None:
    """The bundle says which stages its head reads, and the net that is adapted is that net."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(probe, "choose_best_stage", lambda fits, *_: list(fits)[-1])
        bundle = train(
            tiny.photos, tmp_path / "probed", options(tiny.cache.parent, model=str(tiny.bundle), strategy="probe")
        )
    assert len(bundle.config.gathered) == 2
    given = _options(tiny, oracle=elsewhere, methods=("coral", "mcc"))
    result = adapt(bundle.path, unlabelled, tmp_path / "adapted", given)
    assert result.config.gathered == bundle.config.gathered
    candidates = result.metrics["adaptation"]["candidates"]
    assert {each["method"] for each in candidates if each["oracle"]} == {"none", "coral", "mcc"}
    (told,) = [each["oracle"] for each in candidates if each["chosen"]]
    figures = evaluate(result.path, elsewhere).evaluation
    assert abs(figures.accuracy.value - told["value"]) < 1.5 / told["n"]  # maps in 16 bits may turn one answer
    assert "gather" not in draw_model(bundle.path, "text")


@pytest.mark.slow
def test_what_training_would_undo_is_left_out(tiny: Trained, unlabelled: Path, tmp_path: Path) -> None:
    """The answers of a balanced bundle stay balanced."""
    balanced = options(tiny.cache.parent, class_weighting="logit-adjustment", recipes=ONE_EPOCH)
    bundle = train(tiny.photos, tmp_path / "bundle", balanced)
    record = adapt(bundle.path, unlabelled, tmp_path / "out", _options(tiny)).metrics["adaptation"]
    assert [name for name, why in record["left_out"] if "class weighting" in why] == ["coral", "mcc", "dann"]
    assert record["validator"] == "information"


@pytest.mark.slow
def test_a_method_that_fails_does_not_stop_the_others(
    tiny: Trained, unlabelled: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is left out with the reason."""
    monkeypatch.setattr(methods, "class_confusion", lambda logits: logits.sum() * float("nan"))
    record = adapt(tiny.bundle, unlabelled, tmp_path / "out", _options(tiny)).metrics["adaptation"]
    assert [name for name, why in record["left_out"] if "loss became nan" in why] == ["mcc"]
    assert [each["method"] for each in record["candidates"]] == ["none", "adabn", "coral", "dann"]


def test_the_old_bundle_stays_and_the_new_one_can_be_adapted_again(
    adapted: Bundle, tiny: Trained, unlabelled: Path, tmp_path: Path
) -> None:
    """Its own report says where the source photos are."""
    again = adapt(adapted.path, unlabelled, tmp_path / "again", _options(tiny, methods=("adabn",)))
    assert again.metrics["adaptation"]["bundle"] == str(adapted.path)
    assert read_bundle(tiny.bundle).metrics["adaptation"] is None


@pytest.mark.slow
def test_photos_that_do_not_differ_leave_the_net_as_it_was_or_no_worse(tiny: Trained, tmp_path: Path) -> None:
    """New photos of the old domain."""
    same = draw_folder(tmp_path / "same", {"": 12}, seed=99_000)
    bundle = adapt(tiny.bundle, same, tmp_path / "out", _options(tiny, oracle=same))
    candidates = bundle.metrics["adaptation"]["candidates"]
    chosen = next(each for each in candidates if each["chosen"])
    assert chosen["oracle"]["value"] >= candidates[0]["oracle"]["value"] - 0.05


def test_mistakes_are_one_sentence(tiny: Trained, unlabelled: Path, tmp_path: Path) -> None:
    """Before any work, with what to do about them."""
    out, given = tmp_path / "out", _options(tiny)
    few = tmp_path / "few"
    for number in range(3):
        draw(few / f"{number}.png", "red", number)
    with pytest.raises(PhotosError, match="20 at least"):
        adapt(tiny.bundle, few, out, given)
    with pytest.raises(PhotosError, match="--source"):
        adapt(tiny.bundle, unlabelled, out, replace(given, source=tmp_path / "nowhere"))
    with pytest.raises(PhotosError, match="cannot be opened"):
        adapt(tiny.bundle, tmp_path / "nowhere", out, given)
    strangers = draw_folder(tmp_path / "strangers", {"": 3})
    (strangers / "red").rename(strangers / "crimson")
    with pytest.raises(PhotosError, match="has blue, green, red"):
        adapt(tiny.bundle, unlabelled, out, replace(given, source=strangers))
    with pytest.raises(UnknownNameError, match="adabn"):
        AdaptOptions(methods=("adabm",))
    with pytest.raises(UnknownNameError, match="information"):
        AdaptOptions(validator="luck")
    with pytest.raises(UserError, match="two methods"):
        AdaptOptions(methods=("mcc",), validator="agreement")
    with pytest.raises(OutputError, match="must not be changed"):
        adapt(tiny.bundle, unlabelled, tiny.bundle, given)
    with pytest.raises(UserError, match="time budget"):
        AdaptOptions(time_budget=0.0)
    assert not out.exists()

"""One object for a trained classifier does what the commands do."""

import shutil
from pathlib import Path

import pytest
import torch
from PIL import Image

import inarch
from inarch.bundle.format import BundleFile
from inarch.bundle.predictor import Predictor
from inarch.bundle.reading import read_bundle
from inarch.classifier import TrainedClassifier
from inarch.errors import BundleError, PhotosError, UnknownNameError, UserError
from inarch.transfer.options import TrainOptions
from tolerance import assert_same_computation, terms_of
from trained import CLASSES, Trained, options


@pytest.fixture(scope="module")
def mine(tiny: Trained) -> TrainedClassifier:
    """The tiny bundle; it answers every photo."""
    return inarch.load(tiny.bundle, target_accuracy=0.0)


def test_it_says_what_it_is(mine: TrainedClassifier, tiny: Trained) -> None:
    """By the files of its bundle."""
    bundle = read_bundle(tiny.bundle)
    assert (mine.path, mine.classes) == (tiny.bundle, CLASSES)
    assert mine.report == bundle.report
    assert mine.report.evaluation is not None
    assert mine.report.evaluation.accuracy.n == bundle.metrics["evaluation"]["accuracy"]["n"]
    accuracy = mine.report.evaluation.accuracy
    assert repr(mine) == (
        f"TrainedClassifier({str(tiny.bundle)!r}: resnet_basic_tiny by scratch, 3 classes, val accuracy "
        f"{100 * accuracy.value:.1f} % ({100 * accuracy.low:.1f}–{100 * accuracy.high:.1f}), n = {accuracy.n})"
    )
    assert tiny.bundle.name in str(mine._repr_html_())


def test_photos_may_come_in_any_way(mine: TrainedClassifier, tiny: Trained) -> None:
    """A folder, files, text, bytes, opened images, one or several: the same records as `Predictor` gives."""
    folder = tiny.photos / "val" / "red"
    files = sorted(folder.iterdir())
    expected = tuple(Predictor(tiny.bundle, target_accuracy=0.0).predict(files))
    assert mine.predict(folder) == mine.predict(str(folder)) == mine.predict(files) == expected
    assert [each.name for each in mine.predict([folder, files[0]])] == list(map(str, [*files, files[0]]))
    (alone,), (read,) = mine.predict(files[0]), mine.predict(files[0].read_bytes())
    with Image.open(files[0]) as image:
        (opened,) = mine.predict(image)
    assert opened.ranking == read.ranking == alone.ranking
    assert dict(alone.ranking) == pytest.approx(dict(expected[0].ranking), abs=1e-5)  # another batch, another rounding
    assert mine.predict([]) == ()
    (unread,) = mine.predict(tiny.photos / "no.jpg")
    assert "cannot be opened" in unread.problem
    assert inarch.predict(tiny.bundle, folder, target_accuracy=0.0) == expected


def test_an_empty_folder_is_a_mistake(mine: TrainedClassifier, tmp_path: Path) -> None:
    """As on the command line."""
    with pytest.raises(PhotosError, match="holds no photos"):
        mine.predict(tmp_path)


@pytest.mark.slow
def test_methods_are_the_commands(mine: TrainedClassifier, tiny: Trained, tmp_path: Path) -> None:
    """The same figures by the function of the command."""
    assert mine.evaluate(tiny.photos) == inarch.evaluate(tiny.bundle, tiny.photos, target_accuracy=0.0)
    asked = {"photos": 6, "shown": 2, "channels": 0}
    explained = mine.explain(tiny.photos, tmp_path / "explained", **asked)
    other = inarch.explain(tiny.bundle, tiny.photos, tmp_path / "other", inarch.ExplainOptions(**asked))
    assert explained.depth == other.depth
    assert mine.export("onnx", tmp_path / "exported").photos == inarch.export(tiny.bundle, tmp_path / "again").photos


def test_adapting_gives_a_new_classifier(mine: TrainedClassifier, tiny: Trained, tmp_path: Path) -> None:
    """In its own folder; the old one stays."""
    adapted = mine.adapt(
        tiny.photos / "train", tmp_path / "adapted", methods=("adabn",), time_budget=20.0, cache=tiny.cache
    )
    assert isinstance(adapted, TrainedClassifier)
    assert adapted.path == tmp_path / "adapted"
    assert adapted.report.adaptation is not None
    assert adapted.report.adaptation.bundle == str(tiny.bundle)


@torch.no_grad()
def test_the_module_answers_as_the_graph_does(mine: TrainedClassifier, tiny: Trained) -> None:
    """With its transform and the bundle's temperature; in evaluation mode; each call gives another module."""
    model = mine.torch()
    assert not model.training
    assert model is not mine.torch()
    assert inarch.transform_for(model).preprocessing == mine.transform.preprocessing == mine.bundle.preprocessing
    files = sorted((tiny.photos / "val").rglob("*.*"))
    logits = model(torch.stack([mine.transform(path) for path in files])) / mine.bundle.temperature
    probabilities = [[dict(each.ranking)[name] for name in CLASSES] for each in mine.predict(files)]
    largest = float(logits.abs().max())  # an error of the logits comes out of the softmax no larger than it went in
    assert_same_computation(
        logits.softmax(1),
        torch.tensor(probabilities),
        terms=terms_of(model),
        magnitude=2 * largest,
        dtype=torch.float32,
    )


def test_training_takes_options_and_words(tiny: Trained, tmp_path: Path) -> None:
    """Words overrule the record; what is no option is refused with the nearest one, before any work."""
    given = options(tmp_path, time_budget=1.0)
    trained = inarch.train(tiny.photos, tmp_path / "bundle", options=given, seed=3, near_duplicates=False)
    assert isinstance(trained, TrainedClassifier)
    assert (trained.report.seed, trained.bundle.config.near_duplicates) == (3, False)
    for call in (inarch.train, inarch.load(tiny.bundle).explain, inarch.load(tiny.bundle).adapt):
        with pytest.raises(UnknownNameError, match=r"No option is called 'sed'\. Did you mean 'seed'"):
            call(tiny.photos, tmp_path / "other", sed=1)
    with pytest.raises(UserError, match="seed"):
        inarch.train(tiny.photos, tmp_path / "other", options=TrainOptions(), seed=-1)
    assert not (tmp_path / "other").exists()


def test_what_is_damaged_is_told_when_it_is_needed(own_bundle: Path, tiny: Trained) -> None:
    """A bundle whose golden inputs are gone loads, and does not predict; without figures it still has a name."""
    photo = next((tiny.photos / "val" / "red").iterdir())
    (own_bundle / BundleFile.METRICS).write_text("{}", encoding="utf-8")
    damaged = inarch.load(own_bundle)
    assert repr(damaged).endswith("resnet_basic_tiny by scratch, 3 classes)")
    with pytest.raises(BundleError, match=BundleFile.METRICS):
        _ = damaged.report
    assert damaged.predict(photo)[0].ranking
    shutil.copy(tiny.bundle / BundleFile.METRICS, own_bundle / BundleFile.METRICS)
    (own_bundle / BundleFile.GOLDEN).write_bytes(b"")
    with pytest.raises(BundleError, match=BundleFile.GOLDEN):
        inarch.load(own_bundle).predict(photo)
    with pytest.raises(BundleError, match="There is no bundle"):
        inarch.load(tiny.photos / "nowhere")

"""The same answer for a photo, however it comes: from the file, from bytes, alone or in company."""

import json
import subprocess
import sys
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from inarch.bundle.predictor import BATCH, Predictor
from inarch.bundle.reading import read_bundle
from inarch.data.scan import scan
from inarch.data.store import store
from inarch.errors import BundleError, UserError
from inarch.metrics.answering import rule_for
from inarch.metrics.softmax import softmax
from inarch.models import build
from inarch.runtime.session import Graph
from tolerance import assert_same_probabilities, terms_of
from trained import CLASSES, NET, SIDE, Trained, draw

TERMS = terms_of(build(NET, classes=len(CLASSES), device="meta"))


@pytest.fixture(scope="module")
def predictor(tiny: Trained) -> Predictor:
    """The tiny bundle, loaded."""
    return Predictor(tiny.bundle)


@pytest.fixture(scope="module")
def odd(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Photos of odd sizes, JPEG and PNG, in all eight orientations."""
    folder = tmp_path_factory.mktemp("odd")
    return [draw(folder / f"{n}.{'jpg' if n % 2 else 'png'}", ("red", "green", "blue")[n % 3], n) for n in range(19)]


def as_array(predictor: Predictor, photos: list[Path]) -> np.ndarray:
    """(n, classes), in the predictor's order of classes."""
    return np.array([[dict(each.ranking)[name] for name in predictor.classes] for each in predictor.predict(photos)])


def test_files_are_answered_as_training_saw_them(tiny: Trained, predictor: Predictor) -> None:
    """From the file: the probabilities of the shipped graph on the pixels that training stored."""
    bundle = read_bundle(tiny.bundle)
    stored = store(scan(tiny.photos), bundle.preprocessing, tiny.cache)
    expected = softmax(Graph(bundle.graph())(stored.images[:])[0], bundle.temperature)
    files = [Path(stored.photos.root, photo.path) for photo in stored.photos.photos]
    answered = as_array(predictor, files)
    assert len(files) == 36
    assert (answered.argmax(1) == expected.argmax(1)).all()
    assert_same_probabilities(answered, expected, terms=TERMS)


def test_the_company_that_a_photo_is_in_does_not_matter(predictor: Predictor, odd: list[Path]) -> None:
    """Alone, in full batches, in a batch that is not full, in another order: the same but for rounding."""
    assert len(odd) % BATCH
    alone = np.concatenate([as_array(predictor, [photo]) for photo in odd])
    assert_same_probabilities(as_array(predictor, odd), alone, terms=TERMS)
    assert_same_probabilities(as_array(predictor, odd[::-1])[::-1], alone, terms=TERMS)


def test_answers_keep_their_order_and_unreadable_photos_their_place(
    predictor: Predictor, odd: list[Path], tmp_path: Path
) -> None:
    """Every photo is answered under its own name; one that cannot be read has a reason and no classes."""
    broken = tmp_path / "broken.jpg"
    broken.write_bytes(odd[1].read_bytes()[:200])
    photos = [*odd[:7], broken, *odd[7:], tmp_path / "absent.png"]
    answers = list(predictor.predict(photos))
    assert [each.name for each in answers] == [str(photo) for photo in photos]
    assert [bool(each.problem) for each in answers] == [photo not in odd for photo in photos]
    assert all(each.ranking == () and each.label == "" for each in answers if each.problem)
    sound = {each.name: each.ranking for each in answers if each.ranking}
    for name, ranking in sound.items():
        alone = dict(next(predictor.predict([name])).ranking)
        assert_same_probabilities(
            np.array([dict(ranking)[each] for each in alone]), np.array([*alone.values()]), terms=TERMS
        )


def test_a_whole_batch_that_cannot_be_read_is_answered_too(predictor: Predictor, tmp_path: Path) -> None:
    """Nothing is left for the net to do."""
    absent = [tmp_path / f"{n}.png" for n in range(BATCH + 1)]
    assert all(each.problem for each in predictor.predict(absent))
    assert not list(predictor.predict([]))


def test_a_photo_may_be_a_path_a_name_or_bytes(predictor: Predictor, odd: list[Path]) -> None:
    """A single one, too: a name is not a list of letters."""
    expected = next(predictor.predict([odd[0]])).ranking
    for photo in (odd[0], str(odd[0]), odd[0].read_bytes()):
        for given in (photo, [photo]):
            (answer,) = predictor.predict(given)
            assert answer.ranking == expected
    assert [each.name for each in predictor.predict([photo.read_bytes() for photo in odd[:2]])] == [
        "photo 0",
        "photo 1",
    ]


def test_a_ranking_is_a_distribution_with_the_best_first(predictor: Predictor, odd: list[Path]) -> None:
    """Every class once, falling, adding up to 1."""
    for answer in predictor.predict(odd):
        values = [value for _, value in answer.ranking]
        assert sorted(values, reverse=True) == values
        assert sum(values) == pytest.approx(1)
        assert {name for name, _ in answer.ranking} == set(CLASSES)
        assert answer.label == answer.ranking[0][0]


def test_an_orientation_is_undone_as_in_training(predictor: Predictor, tmp_path: Path) -> None:
    """A photo stored on its side and marked so is answered as the one that was turned."""
    pixels = np.array(Image.open(draw(tmp_path / "upright.png", "red", 8)))
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(np.rot90(pixels)).save(tmp_path / "marked.png", exif=exif)
    Image.fromarray(pixels).save(tmp_path / "plain.png")
    marked, plain = as_array(predictor, [tmp_path / "marked.png", tmp_path / "plain.png"])
    assert_same_probabilities(marked, plain, terms=TERMS)


def test_threads_do_not_change_the_answers(tiny: Trained, predictor: Predictor, odd: list[Path]) -> None:
    """One core or all of them: the same but for rounding."""
    assert_same_probabilities(as_array(Predictor(tiny.bundle, threads=1), odd), as_array(predictor, odd), terms=TERMS)


def test_probabilities_are_the_calibrated_logits(predictor: Predictor) -> None:
    """Divided by the bundle's temperature."""
    pixels = np.random.default_rng(0).integers(0, 256, (3, SIDE, SIDE, 3), dtype=np.uint8)
    expected = softmax(predictor.logits(pixels), predictor.bundle.temperature)
    assert_same_probabilities(predictor.probabilities(pixels), expected, terms=TERMS)


def test_predicting_pays_for_no_torch(tiny: Trained) -> None:
    """Nor for scikit-learn, SciPy, Jinja2: they take seconds to import, and a prediction does not need them."""
    heavy = ("torch", "torchvision", "sklearn", "scipy", "jinja2", "onnx", "rich")
    code = (
        "import sys; from inarch.bundle.predictor import Predictor;"
        f"list(Predictor({str(tiny.bundle)!r}).predict([{str(tiny.photos / 'val/red/00.png')!r}]));"
        f"print([name for name in {heavy} if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_an_answer_is_withheld_by_the_rule_and_by_nothing_else(predictor: Predictor, odd: list[Path]) -> None:
    """Up to the bound on confidence two classes are too close, beyond the one on novelty the photo is unlike."""
    rule = predictor.rule
    assert rule is not None
    answers = list(predictor.predict(odd))
    confidences = sorted(each.ranking[0][1] for each in answers)
    novelties = sorted(each.novelty for each in answers)
    strict = Predictor(predictor.bundle)
    strict.rule = replace(rule, confidence=confidences[6], novelty=novelties[12])
    seen = set()
    for plain, each in zip(answers, strict.predict(odd), strict=True):
        assert each.ranking == plain.ranking
        first, second = (name for name, _ in each.ranking[:2])
        expected = ""
        if each.novelty > novelties[12]:
            expected = "out-of-distribution (unlike the training set)"
        elif each.ranking[0][1] <= confidences[6]:
            expected = f"low confidence ({first} or {second})"
        assert each.abstention == expected
        assert each.answer == ("" if expected else each.label)
        seen.add(expected[:8])
    assert seen == {"", "out-of-d", "low conf"}


def test_the_rule_is_that_of_the_evidence(tiny: Trained, odd: list[Path]) -> None:
    """For the target accuracy that was asked for; 0 answers every photo."""
    evidence = read_bundle(tiny.bundle).evidence()
    assert evidence is not None
    assert Predictor(tiny.bundle).rule == rule_for(evidence, 0.95)
    assert Predictor(tiny.bundle, target_accuracy=0.6).rule == rule_for(evidence, 0.6)
    always = Predictor(tiny.bundle, target_accuracy=0.0)
    assert always.rule is None
    assert not any(each.abstention for each in always.predict(odd))


def test_photos_that_were_learned_from_are_familiar_and_noise_is_not(
    tiny: Trained, predictor: Predictor, tmp_path: Path
) -> None:
    """The novelty of a learned photo is less than that of any noise."""
    draw = np.random.default_rng(0)
    for number in range(5):
        Image.fromarray(draw.integers(0, 256, (40, 40, 3), dtype=np.uint8)).save(tmp_path / f"{number}.png")
    learned = [each.novelty for each in predictor.predict(sorted((tiny.photos / "train").rglob("*.*g")))]
    noise = [each.novelty for each in predictor.predict(sorted(tmp_path.iterdir()))]
    assert np.median(learned) < min(noise)


def test_sets_are_the_first_classes(tiny: Trained, odd: list[Path]) -> None:
    """Larger ones hold the truth more often; without them there is none."""
    sizes = {
        level: [each.likely for each in Predictor(tiny.bundle, sets=level).predict(odd)] for level in (0.3, 0.6, 0.999)
    }
    assert all(small <= large for small, large in zip(sizes[0.3], sizes[0.6], strict=True))
    assert set(sizes[0.999]) == {len(CLASSES)}
    assert min(sizes[0.3]) >= 1
    assert all(each.likely == 0 for each in Predictor(tiny.bundle).predict(odd[:2]))


def test_a_bundle_without_evidence_answers_always(own_bundle: Path, odd: list[Path]) -> None:
    """As those that an older inarch wrote; what it cannot do is refused in a sentence."""
    (own_bundle / "answering.npz").unlink()
    config = json.loads((own_bundle / "config.json").read_text())
    del config["sha256"]["answering.npz"]
    (own_bundle / "config.json").write_text(json.dumps(config))
    assert all(each.answer and each.novelty is None for each in Predictor(own_bundle).predict(odd[:3]))
    for asked in ({"target_accuracy": 0.9}, {"sets": 0.9}):
        with pytest.raises(UserError, match="has no abstention rule"):
            Predictor(own_bundle, **asked)


@pytest.mark.parametrize("harm", ["altered", "gone", "unfit"])
def test_damaged_evidence_is_refused(harm: str, own_bundle: Path) -> None:
    """It decides what is answered, so it is sealed as the net is, and its features have to be the net's."""
    path = own_bundle / "answering.npz"
    with np.load(path) as file:
        arrays = dict(file)
    if harm == "gone":
        path.unlink()
    elif harm == "altered":
        np.savez(path, **{**arrays, "correct": np.ones_like(arrays["correct"])}, more=np.zeros(1))
    else:
        np.savez(path, **{**arrays, "known": arrays["known"][:, :-1]})
        config = json.loads((own_bundle / "config.json").read_text())
        config["sha256"]["answering.npz"] = sha256(path.read_bytes()).hexdigest()
        (own_bundle / "config.json").write_text(json.dumps(config))
    with pytest.raises(BundleError, match=r"answering\.npz|features do not fit"):
        Predictor(own_bundle)

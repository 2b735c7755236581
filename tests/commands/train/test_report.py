"""The report is one well-formed page that holds all it needs, whatever the run was."""

import subprocess
import sys
from dataclasses import replace
from functools import partial
from html.parser import HTMLParser
from io import BytesIO

import numpy as np
import pytest
from PIL import Image

from inarch.commands.adapt.text import adaptation_lines
from inarch.commands.train.curves_drawing import strategy_lines
from inarch.commands.train.report import to_html
from inarch.commands.train.text import training_lines
from inarch.data.photos import Photo, Preprocessing, SkippedFile
from inarch.metrics.classification import JudgedPhotos, evaluate
from inarch.metrics.coverage import measure_coverage
from inarch.metrics.intervals import difference, wilson
from inarch.metrics.records import AnswerRule, Comparison, Curve, Estimate
from inarch.metrics.softmax import softmax
from inarch.report.answering import answered_sentence, rule_sentence
from inarch.report.evaluation import SHOWN, to_text
from inarch.transfer.records.adaptation import Adaptation, AdaptedCandidate
from inarch.transfer.records.learning import LearningCurve, LearningPoint
from inarch.transfer.records.ranking import RankedBackbone, Ranking
from inarch.transfer.records.report import (
    Candidate,
    ParameterChanges,
    Phase,
    TrainingReport,
)
from inarch.transfer.records.strategy_curves import (
    StrategyCurve,
    StrategyCurves,
    StrategyPoint,
    StrategyVerdict,
)

NASTY = "<script>alert(1)</script>\" onload='x' \x07\ud800"
VOID = {"meta", "img", "br", "link", "input", "hr"}


class Page(HTMLParser):
    """Reads a page as a browser would, and keeps its tags, attributes and text."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.open: list[str] = []
        self.words: list[str] = []
        self.feed(html)
        self.close()
        self.text = " ".join("".join(self.words).replace("\N{NO-BREAK SPACE}", " ").split())

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attributes
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attributes

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] != "style":
            self.words.append(data)


def photo_bytes() -> bytes:
    """A drawn thumbnail."""
    buffer = BytesIO()
    Image.new("RGB", (8, 8), "olive").save(buffer, "JPEG")
    return buffer.getvalue()


def made_up(classes: tuple[str, ...], n: int = 60, signal: float = 2.0) -> TrainingReport:
    """A run on drawn logits; the larger ``signal``, the fewer mistakes."""
    generator = np.random.default_rng(0)
    labels = generator.integers(len(classes), size=n)
    logits = generator.normal(size=(n, len(classes))) + signal * np.eye(len(classes))[labels]
    paths = [f"{classes[label]}/{row}.jpg" for row, label in enumerate(labels)]
    counts = tuple(np.bincount(labels, minlength=len(classes)).tolist())
    return TrainingReport(
        model="resnet50",
        variant="v1.5",
        weights="torchvision IMAGENET1K_V2",
        cut="stage4",
        strategy="linear probe",
        seed=7,
        root="/photos/insects",
        classes=classes,
        counts=(("train", counts), ("test", counts)),
        preprocessing=Preprocessing(image_size=224),
        skipped=(SkippedFile("ants/Thumbs.db", "not a photo"),),
        notes=("A probe was chosen.",),
        candidates=(
            Candidate("linear probe", "C=0.1", wilson(50, 60), 0.3, 2.5, True, "Lowest log loss."),
            Candidate("fine-tune", "lr 0.001", wilson(49, 60), 0.31, 90.0, False, "Inconclusive."),
        ),
        curves=(
            Curve("training", "epoch", "log loss", ((1.0, 0.9), (2.0, 0.5))),
            Curve("validation", "epoch", "log loss", ((1.0, 0.9), (2.0, 0.6))),
            Curve("validation", "epoch", "accuracy", ((1.0, 0.7), (2.0, 0.8))),
        ),
        evaluation=evaluate(softmax(logits), JudgedPhotos(labels, paths, classes, split="test")),
        evaluation_train=wilson(n, n),
        temperature=1.37,
        phases=(Phase("scan", 0.5), Phase("features", 58.0, "2 threads")),
        versions=(("torch", "2.14.1"),),
        samples=tuple(Photo(path, int(label), "") for path, label in zip(paths[:5], labels[:5], strict=True)),
        movements=(
            ParameterChanges("probe", ("head.linear.weight", "backbone.stages.stage4.block.conv.weight"), kept=60),
        ),
        learning_curve=LearningCurve(
            points=tuple(LearningPoint(n, wilson(round(60 * (1 - n**-0.5)), 60)) for n in (12, 24, 48)),
            photos=60,
            doubled=Estimate(0.034, 0.007, 0.06, 60),
        ),
        ranking=Ranking(
            sampled=100,
            backbones=(
                RankedBackbone(
                    "googlenet", "googlenet.safetensors", 96, 400.0, -0.6, wilson(70, 100), 0.6, True, "Best."
                ),
                RankedBackbone("resnet50", "a file", 224, 3.0, None, None, None, False, "too slow: 900 s of 600 s"),
            ),
        ),
    )


def adaptation(folder: str = "winter", *, oracle: bool = True) -> Adaptation:
    """Two candidates, the adapted one taken."""
    judged = wilson(40, 50) if oracle else None
    scores = (("agreement", 0.8), ("information", 0.6))
    return Adaptation(
        bundle=folder,
        target=folder,
        photos=90,
        validator="agreement",
        candidates=(
            AdaptedCandidate("none", "as it was", scores, None, 0.0, (0.5, 0.5), 1.5, False, judged),
            AdaptedCandidate(
                "mcc", "600 updates", scores, Estimate(0.1, 0.05, 0.15, 90), 0.21, (0.25, 0.75), 80.0, True, judged
            ),
        ),
        left_out=(("adabn", "batch normalisation is folded"),),
        verdict="mcc was taken: its agreement is +0.100",
        oracle_verdict="On 50 labelled target photos adapting helped." if oracle else "",
    )


def adaptation_by_labels() -> Adaptation:
    """The same with labels, by which the head that learned from them is taken."""
    blind = adaptation()
    none, mcc = (replace(each, learned=wilson(20, 30), chosen=False) for each in blind.candidates)
    close = Comparison(Estimate(0.0, -0.1, 0.1, 30), 1.0, 0.01, "inconclusive")
    better = Comparison(Estimate(0.2, 0.05, 0.35, 30), 0.03, 0.4, "better")
    head = replace(mcc, method="head", scores=(), gain=None, learned=wilson(26, 30), against=better, chosen=True)
    candidates = (none, replace(mcc, against=close), head)
    return replace(blind, candidates=candidates, validator="labels", labelled=30, verdict="head was taken")


SIZES = (5, 10, 20, 40)
VERDICTS = {
    ("finetune", "probe"): ("worse", "inconclusive", "better", "better"),
    ("scratch", "probe"): ("worse",) * 4,
    ("scratch", "finetune"): ("worse", "worse", "worse", "inconclusive"),
}


def strategy_curves() -> StrategyCurves:
    """Three strategies, the last of them not measured with all photos."""

    def point(strategy: str, size: int, right: int) -> StrategyPoint:
        held_out, learned = wilson(right, 60), wilson(2 * size, 2 * size)
        epochs = 0 if strategy == "probe" else 8
        return StrategyPoint(size, 2 * size, epochs, held_out, learned, difference(learned, held_out), 1.5)

    right = {"probe": (40, 43, 45, 46), "finetune": (33, 42, 50, 55), "scratch": (30, 31, 33)}
    doubled = Estimate(0.02, -0.01, 0.05, 60)
    return StrategyCurves(
        curves=tuple(
            StrategyCurve(name, "as usual", tuple(map(partial(point, name), SIZES, each)), doubled)
            for name, each in right.items()
        ),
        verdicts=tuple(
            StrategyVerdict(one, other, size, Comparison(Estimate(0.1, 0.0, 0.2, 60), 0.04, None, verdict))
            for (one, other), verdicts in VERDICTS.items()
            for size, verdict in zip(SIZES, verdicts, strict=True)
        ),
        photos=100,
        judged=60,
        folds=3,
        left_out=("scratch with 40 photos per class: the time allows 2 epochs, and it takes 8.",),
    )


UPDATED = "probe: 2 of 62 tensors (head 1, stage4 1); the other 60 are unchanged, bit for bit."
BARE = {
    "skipped": (),
    "notes": (),
    "curves": (),
    "candidates": (),
    "phases": (),
    "versions": (),
    "samples": (),
    "movements": (),
    "ranking": None,
    "learning_curve": None,
}


def unsure(report: TrainingReport, confidence: float | None = 0.7, promised: bool = True) -> TrainingReport:
    """The run with a rule for answering, applied to sixty drawn photos of which the first three are unlike."""
    rule = AnswerRule(0.95, confidence, 0.5, promised and confidence is not None, 400, wilson(300, 400))
    draw = np.random.default_rng(0)
    sure = draw.uniform(0.5, 1, 60)
    kept = measure_coverage(rule, sure, draw.random(60) < sure, np.where(np.arange(60) < 3, 0.9, 0.1))
    return replace(report, evaluation=replace(report.evaluation, answered=kept))


REPORTS = {
    "usual": made_up(("ants", "bees")),
    "200 classes": made_up(tuple(f"species {at}" for at in range(200)), n=300),
    "no mistakes": made_up(("ants", "bees"), n=8, signal=50.0),
    "bare": replace(made_up(("a", "b")), temperature=1.0, variant="", cut="", **BARE),
    "one candidate": replace(made_up(("a", "b")), candidates=made_up(("a", "b")).candidates[:1]),
    "nasty": replace(
        made_up((NASTY, "long" * 200)), root=NASTY, notes=(NASTY,), skipped=(SkippedFile(NASTY, NASTY),) * 99
    ),
    "diverged": replace(made_up(("a", "b")), curves=(Curve("a", "epoch", "loss", ((1.0, float("nan")),)),)),
    "adapted": replace(made_up(("a", "b")), candidates=(), adaptation=adaptation()),
    "nastily adapted": replace(made_up((NASTY, "b")), candidates=(), adaptation=adaptation(NASTY, oracle=False)),
    "adapted by labels": replace(made_up(("a", "b")), candidates=(), adaptation=adaptation_by_labels()),
    "curves of strategies": replace(made_up(("a", "b")), strategy_curves=strategy_curves()),
    "no curves of strategies": replace(
        made_up(("a", "b")), strategy_curves=StrategyCurves((), (), 9, 0, 0, ("Nothing was measured.",))
    ),
    "unsure": unsure(made_up(("a", "b"))),
    "unsure without a promise": unsure(made_up(("a", "b")), promised=False),
    "never sure": unsure(made_up(("a", "b")), confidence=None),
    "calibrated": replace(made_up(("a", "b")), calibration_error_before=Estimate(0.062, 0.041, 0.095, 60)),
}


@pytest.fixture(params=REPORTS)
def report(request: pytest.FixtureRequest) -> TrainingReport:
    return REPORTS[request.param]


def test_every_report_is_well_formed_and_needs_nothing_from_outside(report: TrainingReport) -> None:
    """Every tag is closed in order; no script, no link; every source is a data URI; nothing undefined is shown."""
    html = to_html(report, {mistake.path: photo_bytes() for mistake in report.evaluation.mistakes[::2]})
    html.encode("utf-8")
    page = Page(html)
    assert page.open == []
    assert not {"script", "link", "iframe", "object"} & set(page.tags)
    for name, value in page.attributes:
        assert name not in ("href", "srcset")
        assert not name.startswith("on")
        assert name != "src" or (value or "").startswith("data:image/jpeg;base64,")
    assert "url(" not in html
    assert "@import" not in html
    assert "Undefined" not in page.text
    assert "nan" not in page.text.split()


def test_the_same_record_gives_the_same_page(report: TrainingReport) -> None:
    """No clock, no chance, no machine."""
    assert to_html(report, {}) == to_html(report, {})


def test_the_page_says_what_was_measured() -> None:
    """The headline with its interval, and every part that the reader is promised."""
    report = REPORTS["usual"]
    page = Page(to_html(report, {mistake.path: photo_bytes() for mistake in report.evaluation.mistakes}))
    accuracy = report.evaluation.accuracy
    bounds = f"({100 * accuracy.low:.1f}–{100 * accuracy.high:.1f})"
    assert f"Test accuracy {100 * accuracy.value:.1f} % {bounds}" in page.text
    assert f"Correct on {round(60 * accuracy.value)} of 60 photos that the model had never seen." in page.text
    for expected in (
        "stage4",
        "IMAGENET1K_V2",
        "A probe was chosen.",
        "not a photo",
        "Inconclusive.",
        "1.37",
        UPDATED,
        "Twice as many photos would add about 3.4 points (0.7 to 6.0) to a linear classifier on these features.",
    ):
        assert expected in page.text
    for heading in (
        "Dataset",
        "Strategy selection",
        "Confusion matrix",
        "Most confident mistakes",
        "Calibration",
        "Limitations",
    ):
        assert heading in page.text
    assert page.tags.count("svg") == 7
    assert page.tags.count("img") == len(report.evaluation.mistakes) + sum(
        sample.path in {mistake.path for mistake in report.evaluation.mistakes} for sample in report.samples
    )


def test_an_adapted_net_shows_what_was_tried_and_whose_photos_the_figures_are_of() -> None:
    """In the page and on the terminal; accuracies only where there were labels."""
    page = Page(to_html(REPORTS["adapted"], {}))
    for expected in (
        "from the source domain, not from the target domain that the model was adapted to",
        "90 photos in winter",
        "Mcc was taken",
        "+0.100 (+0.050 to +0.150)",
        "adabn was not tried",
        "adapting helped. The labels of those photos took no part in the selection.",
        "75.0 %",
    ):
        assert expected in page.text
    assert "Strategy selection" not in page.text
    lines = adaptation_lines(adaptation())
    assert "80.0% (67.0% to 88.8%, n=50)" in lines[3]
    assert lines[3].startswith("→ mcc")
    assert lines[-1] == "- On 50 labelled target photos adapting helped."
    blind = adaptation_lines(adaptation(oracle=False))
    assert not any("oracle" in line or "n=50" in line for line in blind)


def test_labels_that_chose_are_distinguished_from_those_that_only_report() -> None:
    """Each candidate's two accuracies and its verdict stand side by side, and what learned has no label-free score."""
    page = Page(to_html(REPORTS["adapted by labels"], {}))
    for expected in (
        "On the target domain, the accuracy is 80.0 % (67.0 to 88.8 %) on 50 photos.",
        "train on the source photos and on 30 labelled target photos",
        "86.7 %",
        "inconclusive (+0.0 points, -10.0 to +10.0; log loss lower by 0.010)",
        "better (+20.0 points, +5.0 to +35.0; log loss lower by 0.400)",
    ):
        assert expected in page.text
    assert "without target labels" not in page.text
    lines = adaptation_lines(adaptation_by_labels())
    assert "30 labelled target photos" in lines[0]
    none, mcc, head = lines[2:5]
    assert "inconclusive" in mcc
    assert head.split()[:6] == ["→", "head", "–", "–", "better", "21.0"]
    assert "86.7% (70.3% to 94.7%, n=30) 80.0% (67.0% to 88.8%, n=50)" in " ".join(head.split())
    assert "66.7%" in none


def test_strategies_are_compared_in_words_and_lines() -> None:
    """Where one becomes better, in a sentence; the same in the page and, read back from JSON, on the terminal."""
    curves = strategy_curves()
    page = Page(to_html(REPORTS["curves of strategies"], {}))
    lines = strategy_lines(curves)
    for sentence in (
        "Fine-tuning compared with the probe: worse with 5 photos per class, inconclusive with 10, better from 20 on.",
        "A model trained from scratch compared with the probe: "
        "worse with every number of photos from 5 to 40 per class.",
        "A model trained from scratch compared with fine-tuning: "
        "worse up to 20 photos per class, inconclusive with 40.",
        "Inconclusive: twice as many photos would add about 2.0 points (-1.0 to 5.0) to fine-tuning.",
        "Not measured: scratch with 40 photos per class: the time allows 2 epochs, and it takes 8.",
    ):
        assert sentence in page.text
        assert f"- {sentence}" in lines
    assert page.tags.count("polygon") >= 6
    (row,) = [line for line in lines if line.split()[:1] == ["20"]]
    assert "75.0 % (62.8 to 84.2), 100.0 %" in row
    (last,) = [line for line in lines if line.split()[:1] == ["40"]]
    assert last.endswith("–")
    empty = Page(to_html(REPORTS["no curves of strategies"], {}))
    assert "Not measured: Nothing was measured." in empty.text


def test_names_are_shown_and_never_obeyed() -> None:
    """A class called <script> is text wherever it stands."""
    html = to_html(REPORTS["nasty"], {})
    assert "<script" not in html
    assert "&lt;script&gt;alert(1)" in html
    assert "and 49 more files" in Page(html).text


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("no mistakes", "There were none among 8 photos."),
        ("bare", "None: every file was used."),
        ("bare", "none was compared."),
        ("bare", "(temperature 1)"),
        ("one candidate", "One strategy was trained; none was compared."),
        ("calibrated", "Without temperature scaling, the ECE would be 6.2 points (4.1 to 9.5 points)."),
        ("usual", "more photos would narrow the interval to 2 points either way."),
        (
            "unsure",
            "this target accuracy is guaranteed, with 95 % confidence over the choice of validation photos",
        ),
        ("unsure", "The model abstained on 3 photos as out-of-distribution"),
        ("unsure without a promise", "The target accuracy of 95.0 % is not guaranteed"),
        ("never sure", "on the 400 validation photos, no confidence threshold reaches the target accuracy of 95.0 %"),
        ("200 classes", "200 classes have fewer than 30 photos here"),
    ],
)
def test_what_is_absent_is_said(name: str, sentence: str) -> None:
    """An empty part of the run is a sentence, not a hole."""
    assert sentence in Page(to_html(REPORTS[name], {})).text


def test_text_has_the_figures_the_classes_and_the_mistakes() -> None:
    """One line for each, the weakest class first, with the same figures as the page."""
    evaluation = REPORTS["usual"].evaluation
    lines = to_text(evaluation).splitlines()
    assert lines[0].startswith(f"Test accuracy {100 * evaluation.accuracy.value:.1f} % (")
    at = next(row for row, line in enumerate(lines) if line.startswith("class"))
    recalls = {score.name: score.recall.value for score in evaluation.per_class}
    assert [line.split()[0] for line in lines[at + 1 : at + 3]] == sorted(recalls, key=lambda name: recalls[name])
    assert all(any(line.endswith(mistake.path) for line in lines) for mistake in evaluation.mistakes)


def test_the_terminal_explains_abstention_as_the_page_does() -> None:
    """The same sentences, from the record and from a bundle's ``metrics.json``."""
    for name in ("unsure", "unsure without a promise", "never sure"):
        report = REPORTS[name]
        kept = report.evaluation.answered
        assert kept is not None
        page = Page(to_html(report, {})).text
        lines = "\n".join(training_lines(report))
        for sentence in (rule_sentence(kept.rule), answered_sentence(kept)):
            assert sentence in page
            assert sentence in lines
            assert sentence in to_text(report.evaluation)
    assert "gets no answer" not in Page(to_html(REPORTS["usual"], {})).text


def test_text_is_safe_for_a_terminal_and_stays_short() -> None:
    """No escape characters; of 200 classes the weakest 30, and how many more."""
    assert "\x07" not in to_text(REPORTS["nasty"].evaluation)
    assert f"… and {200 - SHOWN} classes" in to_text(REPORTS["200 classes"].evaluation)
    assert "No mistakes." in to_text(REPORTS["no mistakes"].evaluation)


def test_a_report_costs_no_torch() -> None:
    """Measuring and drawing import neither torch nor torchvision."""
    modules = "inarch.commands.train.report, inarch.metrics.classification, inarch.metrics.comparison"
    code = f"import sys, {modules}; print([m for m in ('torch', 'torchvision', 'matplotlib') if m in sys.modules])"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"

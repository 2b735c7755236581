"""Charts are well-formed, say what they show, and survive whatever a run may hand them."""

import math
import xml.etree.ElementTree as ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inarch.commands.train.charts import interval_plot, phase_bar
from inarch.metrics.records import Bin, Curve, Estimate
from inarch.report.axes import Frame, Scale, ticks
from inarch.report.charts import (
    WIDTH,
    line_chart,
    reliability_diagram,
)
from inarch.report.confusion import confusion_matrix
from inarch.report.wording import (
    duration,
    make_printable,
    percent,
    shorten,
)
from inarch.transfer.records.report import Candidate, Phase

SVG = "{http://www.w3.org/2000/svg}"
NASTY = "<script>alert('x')</script> & \"\x07\ud800 \u202e"


def curve(name: str, *points: tuple[float, float]) -> Curve:
    return Curve(name, "epoch", "log loss", points)


def candidate(strategy: str, low: float, value: float, high: float, *, chosen: bool = False) -> Candidate:
    return Candidate(strategy, "C=1", Estimate(value, low, high, 50), 0.3, 2.0, chosen, "")


def matrix(classes: int) -> str:
    counts = [[9 if row == column else int(column == row + 1) for column in range(classes)] for row in range(classes)]
    return confusion_matrix(counts, [f"class {at}" for at in range(classes)])


CHARTS = {
    "line": line_chart([curve("a", (1.0, 0.5), (2.0, 0.25)), curve("b", (1.0, 0.4), (2.0, 0.6))], title="losses"),
    "line with interval": line_chart(
        [curve("a", (1.0, 0.5), (2.0, 0.3))], title="l", intervals={"a": ((0.4, 0.6), (0.2, 0.4))}
    ),
    "line without curves": line_chart([], title="nothing"),
    "line of one point": line_chart([curve("a", (3.0, 0.5))], title="one"),
    "line of NaN": line_chart([curve("a", (1.0, math.nan), (2.0, math.inf))], title="diverged"),
    "line, nasty": line_chart([curve(NASTY * 9, (1.0, 0.5), (2.0, 0.3))], title=NASTY),
    "twelve lines": line_chart([curve(f"curve {at}", (0.0, 0.1 * at), (9.0, 1.0)) for at in range(12)], title="many"),
    "reliability": reliability_diagram([Bin(0.5, 0.6, 3, 0.55, 0.0), Bin(0.9, 1.0, 12345, 0.97, 1.0)]),
    "reliability of nothing": reliability_diagram([]),
    "intervals": interval_plot([candidate("probe", 0.8, 0.9, 0.95, chosen=True), candidate(NASTY, 0.5, 0.6, 0.7)]),
    "one certain interval": interval_plot([candidate("probe", 1.0, 1.0, 1.0)]),
    "no intervals": interval_plot([]),
    "phases": phase_bar([Phase(f"phase {at}", 1.5 * at, NASTY) for at in range(9)]),
    "phases of no time": phase_bar([Phase("scan", 0.0)]),
    "no phases": phase_bar([]),
    "2 classes": matrix(2),
    "24 classes": matrix(24),
    "100 classes": matrix(100),
    "confusion, nasty": confusion_matrix([[0, 3], [0, 0]], [NASTY, "long " * 99]),
}


@pytest.mark.parametrize("name", CHARTS)
def test_every_chart_is_xml_with_a_text_in_its_place(name: str) -> None:
    """An image by role, with a title and a description, that scales, and without a reference to anything outside."""
    root = ElementTree.fromstring(CHARTS[name].encode("utf-8"))
    assert root.tag == f"{SVG}svg"
    assert root.get("role") == "img"
    assert len(root.get("viewBox", "").split()) == 4
    assert root[0].tag == f"{SVG}title"
    assert root[0].text
    assert root[1].tag == f"{SVG}desc"
    assert root[1].text
    assert not root.findall(f".//{SVG}script")
    assert "href" not in CHARTS[name]
    assert "url(" not in CHARTS[name]
    assert "nan" not in CHARTS[name]


@pytest.mark.parametrize("name", CHARTS)
def test_no_text_is_smaller_than_eleven_pixels_or_outside(name: str) -> None:
    """At nominal width; where text starts lies within the picture."""
    root = ElementTree.fromstring(CHARTS[name].encode("utf-8"))
    width, height = (float(root.get(side, "")) for side in ("width", "height"))
    for text in root.iter(f"{SVG}text"):
        assert float(text.get("font-size", "12")) >= 11
        assert 0 <= float(text.get("x", "")) <= width
        assert 0 <= float(text.get("y", "")) <= height


@given(st.floats(-1e6, 1e6), st.just(0.0) | st.floats(1e-3, 1e6), st.integers(2, 10))
def test_ticks_enclose_their_range_with_round_steps(low: float, span: float, about: int) -> None:
    """At least two, evenly spaced by 1, 2 or 5 times a power of ten, never many more than asked for."""
    values = ticks(low, low + span, about)
    step = values[1] - values[0]
    assert values[0] <= low + 1e-6 * step
    assert values[-1] >= low + span - 1e-6 * step
    assert 2 <= len(values) <= about + 3
    mantissa = step / 10 ** math.floor(math.log10(step * 1.0001))
    assert min(abs(mantissa - round_step) for round_step in (1, 2, 5)) < 1e-3


def test_a_scale_maps_its_ends_and_keeps_to_them() -> None:
    """Also upside down, as SVG's y axis is; what lies beyond is drawn at the end."""
    scale = Scale(10.0, 20.0, 100, 0)
    assert [scale(value) for value in (10, 15, 20, 99)] == [100, 50, 0, 0]
    assert Frame(Scale(0.0, 1.0, 0, 10), scale).point(0.5, 15) == "5.0,50.0"


def test_curves_are_drawn_where_their_values_lie() -> None:
    """A falling curve falls: its pixels grow downwards; both ends of x are reached."""
    root = ElementTree.fromstring(line_chart([curve("a", (1.0, 0.8), (2.0, 0.5), (4.0, 0.1))], title="t"))
    drawn = [line.get("points", "").split() for line in root.iter(f"{SVG}polyline")][-1]
    xs, ys = zip(*(map(float, point.split(",")) for point in drawn), strict=True)
    assert list(ys) == sorted(ys)
    assert xs[2] - xs[1] == pytest.approx(2 * (xs[1] - xs[0]), abs=0.2)
    assert xs[-1] == WIDTH - 20


def test_curves_differ_by_more_than_colour() -> None:
    """The first six have dashes of their own, for readers and printers without colour."""
    root = ElementTree.fromstring(CHARTS["twelve lines"])
    assert len({line.get("stroke-dasharray") for line in root.iter(f"{SVG}polyline")}) == 6


def test_confusion_counts_are_written_until_they_do_not_fit() -> None:
    """Each count above 0 of 24 classes; none of 100, where the counts are in the tooltips."""
    cells = {name: ElementTree.fromstring(CHARTS[name]) for name in ("24 classes", "100 classes")}
    written = {
        name: sum((text.text or "").isdigit() for text in root.iter(f"{SVG}text")) for name, root in cells.items()
    }
    assert written == {"24 classes": 24 + 23, "100 classes": 0}
    assert "1 photo of class 3 predicted as class 4" in CHARTS["100 classes"]


def test_confusion_says_what_is_taken_for_what() -> None:
    """For those who cannot see the colours: the sum, and the worst mistake first."""
    said = ElementTree.fromstring(confusion_matrix([[5, 1], [3, 4]], ["ant", "bee"]))[1].text
    assert said == (
        "9 of 13 photos are on the diagonal: correct predictions. "
        "Most frequent confusions: bee as ant (3); ant as bee (1)."
    )


def test_a_phase_is_as_long_as_its_share() -> None:
    """Half of the time is half of the bar."""
    root = ElementTree.fromstring(phase_bar([Phase("a", 2.0), Phase("b", 1.0), Phase("c", 1.0)]))
    lengths = [float(bar.get("width", "")) for bar in root.iter(f"{SVG}rect") if bar.get("height") == "34"]
    assert lengths == [WIDTH / 2 - 1, WIDTH / 4 - 1, WIDTH / 4 - 1]


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0.04, "0.0 s"),
        (59.94, "59.9 s"),
        (59.96, "1 min 0 s"),
        (134.0, "2 min 14 s"),
        (3599.7, "1 h 0 min"),
        (3900.0, "1 h 5 min"),
    ],
)
def test_durations_in_words(seconds: float, words: str) -> None:
    """Two units, and never 60 of one."""
    assert duration(seconds) == words


def test_words_are_short_and_safe() -> None:
    """Percent with its space; cut in the middle; no character that a terminal would obey."""
    assert percent(0.9477) == "94.8 %"
    assert shorten("abcdefghij", 5) == "ab…ij"
    assert shorten("abcde", 5) == "abcde"
    assert make_printable("a\x1b[31mb\ud800\u202e é東") == "a\ufffd[31mb\ufffd\ufffd é東"

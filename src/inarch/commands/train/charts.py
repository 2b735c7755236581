"""Charts of a training run: its candidates with their intervals, and the duration of each phase."""

from collections.abc import Iterator, Sequence

from inarch.report import svg
from inarch.report.axes import Frame, Scale, bottom_axis, ticks
from inarch.report.charts import WIDTH
from inarch.report.wording import duration, interval, percent, shorten
from inarch.transfer.records.report import Candidate, Phase


def interval_plot(candidates: Sequence[Candidate]) -> str:
    """The accuracy of each candidate with its 95 % interval; the chosen candidate's marker is filled."""
    bounds = [bound for each in candidates for bound in (each.accuracy.low, each.accuracy.high)] or [0.0, 1.0]
    inside = tuple(mark for mark in ticks(min(bounds), max(bounds), 4) if 0 <= mark <= 1)
    marks = inside if len(inside) > 1 else (0.0, 0.5, 1.0)
    base = 26 + 48 * len(candidates)
    frame = Frame(Scale(marks[0], marks[-1], 20, WIDTH - 24), Scale(0, 1, base, 20))
    return svg.picture(
        WIDTH,
        base + 44,
        *(
            svg.line(frame.x(mark), 12, frame.x(mark), base, stroke=svg.muted_colour(), stroke_opacity=0.3)
            for mark in marks
        ),
        *(_candidate(frame, each, 28 + 48 * row) for row, each in enumerate(candidates)),
        bottom_axis(frame, marks, "accuracy, with its 95 % interval", as_percent=True),
        title="Accuracy of the candidates",
        description=" ".join(
            f"{each.name}: {percent(each.accuracy.value)} ({interval(each.accuracy)})"
            f"{', chosen' if each.chosen else ''}."
            for each in candidates
        )
        or "No candidates.",
    )


def _candidate(frame: Frame, each: Candidate, y: int) -> str:
    """Its name above a bar that spans the interval and has a dot at the value."""
    colour = svg.series_colour(0) if each.chosen else svg.muted_colour()
    low, value, high = (frame.x(share) for share in (each.accuracy.low, each.accuracy.value, each.accuracy.high))
    name = f"{each.name} — chosen" if each.chosen else each.name
    weight = "600" if each.chosen else "400"
    return "".join(
        [
            svg.halo_text(shorten(name, 52), frame.x.start, y, font_weight=weight),
            svg.line(low, y + 16, high, y + 16, stroke=colour, stroke_width=3),
            *(svg.line(end, y + 10, end, y + 22, stroke=colour, stroke_width=2) for end in (low, high)),
            svg.element(
                "circle",
                cx=value,
                cy=y + 16,
                r=5.5,
                fill=colour if each.chosen else "var(--paper, #fff)",
                stroke=colour,
                stroke_width=2,
            ),
        ]
    )


def phase_bar(phases: Sequence[Phase]) -> str:
    """One bar for the run, divided by the duration of each phase."""
    total = sum((phase.seconds for phase in phases), start=0.0)
    return svg.picture(
        WIDTH,
        64 + 22 * ((len(phases) + 1) // 2),
        *_segments(phases, total),
        *(_key(phase, at) for at, phase in enumerate(phases)),
        title=f"Run time by phase: {duration(total)} in all",
        description=" ".join(f"{phase.name}: {duration(phase.seconds)}." for phase in phases) or "No phases.",
    )


def _segments(phases: Sequence[Phase], total: float) -> Iterator[str]:
    """Adjacent rectangles whose widths are proportional to the durations."""
    start = 0.0
    for at, phase in enumerate(phases):
        length = WIDTH * phase.seconds / total if total else WIDTH / len(phases)
        tip = svg.element("title", svg.escape_text(f"{phase.name}: {duration(phase.seconds)}"))
        yield svg.element("rect", tip, x=start, y=8, width=max(0.0, length - 1), height=34, **_fill(at))
        start += length


def _fill(index: int) -> dict[str, str | svg.Number]:
    """A colour of its own; paler from the seventh on."""
    return {"fill": svg.series_colour(index), "fill_opacity": 1 if index < len(svg.SERIES) else 0.5}


def _key(phase: Phase, index: int) -> str:
    """A colour, the phase's name and its time, in two columns."""
    x, y = (index % 2) * WIDTH // 2, 58 + 22 * (index // 2)
    words = f"{shorten(phase.name, 14)} {duration(phase.seconds)}"
    return svg.element("rect", x=x, y=y, width=12, height=12, **_fill(index)) + svg.text(
        words, x + 18, y + 10, tip=f"{phase.name} {phase.detail}"
    )

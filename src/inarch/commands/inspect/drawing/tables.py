"""Tables on a model besides its stages and layers, the same for text and page."""

from collections.abc import Sequence
from dataclasses import dataclass

from inarch.commands.inspect.drawing.summary import (
    Group,
    concepts_of,
    format_count,
    share_text,
    stages_of,
)
from inarch.commands.inspect.records import (
    EffectiveField,
    Measurements,
    Timing,
)
from inarch.models.anatomy.records import BlockFlow, Flow, ModelTrace
from inarch.report.wording import count_of, make_printable


@dataclass(frozen=True)
class Table:
    """Rows with titles, a caption and a note."""

    caption: str
    titles: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    note: str
    total: tuple[str, ...] = ()


def tables_of(trace: ModelTrace, measured: Measurements) -> tuple[Table, ...]:
    """The table of concepts, and one for each measurement."""
    tables = [_concepts(trace, measured.timings)]
    if measured.timings:
        tables.append(_times(trace, measured.timings))
    if measured.fields:
        tables.append(_fields(measured.fields))
    if measured.flow:
        tables.append(_flow(measured.flow))
    return tuple(tables)


def is_of_words(title: str) -> bool:
    """Whether the column of that title holds words; the others hold numbers."""
    return title in ("concept", "stage", "tap", "block", "layer", "kind", "kernel", "output")


def milliseconds(timing: Timing, trace: ModelTrace, group: Group) -> float:
    """The time of a group of layers, in milliseconds."""
    inside = {id(node) for node in group.nodes}
    return sum(each for node, each in zip(trace.nodes, timing.layers, strict=True) if id(node) in inside)


def bytes_text(count: int) -> str:
    """``6.7 MiB``, ``392 KiB``."""
    return f"{count / 2**20:.1f} MiB" if count >= 2**20 else f"{count / 2**10:.0f} KiB"


def _concepts(trace: ModelTrace, timings: Sequence[Timing]) -> Table:
    moved = sum(node.moved for node in trace.nodes)
    rows = []
    for group in concepts_of(trace):
        traffic = sum(node.moved for node in group.nodes)
        rows.append(
            (
                make_printable(group.name),
                str(len(group.nodes)),
                f"{group.parameters:,}",
                share_text(group.parameters, trace.parameters),
                format_count(group.macs),
                share_text(group.macs, trace.macs),
                bytes_text(traffic),
                f"{2 * group.macs / traffic:.1f}",
                *(share_text(milliseconds(timing, trace, group), sum(timing.layers)) for timing in timings),
            )
        )
    figures = ("layers", "parameters", "share", "MACs", "share", "moved", "FLOPs/byte")
    total = (
        "total", str(len(trace.nodes)), f"{trace.parameters:,}", "", format_count(trace.macs), "", bytes_text(moved),
        f"{2 * trace.macs / moved:.1f}", *("" for _ in timings),
    )  # fmt: skip
    return Table(
        caption="MACs and parameters by concept",
        titles=("concept", *figures, *(f"{_name(timing)} time" for timing in timings)),
        rows=tuple(rows),
        total=total,
        note=(
            "Every layer belongs to one concept. Between layers: normalisation, activation and other element-wise "
            "operations. Moved: the least bytes that layers read and write, in float32; with few FLOPs per byte, "
            f"memory bandwidth limits the speed. Feature maps need at most {bytes_text(trace.peak)} of memory at any "
            f"moment, for one image; weights need {bytes_text(4 * trace.parameters)} more. PyTorch on a CPU needs "
            f"{bytes_text(trace.running_peak)}, because oneDNN copies a convolution's weights as it runs."
        ),
    )


def _times(trace: ModelTrace, timings: Sequence[Timing]) -> Table:
    rows = []
    for stage in stages_of(trace):
        spent = [(timing, milliseconds(timing, trace, stage)) for timing in timings]
        cells = [cell for timing, each in spent for cell in (f"{each:.2f}", share_text(each, sum(timing.layers)))]
        rows.append((make_printable(stage.name), share_text(stage.macs, trace.macs), *cells))
    titles = [title for timing in timings for title in (f"{_name(timing)} ms", "share")]
    total = [cell for timing in timings for cell in (f"{sum(timing.layers):.2f}", "")]
    whole = "; ".join(
        f"{timing.engine}: {timing.whole:.1f} ms end to end ({timing.lowest:.1f} to {timing.highest:.1f}, "
        f"{count_of(timing.runs, 'run')}, {count_of(timing.threads, 'thread')}), {timing.elsewhere:.2f} ms on no layer"
        for timing in timings
    )
    return Table(
        caption="Time by stage",
        titles=("stage", "MACs share", *titles),
        rows=tuple(rows),
        total=("total", "", *total),
        note=f"One image on this machine. The time of a layer is its fastest run, because other load can only slow it; "
        f"the total is the median: {whole}. ONNX Runtime fuses normalisation and activation into the convolution "
        "before them. Layers with a larger share of the time than of the MACs are limited by memory or overhead.",
    )


def _fields(fields: Sequence[EffectiveField]) -> Table:
    rows = [
        (make_printable(each.tap), str(each.theoretical), f"{each.effective:.0f}", f"{each.deviation:.1f}")
        for each in fields
    ]
    return Table(
        caption="Effective receptive fields",
        titles=("tap", "theoretical", "effective", "deviation"),
        rows=tuple(rows),
        note=f"Sides in pixels, {count_of(fields[0].images, 'image')} of noise. Theoretical: the receptive field. "
        "Effective: the side of a square with as many pixels as have at least 4.55 % of the largest gradient (Luo et "
        "al. 2016). Deviation: standard deviation of the gradient around its centre, along one axis. The image bounds "
        "both, and training enlarges the effective field; the weights here are those that were given.",
    )


def _flow(flow: Flow, most: int = 24) -> Table:
    """Gradient flow; of more than ``most`` blocks, every k-th is listed."""
    step = -(-len(flow.blocks) // most)
    shown = [each for place, each in enumerate(flow.blocks) if place % step == 0 or place == len(flow.blocks) - 1]
    return Table(
        caption="Forward values and gradients",
        titles=("block", "values", "gradient", "by residual", "by shortcut"),
        rows=tuple(_flow_row(each) for each in shown),
        note=f"One training step on {count_of(flow.images, 'image')} of noise, seed {flow.seed}, before any update. "
        "Values: root mean square of the block's output. Gradient: norm of the loss's gradient by it. By residual, by "
        "shortcut: norm of each path's part of the input gradient. A model of the catalog is randomly initialised, "
        "with residual paths that start with scale one, not zero as in training."
        + (f" Every {step}th of {len(flow.blocks)} blocks is shown." if step > 1 else ""),
    )


def _flow_row(each: BlockFlow) -> tuple[str, ...]:
    paths = ("" if part is None else f"{part:.3g}" for part in (each.residual, each.shortcut))
    return (make_printable(each.block), f"{each.activation:.3g}", f"{each.gradient:.3g}", *paths)


def _name(timing: Timing) -> str:
    return timing.engine.rpartition(" ")[0] or timing.engine

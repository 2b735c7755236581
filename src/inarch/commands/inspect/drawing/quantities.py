"""The quantities that can colour a drawing, and their values for each layer."""

import statistics
from bisect import bisect_right
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from math import prod, sqrt

from inarch.commands.inspect.drawing.colours import ColourScale
from inarch.commands.inspect.drawing.summary import format_count, share_text
from inarch.commands.inspect.drawing.tables import bytes_text
from inarch.commands.inspect.records import Measurements, Timing
from inarch.errors import UnknownNameError
from inarch.models.anatomy.records import Flow, ModelTrace, Node


def _percent(share: float) -> str:
    return f"{100 * share:g} %"


SHARES = ColourScale((0.005, 0.01, 0.02, 0.05, 0.10), _percent)
"""Fractions of the model's total, for layers."""
BLOCK_SHARES = ColourScale((0.01, 0.02, 0.05, 0.10, 0.20), _percent)
"""The same for whole blocks, which have larger shares."""
MEDIANS = ColourScale((0.1, 0.3, 1.0, 3.0, 10.0), "{:g} ×".format)
"""Factors of the model's median gradient."""


@dataclass(frozen=True)
class BoxQuantity:
    """A quantity that colours layers; values are found by the layer's place in the trace."""

    name: str
    """Its name, such as ``macs``."""
    title: str
    values: Mapping[int, float]
    """Values by ``id`` of the trace's nodes."""
    part: Callable[[Sequence[float]], float]
    """The value of several layers together, as a fraction in the unit of the scale."""
    scale: ColourScale
    word: Callable[[float], str]
    """A value in words: ``128 M MACs``."""

    def shade(self, nodes: Iterable[Node]) -> int:
        """The index in the palette of these layers together."""
        part = self.part([self.values.get(id(node), 0.0) for node in nodes])
        return 1 + bisect_right(self.scale.bounds, part) if part else 0


def quantities_of(trace: ModelTrace, measured: Measurements) -> tuple[BoxQuantity, ...]:
    """All quantities of this model; those that were not measured are left out."""
    macs = [float(node.macs) for node in trace.nodes]
    maps = [4.0 * prod(node.out_shape) for node in trace.nodes]
    parameters = [float(node.parameters) for node in trace.nodes]
    found = [
        _share("macs", "MACs", trace, macs, lambda each: f"{format_count(round(each))} MACs"),
        _share("parameters", "parameters", trace, parameters, lambda each: f"{round(each):,} parameters"),
        _share("memory", "feature-map memory", trace, maps, lambda each: f"{bytes_text(round(each))} of memory"),
    ]
    found += [_time(timing, trace) for timing in measured.timings]
    if measured.flow:
        found.append(_gradient(measured.flow, trace))
    return tuple(found)


def rescale_for_blocks(quantity: BoxQuantity) -> BoxQuantity:
    """The same for boxes that are whole blocks, which have larger values."""
    return replace(quantity, scale=BLOCK_SHARES) if quantity.scale == SHARES else quantity


def find_quantity(name: str, quantities: Sequence[BoxQuantity]) -> BoxQuantity:
    """The quantity of that name.

    Raises:
        UnknownNameError: there is none, or it was not measured.
    """
    known = {each.name: each for each in quantities}
    if name not in known:
        raise UnknownNameError("colour", name, known)
    return known[name]


def classes_of(nodes: Sequence[Node], quantities: Sequence[BoxQuantity]) -> str:
    """The CSS classes for the colour: ``macs-3 memory-1``."""
    return " ".join(f"{each.name}-{each.shade(nodes)}" for each in quantities)


def rules_of(quantities: Sequence[BoxQuantity]) -> str:
    """The style sheet's rules: in an element of class ``by-macs``, ``macs-3`` determines the colour."""
    return "".join(
        f".by-{each.name} .{each.name}-{at} {{ --fill: var(--fill-{at}); --on: var(--on-{at}); }}\n"
        for each in quantities
        for at in range(len(each.scale.labels))
    )


def _share(
    name: str, what: str, trace: ModelTrace, values: Sequence[float], word: Callable[[float], str]
) -> BoxQuantity:
    whole = sum(values)
    return BoxQuantity(
        name=name,
        title=f"Share of the model's {what}",
        values={id(node): float(each) for node, each in zip(trace.nodes, values, strict=True)},
        part=lambda parts: sum(parts) / whole if whole else 0.0,
        scale=SHARES,
        word=lambda each: f"{word(each)} ({share_text(each, whole)})",
    )


def _time(timing: Timing, trace: ModelTrace) -> BoxQuantity:
    engine = timing.engine.rpartition(" ")[0]
    name = {"PyTorch": "ms", "ONNX Runtime": "onnx-ms"}.get(engine, "ms")
    return _share(name, f"time in {engine}", trace, timing.layers, lambda each: f"{each:.2f} ms in {engine}")


def _gradient(flow: Flow, trace: ModelTrace) -> BoxQuantity:
    norms = dict(flow.layers)
    values = {id(node): norms[node.path] for node in trace.nodes if node.path in norms}
    median = statistics.median(values.values()) if values else 0.0
    return BoxQuantity(
        name="gradient",
        title="Norm of the weights' gradient, divided by the model's median",
        values=values,
        part=lambda parts: sqrt(sum(each**2 for each in parts)) / median if median else 0.0,
        scale=MEDIANS,
        word=lambda each: f"gradient {each:.3g}",
    )

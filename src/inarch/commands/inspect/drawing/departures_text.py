"""A model's departures from its paper, its siblings and its variations; a pure function of the record."""

from collections.abc import Iterator
from textwrap import fill

from inarch.commands.inspect.drawing.summary import Note, format_count
from inarch.commands.inspect.schemas import Schema
from inarch.models.anatomy.records import Ledger, ModelSize
from inarch.report.text_table import table_lines
from inarch.report.wording import make_printable
from inarch.storage.serialisation import to_printed_json


def to_text(ledger: Ledger) -> str:
    """The departures as a numbered list, then the siblings, then the variations with their costs."""
    blocks = ["\n".join(_heading(ledger)), "\n\n".join(_departures(ledger)), "\n".join(_siblings(ledger))]
    blocks += ["\n".join(_variations(ledger)), "\n".join(map(_fill_text, _notes(ledger)))]
    return "\n\n".join(block for block in blocks if block) + "\n"


def to_json(ledger: Ledger) -> str:
    """The whole record."""
    return to_printed_json(ledger, Schema.VARIANTS) + "\n"


def _heading(ledger: Ledger) -> Iterator[str]:
    model = ledger.model
    yield _fill_text(make_printable(f"{model.name} ({model.variant})"))
    pixels = f"{model.image_size} × {model.image_size} pixels"
    yield f"{pixels} · {model.parameters:,} parameters · {format_count(model.macs)} MACs"
    yield make_printable(model.source)


def _departures(ledger: Ledger) -> Iterator[str]:
    if not ledger.departures:
        yield "It has no known departure from its paper."
        return
    yield "Departures from its paper:"
    for number, each in enumerate(ledger.departures, start=1):
        lines = (f"{number:2}. {each.what}", f"    Why: {each.why}", f"    Source: {each.source}")
        yield "\n".join(_fill_text(make_printable(line), "    ") for line in lines)


def _siblings(ledger: Ledger) -> Iterator[str]:
    """The siblings with their departures by number; a new departure is described at its first occurrence."""
    if not ledger.siblings:
        yield "The catalog has no related models."
        return
    yield "Siblings, and their departures (by number):"
    told = [*ledger.departures]
    lines = table_lines([(*_figures(model), _kind(model, ledger.model)) for model, _ in ledger.siblings], "lrrl")
    for line, (_, departures) in zip(lines, ledger.siblings, strict=True):
        yield line
        old = [number for number, each in enumerate(told, start=1) if each in departures]
        new = [each for each in departures if each not in told]
        none = "none of these, but" if new else "nothing known"
        yield f"      departs in {', '.join(map(str, old)) or none}"
        for each in new:
            told.append(each)
            yield _fill_text(make_printable(f"      {len(told):2}. {each.what}"), "          ")


def _kind(model: ModelSize, other: ModelSize) -> str:
    size = f", {model.image_size} pixels" if model.image_size != other.image_size else ""
    return make_printable(model.variant + size)


def _variations(ledger: Ledger) -> Iterator[str]:
    if not ledger.variations:
        return
    yield "Variations, and their effects:"
    lines = table_lines([_figures(model) for model, _ in ledger.variations], "lrr")
    for line, (model, what) in zip(lines, ledger.variations, strict=True):
        yield line
        yield _fill_text(f"      {what}: {_cost(model, ledger.model)}", "      ")


def _cost(varied: ModelSize, model: ModelSize) -> str:
    fewer = model.training_parameters - varied.training_parameters
    if fewer and (varied.parameters, varied.macs) == (model.parameters, model.macs):
        return f"the same model, {fewer:,} parameters fewer in training"
    return f"{_times(varied.parameters, model.parameters, 'parameters')}, {_times(varied.macs, model.macs, 'MACs')}"


def _times(here: int, there: int, what: str) -> str:
    return f"same {what}" if here == there else f"{what} × {here / there:.2f}"


def _figures(model: ModelSize) -> tuple[str, str, str]:
    return f"  {make_printable(model.name)}", f"{model.parameters:,} parameters", f"{format_count(model.macs)} MACs"


def _notes(ledger: Ledger) -> Iterator[str]:
    yield Note.MACS
    if ledger.model.training_parameters != ledger.model.parameters:
        yield "Auxiliary classifiers run only in training; the figures exclude them."
    if ledger.variations:
        model = make_printable(ledger.model.name)
        yield (
            f"A variation works like any other model, and several can be joined by colons: "
            f"`inarch inspect {make_printable(ledger.variations[0][0].name)} --against {model}` shows its changes."
        )


def _fill_text(text: str, indent: str = "", width: int = 80) -> str:
    return fill(text, width, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False)

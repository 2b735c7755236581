"""The quirk ledger: how a net departs from its paper, its siblings, its variations; a pure function of the record."""

import json
from collections.abc import Iterator
from dataclasses import asdict
from textwrap import fill

from inarch.commands.inspect.drawing.summary import MACS_NOTE, format_count
from inarch.models.anatomy.records import Ledger, ModelSize
from inarch.report.wording import make_printable

WIDTH = 80
HEADS_NOTE = "Auxiliary heads run in training only; the figures leave them out."


def to_text(ledger: Ledger) -> str:
    """The departures as a numbered list, then the siblings, then the variations with what each costs or saves."""
    blocks = ["\n".join(_heading(ledger)), "\n\n".join(_departures(ledger)), "\n".join(_siblings(ledger))]
    blocks += ["\n".join(_variations(ledger)), "\n".join(map(_fill_text, _notes(ledger)))]
    return "\n\n".join(block for block in blocks if block) + "\n"


def to_json(ledger: Ledger) -> str:
    """The whole record. Keys are stable: programs may rely on them."""
    whole = {
        **asdict(ledger.net),
        "departures": [asdict(each) for each in ledger.departures],
        "siblings": [{**asdict(net), "departures": [asdict(each) for each in own]} for net, own in ledger.siblings],
        "variations": [{**asdict(net), "what": what} for net, what in ledger.variations],
    }
    return json.dumps(whole, indent=2, ensure_ascii=False) + "\n"


def _heading(ledger: Ledger) -> Iterator[str]:
    net = ledger.net
    yield _fill_text(make_printable(f"{net.name} ({net.variant})"))
    yield f"{net.image_size} × {net.image_size} pixels · {net.parameters:,} parameters · {format_count(net.macs)} MACs"
    yield make_printable(net.source)


def _departures(ledger: Ledger) -> Iterator[str]:
    if not ledger.departures:
        yield "It departs from its paper in nothing that is known."
        return
    yield "How it departs from its paper:"
    for number, each in enumerate(ledger.departures, start=1):
        lines = (f"{number:2}. {each.what}", f"    Why: {each.why}", f"    Source: {each.source}")
        yield "\n".join(_fill_text(make_printable(line), "    ") for line in lines)


def _siblings(ledger: Ledger) -> Iterator[str]:
    """Each with its departures by number; one that was not told before is told where it is first met."""
    if not ledger.siblings:
        yield "No other net of the catalog is of its kind."
        return
    yield "Its siblings, and how they depart (by number):"
    told = [*ledger.departures]
    width = max(len(net.name) for net, _ in ledger.siblings)
    for net, departures in ledger.siblings:
        yield f"  {make_printable(net.name):{width}}  {_figures(net.parameters, net.macs)}  {_kind(net, ledger.net)}"
        old = [number for number, each in enumerate(told, start=1) if each in departures]
        new = [each for each in departures if each not in told]
        none = "none of these, but" if new else "nothing that is known"
        yield f"      departs in {', '.join(map(str, old)) or none}"
        for each in new:
            told.append(each)
            yield _fill_text(make_printable(f"      {len(told):2}. {each.what}"), "          ")


def _kind(net: ModelSize, other: ModelSize) -> str:
    size = f", {net.image_size} pixels" if net.image_size != other.image_size else ""
    return make_printable(net.variant + size)


def _variations(ledger: Ledger) -> Iterator[str]:
    if not ledger.variations:
        return
    yield "How it can be varied, and what that does to it:"
    width = max(len(net.name) for net, _ in ledger.variations)
    for net, what in ledger.variations:
        yield f"  {make_printable(net.name):{width}}  {_figures(net.parameters, net.macs)}"
        yield _fill_text(f"      {what}: {_cost(net, ledger.net)}", "      ")


def _cost(varied: ModelSize, net: ModelSize) -> str:
    if (varied.parameters, varied.macs) == (net.parameters, net.macs):
        fewer = net.training_parameters - varied.training_parameters
        return f"the same net, {fewer:,} parameters fewer in training"
    return f"{_times(varied.parameters, net.parameters, 'parameters')}, {_times(varied.macs, net.macs, 'MACs')}"


def _times(here: int, there: int, what: str) -> str:
    return f"same {what}" if here == there else f"{what} × {here / there:.2f}"


def _figures(parameters: int, macs: int) -> str:
    return f"{parameters:>11,} parameters  {format_count(macs):>6} MACs"


def _notes(ledger: Ledger) -> Iterator[str]:
    yield MACS_NOTE
    if ledger.net.training_parameters != ledger.net.parameters:
        yield HEADS_NOTE
    if ledger.variations:
        net = make_printable(ledger.net.name)
        yield (
            f"A variation is a net like any other, and several can be joined by colons: "
            f"`inarch inspect {make_printable(ledger.variations[0][0].name)} --against {net}` says what it changes."
        )


def _fill_text(text: str, indent: str = "") -> str:
    return fill(text, WIDTH, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False)

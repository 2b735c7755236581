"""The differences between two models, in figures and sentences: a pure function of the comparison."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from textwrap import fill
from types import MappingProxyType

from inarch.commands.inspect.drawing.summary import Note, format_count, shape_text
from inarch.commands.inspect.schemas import Schema
from inarch.models.anatomy.records import (
    Change,
    ModelComparison,
    ModelFigures,
    StageFigures,
)
from inarch.report.text_table import table_lines
from inarch.report.wording import count_of, make_printable, shorten
from inarch.storage.serialisation import to_printed_json

TextRow = Sequence[str]


@dataclass(frozen=True)
class ComparisonLayout:
    """How much of a comparison is printed."""

    width: int = 80
    """Characters of a line."""
    changes: int = 12
    """The changes that are listed; those with the most MACs and parameters come first."""
    name: int = 18
    """Characters of a name above its column."""
    blocks: int = 3
    """The blocks that are named one by one; of more, the first and the last are named."""
    tie: str = "\N{NO-BREAK SPACE}"
    """Joins a figure and its unit while lines are broken."""


LAYOUT = ComparisonLayout()


def to_text(comparison: ModelComparison) -> str:
    """The whole comparison; differences are the first model's figure minus the second's."""
    here, there = comparison.here, comparison.there
    parts = [
        _fill_text(f"{_heading(here)} compared with {_heading(there)}"),
        "\n".join(table_lines(_figure_rows(here, there), "lrrr")),
        "\n".join(_fill_text(line) for line in _remarks(comparison)),
        "\n".join(table_lines(_stage_rows(comparison), "llrrr")),
        "\n".join(_change_lines(comparison)),
        _fill_text(Note.MACS),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def to_json(comparison: ModelComparison) -> str:
    """The whole record."""
    return to_printed_json(comparison, Schema.AGAINST) + "\n"


def _heading(model: ModelFigures) -> str:
    return make_printable(f"{model.name} ({model.variant})" if model.variant else model.name)


def _figure_rows(here: ModelFigures, there: ModelFigures) -> Iterator[TextRow]:
    yield "", *(shorten(make_printable(model.name), LAYOUT.name) for model in (here, there)), "difference"
    yield (
        "parameters",
        f"{here.parameters:,}",
        f"{there.parameters:,}",
        _difference_text(here.parameters, there.parameters),
    )
    yield (
        "MACs",
        format_count(here.macs),
        format_count(there.macs),
        _difference_text(here.macs, there.macs, format_signed_count),
    )
    yield "depth", str(here.depth), str(there.depth), _difference_text(here.depth, there.depth)
    fields = here.receptive_field, there.receptive_field
    yield "receptive field", *(f"{field:,}" for field in fields), _difference_text(*fields)
    for word, left, right in (
        ("image size", here.image_size, there.image_size),
        ("classes", here.classes, there.classes),
    ):
        if left != right:
            yield word, f"{left:,}", f"{right:,}", f"{left - right:+,}"


def _difference_text(here: int, there: int, shown: Callable[[int], str] = "{:+,}".format) -> str:
    if here == there:
        return "none"
    return f"{shown(here - there)} ({100 * (here - there) / there:+.1f} %)" if there else shown(here - there)


def format_signed_count(count: int) -> str:
    """Three digits, a unit and always a sign: ``-84.3 M``."""
    return f"{'-' if count < 0 else '+'}{format_count(abs(count))}"


def _remarks(comparison: ModelComparison) -> Iterator[str]:
    here, there = comparison.here, comparison.there
    if here.image_size != there.image_size:
        yield "Each model at its own image size; --image-size measures both at the same size."
    if comparison.identical:
        yield "The two models do not differ in any layer."
    if not comparison.alike:
        yield (
            "These models have different structures: fewer than half of their paths share a name. They are compared by "
            "stage, matched by stride, and not layer by layer."
        )


def _stage_rows(comparison: ModelComparison) -> Iterator[TextRow]:
    yield "stage", "output", "blocks", "parameters", "MACs"
    for here, there in comparison.stages:
        yield (
            _join_sides(here, there, lambda stage: make_printable(stage.name)),
            _join_sides(here, there, lambda stage: shape_text(stage.out_shape)),
            _join_sides(here, there, lambda stage: str(stage.blocks)),
            _join_sides(here, there, lambda stage: format_count(stage.parameters)),
            _join_sides(here, there, lambda stage: format_count(stage.macs)),
        )


def _join_sides(here: StageFigures | None, there: StageFigures | None, text: Callable[[StageFigures], str]) -> str:
    """``2 | 3``, or one text if both sides are equal."""
    texts = [text(stage) if stage else "–" for stage in (here, there)]
    return texts[0] if texts[0] == texts[1] else " | ".join(texts)


def _change_lines(comparison: ModelComparison) -> Iterator[str]:
    if not comparison.changes:
        return
    yield _fill_text(f"Differences in {make_printable(comparison.here.name)}:")
    for change in comparison.changes[: LAYOUT.changes]:
        yield _fill_text(f"- {sentence(change)}: {_cost_text(change.parameters, change.macs)}.", indent="  ")
    rest = comparison.changes[LAYOUT.changes :]
    if rest:
        sums = sum(each.parameters for each in rest), sum(each.macs for each in rest)
        yield _fill_text(
            f"- {count_of(len(rest), 'smaller change')} (all with --format json): {_cost_text(*sums)}.",
            indent="  ",
        )


def _cost_text(parameters: int, macs: int) -> str:
    if not parameters and not macs:
        return "same parameters and MACs"
    words = f"{parameters:+,} parameters" if parameters else "same parameters"
    return (
        f"{words}, {format_signed_count(macs).replace(' ', LAYOUT.tie)}{LAYOUT.tie}MACs"
        if macs
        else f"{words}, same MACs"
    )


def _fill_text(text: str, indent: str = "") -> str:
    lines = fill(text, LAYOUT.width, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False)
    return lines.replace(LAYOUT.tie, " ")


def sentence(change: Change) -> str:
    """The difference without figures: this model's setting, then the other's."""
    return SENTENCES.get(change.what, _layer_setting)(change)


def _layer_setting(change: Change) -> str:
    """A difference in a layer's own settings: kernel, stride, groups, width."""
    several = len(change.layers) > 1 or (not change.layers and change.count > 1)
    plain = change.what.partition(",")[0] in ("kernel", "pool")
    verb = ("are" if several else "is") if plain else ("have" if several else "has")
    told = f"{verb} {change.here}, not {change.there}" if change.there else f"{verb} {change.here}"
    return f"{_block_phrase(change)} {_subject(change)} {told}"


def _layer(change: Change) -> str:
    if not change.layers:
        words = f"{change.count} {_pluralise_kind(change.kind, change.count)}"
        return f"{words} {'more' if change.here else 'fewer'}, in {_blocks(change)}"
    kernel = f", {change.here or change.there}," if change.kind == "convolution" else ""
    several = len(change.layers) > 1
    verb = ("are added" if several else "is added") if change.here else ("are missing" if several else "is missing")
    return f"{_block_phrase(change)} {_subject(change)}{kernel} {verb}"


def _branch(change: Change) -> str:
    return f"{_block_phrase(change)} there is {'a' if change.here else 'no'} branch {change.layers[0]}"


def _block(change: Change) -> str:
    words = f"{change.count} {'block' if change.count == 1 else 'blocks'}"
    names = [make_printable(name) for name in change.blocks]
    told = f"{names[0]} … {names[-1]}" if len(names) > LAYOUT.blocks else _join_names(names)
    return f"{make_printable(change.stages[0])} has {words} {'more' if change.here else 'fewer'} ({told})"


def _path(change: Change) -> str:
    return f"{_block_phrase(change)} {_side(change.layers[0])} is {change.here}, not {change.there}"


def _shortcut(change: Change) -> str:
    if change.here == "none":
        return f"{_block_phrase(change)} there is no shortcut, and the other has {_kind(change.there)}"
    other = "none" if change.there == "none" else _kind(change.there)
    return f"{_block_phrase(change)} the shortcut is {_kind(change.here)}, and in the other {other}"


def _order(change: Change) -> str:
    return (
        f"{_block_phrase(change)} normalisation and ReLU come {change.here} the convolutions, not {change.there} them"
    )


def _bias(change: Change) -> str:
    verb = "have" if change.count > 1 else "has"
    return f"{change.count} {_pluralise_kind(change.kind, change.count)} {verb} {change.here}"


def _input(change: Change) -> str:
    verb = "takes" if change.count == 1 else "take"
    return f"{change.count} {_pluralise_kind(change.kind, change.count)}, otherwise the same, {verb} in {change.here}"


SENTENCES: Mapping[str, Callable[[Change], str]] = MappingProxyType(
    {
        "layer": _layer,
        "branch": _branch,
        "block": _block,
        "path": _path,
        "shortcut": _shortcut,
        "order": _order,
        "bias": _bias,
        "input": _input,
        "map": _input,
    }
)


def _block_phrase(change: Change) -> str:
    such = "all {} such blocks" if change.every else "{} blocks"
    return f"In {_blocks(change, such)}"


def _blocks(change: Change, several: str = "{} blocks") -> str:
    names = [make_printable(name) for name in change.blocks]
    if len(names) > LAYOUT.blocks:
        return f"{several.format(len(names))} ({names[0]} … {names[-1]})"
    return _join_names(names)


def _subject(change: Change) -> str:
    """``the 5x5 branch's conv``, ``reduce and conv of the residual path``."""
    if not change.layers or not change.layers[0]:
        return (
            f"all {change.count} {_pluralise_kind(change.kind, change.count)}"
            if change.count > 1
            else f"the {change.kind}"
        )
    by_branch: dict[str, list[str]] = {}
    for place in change.layers:
        branch, _, label = make_printable(place).partition(" ")
        by_branch.setdefault(branch if label or branch == "shortcut" else "", []).append(label or branch)
    return _join_names([_branch_phrase(branch, labels) for branch, labels in by_branch.items()])


def _branch_phrase(branch: str, labels: Sequence[str]) -> str:
    if branch == "shortcut":
        return "the shortcut"
    return f"{_side(branch)}'s {_join_names(labels)}" if branch else f"the {_join_names(labels)}"


def _side(branch: str) -> str:
    return f"the {branch} path" if branch in ("residual", "shortcut") else f"the {branch} branch"


def _kind(shortcut: str) -> str:
    return {
        "identity": "the identity",
        "projection": "a projection",
        "pooled projection": "a pool and a projection",
    }.get(shortcut, shortcut)


def _join_names(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def _pluralise_kind(kind: str, count: int) -> str:
    """``1 linear layer``, ``2 convolutions``; a multiplication is what ATen calls ``mul``."""
    noun = "multiplication" if kind == "mul" else kind
    if noun not in ("multiplication", "convolution", "addition", "concatenation") and not kind.endswith("pool"):
        noun += " layer"
    return noun if count == 1 else f"{noun}s"

"""The generated parts of pages."""

import inspect
import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from html import unescape
from pathlib import Path
from types import MappingProxyType
from typing import Any, cast

import click
import typer

from handbook.schemas import (
    fields_of,
    file_of,
    meanings_of,
    records_in,
    results,
    schema_text,
    type_words,
)
from inarch.commands.cli import build_app
from inarch.commands.inspect.drawing.captions import block_caption
from inarch.commands.inspect.drawing.structure import block_shapes
from inarch.commands.inspect.drawing.summary import (
    STAGE_TITLES,
    concepts_of,
    field_text,
    format_count,
    share_text,
    stage_row,
    stages_of,
    total_row,
)
from inarch.commands.inspect.drawing.svg import to_svg
from inarch.commands.study.records import StudyResult
from inarch.commands.study.run import judge_ledgers
from inarch.commands.study.study_text import estimate_text, figure
from inarch.metrics.records import Curve
from inarch.models import ARCHITECTURES
from inarch.models.anatomy.records import ModelTrace
from inarch.models.anatomy.size import size_of
from inarch.models.anatomy.trace import trace_architecture
from inarch.report.charts import line_chart
from inarch.report.wording import percent, points

DOCS = Path(__file__).parents[1] / "docs"
RUNS = DOCS / "runs"
"""Measured figures of real runs, as the tool wrote them."""


@dataclass(frozen=True)
class Part:
    """Markdown, and the pictures that it shows by name."""

    markdown: str
    pictures: Mapping[str, str] = field(default_factory=dict)
    files: Mapping[str, str] = field(default_factory=dict)
    """Other files that it links to, by their paths relative to the page."""


@cache
def _trace(model: str) -> ModelTrace:
    return trace_architecture(model)


def _table(titles: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    escaped = [[cell.replace("|", "\\|") for cell in row] for row in rows]
    return "\n".join(f"| {' | '.join(row)} |" for row in (titles, ["---"] * len(titles), *escaped))


def _check(command: str) -> str:
    return f"\n\nCheck it yourself: `{command}`"


def picture(model: str, part: str, colour: str = "macs") -> Part:
    """A drawing of a model, a stage or a block."""
    drawn = to_svg(_trace(model), part=part, colour=colour)
    name = re.sub(r"\W+", "_", f"{model}_{part}_{colour}") + ".svg"
    said = " ".join(
        unescape(words) for tag in ("title", "desc") for words in re.findall(f"<{tag}>(.*?)</{tag}>", drawn)[:1]
    )
    command = f"inarch inspect {model} --format svg --part {part} --colour {colour} --out {name}"
    return Part(f"![{said.replace('[', '(').replace(']', ')')}]({name})" + _check(command), {name: drawn})


def caption(model: str, block: str) -> Part:
    """The caption of a block."""
    shapes = [shape for stage in stages_of(_trace(model)) for shape in block_shapes(stage)]
    [shape] = [shape for shape in shapes if shape.group.name == block]
    return Part(f"> {block_caption(shape)}")


def stages(model: str) -> Part:
    """The table of a model's stages."""
    trace = _trace(model)
    rows = [stage_row(stage, trace) for stage in stages_of(trace)]
    return Part(_table(STAGE_TITLES, [*rows, total_row(STAGE_TITLES, trace)]) + _check(f"inarch inspect {model}"))


def concepts(model: str) -> Part:
    """The cost of a model by concept."""
    trace = _trace(model)
    rows = [
        (
            group.name,
            str(len(group.nodes)),
            f"{group.parameters:,}",
            share_text(group.parameters, trace.parameters),
            format_count(group.macs),
            share_text(group.macs, trace.macs),
        )
        for group in concepts_of(trace)
        if group.macs
    ]
    return Part(
        _table(("concept", "layers", "parameters", "share", "MACs", "share"), rows)
        + _check(f"inarch inspect {model} --measure")
    )


def sizes(*models: str) -> Part:
    """Several models: image size, layers, parameters, MACs, receptive field."""
    rows = []
    for model in models:
        size, trace = size_of(model), _trace(model)
        last = next(node for node in reversed(trace.nodes) if len(node.out_shape) == 3 and node.stage != "head")
        weighted = sum(
            node.kind in ("convolution", "linear") and node.concept != "shortcut projection" for node in trace.nodes
        )
        rows.append(
            (
                model,
                str(size.image_size),
                str(weighted),
                f"{size.parameters:,}",
                format_count(size.macs),
                field_text(last),
            )
        )
    titles = ("model", "image size", "layers with weights, without shortcuts", "parameters", "MACs", "receptive field")
    return Part(_table(titles, rows) + _check(f"inarch inspect {models[0]}"))


def against(model: str, *others: str) -> Part:
    """A model compared with variations of it."""
    whole = size_of(model)
    rows = [(f"`{model}`", f"{whole.parameters:,}", "", format_count(whole.macs), "")]
    for name in others:
        other = size_of(name)
        rows.append(
            (
                f"`{name}`",
                f"{other.parameters:,}",
                f"× {other.parameters / whole.parameters:.2f}",
                format_count(other.macs),
                f"× {other.macs / whole.macs:.2f}",
            )
        )
    return Part(
        _table(("model", "parameters", "", "MACs", ""), rows) + _check(f"inarch inspect {others[0]} --against {model}")
    )


OWN_PHOTOS = "land"
"""The folder of the ledgers that were measured on a folder of photos, besides those on the digits."""


@cache
def _studied(folder: str = "") -> Mapping[str, StudyResult]:
    return {each.ledger.claim.name: each for each in judge_ledgers(DOCS / "studies" / folder)}


def study(*names: str) -> Part:
    """The results of some claims, from the committed ledgers; on photos as well, if there is such a ledger."""
    blocks = []
    for name in names:
        each = _studied()[name]
        claim = each.ledger.claim
        blocks.append(
            f"**{each.finding.verdict}**{_where(each)}: {claim.statement}\n\n"
            + _judged(each)
            + (_on_photos(_studied(OWN_PHOTOS)[name]) if name in _studied(OWN_PHOTOS) else "")
            + f"\n\nSource: {claim.source}. {claim.reported}\n\nNot shown: {claim.limits}"
            + _check(f"inarch study {name}")
        )
    return Part("\n\n".join(blocks))


def _judged(studied: StudyResult) -> str:
    rows = [
        (
            each.quantity.words,
            f"{each.quantity.bound} {figure(each.quantity, each.quantity.threshold)}",
            estimate_text(each),
            each.verdict,
        )
        for each in studied.finding.quantities
    ]
    return _table(("quantity", "claimed", "measured", "verdict"), rows)


def _where(studied: StudyResult) -> str:
    return f" on {studied.ledger.photos['photos']}" if studied.ledger.photos else ""


def _on_photos(studied: StudyResult) -> str:
    photos = studied.ledger.photos
    found = f"{photos['count']:,} photos of {photos['classes']} classes"
    return f"\n\nThe same on {found} (`{photos['photos']}`): **{studied.finding.verdict}**\n\n{_judged(studied)}"


def _run(name: str) -> dict[str, Any]:
    read: dict[str, Any] = json.loads((RUNS / f"{name}.json").read_text("utf-8"))
    return read


def _estimate(value: Mapping[str, Any]) -> str:
    return f"{percent(value['value'])} ({100 * value['low']:.1f} to {100 * value['high']:.1f})"


def depth(run: str, title: str) -> Part:
    """Linear classifiers by depth in a real run of ``inarch explain``: a chart and a table."""
    ran = _run(run)
    rows: list[tuple[str, ...]] = []
    lines: dict[str, list[tuple[float, float, tuple[float, float]]]] = {}
    for at, stage in enumerate(ran["depth"]["stages"], 1):
        kinds = {"trained": stage["accuracy"], "randomly initialised": stage["random_accuracy"]}
        if stage["before"]:
            kinds["before fine-tuning"] = stage["before"]["accuracy"]
        for kind, value in kinds.items():
            lines.setdefault(kind, []).append((float(at), value["value"], (value["low"], value["high"])))
        rows.append((stage["stage"], str(stage["channels"]), str(stage["stride"]), *map(_estimate, kinds.values())))
    chart = line_chart(
        [
            Curve(kind, "stage", "accuracy", tuple((at, value) for at, value, _ in values))
            for kind, values in lines.items()
        ],
        title=title,
        as_percent=True,
        intervals={kind: [bounds for *_, bounds in values] for kind, values in lines.items()},
    )
    name = f"depth_{run}.svg"
    said = f"{ran['depth']['photos']} photos, cross-validated; lines are 95 % intervals."
    return Part(
        f"![{title}: accuracy of a linear classifier by stage]({name})\n\n"
        + _table(("stage", "channels", "stride", *lines), rows)
        + f"\n\n{said}"
        + _check("inarch explain mine photos"),
        {name: _standing_alone(chart)},
    )


def _standing_alone(chart: str) -> str:
    """A chart as a file of its own, with its own background, light or dark by the reader's setting."""
    style = (
        "<style>svg{color:#1b1f24;background:#fff}"
        "@media (prefers-color-scheme: dark){svg{color:#e6e8ea;background:#15191e}}</style>"
    )
    return re.sub(r"(<svg[^>]*>)", rf"\1{style}", chart, count=1) + "\n"


def filters(run: str) -> Part:
    """The Gabor similarity of the first convolution in a real run."""
    found = _run(run)["filters"]
    over = found["over_chance"]
    alive = [each for each in found["filters"] if each["likeness"] is not None]
    chance = percent(found["chance"])
    return Part(
        f"In {found['layer']}, {len(alive)} filters of {found['side']} × {found['side']}: the best Gabor filter "
        f"explains {percent(found['likeness'])} of a filter's energy, and {chance} of a random filter's: "
        f"{points(over['value'])} more ({100 * over['low']:.1f} to {100 * over['high']:.1f}, n={over['n']}), "
        f"{found['verdict']}." + _check("inarch explain mine photos")
    )


def controls(run: str) -> Part:
    """The faithfulness of the attribution maps of a real run."""
    rows = [
        (
            each["method"],
            _estimate(each["over_random"]),
            _estimate(each["over_centre"]),
            f"{each['alike']['value']:.2f} ({each['alike']['low']:.2f} to {each['alike']['high']:.2f})",
            each["verdict"],
        )
        for each in _run(run)["checks"]
    ]
    titles = ("method", "over random order", "over centre first", "correlation with random weights", "verdict")
    return Part(_table(titles, rows) + _check("inarch explain mine photos"))


def made(run: str) -> Part:
    """The number of informative synthesised images of a real run, by stage."""
    counted: dict[str, list[Mapping[str, Any]]] = {}
    for each in _run(run)["channels"]:
        counted.setdefault(each["stage"], []).append(each["made"])
    rows = []
    for stage, images in counted.items():
        ratios = sorted(each["over_best"] for each in images)
        kept = sorted(each["kept"] for each in images)
        best = sum("stronger" in each["verdict"] for each in images)
        middle = len(images) // 2
        rows.append((stage, str(len(images)), f"{ratios[middle]:.1f}", percent(kept[middle], 0), str(best)))
    titles = ("stage", "channels", "times the best photo (median)", "left after shifts (median)", "informative")
    return Part(_table(titles, rows))


def catalog() -> Part:
    """The table of all models."""
    rows = [
        (
            f"`{size.name}`",
            size.variant,
            str(size.image_size),
            f"{size.parameters:,}",
            format_count(size.macs),
            size.source,
        )
        for size in map(size_of, [name for name in ARCHITECTURES if not name.endswith("_tiny")])
    ]
    return Part(_table(("name", "variant", "pixels", "parameters", "MACs", "source"), rows))


def commands() -> Part:
    """Every command with its arguments and options, as ``--help`` has them."""
    group = cast(click.Group, typer.main.get_command(build_app()))
    blocks = []
    for name, command in group.commands.items():
        context = click.Context(command, info_name=f"inarch {name}")
        rows = []
        for parameter in command.params:
            given, said = parameter.get_help_record(context) or (parameter.make_metavar(context), "")
            rows.append(
                (f"`{given.replace('|', ' or ')}`", " ".join((said or getattr(parameter, "help", "") or "").split()))
            )
        paragraphs = (command.help or "").split("\n\n")
        words = "\n\n".join(" ".join(each.split()) for each in paragraphs)
        words = re.sub(r"Example: (.*)", r"```text\n\1\n```", words)
        blocks.append(f"## inarch {name}\n\n{words}\n\n" + _table(("option", "meaning"), rows))
    return Part("\n\n".join(blocks))


def schemas() -> Part:
    """The JSON of every command: its record and its schema, then each record in a table."""
    found = results()
    rows = [
        (f"`{name}`", type_words(record), f"[{file_of(name)}](schemas/{file_of(name)})")
        for name, record in found.items()
    ]
    records = {each.__name__: each for record in found.values() for each in records_in(record)}
    blocks = [f"## {name}\n\n{_record(record)}" for name, record in sorted(records.items())]
    files = {f"schemas/{file_of(name)}": schema_text(name, record) for name, record in found.items()}
    return Part("\n\n".join([_table(("schema", "record", "file"), rows), *blocks]), files=files)


def _record(record: type) -> str:
    words, meanings = inspect.cleandoc(record.__doc__ or ""), meanings_of(record)
    rows = [(f"`{name}`", type_words(kind), meanings[name]) for name, kind in fields_of(record).items()]
    return f"{words}\n\n" + _table(("field", "type", "meaning"), rows)


PARTS: Mapping[str, Callable[..., Part]] = MappingProxyType(
    {
        each.__name__: each
        for each in (
            picture,
            caption,
            stages,
            concepts,
            sizes,
            against,
            study,
            depth,
            filters,
            controls,
            made,
            catalog,
            commands,
            schemas,
        )
    }
)

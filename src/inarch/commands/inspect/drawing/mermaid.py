"""A model as a Mermaid flowchart: stages as subgraphs, parallel branches, dotted shortcuts."""

from collections.abc import Iterator

from inarch.commands.inspect.drawing.paths import label_of
from inarch.commands.inspect.drawing.structure import (
    BlockShape,
    DrawnFork,
    Join,
    Series,
    block_shapes,
    merge_equal_blocks,
)
from inarch.commands.inspect.drawing.summary import (
    format_count,
    heading,
    shape_text,
    stages_of,
)
from inarch.models.anatomy.records import ModelTrace, Node
from inarch.report.wording import make_printable


def to_mermaid(trace: ModelTrace) -> str:
    """The chart's source (https://mermaid.js.org); equal neighbouring blocks are drawn once and counted."""
    chart = _Chart()
    chart.lines += ["---", f"title: {_quote_lines(heading(trace))}", "---", "flowchart LR"]
    last = chart.node("image", shape_text(trace.nodes[0].in_shape), ends="([", closes="])")
    for place, stage in enumerate(stages_of(trace)):
        figures = f"{stage.name}: {shape_text(stage.last.out_shape)}, {format_count(stage.macs)} MACs"
        chart.lines.append(f"  subgraph stage{place}[{_quote_lines(figures)}]")
        for shape in merge_equal_blocks(block_shapes(stage)):
            last = chart.block(shape, last)
        chart.lines.append("  end")
    logits = chart.node(f"{trace.classes:,} logits", ends="([", closes="])")
    chart.link(last, logits)
    return "\n".join(chart.lines + chart.links) + "\n"


class _Chart:
    """Lines in order; links come after all nodes, because Mermaid places a node where it is first named."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.links: list[str] = []
        self._count = 0

    def node(self, *words: str, ends: str = "[", closes: str = "]") -> str:
        """Add a box with its words line by line; returns its name."""
        self._count += 1
        name = f"n{self._count}"
        self.lines.append(f"    {name}{ends}{_quote_lines(*words)}{closes}")
        return name

    def link(self, one: str, other: str, kind: str = "-->") -> None:
        self.links.append(f"  {one} {kind} {other}")

    def block(self, shape: BlockShape, last: str) -> str:
        """Add a block after ``last``; returns the name of its end."""
        name = shape.group.name if shape.times == 1 else f"{shape.group.name} … {shape.until}, {shape.times} times"
        self._count += 1
        self.lines.append(f"    subgraph b{self._count}[{_quote_lines(name)}]")
        end = self._series(shape.series, last)
        self.lines.append("    end")
        return end

    def _series(self, series: Series, last: str, kind: str = "-->") -> str:
        for item in series:
            if isinstance(item, DrawnFork):
                last = self._fork(item, last)
            else:
                this = self.node(*_words(item))
                self.link(last, this, kind)
                last = this
            kind = "-->"
        return last

    def _fork(self, fork: DrawnFork, last: str) -> str:
        adds = fork.join.kind == Join.ADDITION
        join = self.node("+" if adds else "concatenation", ends="((" if adds else "[[", closes="))" if adds else "]]")
        for place, path in enumerate(fork.paths):
            kind = "-.->" if adds and place else "-->"
            self.link(self._series(path, last, kind), join, kind)
        return join


def _words(node: Node) -> Iterator[str]:
    yield node.kind if node.kind == "linear" else f"{label_of(node)} {node.kind}"
    yield f"{node.in_shape[0]:,} → {node.out_shape[0]:,}"


def _quote_lines(*lines: str) -> str:
    """The lines as text without markup for Mermaid."""
    return f'"{"<br>".join("".join(map(_escape_character, make_printable(line))) for line in lines)}"'


def _escape_character(character: str) -> str:
    return character if character.isalnum() or character in " ,.:+×→…/_-()" else f"#{ord(character)};"

"""Colours for the share of a quantity, chosen for readable labels in the light and the dark theme."""

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class ColourScale:
    """The values at which the colour changes; zero has a colour of its own."""

    bounds: tuple[float, ...]
    word: Callable[[float], str]
    """A bound in words: ``0.5 %``."""

    @property
    def labels(self) -> tuple[str, ...]:
        """The words for each colour, from zero to what lies above all bounds."""
        words = [self.word(bound) for bound in self.bounds]
        return ("none", *(f"< {word}" for word in words), f"≥ {words[-1]}")


@dataclass(frozen=True, kw_only=True)
class Theme:
    """The colours of a drawing on a light or a dark ground."""

    ground: str
    card: str
    edge: str
    ink: str
    quiet: str
    flow: str
    join: str
    on_join: str
    shades: tuple[tuple[str, str], ...]
    """Fill and label colours for zero, then for each step of a `ColourScale`."""

    def variables(self, indent: str) -> str:
        """The same as variables of a style sheet."""
        shades = (f"--fill-{at}: {fill}; --on-{at}: {label};" for at, (fill, label) in enumerate(self.shades))
        lines = (
            f"--ground: {self.ground}; --card: {self.card}; --edge: {self.edge}; --ink: {self.ink}; "
            f"--quiet: {self.quiet}; --flow: {self.flow};",
            f"--join: {self.join}; --on-join: {self.on_join};",
            " ".join(shades),
        )
        return "\n".join(indent + line for line in lines)


LIGHT = Theme(
    ground="#ffffff", card="#f5f7f9", edge="#d5dbe1", ink="#1b1f24", quiet="#56616c", flow="#6b7783",
    join="#b3541e", on_join="#ffffff",
    shades=(("#ffffff", "#3d4752"), ("#e3eef8", "#14212e"), ("#bcd9ee", "#14212e"), ("#8bbfe2", "#14212e"),
            ("#4292c6", "#06121d"), ("#1763a6", "#ffffff"), ("#0a3a73", "#ffffff")),
)  # fmt: skip
DARK = Theme(
    ground="#14181c", card="#1d2329", edge="#37414a", ink="#e8ebee", quiet="#a3adb7", flow="#8b97a3",
    join="#f0a063", on_join="#14181c",
    shades=(("#10151b", "#b4bec9"), ("#1b2c3c", "#dbe7f2"), ("#1d4260", "#e6f1fb"), ("#215f8f", "#ffffff"),
            ("#4090c9", "#06121d"), ("#78b8e8", "#06121d"), ("#c3e2fb", "#06121d")),
)  # fmt: skip
STYLE = (
    f"""
.anatomy {{
{LIGHT.variables("  ")}
}}
@media screen and (prefers-color-scheme: dark) {{
  .anatomy {{
{DARK.variables("    ")}
  }}
}}
"""
    """\
svg.anatomy text { fill: var(--ink); font-size: 11px; }
svg.anatomy .name { font-size: 20px; font-weight: 700; }
svg.anatomy .stage { font-size: 14px; font-weight: 650; }
svg.anatomy .shape { font-size: 12px; font-weight: 400; fill: var(--quiet); }
svg.anatomy .block { font-weight: 650; }
svg.anatomy .quiet { fill: var(--quiet); }
svg.anatomy .middle { text-anchor: middle; }
svg.anatomy .end { text-anchor: end; }
svg.anatomy .ground { fill: var(--ground); }
svg.anatomy .card { fill: var(--card); stroke: var(--edge); }
svg.anatomy .track { fill: var(--edge); }
svg.anatomy .flow { fill: none; stroke: var(--flow); stroke-width: 1.3; }
svg.anatomy .return { opacity: 0.55; }
svg.anatomy .head { fill: var(--flow); }
svg.anatomy .layer { stroke: var(--flow); stroke-width: 0.8; }
svg.anatomy .box > .layer { fill: var(--fill, var(--fill-0)); }
svg.anatomy .box > .label { font-size: 10.5px; text-anchor: middle; fill: var(--on, var(--on-0)); }
svg.anatomy .branches { stroke: var(--on, var(--on-0)); stroke-width: 1; opacity: 0.45; fill: none; }
svg.anatomy a:focus .layer, svg.anatomy a:hover .layer, svg.anatomy a:focus > .card, svg.anatomy a:hover > .card
  { stroke: var(--join); stroke-width: 2; }
svg.anatomy a:focus, svg.anatomy .box:focus { outline: none; }
svg.anatomy .box:focus > .layer { stroke: var(--join); stroke-width: 2.5; }
svg.anatomy .join { fill: var(--join); }
svg.anatomy .plus { fill: none; stroke: var(--on-join); stroke-width: 1.6; }
svg.anatomy .shortcut { fill: none; stroke: var(--join); stroke-width: 1.6; }
svg.anatomy text.times { fill: var(--on-join); font-weight: 700; text-anchor: middle; }
""" + "".join(f"svg.anatomy .fill-{at} {{ fill: var(--fill-{at}); }}\n" for at in range(len(LIGHT.shades)))
)
"""The style sheet of every drawing."""

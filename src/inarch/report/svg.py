"""The few SVG elements that the charts need. Colours are the page's CSS variables, so both themes work."""

from html import escape

from inarch.report.wording import make_printable

Number = float | int

CHARACTER = 6.6
"""Mean width, in pixels, of a character of 12-pixel text: SVG cannot measure text, so layouts rely on this estimate."""

SERIES = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9")
"""Okabe and Ito 2008: distinguishable with every common kind of colour vision. Fallbacks without a style sheet."""


def element(tag: str, *children: str, **attributes: str | Number) -> str:
    """``<tag attribute="…">children</tag>``; an underscore in an attribute's name stands for a hyphen."""
    written = "".join(f' {name.rstrip("_").replace("_", "-")}="{_value(value)}"' for name, value in attributes.items())
    return f"<{tag}{written}>{''.join(children)}</{tag}>" if children else f"<{tag}{written}/>"


def text(content: str, x: Number, y: Number, *, tip: str = "", **attributes: str | Number) -> str:
    """A line of text with its baseline at ``y``; ``tip`` is shown under the mouse."""
    title = (element("title", escape_text(tip)),) if tip else ()
    return element("text", *title, escape_text(content), x=x, y=y, **{"fill": "currentColor", **attributes})


def halo_text(content: str, x: Number, y: Number, **attributes: str | Number) -> str:
    """Text that stays legible where it crosses lines."""
    edge: dict[str, str | Number] = {"stroke": "var(--paper, #fff)", "stroke_width": 4, "paint_order": "stroke"}
    return element("text", escape_text(content), x=x, y=y, **{"fill": "currentColor", **edge, **attributes})


def line(x1: Number, y1: Number, x2: Number, y2: Number, **attributes: str | Number) -> str:
    """A straight line in the text's colour."""
    return element("line", x1=x1, y1=y1, x2=x2, y2=y2, **{"stroke": "currentColor", **attributes})


def picture(width: Number, height: Number, *children: str, title: str, description: str) -> str:
    """A whole drawing that scales down with the page and carries a text alternative."""
    return element(
        "svg",
        element("title", escape_text(title)),
        element("desc", escape_text(description)),
        *children,
        xmlns="http://www.w3.org/2000/svg",
        role="img",
        viewBox=f"0 0 {_value(width)} {_value(height)}",
        width=width,
        height=height,
        font_family="system-ui, sans-serif",
        font_size=12,
        style="max-width:100%;height:auto",
    )


def escape_text(content: str) -> str:
    """The text with every character of markup escaped."""
    return escape(make_printable(content))


def series_colour(index: int) -> str:
    """The colour of the curve or bar at ``index``; the palette repeats after six."""
    place = index % len(SERIES)
    return f"var(--series-{place + 1}, {SERIES[place]})"


def muted_colour() -> str:
    """The colour of grids and notes."""
    return "var(--muted, #667)"


def _value(value: str | Number) -> str:
    return escape(value) if isinstance(value, str) else f"{round(value, 2):g}" if abs(value) < 1e5 else f"{value:.0f}"

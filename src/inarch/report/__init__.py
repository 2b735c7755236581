"""The common parts of all pages: charts, SVG, theme, wording."""

"""What all pages share: charts, SVG, theme, wording."""

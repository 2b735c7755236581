"""A traced model as text, SVG, HTML, JSON or Mermaid: pure functions of records."""

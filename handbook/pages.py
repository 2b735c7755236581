"""Pages with generated parts in them."""

import os
import re
import shlex
from pathlib import Path

from handbook.parts import DOCS, PARTS

PICTURES = DOCS / "pictures"
PART = re.compile(r"<!-- part: (.+?) -->\n(.*?)<!-- end -->\n", re.DOTALL)


def written_pages() -> list[Path]:
    """The pages with generated parts."""
    return [path for path in sorted(DOCS.rglob("*.md")) if PART.search(path.read_text("utf-8"))]


def refreshed(page: Path) -> dict[Path, str]:
    """The page as it should be, and the pictures and other files that its parts bring, by their paths.

    Raises:
        ValueError: the page names a part that does not exist.
    """
    files: dict[Path, str] = {}

    def part(found: re.Match[str]) -> str:
        name, *words = shlex.split(found[1])
        if name not in PARTS:
            raise ValueError(f"{page}: no part is called {name!r}. Known: {', '.join(sorted(PARTS))}.")
        made = PARTS[name](*words)
        text = made.markdown
        for place, content in made.files.items():
            files[page.parent / place] = content
        for picture, content in made.pictures.items():
            files[PICTURES / picture] = content
            text = text.replace(f"({picture})", f"({os.path.relpath(PICTURES / picture, page.parent)})")
        return f"<!-- part: {found[1]} -->\n{text}\n<!-- end -->\n"

    files[page] = PART.sub(part, page.read_text("utf-8"))
    return files

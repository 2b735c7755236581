"""The handbook holds what the tool says today, its links lead somewhere, and no claim is left out."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from handbook.__main__ import kept
from handbook.pages import PART, refreshed, written_pages
from handbook.parts import DOCS
from inarch.commands.cli import build_app
from test_documents import ROOT

PAGES = written_pages()


SLOW = ("models", "googlenet", "resnet")
"""Pages with the most pictures to draw."""


@pytest.mark.parametrize(
    "page",
    [pytest.param(page, id=page.stem, marks=[pytest.mark.slow] if page.stem in SLOW else []) for page in PAGES],
)
def test_generated_parts_are_what_the_tool_says(page: Path) -> None:
    """Else run ``make docs``."""
    for path, content in refreshed(page).items():
        assert path.read_text("utf-8") == content, path.name


def test_pictures_are_all_shown() -> None:
    """Else one is left from a page that has changed."""
    pages = "".join(path.read_text("utf-8") for path in [ROOT / "README.md", *DOCS.rglob("*.md")])
    assert [path.name for path in (DOCS / "pictures").iterdir() if path.name not in pages] == []


def test_every_measured_claim_has_its_place() -> None:
    """Each committed ledger is shown by exactly one chapter."""
    shown = [
        name
        for page in PAGES
        for found in PART.finditer(page.read_text("utf-8"))
        if found[1].startswith("study ")
        for name in found[1].split()[1:]
    ]
    assert sorted(shown) == sorted(path.stem for path in (DOCS / "studies").glob("*.json"))


def test_every_command_is_in_the_reference() -> None:
    text = (DOCS / "reference" / "commands.md").read_text("utf-8")
    for command in build_app().registered_commands:
        assert f"## inarch {command.name or command.callback.__name__}\n" in text


def test_a_page_that_asks_for_what_does_not_exist_is_refused(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("<!-- part: weather tomorrow -->\n<!-- end -->\n")
    with pytest.raises(ValueError, match="no part is called 'weather'"):
        refreshed(page)


def test_kept_figures_hold_neither_photos_nor_folders() -> None:
    """Of what ``inarch explain`` writes, only figures go into the repository."""
    figures = {
        "model": "model",
        "bundle": "/home/me/mine",
        "root": "/home/me/photos",
        "classes": ["a", "b"],
        "seed": 0,
        "depth": {},
        "before": "",
        "filters": {"filters": [{"pixels": [[[1, 2, 3]]], "likeness": 0.5}]},
        "channels": [{"patches": [{"path": "a/1.jpg"}], "made": {"over_best": 2.0}}],
        "checks": [],
        "borders": [],
        "answers": [{"path": "a/1.jpg"}],
    }
    text = kept(figures)
    assert "likeness" in text
    assert "over_best" in text
    for word in ("home", "1.jpg", "pixels"):
        assert word not in text


def test_the_site_builds_without_a_warning(tmp_path: Path) -> None:
    """Every link and every anchor leads somewhere, and nothing is loaded from another machine."""
    ran = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--quiet", "--site-dir", str(tmp_path / "site")],
        cwd=ROOT,
        env={**os.environ, "NO_MKDOCS_2_WARNING": "1"},
        capture_output=True,
        text=True,
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    page = (tmp_path / "site" / "handbook" / "googlenet" / "index.html").read_text("utf-8")
    for tag in ('src="http', "fonts.googleapis", '<script src="//'):
        assert tag not in page

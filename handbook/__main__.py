"""Write every generated part of the pages in ``docs`` anew.

    python -m handbook
    python -m handbook --keep explained/explain.json inception_v3

With ``--keep`` the figures of a run of ``inarch explain`` are first put into ``docs/runs``, for the parts that show it:
without pictures, without the photos' names, and without the machine's folders.
"""

import argparse
import json
from pathlib import Path

from handbook.pages import refreshed, written_pages
from handbook.parts import DOCS, RUNS

KEPT = ("model", "classes", "seed", "depth", "before", "filters", "channels", "checks", "borders")


def kept(figures: dict[str, object]) -> str:
    """The part of a run's figures that is put into ``docs/runs``."""

    def without(value: object) -> object:
        if isinstance(value, dict):
            return {name: without(each) for name, each in value.items() if name not in ("pixels", "patches")}
        return [without(each) for each in value] if isinstance(value, list) else value

    return json.dumps({name: without(figures[name]) for name in KEPT}, indent=1) + "\n"


def main() -> None:
    """Write what has changed, and say what."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--keep", nargs=2, metavar=("FILE", "NAME"))
    asked = parser.parse_args()
    files: dict[Path, str] = {}
    if asked.keep:
        file, name = asked.keep
        RUNS.mkdir(exist_ok=True)
        (RUNS / f"{name}.json").write_text(kept(json.loads(Path(file).read_text("utf-8"))), "utf-8")
    for page in written_pages():
        files |= refreshed(page)
    for path, content in files.items():
        if not path.exists() or path.read_text("utf-8") != content:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(content, "utf-8")
            print(path.relative_to(DOCS))


if __name__ == "__main__":
    main()

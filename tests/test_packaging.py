"""What surrounds the code agrees with itself: versions, checks, the systems that CI runs on."""

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[1]
PROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
WORKFLOW = yaml.safe_load((ROOT / ".github" / "workflows" / "ci.yml").read_text("utf-8"))["jobs"]["check"]
OURS = [
    *(ROOT / name for name in ("Makefile", "pyproject.toml", "constraints.txt", "CITATION.cff", "SECURITY.md")),
    *(ROOT / ".ci").iterdir(),
    *(path for path in (ROOT / ".github").rglob("*") if path.is_file()),
    ROOT / ".pre-commit-config.yaml",
    ROOT / "docs" / "releasing.md",
]


def recipe(target: str) -> list[str]:
    """The commands of a target of the Makefile, in its words."""
    (lines,) = re.findall(rf"^{target}:.*\n((?:\t.*\n)*)", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE)
    return [line.strip().replace("$(BIN)/", "") for line in lines.splitlines()]


def test_a_citation_has_the_version() -> None:
    """Else somebody cites what they did not use."""
    assert yaml.safe_load((ROOT / "CITATION.cff").read_text("utf-8"))["version"] == PROJECT["version"]


def test_a_commit_is_checked_as_ci_checks_it() -> None:
    """The hooks of pre-commit are the commands of `make lint`, in their order."""
    hooks = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text("utf-8"))["repos"][0]["hooks"]
    assert [hook["entry"].removeprefix(".venv/bin/") for hook in hooks] == recipe("lint")


def test_ci_checks_the_package_and_the_tests_everywhere() -> None:
    """By one script on Linux and macOS; Windows, which has no make, runs the tools that it calls."""
    called = (ROOT / ".ci" / "run").read_text("utf-8")
    assert re.findall(r"^make (\S+)$", called, re.MULTILINE)[:3] == ["lint", "package", "test"]
    assert set(WORKFLOW["strategy"]["matrix"]["os"]) == {"ubuntu", "macos", "windows"}
    steps = {step.get("if"): step["run"] for step in WORKFLOW["steps"] if "run" in step}
    assert steps["runner.os != 'Windows'"] == ".ci/run"
    typed = [line.removeprefix("python ") for line in steps["runner.os == 'Windows'"].splitlines()]
    tools = ("ruff", "mypy", "lint-imports")
    assert set(typed) >= {line for line in recipe("lint") if line.startswith(tools) and "win32" not in line}
    assert set(typed) >= {line.removeprefix("python ") for line in recipe("package")}
    assert any(line.startswith("pytest") for line in typed)


def test_ci_runs_the_oldest_and_the_newest_python() -> None:
    """Those that the package says it supports."""
    named = [each.rpartition(" ")[2] for each in PROJECT["classifiers"] if "Python :: 3." in each]
    assert WORKFLOW["strategy"]["matrix"]["python"] == [named[0], named[-1]]
    assert PROJECT["requires-python"] == f">={named[0]}"


@pytest.mark.parametrize("path", OURS, ids=lambda path: path.name)
def test_nothing_belongs_to_one_machine(path: Path) -> None:
    """No folder of the machine that it was written on, and no index that packages come from."""
    text = path.read_text("utf-8")
    assert not re.search(r"(?<![\w.~-])/(?:work|tmp|root|home)\b", text)
    assert not re.search(r"index-url|find-links|/simple\b|whl/", text)

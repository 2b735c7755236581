"""``inarch study``: what it prints, and what it refuses."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from inarch.commands.study.catalog import STUDIES

Inarch = Callable[..., Any]


def test_the_list_names_every_claim(inarch: Inarch) -> None:
    """With its source and what it takes; as JSON with its thresholds."""
    ended = inarch("study", "--list")
    assert ended.code == 0
    for name, each in STUDIES.items():
        assert name in ended.out
        assert each.claim.source in ended.out
    claims = json.loads(inarch("study", "--list", "--json").out)["claims"]
    assert [each["name"] for each in claims] == list(STUDIES)
    assert all(each["quantities"][0]["threshold"] for each in claims)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([], "Say one of NAME, --list, --all and --pages; none was given"),
        (["lesion", "--all"], "NAME and --all was given"),
        (["--list", "--seeds", "3"], "leave --seeds out"),
        (["lesions"], "Did you mean 'lesion'?"),
        (["zero-start", "--data", "photos"], "leave --data out"),
        (["zero-start", "--seeds", "0"], "from 1 to 1000; 0 was asked for"),
        (["zero-start", "--budget", "soon"], "'soon' is not a duration"),
        (["--pages", "--out", "nowhere"], "no ledger of a study in nowhere"),
        (["lesion", "--data", "nowhere"], "nowhere"),
    ],
)
def test_what_cannot_be_asked_is_one_sentence(
    words: list[str], said: str, inarch: Inarch, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Exit code 2, nothing on stdout, nothing written."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("INARCH_CACHE", str(tmp_path / "cache"))
    ended = inarch("study", *words)
    assert (ended.code, ended.out) == (2, "")
    assert said in ended.err
    assert not list(tmp_path.glob("*/*.json"))


def test_a_study_prints_its_verdict_and_writes_its_pages(inarch: Inarch, tmp_path: Path) -> None:
    """A budget that allows nothing leaves it undecided, in words and as JSON, where no bound is endless."""
    ended = inarch("study", "zero-start", "--budget", "0.001s", "--out", tmp_path)
    assert (ended.code, ended.err) == (0, "")
    assert "UNDECIDED" in ended.out
    assert "0 of 5 seeds" in ended.out
    assert {path.name for path in tmp_path.iterdir()} == {"zero-start.json", "zero-start.html", "README.md"}
    told = json.loads(inarch("study", "zero-start", "--budget", "0.001s", "--out", tmp_path, "--json").out)
    assert (told["finding"]["verdict"], told["finding"]["seeds"]) == ("UNDECIDED", 0)
    assert told["ledger"]["claim"]["name"] == "zero-start"
    assert told["schema"] == "inarch.study/1"

"""The ledgers in the documents are those of these claims, and their page is theirs."""

from pathlib import Path

import pytest

from inarch.commands.study.catalog import STUDIES
from inarch.commands.study.judging import complete_seeds
from inarch.commands.study.ledger import read_ledger
from inarch.commands.study.records import Quantity
from inarch.commands.study.run import PAGE, judge_ledgers
from inarch.commands.study.studies_page import studies_page

FOLDER = Path(__file__).parents[3] / "docs" / "studies"
FOLDERS = (FOLDER, FOLDER / "land")
LEDGERS = sorted(FOLDER.rglob("*.json"))


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_the_page_is_that_of_the_ledgers(folder: Path) -> None:
    """Else run ``inarch study --pages --out`` with that folder."""
    assert (folder / PAGE).read_text("utf-8") == studies_page(judge_ledgers(folder))


@pytest.mark.parametrize("path", LEDGERS, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_a_committed_ledger_is_of_the_claim_in_the_code(path: Path) -> None:
    """A threshold that was moved after the run would differ; every seed is whole, and nothing counts twice."""
    ledger = read_ledger(path)
    assert ledger.claim == STUDIES[path.stem].claim
    places = [(row.seed, row.arm) for row in ledger.rows]
    assert len(places) == len(set(places))
    assert len(complete_seeds(ledger.claim, ledger.rows)) == max(ledger.looks)


@pytest.mark.parametrize("name", STUDIES)
def test_claims_are_whole(name: str) -> None:
    """All is said; every quantity is read from arms that there are, and no arm is named twice."""
    claim = STUDIES[name].claim
    assert claim.name == name
    assert all((claim.statement, claim.source, claim.reported, claim.design, claim.limits, claim.quantities))
    assert len(set(claim.arms)) == len(claim.arms)
    assert {arm for each in claim.quantities for arm in _arms(each)} <= set(claim.arms)
    assert claim.seeds >= 3


def _arms(quantity: Quantity) -> tuple[str, str]:
    return quantity.one[0], quantity.other[0]

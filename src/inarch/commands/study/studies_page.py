"""All studies of a folder on one page of Markdown: every claim with its source's own figure."""

from collections.abc import Iterator, Sequence

from inarch.commands.study.records import QuantityFinding, StudyResult, Verdict
from inarch.commands.study.study_text import estimate_text, figure, remarks
from inarch.report.wording import count_of, duration


def studies_page(studied: Sequence[StudyResult]) -> str:
    """The page; the same ledgers give the same page."""
    verdicts = [each.finding.verdict for each in studied]
    count = ", ".join(f"{verdicts.count(name)} {name}" for name in Verdict)
    rows = {(row.seed, row.arm, row.seconds) for each in studied for row in each.ledger.rows}  # some are shared
    taken = sum((seconds for _, _, seconds in rows), start=0.0)
    lines = [
        "# Studies: claims of the literature, measured",
        "",
        f"{count_of(len(studied), 'claim')}: {count}.",
        f"The measurements took {duration(taken)} in all; the ledgers next to this page hold all of them, with the "
        "versions and the machine.",
        "Written by `inarch study --pages`, not by hand.",
        "",
        "Every claim has a threshold that was fixed before the first run.",
        "It is SUPPORTED if the intervals of all its quantities lie on its side, CONTRADICTED if one lies entirely on "
        "the other side, and else UNDECIDED.",
        "Intervals are Student's over the seeds; all quantities of a claim together are wrong with at most 5 % "
        "probability.",
        "",
        "| claim | verdict | seeds | measured on |",
        "|---|---|---|---|",
        *(_row(each) for each in studied),
        "",
    ]
    for each in studied:
        lines += [*_section(each), ""]
    return "\n".join(lines).rstrip("\n") + "\n"


def _row(studied: StudyResult) -> str:
    claim = studied.ledger.claim
    on = studied.ledger.photos.get("photos", "models alone")
    return f"| [{claim.name}](#{claim.name}) | {studied.finding.verdict} | {studied.finding.seeds} | {on} |"


def _section(studied: StudyResult) -> Iterator[str]:
    claim = studied.ledger.claim
    yield f"## {claim.name}"
    yield ""
    yield f"**{studied.finding.verdict}**: {claim.statement}"
    yield ""
    yield "| quantity | claimed | measured | verdict |"
    yield "|---|---|---|---|"
    for each in studied.finding.quantities:
        yield _quantity(each)
    yield ""
    yield f"- Source: {claim.source}. {claim.reported}"
    yield f"- Design: {claim.design}"
    yield f"- Not shown: {claim.limits}"
    for remark in remarks(studied):
        yield f"- {remark}"
    yield f"- Ledger: [{claim.name}.json]({claim.name}.json)"


def _quantity(judged: QuantityFinding) -> str:
    quantity = judged.quantity
    claimed = f"{quantity.bound} {figure(quantity, quantity.threshold)}"
    return f"| {quantity.words} | {claimed} | {estimate_text(judged)} | {judged.verdict} |"

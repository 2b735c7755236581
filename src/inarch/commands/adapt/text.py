"""An adaptation in lines for a terminal."""

from collections.abc import Sequence

from inarch.report.text_table import table_lines
from inarch.report.wording import count_of, duration, percent
from inarch.transfer.records.adaptation import Adaptation, AdaptedCandidate


def adaptation_lines(adaptation: Adaptation) -> tuple[str, ...]:
    """The table of candidates and both verdicts."""
    candidates = adaptation.candidates
    by = f"the {adaptation.validator} score"
    if adaptation.labelled:
        by = f"cross-validated accuracy on {count_of(adaptation.labelled, 'labelled target photo')}"
    columns = [*(name for name, _ in candidates[0].scores), *(["vs none"] if adaptation.labelled else [])]
    last = ["on labels"] * bool(adaptation.labelled) + ["oracle"] * any(each.oracle for each in candidates)
    rows = [("  method", *columns, "changed", "time", *last)]
    rows += [_row(each, columns, last) for each in candidates]
    lines = [f"adapted to {count_of(adaptation.photos, 'unlabelled target photo')}; selected by {by}:"]
    lines += table_lines(rows, "l" + "r" * (len(columns) + 2) + "l" * len(last))
    lines += [f"- {method} was not tried: {why}" for method, why in adaptation.left_out]
    lines.append(f"- {adaptation.verdict[:1].upper()}{adaptation.verdict[1:]}.")
    if adaptation.oracle_verdict:
        lines.append(f"- {adaptation.oracle_verdict}")
    return tuple(lines)


def _row(each: AdaptedCandidate, columns: Sequence[str], last: Sequence[str]) -> tuple[str, ...]:
    scores = {name: f"{score:.3f}" for name, score in each.scores}
    if each.against:
        scores["vs none"] = each.against.verdict
    figures = {"on labels": each.learned, "oracle": each.oracle}
    return (
        f"{'→' if each.chosen else ' '} {each.method}",
        *(scores.get(name, "–") for name in columns),
        percent(each.changed),
        duration(each.seconds),
        *(str(figures[name] or "–") for name in last),
    )

"""Studies in words: the list of claims, results, and the format of figures."""

from collections.abc import Sequence
from math import isfinite

from inarch.commands.study.records import Claim, Quantity, QuantityFinding, QuantityScale, StudyResult, Verdict
from inarch.metrics.records import Estimate
from inarch.report.text_table import table_lines
from inarch.report.wording import count_of, duration, points


def list_text(claims: Sequence[Claim]) -> str:
    """Every claim: its name, what a run takes, what it says."""
    rows = []
    for claim in claims:
        cost = f"about {duration(claim.seeds * claim.seconds)}, {count_of(claim.seeds, 'seed')}"
        where = "photos" if claim.photos else "models alone"
        rows += [(claim.name, claim.statement), ("", f"{claim.source}; {cost}, on {where}")]
    return "\n".join(table_lines(rows, "ll"))


def finding_text(studied: StudyResult) -> str:
    """The result of a study, for a terminal."""
    claim, finding = studied.ledger.claim, studied.finding
    lines = [f"{finding.verdict}: {claim.statement}"]
    lines += [f"  {sentence(each)}" for each in finding.quantities]
    lines += [f"  - {each}" for each in remarks(studied)]
    return "\n".join(lines)


def sentence(judged: QuantityFinding) -> str:
    """The result for one quantity: ``time: ×2.1 (1.9 to 2.3, n=7); the claim says at least ×2: UNDECIDED``"""
    quantity = judged.quantity
    said = f"the claim says {quantity.bound} {figure(quantity, quantity.threshold)}: {judged.verdict}"
    return f"{quantity.words}: {estimate_text(judged)}; {said}"


def estimate_text(judged: QuantityFinding) -> str:
    """The estimate and its interval: ``×2.1 (1.9 to 2.3, n=7)``, ``×2.8 (exact)``."""
    estimate = judged.estimate
    if estimate is None:
        return "not measured"
    value = figure(judged.quantity, estimate.value)
    if judged.quantity.exact:
        return f"{value} (exact)"
    return f"{value} ({_bounds(judged.quantity, estimate)}, n={estimate.n})"


def figure(quantity: Quantity, value: float) -> str:
    """A value in the quantity's scale: ``×2.8``, ``4.4 points``."""
    return f"×{number(value)}" if quantity.scale == QuantityScale.TIMES else points(value)


def _bounds(quantity: Quantity, estimate: Estimate) -> str:
    if not (isfinite(estimate.low) and isfinite(estimate.high)):
        return "one seed, no interval"
    if quantity.scale == QuantityScale.TIMES:
        return f"{number(estimate.low)} to {number(estimate.high)}"
    return f"{100 * estimate.low:.1f} to {100 * estimate.high:.1f}"


def number(value: float) -> str:
    """A number with three significant digits, without an exponent in the usual range."""
    if value != 0 and not 1e-3 <= abs(value) < 1e9:
        return f"{value:.2g}"
    rounded = float(f"{value:.3g}")
    return f"{rounded:,.0f}" if abs(rounded) >= 100 else f"{rounded:g}"


def remarks(studied: StudyResult) -> tuple[str, ...]:
    """Remarks that a reader needs with the verdict."""
    ledger, finding = studied.ledger, studied.finding
    said = []
    if finding.seeds < studied.asked:
        said.append(
            f"{finding.seeds} of {count_of(studied.asked, 'seed')}: the budget did not allow more, or the study was "
            "interrupted."
        )
    open_ones = [each for each in finding.quantities if each.verdict == Verdict.UNDECIDED and each.estimate is not None]
    if finding.verdict == Verdict.UNDECIDED and open_ones:
        said.append(
            f"Undecided, because the interval of “{open_ones[0].quantity.words}” holds the threshold; more seeds "
            "narrow it."
        )
    refuted = [each.quantity.words for each in finding.quantities if each.verdict == Verdict.CONTRADICTED]
    if refuted and len(refuted) < len(finding.quantities):
        said.append(f"A claim is contradicted if one of its parts is; here it is “{'” and “'.join(refuted)}”.")
    if finding.looks:
        said.append(
            f"The verdict was read before with fewer seeds ({', '.join(map(str, ledger.looks[: finding.looks]))}); the "
            "intervals are wider for that."
        )
    return tuple(said)


def confidence_text(finding_confidences: Sequence[float]) -> str:
    """The confidences of the intervals: ``97.5 %``; empty if all readings are exact."""
    estimated = sorted({each for each in finding_confidences if each < 1})
    return ", ".join(f"{100 * each:.4g} %" for each in estimated)

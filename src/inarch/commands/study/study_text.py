"""Studies in plain words: the list of claims, what came of one, and how its figures are written."""

import json
from collections.abc import Sequence
from dataclasses import asdict
from math import isfinite
from typing import Any

from inarch.commands.study.records import (
    CONTRADICTED,
    TIMES,
    UNDECIDED,
    Claim,
    Quantity,
    QuantityFinding,
    StudyResult,
)
from inarch.metrics.records import Estimate
from inarch.report.wording import count_of, duration, points


def list_text(claims: Sequence[Claim]) -> str:
    """Every claim: its name, what a run takes, what it says."""
    widest = max(len(claim.name) for claim in claims)
    lines = []
    for claim in claims:
        cost = f"about {duration(claim.seeds * claim.seconds)}, {count_of(claim.seeds, 'seed')}"
        lines += [
            f"{claim.name:<{widest}}  {claim.statement}",
            f"{'':<{widest}}  {claim.source}; {cost}, on {'photos' if claim.photos else 'nets alone'}",
        ]
    return "\n".join(lines)


def list_json(claims: Sequence[Claim]) -> list[dict[str, Any]]:
    """The same for programs."""
    return [asdict(claim) for claim in claims]


def finding_text(studied: StudyResult) -> str:
    """What came of a study, for a terminal."""
    claim, finding = studied.ledger.claim, studied.finding
    lines = [f"{finding.verdict}: {claim.statement}"]
    lines += [f"  {sentence(each)}" for each in finding.quantities]
    lines += [f"  - {each}" for each in remarks(studied)]
    return "\n".join(lines)


def finding_json(studied: StudyResult) -> str:
    """The same as one JSON object."""
    return json.dumps({"claim": asdict(studied.ledger.claim), **_replace_infinite(asdict(studied.finding))})


def _replace_infinite(value: Any) -> Any:
    """JSON has no endless numbers: the bounds of a single seed are null."""
    if isinstance(value, dict):
        return {name: _replace_infinite(each) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [_replace_infinite(each) for each in value]
    return None if isinstance(value, float) and not isfinite(value) else value


def sentence(judged: QuantityFinding) -> str:
    """What one quantity came to: ``time: ×2.1 (1.9 to 2.3, n=7); the claim says at least ×2: UNDECIDED``"""
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
    return f"×{number(value)}" if quantity.scale == TIMES else points(value)


def _bounds(quantity: Quantity, estimate: Estimate) -> str:
    if not (isfinite(estimate.low) and isfinite(estimate.high)):
        return "one seed, no interval"
    if quantity.scale == TIMES:
        return f"{number(estimate.low)} to {number(estimate.high)}"
    return f"{100 * estimate.low:.1f} to {100 * estimate.high:.1f}"


def number(value: float) -> str:
    """Three digits that count, without an exponent while people read it so."""
    if value != 0 and not 1e-3 <= abs(value) < 1e9:
        return f"{value:.2g}"
    rounded = float(f"{value:.3g}")
    return f"{rounded:,.0f}" if abs(rounded) >= 100 else f"{rounded:g}"


def remarks(studied: StudyResult) -> tuple[str, ...]:
    """What a reader has to know beside the verdict."""
    ledger, finding = studied.ledger, studied.finding
    said = []
    if finding.seeds < studied.asked:
        said.append(
            f"{finding.seeds} of {count_of(studied.asked, 'seed')}: the budget did not allow more, or it was cut off."
        )
    open_ones = [each for each in finding.quantities if each.verdict == UNDECIDED and each.estimate is not None]
    if finding.verdict == UNDECIDED and open_ones:
        said.append(
            f"Undecided, as the interval of “{open_ones[0].quantity.words}” holds the threshold; more seeds narrow it."
        )
    refuted = [each.quantity.words for each in finding.quantities if each.verdict == CONTRADICTED]
    if refuted and len(refuted) < len(finding.quantities):
        said.append(f"A claim is contradicted where one of its parts is; here it is “{'” and “'.join(refuted)}”.")
    if finding.looks:
        said.append(
            f"The verdict was read before with fewer seeds ({', '.join(map(str, ledger.looks[: finding.looks]))}); the "
            "intervals are wider for that."
        )
    return tuple(said)


def confidence_text(finding_confidences: Sequence[float]) -> str:
    """Of which confidence the intervals are: ``97.5 %``; empty where all is exact."""
    estimated = sorted({each for each in finding_confidences if each < 1})
    return ", ".join(f"{100 * each:.4g} %" for each in estimated)

"""What is wrong with a folder of photos, in lines for a terminal, and as JSON."""

import json
from collections.abc import Iterator
from dataclasses import asdict

from inarch.commands.doctor.records import (
    KINDS,
    SEVERITIES,
    Diagnosis,
    Finding,
)
from inarch.report.wording import count_of, duration, make_printable

SHOWN = 5
"""Findings of each kind that are listed; the page and the JSON have more."""


def summary(diagnosis: Diagnosis) -> str:
    """One sentence: how many photos, and how much is wrong with them."""
    counts = {each: sum(finding.severity == each for finding in diagnosis.findings) for each in SEVERITIES}
    told = ", ".join(count_of(count, severity) for severity, count in counts.items())
    classes = count_of(len(diagnosis.classes), "class", "classes")
    return f"{count_of(diagnosis.photos, 'readable photo')} in {classes}: {told}."


def to_text(diagnosis: Diagnosis) -> str:
    """The summary, and kind by kind what was found, what to do, and the first files."""
    return "\n".join(_lines(diagnosis))


def _lines(diagnosis: Diagnosis) -> Iterator[str]:
    yield summary(diagnosis)
    for kind, (severity, title, fix) in KINDS.items():
        findings = diagnosis.of_kind(kind)
        if not findings:
            continue
        yield ""
        yield f"{severity:<7}  {title}: {len(findings)}"
        yield f"         {fix}"
        yield from (f"         - {line(finding)}" for finding in findings[:SHOWN])
        if len(findings) > SHOWN:
            yield f"         … and {len(findings) - SHOWN} more"
    yield ""
    yield from (f"- {note}" for note in diagnosis.notes)
    yield "time     " + ", ".join(f"{phase.name} {duration(phase.seconds)}" for phase in diagnosis.phases)


def line(finding: Finding) -> str:
    """The file, and what is wrong with it."""
    return make_printable(f"{finding.path}: {finding.problem}" if finding.path else finding.problem)


def to_json(diagnosis: Diagnosis) -> str:
    """Everything, with the identity, severity and fix of each finding."""
    findings = [
        {"id": each.id, "severity": each.severity, "title": KINDS[each.kind].title, "fix": each.fix, **asdict(each)}
        for each in diagnosis.findings
    ]
    return json.dumps({**asdict(diagnosis), "photos": diagnosis.photos, "findings": findings}, indent=2)

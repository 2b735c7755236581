"""The findings about a folder of photos, in lines for a terminal."""

from collections.abc import Iterator

from inarch.commands.doctor.records import (
    KINDS,
    Diagnosis,
    Finding,
    PatchedManifest,
    Severity,
)
from inarch.report.wording import count_of, duration, make_printable


def summary(diagnosis: Diagnosis) -> str:
    """One sentence: the numbers of photos, classes and findings."""
    counts = {each: sum(finding.severity == each for finding in diagnosis.findings) for each in Severity}
    told = ", ".join(count_of(count, severity) for severity, count in counts.items())
    classes = count_of(len(diagnosis.classes), "class", "classes")
    return f"{count_of(diagnosis.photos, 'readable photo')} in {classes}: {told}."


def to_text(diagnosis: Diagnosis) -> str:
    """The summary and, for each kind of finding, the advice and the first files."""
    return "\n".join(_lines(diagnosis))


def _lines(diagnosis: Diagnosis, most: int = 5) -> Iterator[str]:
    """At most so many findings of each kind; the page and JSON have all."""
    yield summary(diagnosis)
    for kind, (severity, title, fix) in KINDS.items():
        findings = diagnosis.of_kind(kind)
        if not findings:
            continue
        yield ""
        yield f"{severity:<7}  {title}: {len(findings)}"
        yield f"         {fix}"
        yield from (f"         - {line(finding)}" for finding in findings[:most])
        if len(findings) > most:
            yield f"         … and {len(findings) - most} more"
    yield ""
    yield from (f"- {note}" for note in diagnosis.notes)
    yield "time     " + ", ".join(f"{phase.name} {duration(phase.seconds)}" for phase in diagnosis.phases)


def line(finding: Finding) -> str:
    """The file and its fault."""
    return make_printable(f"{finding.path}: {finding.problem}" if finding.path else finding.problem)


def manifest_text(manifest: PatchedManifest) -> str:
    """Where it is, and the command that trains on it."""
    left_out = count_of(manifest.left_out, "file")
    return (
        f"manifest  {manifest.path}, {count_of(manifest.photos, 'photo')}; left out: {left_out}\n"
        f"train     inarch train {manifest.path}"
    )

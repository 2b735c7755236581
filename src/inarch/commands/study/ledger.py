"""Ledgers as JSON: written atomically, and refused if they belong to another study."""

import json
import os
import platform
from pathlib import Path

import torch

from inarch.commands.study.records import (
    StudyLedger,
)
from inarch.errors import UserError
from inarch.storage import serialisation

FORMAT = 1


def to_json(ledger: StudyLedger) -> str:
    """The ledger as text, one measurement a line."""
    whole = serialisation.to_data(ledger)
    rows = ",\n".join(f"    {serialisation.to_json(row, indent=None)}" for row in whole.pop("rows"))
    head = serialisation.to_json({"format": FORMAT, **whole})
    return head.removesuffix("\n}") + f',\n  "rows": [\n{rows}\n  ]\n}}\n'


def read_ledger(path: Path) -> StudyLedger:
    """The ledger in a file.

    Raises:
        UserError: it cannot be read, or is not a ledger.
    """
    try:
        read = json.loads(path.read_text("utf-8"))
        if not isinstance(read, dict) or read.get("format") != FORMAT:
            raise ValueError(f"it says nothing of format {FORMAT}")
        return serialisation.from_data(StudyLedger, read)
    except (OSError, ValueError) as error:
        raise UserError(
            f"{path} is not a readable ledger of a study ({error}); move it away, or choose another --out."
        ) from error


def check_same(found: StudyLedger, wanted: StudyLedger, path: Path) -> None:
    """Refuse to continue with measurements that belong to something else.

    Raises:
        UserError: the claim, the photos, the versions or the machine are not those of the ledger.
    """
    parts = {
        "claim or threshold": (found.claim, wanted.claim),
        "photos": (found.photos, wanted.photos),
        "versions": (found.versions, wanted.versions),
        "machine": (found.hardware, wanted.hardware),
    }
    if other := [name for name, (one, two) in parts.items() if one != two]:
        raise UserError(
            f"{path} was measured with other {' and '.join(other)}, which cannot be mixed in one ledger; choose "
            "another --out, or move the file away."
        )


def hardware() -> dict[str, str | int]:
    """The machine's properties that times depend on."""
    return {
        "machine": platform.machine(),
        "processor": _processor(),
        "cores": os.cpu_count() or 1,
        "threads": torch.get_num_threads(),
    }


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text("utf-8").splitlines()
    except OSError:
        return platform.processor()
    return next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), "")

"""Ledgers as JSON: whole or absent, and refused where they are another study's."""

import json
import os
import platform
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch

from inarch.commands.study.records import (
    Claim,
    Quantity,
    StudyLedger,
    StudyRow,
)
from inarch.errors import UserError

FORMAT = 1


def to_json(ledger: StudyLedger) -> str:
    """The ledger as text, one measurement a line."""
    whole = asdict(ledger)
    rows = ",\n".join(f"    {json.dumps(row, ensure_ascii=False)}" for row in whole.pop("rows"))
    head = json.dumps({"format": FORMAT, **whole}, indent=2, ensure_ascii=False)
    return head.removesuffix("\n}") + f',\n  "rows": [\n{rows}\n  ]\n}}\n'


def read_ledger(path: Path) -> StudyLedger:
    """The ledger in a file.

    Raises:
        UserError: it cannot be read, or is no ledger.
    """
    try:
        return _ledger(json.loads(path.read_text("utf-8")))
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise UserError(
            f"{path} is no ledger of a study that can be read ({error}); move it away, or choose another --out."
        ) from error


def check_same(found: StudyLedger, wanted: StudyLedger, path: Path) -> None:
    """Refuse to go on with measurements that belong to something else.

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
            f"{path} was measured with other {' and '.join(other)}, which one ledger must not mix; choose another "
            "--out, or move the file away."
        )


def hardware() -> dict[str, str | int]:
    """What times depend on."""
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


def _ledger(read: Mapping[str, Any]) -> StudyLedger:
    if read["format"] != FORMAT:
        raise ValueError(f"its format is {read['format']}, not {FORMAT}")
    claim = dict(read["claim"])
    quantities = tuple(
        Quantity(
            **{
                **each,
                "one": tuple(each["one"]),
                "other": tuple(each["other"]),
                "threshold": float(each["threshold"]),
                "grain": float(each["grain"]),
            }
        )
        for each in claim["quantities"]
    )
    return StudyLedger(
        claim=Claim(
            **{**claim, "quantities": quantities, "arms": tuple(claim["arms"]), "seconds": float(claim["seconds"])}
        ),
        photos=dict(read["photos"]),
        versions=dict(read["versions"]),
        hardware=dict(read["hardware"]),
        rows=tuple(
            StudyRow(
                row["seed"],
                row["arm"],
                {name: float(value) for name, value in row["readings"].items()},
                float(row["seconds"]),
            )
            for row in read["rows"]
        ),
        looks=tuple(read["looks"]),
    )

"""How long ``inarch doctor`` takes for 10,000 photos beyond decoding them.

    python -m benchmarks.doctor

The photos are those of CIFAR-10, or of another shared set. The doctor runs in a process of its own with an empty cache;
before and after it every file is decoded in full, side by side as the doctor does it, and nothing else is done. What is
judged is the difference: 60 seconds at most on two cores, with labels looked at and without.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks.measuring import spread, table, unpacked, write, write_manifest
from inarch.data.decode import decode_many
from inarch.data.photos import Preprocessing
from inarch.data.scan import scan
from inarch.runtime.session import usable_cores

PHOTOS, AIM = 10_000, 60.0
SIDE = 64
SETS = {"cifar10": ("cifar10_jpeg", "cifar10"), "tiny_imagenet32": ("tiny_imagenet32", "tiny_imagenet32")}


def decoded(files: list[Path]) -> float:
    """Seconds for decoding every file."""
    began = time.perf_counter()
    for _ in decode_many(files, Preprocessing(image_size=SIDE)):
        pass
    return time.perf_counter() - began


def looked(photos: Path, *, labels: bool) -> dict[str, Any]:
    """What a doctor in a process of its own took: seconds in all and by phase, and the largest memory in bytes."""
    with tempfile.TemporaryDirectory() as folder:
        command = f"""
import json, resource, time
from pathlib import Path
from inarch.commands.doctor.doctor import doctor
from inarch.commands.doctor.options import DoctorOptions
began = time.perf_counter()
options = DoctorOptions(labels={labels}, cache=Path({folder!r}, "cache"))
found = doctor({str(photos)!r}, Path({folder!r}, "out"), options)
print(json.dumps({{
    "seconds": time.perf_counter() - began,
    "phases": {{phase.name: phase.seconds for phase in found.phases}},
    "findings": len(found.findings),
    "memory": 1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss,
}}))
"""
        ran = subprocess.run(
            [sys.executable, "-W", "ignore", "-c", command], stdout=subprocess.PIPE, text=True, check=True
        )
    figures: dict[str, Any] = json.loads(ran.stdout.splitlines()[-1])
    return figures


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--photos", choices=SETS, default="cifar10")
    parser.add_argument("--rounds", type=int, default=3)
    asked = parser.parse_args()
    found = scan(unpacked(*SETS[asked.photos]))
    chosen = found.photos[:: max(1, len(found.photos) // PHOTOS)][:PHOTOS]
    files = [Path(found.root, photo.path) for photo in chosen]
    rows, runs = [], []
    with tempfile.TemporaryDirectory() as folder:
        photos = write_manifest(Path(folder, "photos.csv"), found, {"train": chosen})
        for labels in (True, False):
            beyond, alone, memory = [], [], []
            for _ in range(asked.rounds):
                before, run, after = decoded(files), looked(photos, labels=labels), decoded(files)
                alone.append((before + after) / 2)
                beyond.append(run["seconds"] - alone[-1])
                memory.append(run["memory"] / 2**30)
                runs.append({"labels": labels, "decoding": alone[-1], **run})
                print(runs[-1], flush=True)
            rows.append(["with labels" if labels else "without", *map(spread, (alone, beyond, memory)), f"{AIM:.0f}"])
    print(f"{len(files):,} photos of {asked.photos}, {usable_cores()} cores")
    print(table(["doctor", "decoding alone, s", "beyond it, s", "memory, GiB", "aim, s"], rows))
    write("doctor", {"photos": asked.photos, "cores": usable_cores(), "runs": runs})


if __name__ == "__main__":
    main()

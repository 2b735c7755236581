"""Every benchmark, one after the other: `make bench`. It takes most of a day; runs that are kept are not run again."""

import runpy
import sys
from importlib.util import find_spec

BENCHMARKS = (
    "prediction",
    "hymenoptera",
    "training_step",
    "cifar_resnets",
    "overlap",
    "embedded",
    "forecast",
    "tails",
    "scaling",
    "planner",
    "anatomy",
    "unsure",
    "duplicates",
    "faults",
    "doctor",
    "finetuning",
    "strategies",
    "depths",
    "adaptation digits",
    "adaptation labelled",
    "others rsscn7_s128",
    "others dtd10_s128",
    "others hymenoptera_s224",
)
OTHERS = ("fastai", "timm")
"""What the comparison with them takes."""

if __name__ == "__main__":
    for command in BENCHMARKS:
        print(f"\n== {command}", flush=True)
        name, *words = command.split()
        if name == "others" and not all(map(find_spec, OTHERS)):
            print(f"left out: it takes {' and '.join(OTHERS)}, see the head of benchmarks/others.py")
            continue
        sys.argv = [name, *words]
        runpy.run_module(f"benchmarks.{name}", run_name="__main__")

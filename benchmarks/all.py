"""Every benchmark, one after the other: `make bench`."""

import runpy

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
)

if __name__ == "__main__":
    for name in BENCHMARKS:
        print(f"\n== {name}", flush=True)
        runpy.run_module(f"benchmarks.{name}", run_name="__main__")

"""What the anatomy measures, against others who measure the same: counts, memory, time.

    python -m benchmarks.anatomy [--nets resnet18 googlenet …] [--rounds 7]

Parameters and multiply-adds are held against torchvision's or timm's net under PyTorch's own counter; peak memory
against what PyTorch's allocator saw; each concept's share of the time against PyTorch's profiler, in turns, so that a
busy machine slows both; of each layer the fastest run counts, on both sides. For ONNX Runtime, whose profiler is the
source, its layers are held against the fastest whole run.
"""

import argparse
import json
import tempfile
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import Any

import timm
import torch
import torchvision
from torch import Tensor, nn
from torch.profiler import ProfilerActivity, profile
from torch.utils.flop_counter import FlopCounterMode

from benchmarks.measuring import table, write
from inarch.commands.inspect.timing import time_eager, time_graph
from inarch.data.photos import Preprocessing
from inarch.models import architecture, build
from inarch.models.anatomy.records import ModelTrace
from inarch.models.anatomy.trace import trace_architecture

NETS = ("resnet18", "resnet50", "googlenet", "inception_v3")
RUNS = 3
"""In a row, on each side, before the other's turn."""
LEAST = 0.05
"""Shares of the time below this are too small to be compared by their ratio."""
LAYERS = frozenset(
    f"aten::{name}"
    for name in (
        "conv2d",
        "batch_norm",
        "relu",
        "max_pool2d",
        "avg_pool2d",
        "adaptive_avg_pool2d",
        "cat",
        "add",
        "linear",
    )
)
OTHERS: Mapping[str, Callable[[], nn.Module]] = MappingProxyType(
    {
        **{
            name: partial(getattr(torchvision.models, name), weights=None, aux_logits=False, init_weights=False)
            for name in ("googlenet", "inception_v3")
        },
        **{
            name: partial(timm.create_model, name)
            for name in (
                "resnet18",
                "resnet34",
                "resnet50",
                "resnet101",
                "resnet152",
                "inception_v4",
                "inception_resnet_v2",
            )
        },
    }
)
"""The same nets of others: timm's, and torchvision's where timm has none or means another."""


def counted(name: str, record: ModelTrace) -> tuple[int, int]:
    """Parameters and multiply-adds of another library's net of this name, by PyTorch's counter."""
    with torch.device("meta"):
        other = OTHERS[name]().eval()
        with FlopCounterMode(display=False) as counter, torch.no_grad():
            other(torch.empty(1, 3, record.image_size, record.image_size))
    return sum(each.numel() for each in other.parameters()), counter.get_total_flops() // 2


def profiled(model: nn.Module, images: Tensor) -> tuple[list[float], int]:
    """Microseconds of each layer as PyTorch's profiler tells them, and the most bytes that were allocated at once."""
    with torch.no_grad(), profile(activities=[ProfilerActivity.CPU], profile_memory=True) as seen:
        model(images)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "trace.json")
        seen.export_chrome_trace(str(path))
        events: list[dict[str, Any]] = json.loads(path.read_text("utf-8"))["traceEvents"]
    now = most = 0
    for _, step in sorted((each["ts"], each["args"]["Bytes"]) for each in events if each.get("name") == "[memory]"):
        now += step
        most = max(most, now)
    layers, until = [], 0.0
    for each in sorted((each for each in events if each.get("name") in LAYERS), key=lambda each: each["ts"]):
        if each["ts"] >= until:  # else it is a part of the one before
            layers.append(float(each["dur"]))
            until = each["ts"] + each["dur"]
    return layers, most + images.nbytes


def shares(record: ModelTrace, layers: Sequence[float]) -> dict[str, float]:
    """Each concept's share of the time."""
    spent: dict[str, float] = defaultdict(float)
    for node, each in zip(record.nodes, layers, strict=True):
        spent[node.concept] += each
    return {concept: each / sum(layers) for concept, each in spent.items()}


def compared(name: str, rounds: int) -> dict[str, Any]:
    """All figures of one net."""
    record, model, row = trace_architecture(name), build(name).eval(), architecture(name)
    images = torch.randn(1, 3, record.image_size, record.image_size, generator=torch.Generator().manual_seed(0))
    ours, theirs = [], []
    most = 0
    for _ in range(rounds):
        ours.append(time_eager(model, record, runs=RUNS).layers)
        for _ in range(RUNS):
            layers, most = profiled(model, images)
            theirs.append(layers)
    here, there = (shares(record, [min(each) for each in zip(*side, strict=True)]) for side in (ours, theirs))
    large = [concept for concept in there if there[concept] >= LEAST]
    graph = time_graph(model, record, Preprocessing(image_size=record.image_size, mean=row.mean, std=row.std))
    parameters, macs = counted(name, record)
    return {
        "parameters": [record.parameters, parameters],
        "macs": [record.macs, macs],
        "peak_over_allocator": record.running_peak / most,
        "shares": {concept: [here[concept], there[concept]] for concept in large},
        "graph_layers_over_whole": (sum(graph.layers) + graph.elsewhere) / graph.lowest,
    }


def main() -> None:
    """Run, print, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--nets", nargs="+", choices=[*OTHERS], default=[*NETS])
    parser.add_argument("--rounds", type=int, default=7)
    arguments = parser.parse_args()
    figures = {name: compared(name, arguments.rounds) for name in arguments.nets}
    rows = [
        [
            name,
            str(each["parameters"][0] - each["parameters"][1]),
            str(each["macs"][0] - each["macs"][1]),
            f"{each['peak_over_allocator']:.3f}",
            f"{each['graph_layers_over_whole']:.2f}",
        ]
        for name, each in figures.items()
    ]
    print(
        table(["net", "parameters, difference", "MACs, difference", "peak / allocator", "graph: layers / whole"], rows)
    )
    print()
    lines = [
        [name, concept, f"{100 * here:.1f} %", f"{100 * there:.1f} %", f"{here / there:.3f}"]
        for name, each in figures.items()
        for concept, (here, there) in each["shares"].items()
    ]
    print(table(["net", "concept", "share of the time", "profiler's", "ratio"], lines))
    write("anatomy", {"rounds": arguments.rounds, "runs": RUNS, "nets": figures})


if __name__ == "__main__":
    main()

"""The time of each layer, by PyTorch's own operators and by ONNX Runtime's profiler."""

import json
import statistics
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import torch

from inarch.commands.inspect.records import Timing
from inarch.data.photos import Preprocessing
from inarch.models import Classifier, evaluating
from inarch.models.anatomy.recorder import Recorder
from inarch.models.anatomy.records import ModelTrace
from inarch.models.anatomy.trace import cannot_run_text
from inarch.runtime.onnx_graph import named_graph
from inarch.runtime.session import PIXELS

UNCOUNTED = 2
"""Warm-up runs: memory is allocated, kernels are chosen."""
KINDS = {"Conv": "convolution", "Gemm": "linear", "MatMul": "linear", "FusedConv": "convolution"}
"""ONNX operators that other layers are fused into, with our names."""


def time_eager(model: Classifier, trace: ModelTrace, *, runs: int = 7, threads: int = 1) -> Timing:
    """Time every layer of ``model`` in PyTorch, layer by layer as Python calls them, for one image on the CPU.

    A layer's time is that of its operators. Timed layers and whole runs alternate, so that other load on the machine
    affects both. ``model`` is not changed.

    Args:
        model: on the CPU.
        trace: its record; gives the image size.
        runs: the number of counted runs.
        threads: cores to use.
    """
    images = torch.randn(1, 3, trace.image_size, trace.image_size, generator=torch.Generator().manual_seed(0))
    layers, whole = [], []
    with torch.no_grad(), evaluating(model), _threads(threads):
        for _ in range(UNCOUNTED + runs):
            recorder = Recorder(images, cannot_run_text(trace.name, trace.image_size))
            with recorder.following(model), recorder:
                model(images)
            layers.append(recorder.seconds)
            whole.append(_seconds(lambda: model(images)))
    return _timing(f"PyTorch {torch.__version__}", threads, layers[UNCOUNTED:], [0.0], whole[UNCOUNTED:])


def time_graph(
    model: Classifier, trace: ModelTrace, preprocessing: Preprocessing, *, runs: int = 7, threads: int = 1
) -> Timing:
    """Time every layer of ``model`` as ONNX Runtime runs it: batch normalisation folded, activations fused.

    The engine's profiler gives the time of each node of its graph. Runs with and without the profiler alternate.

    Args:
        model: on the CPU.
        trace: its record.
        preprocessing: its normalisation is part of the graph, and its image size is used.
        runs: the number of counted runs.
        threads: cores to use.
    """
    graph = named_graph(model, preprocessing)
    pixels = np.random.default_rng(0).integers(0, 256, (1, *2 * [preprocessing.image_size], 3), dtype=np.uint8)
    whole = []
    with tempfile.TemporaryDirectory() as folder:
        plain, profiled = _session(graph, threads), _session(graph, threads, Path(folder, "profile"))
        for _ in range(UNCOUNTED + runs):
            profiled.run(None, {PIXELS: pixels})
            whole.append(_seconds(lambda: plain.run(None, {PIXELS: pixels})))
        events = json.loads(Path(profiled.end_profiling()).read_text("utf-8"))
    spent = _seconds_by_name(events, runs)
    owners = _owners(onnx.load_from_string(graph).graph, spent, trace)
    layers = [[0.0] * len(trace.nodes) for _ in range(runs)]
    elsewhere = [0.0] * runs
    for name, seconds in spent.items():
        for run, each in enumerate(seconds):
            if name in owners:
                layers[run][owners[name]] += each
            else:
                elsewhere[run] += each
    return _timing(f"ONNX Runtime {onnxruntime.__version__}", threads, layers, elsewhere, whole[UNCOUNTED:])


def _timing(
    engine: str, threads: int, layers: Sequence[Sequence[float]], elsewhere: Sequence[float], whole: Sequence[float]
) -> Timing:
    return Timing(
        engine=engine,
        threads=threads,
        runs=len(whole),
        layers=tuple(1e3 * min(each) for each in zip(*layers, strict=True)),
        elsewhere=1e3 * min(elsewhere),
        whole=1e3 * statistics.median(whole),
        lowest=1e3 * min(whole),
        highest=1e3 * max(whole),
    )


def _seconds(run: Callable[[], object]) -> float:
    began = time.perf_counter()
    run()
    return time.perf_counter() - began


@contextmanager
def _threads(count: int) -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _session(graph: bytes, threads: int, profile: Path | None = None) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.log_severity_level = 3
    if profile:
        options.enable_profiling = True
        options.profile_file_prefix = str(profile)
    return onnxruntime.InferenceSession(graph, options, providers=["CPUExecutionProvider"])


def _seconds_by_name(events: Sequence[Mapping[str, object]], runs: int) -> dict[str, list[float]]:
    """Seconds of the last ``runs`` runs of every node of the engine's graph, by the node's name."""
    kernel = "_kernel_time"
    blocked = "_nchwc"  # ONNX Runtime appends it to names of layers on blocks of channels
    spent: dict[str, list[float]] = defaultdict(list)
    for event in events:
        name = str(event["name"])
        if event.get("cat") == "Node" and name.endswith(kernel):
            spent[name.removesuffix(kernel).removesuffix(blocked)].append(1e-6 * float(str(event["dur"])))
    return {name: seconds[-runs:] for name, seconds in spent.items()}


def _owners(graph: onnx.GraphProto, spent: Mapping[str, object], trace: ModelTrace) -> dict[str, int]:
    """The place in the trace of each node of the engine's graph that belongs to a layer, by the node's name.

    A node that several layers were fused into has the name of the last; it belongs to their convolution or linear
    layer.
    """
    makers = {output: node for node in graph.node for output in node.output}
    names = {node.name: node for node in graph.node}
    places: dict[str, int] = {}
    kinds: dict[tuple[str, str], int] = {}
    for place, layer in enumerate(trace.nodes):
        places.setdefault(layer.path, place)
        kinds.setdefault((layer.path, layer.kind), place)
    owners: dict[str, int] = {}
    for name in spent:
        node = names.get(name) or makers.get(name)
        if node is None or "|" not in node.name:
            continue
        begin = _find_first_node(node, makers, spent)
        path = begin.name.partition("|")[0]
        key = (path, KINDS.get(begin.op_type, ""))
        if path in places:
            owners[name] = kinds.get(key, places[path])
    return owners


def _find_first_node(
    node: onnx.NodeProto, makers: Mapping[str, onnx.NodeProto], spent: Mapping[str, object]
) -> onnx.NodeProto:
    """The first node that was fused into ``node``: back over nodes without a time of their own."""
    waiting, seen = [node], set()
    while waiting:
        each = waiting.pop(0)
        if each.op_type in KINDS:
            return each
        seen.add(each.name)
        before = [makers[value] for value in each.input if value in makers]
        waiting += [one for one in before if one.name not in seen and one.name not in spent and "|" in one.name]
    return node

"""One training step (forward, backward, SGD) of our net against torchvision's, and what each of our measures brings.

    python -m benchmarks.training_step [--model googlenet] [--batch 16] [--image-size 224] [--rounds 5]
    python -m benchmarks.training_step --model efficientnet_lite0 --batch 32 --image-size 160

Every contender has a process of its own, for whether freed memory is kept is a matter of the whole process. They take
turns, one step each a round, and only ratios within a round count. torchvision's net runs as its users run it, without
auxiliary heads, with PyTorch's own SGD, in contiguous memory, and once more in channels-last memory; ours runs in our
training loop, and then with one measure after the other left out. Fine-tuning keeps the statistics of the norms: there
they run on the weights of the convolutions, or one by one, in float32 or bfloat16. The machine must be quiet: where a
thread has to share its core, all that wait for it spin, and the figures say nothing.
"""

import argparse
import multiprocessing
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, nullcontext
from functools import partial
from itertools import repeat
from multiprocessing.connection import Connection
from types import MappingProxyType
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torchvision import models

from benchmarks.measuring import ratios, spread, table, write
from inarch.models import Classifier, build, norms_of
from inarch.models.fast import fused, weight_gradient
from inarch.models.fast.frozen_norm import frozen_norms_on_weights
from inarch.training.config import TrainingConfig
from inarch.training.loop import in_precision, train_steps
from inarch.training.losses import cross_entropy
from inarch.training.memory import keeping_memory
from inarch.training.optimisation import optimisers

CLASSES = 1000
UNCOUNTED = 2
"""Steps before the first round: one that allocates, and one that finds memory as it will be."""


class Case(NamedTuple):
    """What is trained, and on what."""

    model: str
    batch: int
    image_size: int

    def examples(self, memory: torch.memory_format) -> tuple[Tensor, Tensor]:
        """Noise, and labels for it."""
        images = torch.randn(self.batch, 3, self.image_size, self.image_size)
        return images.contiguous(memory_format=memory), torch.randint(CLASSES, (self.batch,))


def theirs(case: Case, memory: torch.memory_format) -> Iterator[object]:
    """Steps of torchvision's net in the loop of every tutorial."""
    plain = {"aux_logits": False, "init_weights": False} if case.model == "googlenet" else {}
    model = models.get_model(case.model, num_classes=CLASSES, **plain).train().to(memory_format=memory)
    optimiser = torch.optim.SGD(model.parameters(), lr=0.01, momentum=0.9, weight_decay=1e-4)
    images, labels = case.examples(memory)
    while True:
        loss = nn.functional.cross_entropy(model(images), labels)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        yield loss.item()


def ours(case: Case, change: Callable[[Classifier], None], memory: torch.memory_format) -> Iterator[object]:
    """Steps of our net in our loop, after a ``change``."""
    model = build(case.model, classes=CLASSES).train().to(memory_format=memory)
    change(model)
    updating = optimisers(model, TrainingConfig(epochs=1))
    return train_steps(model, repeat(case.examples(memory)), updating, cross_entropy, repeat(0.01))


def tuning(case: Case, *, on_weights: bool = True, precision: str = "float32") -> Iterator[object]:
    """Steps of our net with norms that keep their statistics, as in fine-tuning."""
    model = build(case.model, classes=CLASSES).train().to(memory_format=torch.channels_last)
    for norm in norms_of(model):
        norm.eval()
    updating = optimisers(model, TrainingConfig(epochs=1))
    loss = in_precision(cross_entropy, precision, torch.device("cpu"))
    with frozen_norms_on_weights(model) if on_weights else nullcontext():
        yield from train_steps(model, repeat(case.examples(torch.channels_last)), updating, loss, repeat(0.0001))


def unchanged(_: Classifier) -> None:
    """All measures taken."""


def branch_by_branch(_: Classifier) -> None:
    """Each branch of an Inception module runs by itself."""
    fused._opening = lambda branch: None


def without_product(_: Classifier) -> None:
    """The weights' gradient is computed in PyTorch's own way."""
    weight_gradient._is_faster = lambda *_: False


class Contender(NamedTuple):
    """How one contender steps, and whether its process keeps the memory that it frees."""

    steps: Callable[[Case], Iterator[object]]
    keeps: bool


def _ours(
    change: Callable[[Classifier], None] = unchanged,
    *,
    memory: torch.memory_format = torch.channels_last,
    keeps: bool = True,
) -> Contender:
    return Contender(lambda case: ours(case, change, memory), keeps)


OURS, THEIRS = "inarch", "torchvision"
CONTENDERS: Mapping[str, Contender] = MappingProxyType(
    {
        THEIRS: Contender(lambda case: theirs(case, torch.contiguous_format), keeps=False),
        "torchvision, channels-last memory": Contender(lambda case: theirs(case, torch.channels_last), keeps=False),
        OURS: _ours(),
        "inarch, memory given back": _ours(keeps=False),
        "inarch, contiguous memory": _ours(memory=torch.contiguous_format),
        "inarch, branch by branch": _ours(branch_by_branch),
        "inarch, weights' gradient by PyTorch": _ours(without_product),
        "fine-tuning": Contender(tuning, keeps=True),
        "fine-tuning, norm by norm": Contender(partial(tuning, on_weights=False), keeps=True),
        "fine-tuning, bfloat16": Contender(partial(tuning, precision="bfloat16"), keeps=True),
    }
)


def main() -> None:
    """Run, print, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="googlenet")
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--image-size", type=int, default=224, help="pixels a side")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--contenders", nargs="+", choices=[*CONTENDERS], default=[*CONTENDERS])
    arguments = parser.parse_args()
    case = Case(arguments.model, arguments.batch, arguments.image_size)
    known = case.model in models.list_models()
    names = [each for each in (THEIRS, OURS, *arguments.contenders) if known or THEIRS not in each]
    seconds = _seconds(case, dict.fromkeys(names), arguments.rounds)
    faster = {name: ratios(seconds[names[0]], each) for name, each in seconds.items()}
    longer = {name: ratios(each, seconds[OURS]) for name, each in seconds.items()}
    rows = [
        [name, spread([case.batch / step for step in each]), spread(faster[name], 2), spread(longer[name], 2)]
        for name, each in seconds.items()
    ]
    title = f"{case.model}, batch {case.batch} at {case.image_size} pixels"
    print(table([title, "images per second", f"speed / {names[0]}", "time / inarch"], rows))
    figures = {"seconds": seconds, f"speed_over_{names[0]}": faster, "time_over_inarch": longer}
    write(f"training_step_{case.model}_{case.batch}x{case.image_size}", {"case": case._asdict(), **figures})


def _seconds(case: Case, names: Mapping[str, None], rounds: int) -> dict[str, list[float]]:
    """Seconds of every step, by contender; the n-th of each belong to one round."""
    with ExitStack() as running:
        lines = {name: running.enter_context(_line_to(name, case)) for name in names}
        for _ in range(UNCOUNTED):
            for line in lines.values():
                _step(line)
        taken: dict[str, list[float]] = {name: [] for name in lines}
        for _ in range(rounds):
            for name, line in lines.items():
                taken[name].append(_step(line))
    return taken


def _line_to(name: str, case: Case) -> "Connection[None, float]":
    """Start a contender's process; it ends when the line is closed."""
    here, there = multiprocessing.Pipe()
    multiprocessing.get_context("spawn").Process(target=_serve, args=(name, case, there), daemon=True).start()
    there.close()
    return here


def _step(line: "Connection[None, float]") -> float:
    line.send(None)
    return line.recv()


def _serve(name: str, case: Case, line: "Connection[float, None]") -> None:
    """Take a step whenever asked, and answer with its seconds."""
    contender = CONTENDERS[name]
    torch.manual_seed(0)
    steps = contender.steps(case)
    with ExitStack() as stack:
        if contender.keeps:
            stack.enter_context(keeping_memory())
        while True:
            try:
                line.recv()
            except EOFError:
                return
            began = time.perf_counter()
            next(steps)
            line.send(time.perf_counter() - began)


if __name__ == "__main__":
    main()

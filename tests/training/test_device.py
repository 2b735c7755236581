"""The processor that trains: found by name, refused in a sentence, and the same losses on another one."""

import json
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import pytest
import torch

from inarch.errors import UnknownNameError, UserError
from inarch.models import build
from inarch.training.config import TrainingConfig
from inarch.training.device import find_device, to_device, training_precision
from inarch.training.loop import ExampleSource, Run
from inarch.training.losses import cross_entropy


class Pair(NamedTuple):
    """A batch as some losses take it."""

    images: torch.Tensor
    number: int


PRETEND = Path(__file__).with_name("pretend_accelerator.py")


@pytest.fixture
def cards(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine with two CUDA cards, as PyTorch would describe it."""
    monkeypatch.setattr(torch.accelerator, "current_accelerator", lambda **_: torch.device("cuda"))
    monkeypatch.setattr(torch.accelerator, "device_count", lambda: 2)


@pytest.fixture
def no_card(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine without an accelerator."""
    monkeypatch.setattr(torch.accelerator, "current_accelerator", lambda **_: None)


@pytest.mark.usefixtures("cards")
@pytest.mark.parametrize(
    ("name", "device"), [("auto", "cuda"), ("cpu", "cpu"), ("cuda", "cuda"), ("cuda:0", "cuda:0"), ("cuda:1", "cuda:1")]
)
def test_a_device_that_is_there_is_found(name: str, device: str) -> None:
    """Auto takes the accelerator."""
    assert find_device(name) == torch.device(device)


@pytest.mark.usefixtures("no_card")
def test_auto_is_the_cpu_where_there_is_no_accelerator() -> None:
    """So is the CPU."""
    assert find_device("auto") == find_device("cpu") == torch.device("cpu")


def test_an_accelerator_is_asked_whether_it_can_be_used(monkeypatch: pytest.MonkeyPatch) -> None:
    """A PyTorch that was built for CUDA names it on machines without a card, unless it is told to look."""
    asked: list[bool] = []

    def current(check_available: bool = False) -> torch.device | None:
        asked.append(check_available)
        return None if check_available else torch.device("cuda")

    monkeypatch.setattr(torch.accelerator, "current_accelerator", current)
    assert find_device("auto").type == "cpu"
    assert asked == [True]


@pytest.mark.usefixtures("no_card")
@pytest.mark.parametrize("name", ["cuda", "cuda:3", "mps", "xpu"])
def test_a_device_that_is_not_there_is_refused(name: str) -> None:
    """Never replaced by the CPU in silence."""
    with pytest.raises(UserError, match=rf"Device {name} cannot be used: PyTorch .* finds no accelerator here"):
        find_device(name)


@pytest.mark.usefixtures("cards")
def test_other_cards_are_refused() -> None:
    """Another kind, and a number that is too high."""
    with pytest.raises(UserError, match=r"Device mps cannot be used: PyTorch .* finds cuda alone here"):
        find_device("mps")
    with pytest.raises(UserError, match="Device cuda:2 cannot be used: this machine has 2 of kind cuda, numbered from"):
        find_device("cuda:2")


def test_a_wrong_name_is_refused() -> None:
    """With the nearest one."""
    with pytest.raises(UnknownNameError, match=r"No device is called 'cudo'\. Did you mean 'cuda'"):
        find_device("cudo")
    with pytest.raises(UserError, match="There is one device cpu, so it has no number; cpu:1 was asked for"):
        find_device("cpu:1")


def test_whatever_holds_tensors_is_moved() -> None:
    """Tensors in tuples; numbers pass."""
    there = torch.device("meta")
    moved = to_device(((torch.zeros(2), 0.5), torch.ones(1)), there)
    assert (moved[0][0].device, moved[1].device, moved[0][1]) == (there, there, 0.5)
    named = to_device(Pair(torch.zeros(2), 1), there)
    assert isinstance(named, Pair)
    assert (named.images.device, named.number) == (there, 1)


@pytest.mark.parametrize(
    ("capabilities", "model", "precision"),
    [
        ({"avx512_bf16": True}, "resnet_basic_tiny", "bfloat16"),
        ({"amx_bf16": True}, "googlenet_tiny", "bfloat16"),
        ({"avx512_bf16": True}, "efficientnet_lite0", "float32"),
        ({"avx2": True, "avx512_bf16": False}, "resnet_basic_tiny", "float32"),
        ({}, "resnet_basic_tiny", "float32"),
    ],
)
def test_the_cpu_trains_in_bfloat16_where_that_is_faster(
    monkeypatch: pytest.MonkeyPatch, capabilities: dict[str, bool], model: str, precision: str
) -> None:
    """The processor multiplies it, and the model has no depthwise convolutions, which gain nothing."""
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: capabilities, raising=False)
    assert training_precision(torch.device("cpu"), build(model, classes=3, seed=0)) == precision


@pytest.mark.skipif(
    not hasattr(torch.utils.backend_registration, "_setup_privateuseone_for_python_backend"),
    reason="this PyTorch cannot pretend to have an accelerator",
)
@pytest.mark.parametrize(
    ("name", "statistics"),
    [
        pytest.param("resnet_basic_tiny", "batch", marks=pytest.mark.slow),
        ("resnet_basic_tiny", "kept"),
        pytest.param("googlenet_tiny", "batch", marks=pytest.mark.slow),
    ],
)
def test_losses_on_another_device_are_the_cpus(name: str, statistics: str) -> None:
    """Every tensor of a run is where it should be: the device refuses to compute with one of the CPU's."""
    done = subprocess.run(
        [sys.executable, PRETEND, name, statistics], capture_output=True, text=True, check=False, timeout=300
    )
    assert done.returncode == 0, done.stderr[-2000:]
    said = json.loads(done.stdout)
    assert said["devices"] == ["pretend:0"]
    assert said["losses"]["pretend"] == pytest.approx(said["losses"]["cpu"], rel=1e-4)
    assert said["refused"]


@pytest.mark.device
@pytest.mark.skipif(torch.accelerator.current_accelerator(check_available=True) is None, reason="no accelerator here")
def test_an_accelerator_trains_as_the_cpu_does() -> None:
    """The losses of two epochs, within what another order of additions changes; the weights come back to the CPU."""
    draw = torch.Generator().manual_seed(0)
    images, labels = torch.randn(8, 3, 64, 64, generator=draw), torch.arange(8) % 3
    source = ExampleSource(8, lambda indices, _: (images[indices], labels[indices]))
    losses = {}
    for device in ("cpu", str(find_device("auto"))):
        config = TrainingConfig(epochs=2, batch_size=4, lr=0.01, clip_norm=1.0, keeps_statistics=True, device=device)
        run = Run(build("resnet_basic_tiny", classes=3, seed=0), config)
        losses[device] = [epoch.loss for epoch in run.epochs(source, cross_entropy)]
    on_cpu, on_device = losses.values()
    assert on_device == pytest.approx(on_cpu, rel=1e-3)  # TF32 keeps ten bits of a product's factors

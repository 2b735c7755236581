"""The exported model as another library builds it in PyTorch."""

import json
from importlib import import_module
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import load_file
from torch import Tensor, nn

ABOUT = json.loads(Path(__file__).with_name("about.json").read_text("utf-8"))


def load_model() -> nn.Module:
    """The model with its weights; every tensor must be present."""
    build = getattr(import_module(ABOUT["library"]), ABOUT["builder"])
    model: nn.Module = build(ABOUT["architecture"], num_classes=len(ABOUT["classes"]), **ABOUT["options"])
    model.load_state_dict(load_file(Path(__file__).with_name("model.safetensors")))
    return model.eval()


NET = load_model()


@torch.no_grad()
def outputs(pixels: NDArray[np.uint8]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Logits (n, classes), and the inputs of the last layer (n, d), for pixels (n, side, side, 3)."""
    mean, std = (torch.tensor(ABOUT["preprocessing"][name])[:, None, None] for name in ("mean", "std"))
    read: list[Tensor] = []
    *_, last = (module for module in NET.modules() if isinstance(module, nn.Linear))
    watching = last.register_forward_pre_hook(lambda layer, given: read.append(given[0]))
    logits = NET((torch.from_numpy(pixels).permute(0, 3, 1, 2) / 255 - mean) / std)
    watching.remove()
    return logits.numpy(), read[0].numpy()

"""The state dict inside a checkpoint: trainers put dicts, prefixes, masks and whole modules around it."""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from torch import Tensor

from inarch.errors import WeightsError

WRAPPERS = (
    *("state_dict_ema", "model_ema", "ema_state_dict", "ema", "teacher"),
    *("state_dict", "model_state_dict", "model", "student", "module"),
)
"""Where checkpoints keep the state dict, in order of preference: the moving average is what their authors evaluate."""
COUNTERS = ("n_averaged",)
"""The key that torch's AveragedModel adds to its state dict."""
INNER = re.compile(r"(_orig_mod|_fsdp_wrapped_module|_checkpoint_wrapped_module)\.")
"""The words that torch's own wrappers put before, or into, names."""


def unwrap_checkpoint(content: Any, path: Path) -> tuple[dict[str, Tensor], dict[str, str]]:
    """The state dict inside a checkpoint, without wrappers and prefixes, and words on what was taken.

    Wrappers are followed six deep: a pickled dict can hold itself.

    Raises:
        WeightsError: there is no state dict in it.
    """
    taken: list[str] = []
    passed: list[str] = []
    for depth in (6, 5, 4, 3, 2, 1):
        if not (isinstance(content, Mapping) and (inner := _inner(content, depth))):
            break
        taken.append(inner[0])
        passed += inner[1:]
        content = content[inner[0]]
    if not _is_state(content):
        raise WeightsError(f"{path} holds no state dict: {_describe(content)}. Save model.state_dict() instead.")
    state = dict(_tensors_of_module(content)) if _is_module(content) else content
    named = {str(name): each for name, each in state.items() if isinstance(each, Tensor)}
    tensors, prefix = _strip_prefixes(_apply_masks(named))
    notes = {"unwrapped": ".".join(taken), "also_present": ", ".join(passed), "prefix": prefix}
    return tensors, {key: value for key, value in notes.items() if value}


def _inner(content: Mapping[Any, Any], depth: int) -> list[str]:
    """The wrappers that hold a state dict, or hold one further down; of unknown ones the largest first."""
    if _is_module(content):
        return []
    known = [key for key in WRAPPERS if _is_state(content.get(key), depth)]
    if known or any(isinstance(each, Tensor) for each in content.values()):
        return known
    others = [key for key, each in content.items() if isinstance(key, str) and _is_state(each, depth)]
    return sorted((key for key in others if "optim" not in key.lower()), key=lambda key: -len(content[key]))


def _is_state(content: Any, depth: int = 1) -> bool:
    if not isinstance(content, Mapping) or depth < 1:
        return False
    tensors = any(isinstance(each, Tensor) for each in content.values())
    return tensors or _is_module(content) or bool(_inner(content, depth - 1))


def _is_module(content: Mapping[Any, Any]) -> bool:
    """Whether it is what the pickle of a whole module holds."""
    return all(isinstance(content.get(key), Mapping) for key in ("_parameters", "_buffers", "_modules"))


def _tensors_of_module(module: Mapping[Any, Any], prefix: str = "", depth: int = 20) -> Iterator[tuple[str, Tensor]]:
    """The tensors that the module's ``state_dict`` would hold."""
    for kind in ("_parameters", "_buffers"):
        for name, each in module[kind].items():
            if isinstance(each, Tensor):
                yield f"{prefix}{name}", each
    for name, inner in module["_modules"].items():
        if isinstance(inner, Mapping) and _is_module(inner) and depth:
            yield from _tensors_of_module(inner, f"{prefix}{name}.", depth - 1)


def _describe(content: Any) -> str:
    if isinstance(content, Mapping):
        return f"a dict with {', '.join(map(repr, list(content)[:5])) or 'nothing in it'}"
    return f"a {type(content).__name__}"


def _apply_masks(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The tensors with pruned ones (``weight_orig`` and ``weight_mask``) in one, as the pruned layer computes it."""
    found = {}
    for name, each in tensors.items():
        plain, mask = name.removesuffix("_orig"), tensors.get(f"{name.removesuffix('_orig')}_mask")
        if name.endswith("_orig") and mask is not None and mask.shape == each.shape:
            found[plain] = each * mask
        elif not (name.endswith("_mask") and f"{name.removesuffix('_mask')}_orig" in tensors):
            found[name] = each
    return found


def _strip_prefixes(tensors: dict[str, Tensor]) -> tuple[dict[str, Tensor], str]:
    """The tensors without what DataParallel, torch.compile and Lightning put before every name, and what that was."""
    removed = ""
    while found := [prefix for prefix in ("module.", "_orig_mod.", "model.") if _all_begin(tensors, prefix)]:
        removed += found[0]
        tensors = {name.removeprefix(found[0]): each for name, each in tensors.items() if name not in COUNTERS}
    plain = {INNER.sub("", name): each for name, each in tensors.items()}
    return plain if len(plain) == len(tensors) else tensors, removed


def _all_begin(tensors: Mapping[str, Tensor], prefix: str) -> bool:
    names = [name for name in tensors if name not in COUNTERS]
    return bool(names) and all(name.startswith(prefix) for name in names)

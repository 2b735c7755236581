"""The account of every tensor, before anything is loaded."""

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass

from torch import Tensor

from inarch.weights.identification import (
    COUNTER,
    TranslatedStateDict,
    identify,
    nearest_architectures,
    signature,
    translate_state_dict,
)
from inarch.weights.sources import Shapes

KERAS_RESNET = re.compile(r"(conv[2-5]_block\d+_\d_conv|res[2-5][a-f]_branch2[abc])[/_]")
"""How layers of Keras' ResNets are called: in its present versions, and in the first ones."""


@dataclass(frozen=True)
class Account:
    """Every tensor that is wanted or given stands in exactly one of these; all by our names."""

    loaded: tuple[str, ...]
    fresh: tuple[str, ...]
    ignored: tuple[str, ...]
    missing: tuple[str, ...]
    needless: tuple[str, ...]
    """Missing too, but not needed: counts of batches (files older than PyTorch 0.4.1 have none), scales that are 1."""
    unexpected: tuple[str, ...]
    reshaped: tuple[str, ...]


def compare(wanted: Shapes, file: TranslatedStateDict, fresh: Collection[str], ignore: Collection[str]) -> Account:
    """Account for what is wanted and what the file gives.

    Args:
        wanted: names and shapes of the model.
        file: names and tensors of the file.
        fresh: beginnings of our names that are not loaded, whether or not the file has them.
        ignore: beginnings of names, ours or the file's, that are left out.
    """
    kept = {name for name in wanted if name.startswith(tuple(fresh))}
    left_out = (*fresh, *ignore)
    ignored = {
        name for name in file.tensors if name.startswith(left_out) or file.foreign[name].startswith(tuple(ignore))
    }
    open_names = [name for name in wanted if name not in kept]
    given = [name for name in file.tensors if name not in ignored]
    both = [name for name in open_names if name in file.tensors and name not in ignored]
    absent = [name for name in open_names if name not in file.tensors or name in ignored]
    needless = dict.fromkeys(name for name in absent if name.endswith(COUNTER) or name in file.implied)
    fitting = {name for name in both if file.tensors[name].shape == wanted[name]}
    return Account(
        loaded=tuple(name for name in both if name in fitting),
        fresh=tuple(name for name in wanted if name in kept),
        ignored=tuple(name for name in file.tensors if name in ignored),
        missing=tuple(name for name in absent if name not in needless),
        needless=tuple(needless),
        unexpected=tuple(name for name in given if name not in wanted),
        reshaped=tuple(name for name in both if name not in fitting),
    )


def problems(account: Account, wanted: Shapes, file: TranslatedStateDict) -> list[str]:
    """One line for every tensor that does not fit."""
    return [
        *(
            f"{_both_names(name, file)}: model {tuple(wanted[name])}, file {tuple(file.tensors[name].shape)}"
            for name in account.reshaped
        ),
        *(f"{name}: not in the file" for name in account.missing),
        *(f"{_both_names(name, file)}: not in the model" for name in account.unexpected),
    ]


def _both_names(name: str, file: TranslatedStateDict) -> str:
    theirs = file.foreign[name]
    return name if name == theirs else f"{name} ({theirs} in the file)"


def remedy(account: Account, file: TranslatedStateDict, architecture: str) -> str:
    """The advice for the caller of `load`."""
    if file.folded and any(".norm." in name for name in account.missing):
        return (
            "The file has batch normalisation folded into the convolutions: load it into inarch.models.folded(model), "
            "or take inarch.weights.load_backbone."
        )
    other = describe_likeness(file, architecture)
    if other:
        return other
    advice = []
    if kept := _beginnings(account.missing + account.reshaped):
        advice.append(f"To keep the model's own values there, say fresh={kept!r}.")
    if left_out := _beginnings(account.unexpected):
        advice.append(f"To leave the file's tensors out, say ignore={left_out!r}.")
    return " ".join(advice)


def _beginnings(names: Collection[str]) -> tuple[str, ...]:
    return tuple(sorted({f"{name.split('.')[0]}." for name in names}))


def describe_likeness(file: TranslatedStateDict, architecture: str) -> str:
    """Which models the file's names and shapes belong to, unless ``architecture`` is one of them."""
    tensors: Mapping[str, Tensor] = {file.foreign[name]: tensor for name, tensor in file.tensors.items()}
    if architecture in identify(tensors):
        return ""
    names = nearest_architectures(tensors)
    if not names:
        return f"These are not {architecture}'s weights, nor like those of any model in the catalog."
    if architecture in names:
        return ""
    return f"These look like {' or '.join(names)}'s weights, not {architecture}'s: build that instead."


def describe_channels(account: Account, wanted: Shapes, file: TranslatedStateDict) -> str:
    """A sentence where all that differs is the number of channels that the first layer takes."""
    if account.unexpected or len(account.reshaped) != 1:
        return ""
    (name,) = account.reshaped
    given, shape = file.tensors[name].shape, wanted[name]
    first = next(iter(wanted))
    if name != first or len(given) != 4 or (given[0], given[2:]) != (shape[0], shape[2:]):
        return ""
    noun = "channel" if given[1] == 1 else "channels"
    return (
        f"Its first layer takes {given[1]} {noun} instead of {shape[1]}; photos are read as RGB, which it cannot take."
    )


def describe_nearest(tensors: Mapping[str, Tensor]) -> str:
    """The model that tensors are most like where they fit none, and the differences; else their names."""
    names = nearest_architectures(tensors)
    if not names:
        if any(KERAS_RESNET.match(name) for name in tensors):
            return "Their names are those of Keras' ResNets, which are not read; those of torchvision and timm are."
        shown = ", ".join(sorted(tensors)[:3])
        return f"The names of their {len(tensors)} tensors begin with {shown}."
    name = names[0]
    file = translate_state_dict(tensors, name).without_unrelated()
    shapes = signature(name).of(folded=file.folded).values()
    wanted = {tensor: shape for block in shapes for tensor, shape in block.items()}
    account = compare(wanted, file, (), ("head.", "auxiliary."))
    lines = problems(account, wanted, file)
    more = f", and {len(lines) - 3} more" if len(lines) > 3 else ""
    why = describe_channels(account, wanted, file) or f"These differ: {'; '.join(lines[:3])}{more}."
    return f"They are most like {name}'s. {why}"

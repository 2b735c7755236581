"""Weights into a model: every tensor of the model and of the file is accounted for, or nothing is changed."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace
from itertools import takewhile
from typing import NamedTuple

import torch
from torch import Tensor

from inarch.errors import UserError, WeightsError, WeightsMismatchError
from inarch.models import (
    Backbone,
    Classifier,
    build,
    fold_batch_norm,
)
from inarch.models.foreign import is_foreign
from inarch.report.wording import shortened
from inarch.weights.accounting import Account, compare, describe_channels, describe_likeness, problems, remedy
from inarch.weights.files import WeightsFile, weights_digest
from inarch.weights.identification import (
    COUNTER,
    SEPARATORS,
    TranslatedStateDict,
    complete_prefix,
    identify,
    signature,
    translate_state_dict,
)
from inarch.weights.records import WeightsReport
from inarch.weights.sources import SOURCES, Shapes, source
from inarch.weights.tensorflow_arrays import BACKGROUND

Weights = WeightsFile | Mapping[str, Tensor]


def load(
    model: Classifier, weights: Weights, *, architecture: str, fresh: Collection[str] = (), ignore: Collection[str] = ()
) -> WeightsReport:
    """Load a whole state dict into ``model``, in place; whose names it uses is found out.

    Args:
        model: built with the catalog's ``architecture``; `folded` where the file is.
        weights: a file that was read, or a state dict.
        architecture: the key of the catalog that ``model`` was built from.
        fresh: beginnings of our names (``"head."``) that keep the values which the model has.
        ignore: beginnings of names, ours or the file's, that are left out.

    Raises:
        WeightsMismatchError: a tensor is missing, unexpected or of another shape.
        WeightsError: a value cannot be used: not finite, a negative variance, quantised.
        UserError: nothing of the model begins like one of ``fresh``, or the model is on device "meta".
        Whatever is raised, the model is as it was.
    """
    state = model.state_dict()
    _check_request(state, fresh)
    file = translate_state_dict(_tensors(weights), architecture)
    wanted = {name: tensor.shape for name, tensor in state.items()}
    account = compare(wanted, file, fresh, ignore)
    if lines := problems(account, wanted, file):
        raise WeightsMismatchError(lines, remedy(account, file, architecture))
    _fill(state, file, account.loaded)
    return WeightsReport(
        source=file.source,
        loaded=account.loaded,
        fresh=account.fresh,
        ignored=(*_their_names(account.ignored, file), *file.left_over),
        missing=account.needless,
        sha256=_sha256(weights),
        folded=file.folded,
        notes=_notes(weights, file, architecture),
    )


class LoadedBackbone(NamedTuple):
    """A backbone that ends where its file ends."""

    backbone: Backbone
    after: str
    """Its last block."""
    report: WeightsReport

    @property
    def folded(self) -> bool:
        """Whether batch normalisation is folded into the convolutions."""
        return self.report.folded


def load_backbone(weights: Weights, architecture: str) -> LoadedBackbone:
    """Build as much of ``architecture``'s backbone as the weights fill, in evaluation mode, and load it.

    The backbone ends with the last block before the first that is not complete, and with blocks of the same stage that
    follow it and have no weights; the rest of the file is reported. A folded file gives a folded backbone.

    Raises:
        WeightsMismatchError: the first block is not there, a tensor is of another shape or belongs to no block,
            or the weights are another architecture's.
        WeightsError: a value cannot be used: not finite, a negative variance, quantised.
        UnknownNameError: no architecture has that name.
    """
    signed = signature(architecture)
    whole = translate_state_dict(_tensors(weights), architecture)
    file = whole.without_unrelated()
    blocks = signed.of(folded=file.folded)
    wanted = {name: shape for block in blocks.values() for name, shape in block.items()}
    account = compare(wanted, file, (), ("head.", "auxiliary."))
    complete = complete_prefix(blocks, file)
    inside = {name for block in complete for name in blocks[block]}
    behind = tuple(name for name in account.loaded if name not in inside)
    _check_backbone(account, wanted, file, architecture)
    if not complete or (behind and _belongs_elsewhere(file, architecture)):
        lines = [f"{name}: not in the file" for name in account.missing]
        raise WeightsMismatchError(
            lines, describe_likeness(file, architecture) or "The first block has to be there in full."
        )
    loaded = tuple(name for name in account.loaded if name in inside)
    report = WeightsReport(
        source=file.source,
        loaded=loaded,
        ignored=(*_their_names(account.ignored, file), *file.left_over),
        missing=(*account.needless, *account.missing),
        unexpected=_their_names(behind, file),
        sha256=_sha256(weights),
        folded=file.folded,
        notes=_notes(weights, whole, architecture),
    )
    backbone = _build_and_fill(architecture, complete[-1], file, loaded)
    return LoadedBackbone(backbone, backbone.end, report)


def _check_request(state: Mapping[str, Tensor], fresh: Collection[str]) -> None:
    for prefix in fresh:
        if not any(name.startswith(prefix) for name in state):
            beginnings = sorted({f"{name.split('.')[0]}." for name in state})
            raise UserError(f"Nothing of the model begins with fresh={prefix!r}; there is {', '.join(beginnings)}")
    if any(tensor.is_meta for tensor in state.values()):
        raise UserError("The model is on device 'meta' and has no memory to load into; build it on 'cpu'.")


def _check_backbone(account: Account, wanted: Shapes, file: TranslatedStateDict, architecture: str) -> None:
    """Refuse shapes that differ and tensors of no block; missing ones are for the caller to judge."""
    if lines := problems(replace(account, missing=()), wanted, file):
        hint = describe_channels(account, wanted, file) or describe_likeness(file, architecture)
        raise WeightsMismatchError(lines, hint or f"All but heads must belong to {architecture}.")


def _belongs_elsewhere(file: TranslatedStateDict, architecture: str) -> bool:
    fitting = identify({file.foreign[name]: tensor for name, tensor in file.tensors.items()})
    return bool(fitting) and architecture not in fitting


def _build_and_fill(architecture: str, last: str, file: TranslatedStateDict, names: Iterable[str]) -> Backbone:
    """The backbone up to its block ``last``, with the tensors ``names`` of the file in it."""
    empty = _build_empty(architecture)
    empty = empty.cut(_last_weightless_block(empty, last))
    backbone = fold_batch_norm(empty) if file.folded else empty
    _fill({f"backbone.{name}": tensor for name, tensor in backbone.state_dict().items()}, file, names)
    return backbone.eval()


def _last_weightless_block(backbone: Backbone, last: str) -> str:
    """The last of the blocks without weights that follow ``last`` in its stage: activations, pools."""
    for stage in backbone.stages.values():
        blocks = list(stage.named_children())
        names = [name for name, _ in blocks]
        if last in names:
            following = takewhile(lambda each: not each[1].state_dict(), blocks[names.index(last) + 1 :])
            return [last, *(name for name, _ in following)][-1]
    return last


def _build_empty(architecture: str) -> Backbone:
    """A backbone to be filled; a foreign one is built for real, as it may hold buffers that no file has."""
    if is_foreign(architecture):
        return build(architecture, classes=1).backbone
    return build(architecture, classes=1, device="meta").backbone.to_empty(device="cpu")


def _fill(state: Mapping[str, Tensor], file: TranslatedStateDict, names: Iterable[str]) -> None:
    """Copy the tensors ``names`` into ``state``; absent counters are 0, scales that are implied are 1."""
    converted = {name: file.tensors[name].to(state[name].dtype) for name in names}
    spoilt = [f"{file.foreign[name]} {why}" for name in converted if (why := _find_defect(name, converted, file))]
    if spoilt:
        raise WeightsError(f"The file is damaged, or its training went astray: {shortened(spoilt, 3)}.")
    for name, tensor in state.items():
        if name in converted:
            tensor.copy_(converted[name])
        elif name.endswith(COUNTER):
            tensor.zero_()
        elif name in file.implied:
            tensor.fill_(1.0)


def _find_defect(name: str, converted: Mapping[str, Tensor], file: TranslatedStateDict) -> str:
    """Why a tensor cannot be used; empty where it can."""
    if not name.endswith(COUNTER) and not file.tensors[name].is_floating_point():
        return f"is of type {file.tensors[name].dtype} (quantised?)"
    if not torch.isfinite(converted[name]).all():
        return "is not finite"
    if name.endswith("running_var") and (converted[name] < 0).any():
        return "is a negative variance"
    return ""


def _tensors(weights: Weights) -> Mapping[str, Tensor]:
    return weights.tensors if isinstance(weights, WeightsFile) else weights


def _sha256(weights: Weights) -> str:
    return weights.sha256 if isinstance(weights, WeightsFile) else weights_digest(weights)


def _their_names(names: Iterable[str], file: TranslatedStateDict) -> tuple[str, ...]:
    return tuple(file.foreign[name] for name in names)


def _notes(weights: Weights, file: TranslatedStateDict, architecture: str) -> tuple[str, ...]:
    """Notes for the user from the metadata of the file and its source."""
    said = weights.metadata if isinstance(weights, WeightsFile) else {}
    notes = []
    if said.get("architecture", architecture) != architecture:
        notes.append(f"The file says that it is {said['architecture']}; it was loaded as {architecture}.")
    if "also_present" in said:
        notes.append(f"The file has several state dicts; {said['unwrapped']} was loaded (not {said['also_present']}).")
    if file.prefix:
        notes.append(f"The model lies under {file.prefix!r} in the file.")
    if file.unrelated:
        notes.append(f"The file holds more than the model; these were left out: {_list_unrelated(file)}.")
    if file.implied:
        notes.append(f"{file.source} does without the scale of batch normalisation: {len(file.implied)} of them are 1.")
    if background := [each for each in file.foreign.values() if _has_background(each, weights, file)]:
        notes.append(f"The first of 1,001 classes, background, was left out ({', '.join(background)}).")
    if any(each.name == file.source and architecture in each.notes for each in SOURCES):
        notes.append(source(file.source).notes[architecture])
    return tuple(notes)


def _list_unrelated(file: TranslatedStateDict, shown: int = 5) -> str:
    """The unrelated tensors by their place: ``module.queue``, ``module.encoder_k (120 tensors)``."""
    counts: dict[str, int] = {}
    for each in file.foreign:
        if each in file.unrelated:
            place = _unrelated_place(file.foreign[each], file.prefix)
            counts[place] = counts.get(place, 0) + 1
    named = [place if count == 1 else f"{place} ({count} tensors)" for place, count in counts.items()]
    return shortened(named, shown)


def _unrelated_place(unrelated: str, prefix: str) -> str:
    """The beginning of an unrelated tensor's name, up to the part in which it leaves the prefix."""
    cuts = [0, *(match.end() for match in SEPARATORS.finditer(prefix))]
    start = max(cut for cut in cuts if unrelated.startswith(prefix[:cut]))
    end = SEPARATORS.search(unrelated, start)
    return unrelated[: end.start()] if end else unrelated


def _has_background(name: str, weights: Weights, file: TranslatedStateDict) -> bool:
    return file.source == "TF-slim" and _tensors(weights)[name].shape[-1:] == (BACKGROUND,)

"""Models of other libraries as backbones of ours: cut into a chain of blocks, so that they can be tapped, cut and
split.

A foreign model is known by its library and its name there: ``timm:mobilenetv3_small_100``. Its library is an extra, and
is imported when such a model is asked for, not before. Whether the chain computes what the model computes is not
assumed: it is compared, to the bit, on a random image and with random weights, once for every model.
"""

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from itertools import takewhile
from math import log2
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from inarch.errors import UnknownNameError, UserError
from inarch.extras import import_required
from inarch.models.backbone import (
    Backbone,
    Block,
    Classifier,
    linear_head,
)
from inarch.models.fast.folding import fold_batch_norm

TIMM = "timm:"


@dataclass(frozen=True, kw_only=True)
class ForeignModel:
    """The facts about a foreign model before it is built; fields as in `inarch.models.Architecture`."""

    builder: Callable[[int], Classifier]
    family: str
    variant: str
    image_size: int
    source: str
    mean: tuple[float, float, float]
    std: tuple[float, float, float]


class ForeignBlock(NamedTuple):
    """One block of the chain that a foreign model is."""

    path: str
    """Its path in the foreign model."""
    block: str
    channels: int
    stride: int


class ForeignChain(NamedTuple):
    """How a foreign model becomes a chain."""

    stages: Mapping[str, Sequence[ForeignBlock]]
    heads: Sequence[str]
    """How the paths begin of what the foreign model has behind the chain."""


class LibraryModel(NamedTuple):
    """A foreign model as its library builds it."""

    module: nn.Module
    features: Callable[[Tensor], Tensor]
    """Images to the final feature map."""
    ends: Mapping[str, int]
    """Paths of the modules that end a stage, in running order, and the channels there."""


def is_foreign(name: str) -> bool:
    """Whether ``name`` is that of another library's model."""
    return name.startswith(TIMM)


def foreign_model(name: str) -> ForeignModel:
    """The facts about a foreign model.

    Raises:
        UnknownNameError: its library has no model of that name; offers the nearest one.
        MissingExtraError: its library is not installed.
    """
    facts = timm_facts(name)
    return ForeignModel(
        builder=lambda classes: _classifier(name, classes),
        family="timm",
        variant=facts.tag or "timm",
        image_size=facts.input_size[-1],
        source=f"timm, {facts.architecture}",
        mean=tuple(facts.mean),
        std=tuple(facts.std),
    )


def build_foreign(name: str, *, classes: int, seed: int, device: str) -> Classifier:
    """Build a foreign model with a linear head of ours, initialised as its library does.

    Raises:
        MissingExtraError: its library is not installed.
        UserError: the model is no chain of blocks that compute feature maps.
    """
    with torch.random.fork_rng(devices=[]), torch.device("cpu"):  # libraries compute with numbers while they build
        torch.default_generator.manual_seed(seed)
        return foreign_model(name).builder(classes).to(device)


def foreign_layer_name(name: str, layer: str) -> str:
    """The foreign model's name of our ``layer``.

    Raises:
        KeyError: it has no such layer; the head is ours.
    """
    match layer.split("."):
        case ["backbone", "stages", stage, block, *rest]:
            paths = {link.block: link.path for link in plan_chain(name).stages[stage]}
            return ".".join([paths[block], *rest])
    raise KeyError(layer)


def timm_facts(name: str) -> Any:
    """timm's record of a model and its weights (``timm.models.PretrainedCfg``).

    Raises:
        UnknownNameError: timm has no such model, or no such weights of it.
        MissingExtraError: timm is not installed.
    """
    timm = import_required("timm")
    model, _, tag = name.removeprefix(TIMM).partition(".")
    if not timm.is_model(model):
        models = timm.list_models()
        raise UnknownNameError(
            "timm model", model, [each for each in models if each.startswith(model[:5].lower())] or models
        )
    tags = [each.partition(".")[2] for each in timm.list_pretrained(f"{model}.*")]
    if tag and tag not in tags:
        raise UnknownNameError(f"set of weights of timm's {model}", tag, tags)
    return timm.create_model(model, pretrained=False).pretrained_cfg if not tags else _record(timm, model, tag)


def _open_model(name: str) -> LibraryModel:
    """The model, freshly built."""
    model = import_required("timm").create_model(name.removeprefix(TIMM), pretrained=False)
    info = getattr(model, "feature_info", None)
    if not info or not hasattr(model, "forward_features"):
        raise _no_chain_error(name, "it does not say where its stages end")
    return LibraryModel(model, model.forward_features, {each["module"]: each["num_chs"] for each in info})


def _classifier(name: str, classes: int) -> Classifier:
    backbone = _backbone(_open_model(name).module, plan_chain(name).stages)
    return Classifier(backbone, linear_head(backbone.channels, classes))


def _backbone(model: nn.Module, stages: Mapping[str, Sequence[ForeignBlock]]) -> Backbone:
    return Backbone(
        {
            stage: [Block(link.block, model.get_submodule(link.path), link.channels, link.stride) for link in links]
            for stage, links in stages.items()
        }
    )


@cache
@torch.no_grad()
def plan_chain(name: str) -> ForeignChain:
    """How a foreign model becomes a chain, found out and proved on a random image.

    Raises:
        UserError: it is no chain of blocks that compute feature maps.
    """
    with torch.random.fork_rng(devices=[]), torch.device("cpu"):
        torch.default_generator.manual_seed(0)
        opened = _open_model(name)
        _enliven(opened.module.eval())
        size = foreign_model(name).image_size
        image = torch.randn(1, 3, size, size)
        paths = _find_chain(name, opened, image)
        stages = _group_into_stages(name, _measure_links(name, opened.module, paths, image), opened)
        backbone, expected = _backbone(opened.module, stages), opened.features(image.clone())
        if not torch.equal(backbone(image.clone()), expected):
            raise _no_chain_error(name, "its blocks, one after the other, give another feature map than it does")
        if not torch.allclose(
            fold_batch_norm(backbone)(image), expected, rtol=1e-3, atol=1e-3 * float(expected.abs().max())
        ):
            raise _no_chain_error(name, "its batch normalisation cannot be folded")
    roots = {path.partition(".")[0] for path in paths}
    return ForeignChain(stages, tuple(f"{each}." for each, _ in opened.module.named_children() if each not in roots))


def _enliven(model: nn.Module) -> None:
    """Let no block start as the identity, or the proof would not notice that it is missing."""
    for tensor in [*model.parameters(), *model.buffers()]:
        if tensor.dim() == 1 and tensor.is_floating_point():
            tensor.uniform_(0.5, 1.5)


def _find_chain(name: str, opened: LibraryModel, image: Tensor) -> list[str]:
    """The children of the model, in their order, up to the one that puts out its final map; stages by their blocks."""
    expected = opened.features(image.clone())
    paths: list[str] = []
    feature_map = image
    for path, child in opened.module.named_children():
        try:
            inside, feature_map = _expand_path(path, child, feature_map, tuple(opened.ends))
        except Exception:  # whatever a library raises when a module gets an input that is not meant for it
            break
        paths += inside
        if _is_same(feature_map, expected):
            return paths
    raise _no_chain_error(name, "its parts do not run one after the other")


def _expand_path(path: str, module: nn.Module, feature_map: Tensor, ends: Sequence[str]) -> tuple[list[str], Tensor]:
    """``path``, or the paths of the blocks that do the same one after the other; and what comes out."""
    if type(module).forward is nn.Sequential.forward:
        return _row(path, module, feature_map, ends)
    whole = module(feature_map.clone())
    if any(f"{end}.".startswith(f"{path}.") for end in ends):
        with suppress(Exception):  # not a row after all: see `_find_chain`
            paths, last = _row(path, module, feature_map, ends)
            if _is_same(last, whole):
                return paths, last
    return [path], whole


def _row(path: str, module: nn.Module, feature_map: Tensor, ends: Sequence[str]) -> tuple[list[str], Tensor]:
    paths: list[str] = []
    for name, child in module.named_children():
        inside, feature_map = _expand_path(f"{path}.{name}", child, feature_map, ends)
        paths += inside
    return paths, feature_map


def _is_same(one: object, other: object) -> bool:
    return isinstance(one, Tensor) and isinstance(other, Tensor) and torch.equal(one, other)


def _measure_links(name: str, model: nn.Module, paths: Sequence[str], image: Tensor) -> list[ForeignBlock]:
    """A link for every module that does something, with what it was seen to put out."""
    links = []
    feature_map = image
    for path in paths:
        module = model.get_submodule(path)
        feature_map = module(feature_map.clone())
        if feature_map.dim() != 4:
            raise _no_chain_error(name, f"at {path} it computes no feature map")
        if type(module) is not nn.Identity:
            stride = 2 ** round(log2(image.shape[2] / feature_map.shape[2]))
            links.append(ForeignBlock(path, path.replace(".", "_").strip("_"), feature_map.shape[1], stride))
    return links


def _group_into_stages(
    name: str, links: Sequence[ForeignBlock], opened: LibraryModel
) -> Mapping[str, Sequence[ForeignBlock]]:
    """The links by stages: a stem, and a stage up to each end; what comes after the last belongs to it.

    Every stage has weights, so that a file of the model shows where it was cut.
    """
    late = {end.partition(".")[0] for end in list(opened.ends)[1:] or opened.ends}
    stem = list(takewhile(lambda link: link.path.partition(".")[0] not in late, links))
    stages = {"stem": stem} if stem else {}
    begin = len(stem)
    for end, channels in opened.ends.items():
        inside = [place for place, link in enumerate(links) if f"{link.path}.".startswith(f"{end}.")]
        if inside and links[inside[-1]].channels != channels:
            raise _no_chain_error(name, f"at {end} its feature map does not have its channels in front")
        new = links[begin : inside[-1] + 1] if inside else []
        if any(opened.module.get_submodule(link.path).state_dict() for link in new):
            stages[f"stage{len(stages) + (not stem)}"] = list(new)
            begin = inside[-1] + 1
    if not stages:
        raise _no_chain_error(name, "none of its stages ends between its blocks")
    stages[list(stages)[-1]].extend(links[begin:])
    return {stage: [_avoid_stage_name(link, stages) for link in each] for stage, each in stages.items()}


def _avoid_stage_name(link: ForeignBlock, stages: Mapping[str, object]) -> ForeignBlock:
    """The link with a block's name that no stage has."""
    return link._replace(block=f"{link.block}_block") if link.block in stages else link


def _record(timm: Any, model: str, tag: str) -> Any:
    return timm.get_pretrained_cfg(f"{model}.{tag}" if tag else model)


def _no_chain_error(name: str, why: str) -> UserError:
    return UserError(
        f"{name} cannot serve as a backbone here: {why}. Models that are chains of blocks can, such as timm's resnet, "
        "efficientnet, mobilenetv3, regnet, convnext."
    )

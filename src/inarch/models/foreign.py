"""Nets of other libraries as backbones of ours: cut into a chain of blocks, so that they can be tapped, cut and split.

A foreign net is known by its library and its name there: ``timm:mobilenetv3_small_100``; EfficientNet-Lite0, which
has a package of its own, is ``efficientnet_lite0``. Its library is an extra, and is imported when such a net is asked
for, not before. Whether the chain computes what the net computes is not assumed: it is compared, to the bit, on a
random image and with random weights, once for every net.
"""

import importlib
import importlib.util
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
from inarch.models.backbone import (
    Backbone,
    Block,
    Classifier,
    linear_head,
)
from inarch.models.fast.folding import fold_batch_norm

TIMM = "timm:"
EFFICIENTNET_LITE0, LITE_LIBRARY = "efficientnet_lite0", "efficientnet_lite_pytorch"


@dataclass(frozen=True, kw_only=True)
class ForeignModel:
    """What is known of a foreign net before it is built; fields as in `inarch.models.Architecture`."""

    builder: Callable[[int], Classifier]
    family: str
    variant: str
    image_size: int
    source: str
    mean: tuple[float, float, float]
    std: tuple[float, float, float]


class ForeignBlock(NamedTuple):
    """One block of the chain that a foreign net is."""

    path: str
    """Where it stands in the foreign net."""
    block: str
    channels: int
    stride: int


class ForeignChain(NamedTuple):
    """How a foreign net becomes a chain."""

    stages: Mapping[str, Sequence[ForeignBlock]]
    heads: Sequence[str]
    """How the paths begin of what the foreign net has behind the chain."""


class LibraryModel(NamedTuple):
    """A foreign net as its library builds it."""

    module: nn.Module
    features: Callable[[Tensor], Tensor]
    """Images to the final feature map."""
    ends: Mapping[str, int]
    """Paths of the modules that end a stage, in running order, and the channels there."""
    chain: Sequence[str] = ()
    """Paths of the modules in running order; none where they are to be found out."""


def import_required(module: str, extra: str) -> Any:
    """Import a package that an extra brings.

    Raises:
        UserError: it is not installed; says what to install.
    """
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise UserError(f"This needs the package {module!r}: pip install 'inarch[{extra}]'.") from error


def is_buildable(name: str) -> bool:
    """Whether the library of a foreign net is installed."""
    return importlib.util.find_spec("timm" if name.startswith(TIMM) else LITE_LIBRARY) is not None


def is_foreign(name: str) -> bool:
    """Whether ``name`` is that of another library's net."""
    return name == EFFICIENTNET_LITE0 or name.startswith(TIMM)


def foreign_model(name: str) -> ForeignModel:
    """What is known of a foreign net.

    Raises:
        UnknownNameError: its library has no net of that name; offers the nearest one.
        UserError: its library is not installed.
    """
    return _efficientnet_lite0() if name == EFFICIENTNET_LITE0 else _timm_model(name)


def build_foreign(name: str, *, classes: int, seed: int, device: str) -> Classifier:
    """Build a foreign net with a linear head of ours, initialised as its library does.

    Raises:
        UserError: its library is not installed, or the net is no chain of blocks that compute feature maps.
    """
    with torch.random.fork_rng(devices=[]), torch.device("cpu"):  # libraries compute with numbers while they build
        torch.default_generator.manual_seed(seed)
        return foreign_model(name).builder(classes).to(device)


def foreign_layer_name(name: str, layer: str) -> str:
    """The foreign net's name of our ``layer``.

    Raises:
        KeyError: it has no such layer; the head is ours.
    """
    match layer.split("."):
        case ["backbone", "stages", stage, block, *rest]:
            paths = {link.block: link.path for link in plan_chain(name).stages[stage]}
            return ".".join([paths[block], *rest])
    raise KeyError(layer)


def timm_facts(name: str) -> Any:
    """timm's record of a net and its weights (``timm.models.PretrainedCfg``).

    Raises:
        UnknownNameError: timm has no such net, or no such weights of it.
        UserError: timm is not installed.
    """
    timm = import_required("timm", "timm")
    net, _, tag = name.removeprefix(TIMM).partition(".")
    if not timm.is_model(net):
        nets = timm.list_models()
        raise UnknownNameError("net of timm", net, [each for each in nets if each.startswith(net[:5].lower())] or nets)
    tags = [each.partition(".")[2] for each in timm.list_pretrained(f"{net}.*")]
    if tag and tag not in tags:
        raise UnknownNameError(f"set of weights of timm's {net}", tag, tags)
    return timm.create_model(net, pretrained=False).pretrained_cfg if not tags else _record(timm, net, tag)


def _efficientnet_lite0() -> ForeignModel:
    return ForeignModel(
        builder=lambda classes: _classifier(EFFICIENTNET_LITE0, classes),
        family="efficientnet",
        variant="lite0",
        image_size=224,
        source="Tan and Le 2019, arXiv 1905.11946, as EfficientNet-Lite0; package efficientnet-lite-pytorch",
        mean=(127 / 255, 127 / 255, 127 / 255),  # a pixel p of 0 to 255 becomes (p - 127) / 128
        std=(128 / 255, 128 / 255, 128 / 255),
    )


def _timm_model(name: str) -> ForeignModel:
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


def _open_model(name: str) -> LibraryModel:
    """The net, freshly built."""
    return _open_lite0() if name == EFFICIENTNET_LITE0 else _open_timm(name)


def _open_timm(name: str) -> LibraryModel:
    net = import_required("timm", "timm").create_model(name.removeprefix(TIMM), pretrained=False)
    info = getattr(net, "feature_info", None)
    if not info or not hasattr(net, "forward_features"):
        raise _no_chain_error(name, "it does not say where its stages end")
    return LibraryModel(net, net.forward_features, {each["module"]: each["num_chs"] for each in info})


def _open_lite0() -> LibraryModel:
    """Its stem and its end keep their activation elsewhere; its stages end before the grid shrinks."""
    net = import_required(LITE_LIBRARY, "imagenet").EfficientNet.from_name(EFFICIENTNET_LITE0.replace("_", "-"))
    net.stem_activation, net.end_activation = nn.ReLU6(), nn.ReLU6()
    blocks = {f"_blocks.{place}": block for place, block in enumerate(net._blocks)}
    shrinks = [block._depthwise_conv.stride[0] > 1 for block in net._blocks]
    ends = {
        path: block._project_conv.out_channels
        for (path, block), then in zip(blocks.items(), [*shrinks[1:], True], strict=True)
        if then
    }
    chain = ("_conv_stem", "_bn0", "stem_activation", *blocks, "_conv_head", "_bn1", "end_activation")
    return LibraryModel(net, net.extract_features, ends, chain)


def _classifier(name: str, classes: int) -> Classifier:
    backbone = _backbone(_open_model(name).module, plan_chain(name).stages)
    return Classifier(backbone, linear_head(backbone.channels, classes))


def _backbone(net: nn.Module, stages: Mapping[str, Sequence[ForeignBlock]]) -> Backbone:
    return Backbone(
        {
            stage: [Block(link.block, net.get_submodule(link.path), link.channels, link.stride) for link in links]
            for stage, links in stages.items()
        }
    )


@cache
@torch.no_grad()
def plan_chain(name: str) -> ForeignChain:
    """How a foreign net becomes a chain, found out and proved on a random image.

    Raises:
        UserError: it is no chain of blocks that compute feature maps.
    """
    with torch.random.fork_rng(devices=[]), torch.device("cpu"):
        torch.default_generator.manual_seed(0)
        opened = _open_model(name)
        _enliven(opened.module.eval())
        size = foreign_model(name).image_size
        image = torch.randn(1, 3, size, size)
        paths = opened.chain or _find_chain(name, opened, image)
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


def _enliven(net: nn.Module) -> None:
    """Let no block start as the identity, or the proof would not notice that it is missing."""
    for tensor in [*net.parameters(), *net.buffers()]:
        if tensor.dim() == 1 and tensor.is_floating_point():
            tensor.uniform_(0.5, 1.5)


def _find_chain(name: str, opened: LibraryModel, image: Tensor) -> list[str]:
    """The children of the net, in their order, up to the one that puts out its final map; stages by their blocks."""
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


def _measure_links(name: str, net: nn.Module, paths: Sequence[str], image: Tensor) -> list[ForeignBlock]:
    """A link for every module that does something, with what it was seen to put out."""
    links = []
    feature_map = image
    for path in paths:
        module = net.get_submodule(path)
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

    Every stage has weights, so that a file of the net shows where it was cut.
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


def _record(timm: Any, net: str, tag: str) -> Any:
    return timm.get_pretrained_cfg(f"{net}.{tag}" if tag else net)


def _no_chain_error(name: str, why: str) -> UserError:
    return UserError(
        f"{name} cannot serve as a backbone here: {why}. Nets that are chains of blocks can, such as timm's resnet, "
        "efficientnet, mobilenetv3, regnet, convnext."
    )

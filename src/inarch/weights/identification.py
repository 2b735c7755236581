"""Which architecture a state dict belongs to, by its names and shapes."""

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache

from torch import Size, Tensor

from inarch.models import ARCHITECTURES
from inarch.weights.sources import Shapes, WeightsSource, shapes_of, sources_of

OURS = ("backbone.", "head.", "auxiliary.")
COUNTER = "num_batches_tracked"
SEPARATORS = re.compile("[./]")
"""The signs between the parts of a name."""
LEAST_SHARE = 0.15
"""The share of a file's tensors under a prefix from which on a model is looked for there."""


@dataclass(frozen=True)
class TranslatedStateDict:
    """A state dict under our names."""

    source: str
    tensors: Mapping[str, Tensor]
    """By our name, laid out as ours; what has no name of ours stays under the file's."""
    foreign: Mapping[str, str]
    """The file's name of each, by ours."""
    folded: bool
    """Whether it has biases where the model has batch normalisation, and no batch normalisation."""
    implied: frozenset[str] = frozenset()
    """Our names of what the source's models do without, because it is 1 there: scales."""
    left_over: tuple[str, ...] = ()
    """The file's names of training state besides the model."""
    prefix: str = ""
    """The beginning of the file's names that is no part of the model's."""
    unrelated: frozenset[str] = frozenset()
    """The names, among ``tensors``, of unrelated tensors next to a complete model: a loss's weights, a second model."""

    def without_unrelated(self) -> "TranslatedStateDict":
        """The same with the model's tensors alone; unrelated ones count as left over."""
        kept = {each: tensor for each, tensor in self.tensors.items() if each not in self.unrelated}
        others = tuple(self.foreign[each] for each in self.foreign if each in self.unrelated)
        foreign = {each: theirs for each, theirs in self.foreign.items() if each in kept}
        return replace(self, tensors=kept, foreign=foreign, left_over=(*self.left_over, *others))


def translate_state_dict(tensors: Mapping[str, Tensor], name: str) -> TranslatedStateDict:
    """``tensors`` under our names, as a state dict of architecture ``name``; whose names they are is found out.

    The source is the one whose tables account for the most of the file, or of what lies under one prefix of it: a model
    may be part of a larger one (``encoder_q.``), and that may have layers of its own next to it.
    """
    best, most, taken = TranslatedStateDict("unknown", tensors, {each: each for each in tensors}, folded=False), 0, ""
    for prefix in _prefixes(tensors):
        inner = {each.removeprefix(prefix): tensor for each, tensor in tensors.items() if each.startswith(prefix)}
        file, known = _translate_inner(inner, name)
        if known > most:
            best, most, taken = file, known, prefix
    return _set_apart(best, tensors, taken, name) if most else best


def _prefixes(tensors: Mapping[str, Tensor]) -> list[str]:
    """The prefixes that a good part of the names share, the empty one first; of the others, those met first."""
    counts: Counter[str] = Counter()
    for each in tensors:
        counts.update(each[: match.end()] for match in SEPARATORS.finditer(each))
    return ["", *(prefix for prefix, count in counts.items() if count >= max(2, LEAST_SHARE * len(tensors)))]


def _translate_inner(tensors: Mapping[str, Tensor], name: str) -> tuple[TranslatedStateDict, int]:
    """The translation of what lies under one prefix, and how many tensors the source's tables know."""
    own = sum(each.startswith("backbone.stages.") for each in tensors)
    if own:
        return _rename_tensors("inarch", {each: each for each in tensors}, tensors, name), own
    best, most = TranslatedStateDict("unknown", tensors, {each: each for each in tensors}, folded=False), 0
    for source in sources_of(name):
        spelled = source.spelled(tensors)
        known = {theirs: ours for theirs, word in spelled.items() if (ours := source.ours(word, name))}
        if len(known) > most:
            best, most = _translate_from(source, tensors, {**spelled, **known}, name), len(known)
    return best, most


def _set_apart(file: TranslatedStateDict, tensors: Mapping[str, Tensor], prefix: str, name: str) -> TranslatedStateDict:
    """The translation with the names of the whole file, and with the unrelated tensors next to the model."""
    foreign = {ours: prefix + theirs for ours, theirs in file.foreign.items()}
    known = {SEPARATORS.split(theirs)[0] for ours, theirs in file.foreign.items() if ours.startswith(OURS)}
    blocks = signature(name).of(folded=file.folded)
    unrelated = set()
    if len(complete_prefix(blocks, file)) == len(blocks):
        others = (each for each in file.tensors if not each.startswith(OURS))
        unrelated = {each for each in others if SEPARATORS.split(file.foreign[each])[0] not in known}
    outside = {each: each for each in tensors if not each.startswith(prefix)}
    return replace(
        file,
        tensors={**{each: tensors[each] for each in outside}, **file.tensors},
        foreign={**outside, **foreign},
        prefix=prefix,
        unrelated=frozenset(unrelated | outside.keys()),
        left_over=tuple(prefix + each for each in file.left_over),
    )


def _translate_from(
    source: WeightsSource, tensors: Mapping[str, Tensor], words: Mapping[str, str], name: str
) -> TranslatedStateDict:
    """``words`` says for each tensor our name or, where there is none, how the source spells it."""
    foreign, left_over, laid_out = {}, [], {}
    for theirs, tensor in tensors.items():
        word = words[theirs]
        if word.startswith(OURS):
            tensor = source.incoming(word.rpartition(".")[0], tensor)
        elif word.endswith(source.left_over):
            left_over.append(theirs)
            continue
        else:
            word = _to_head_name(word, source)
        foreign[word], laid_out[theirs] = theirs, tensor
    file = _rename_tensors(source.name, foreign, laid_out, name)
    given = {each.rpartition(".")[0] for each in foreign}
    layers = signature(name).names if not file.folded else frozenset()
    implied = {
        each for each in layers if source.omits(each) and each not in foreign and each.rpartition(".")[0] in given
    }
    return replace(file, implied=frozenset(implied), left_over=tuple(left_over))


def _rename_tensors(
    source: str, foreign: Mapping[str, str], tensors: Mapping[str, Tensor], name: str
) -> TranslatedStateDict:
    has_norms = any(".norm." in each for each in foreign)
    folded = not has_norms and not signature(name).biases.isdisjoint(foreign)
    return TranslatedStateDict(source, {ours: tensors[theirs] for ours, theirs in foreign.items()}, foreign, folded)


def _to_head_name(word: str, source: WeightsSource) -> str:
    """Under ``head.`` or ``auxiliary.`` where someone put layers of their own in place of the source's."""
    return next((ours + word for theirs, ours in source.heads.items() if word.startswith(theirs)), word)


@dataclass(frozen=True)
class Signature:
    """The names and shapes of an architecture's backbone."""

    blocks: Mapping[str, Shapes]
    """Every block that has weights, in running order, by name."""
    folded_blocks: Mapping[str, Shapes]
    """The same with batch normalisation folded."""
    biases: frozenset[str]
    """The names that only the folded form has."""
    names: frozenset[str]
    """All names of the unfolded form, those of heads included."""
    first_sizes: frozenset[int]
    """How many values the tensors of the first block have, in any layout: what no file of the model lacks."""

    def of(self, *, folded: bool) -> Mapping[str, Shapes]:
        """The blocks of one form."""
        return self.folded_blocks if folded else self.blocks


@cache
def signature(name: str) -> Signature:
    """The signature of architecture ``name``.

    Raises:
        UnknownNameError: no architecture has that name.
    """
    shapes = shapes_of(name)
    blocks: dict[str, dict[str, Size]] = {}
    for tensor in shapes:
        if tensor.startswith("backbone."):
            blocks.setdefault(tensor.split(".")[3], {})[tensor] = shapes[tensor]
    folded = {block: folded_shapes(each) for block, each in blocks.items()}
    biases = {each for block in blocks for each in folded[block] if each not in blocks[block]}
    first = {shape.numel() for tensor, shape in next(iter(blocks.values())).items() if not tensor.endswith(COUNTER)}
    return Signature(blocks, folded, frozenset(biases), frozenset(shapes), frozenset(first))


def folded_shapes(shapes: Shapes) -> Shapes:
    """The shapes after `inarch.models.folded`: each ``norm`` is replaced by a bias of its convolution."""
    kept = {name: shape for name, shape in shapes.items() if ".norm." not in name}
    biases = {name.replace(".norm.", ".conv."): shape for name, shape in shapes.items() if name.endswith(".norm.bias")}
    return kept | biases


def is_complete(shapes: Shapes, file: TranslatedStateDict) -> bool:
    """Whether ``file`` has all of a block; batch counters are not needed, nor what is implied."""
    return all(
        name in file.implied or (name in file.tensors and file.tensors[name].shape == shape)
        for name, shape in shapes.items()
        if not name.endswith(COUNTER)
    )


def complete_prefix(blocks: Mapping[str, Shapes], file: TranslatedStateDict) -> tuple[str, ...]:
    """The names of the blocks that are complete, up to the first that is not."""
    names: list[str] = []
    for name, shapes in blocks.items():
        if not is_complete(shapes, file):
            break
        names.append(name)
    return tuple(names)


def identify(tensors: Mapping[str, Tensor]) -> tuple[str, ...]:
    """The architectures whose backbone, or the beginning of it, these tensors are; the whole ones if there are any.

    Heads do not count. Names and shapes cannot tell ResNet v1.5 from v1: both are given, v1.5 first.
    """
    sizes = {tensor.numel() for tensor in tensors.values()}
    shares = {name: _share(name, tensors) for name in ARCHITECTURES if sizes >= signature(name).first_sizes}
    best = max(shares.values(), default=0.0)
    whole = best == 1.0
    return tuple(name for name, share in shares.items() if share and (share == 1.0 or not whole))


def _share(name: str, tensors: Mapping[str, Tensor]) -> float:
    """Share of the blocks that the tensors fill; 0 where a tensor is none of the model's, or a block follows a gap."""
    file = translate_state_dict(tensors, name).without_unrelated()
    blocks = signature(name).of(folded=file.folded)
    complete = complete_prefix(blocks, file)
    allowed = {each: shape for block in list(blocks)[: len(complete) + 1] for each, shape in blocks[block].items()}
    given = {each: tensor.shape for each, tensor in file.tensors.items() if each.startswith("backbone.")}
    foreign = len(file.tensors) - sum(each.startswith(OURS) for each in file.tensors)
    if foreign or any(allowed.get(each) != shape for each, shape in given.items()):
        return 0.0
    return len(complete) / len(blocks)


def nearest_architectures(tensors: Mapping[str, Tensor]) -> tuple[str, ...]:
    """The architectures that these tensors are most like, where over half of the backbone's tensors agree."""
    fitting = identify(tensors)
    if fitting:
        return fitting
    overlaps = {name: _overlap(name, tensors) for name in ARCHITECTURES}
    best = max(overlaps.values())
    return tuple(name for name, overlap in overlaps.items() if overlap == best and best > 0.5)


def _overlap(name: str, tensors: Mapping[str, Tensor]) -> float:
    """Tensors that agree in name and shape, as a share of all that either side has."""
    file = translate_state_dict(tensors, name).without_unrelated()
    shapes = signature(name).of(folded=file.folded).values()
    wanted = {
        (each, tuple(shape))
        for block in shapes
        for each, shape in block.items()
        if not each.endswith(COUNTER) and each not in file.implied
    }
    given = {
        (each, tuple(tensor.shape))
        for each, tensor in file.tensors.items()
        if not each.endswith(COUNTER) and not each.startswith(("head.", "auxiliary."))
    }
    return len(wanted & given) / len(wanted | given)

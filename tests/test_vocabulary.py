"""The package and its documents use the field's words; a private dialect does not come back."""

import ast
import io
import re
import tokenize
from collections.abc import Collection, Iterable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).parents[1]


class Ban(NamedTuple):
    """A phrase, as a regular expression, and the field's word for it."""

    phrase: str
    instead: str
    in_names: bool = True
    """Whether identifiers must not have it either; the names of stored fields are part of the formats."""


BANNED = (
    # models and weights
    Ban(r"(?<![\w/])[Nn]ets?\b(?![-/])", "model (with head), backbone (without) or network"),
    Ban(r"first weights|(knows?|learned|learnt) nothing|nothing (yet )?learned", "randomly initialised"),
    Ban(r"\b(own|fresh) net\b|from scratch net|net from scratch", "model trained from scratch"),
    Ban(r"\bgraft(s|ed|ing)?\b", "transfer"),
    Ban(r"\bside[- ]heads?\b", "auxiliary classifiers"),
    Ban(r"products in 16 bits", "bfloat16 matmul"),
    Ban(r"behind the cut|stands? before (the cut|it)", "the layers after the cut, the frozen prefix"),
    Ban(r"maps of channels", "feature maps"),
    Ban(r"moves? a channel", "activation maximisation"),
    Ban(r"(deleted|deleting \w+) in the order of", "deletion metric"),
    Ban(r"maps? (is|are) worth", "attribution faithfulness"),
    # datasets
    Ban(r"(learned|learnt|learns?|learning) from\b(?! scratch)", "training set, trained on", in_names=False),
    Ban(
        r"\bheld[- ](out|back)\b|\bhold(s|ing)? out\b|that no choice saw", "validation set or test set", in_names=False
    ),
    Ban(r"\btwins?\b", "near-duplicates; plain counterpart"),
    Ban(r"leak tax|\bleak\b", "train/test leakage", in_names=False),
    Ban(r"belongs? together (must|may|that is parted)|parts what belongs", "train/test leakage"),
    Ban(r"classes of different size", "class imbalance"),
    Ban(r"\bstrangers?\b", "out-of-distribution (OOD)"),
    # figures and decisions
    Ban(r"\b[Rr]ight on\b", "accuracy, correct on"),
    Ban(r"[Tt]oo close to call", "inconclusive"),
    Ban(r"beyond chance", "significantly better"),
    Ban(r"\b(told|tells?|tell|telling) apart\b|cannot tell .{1,30} apart", "distinguished, significantly different"),
    Ban(r"stands? beside|\bbeside (the|a|an|it|its|ours?)\b", "is compared with, next to"),
    Ban(r"(?<![-`])\bgoals?\b(?![`=:])", "target accuracy", in_names=False),
    Ban(r"hold(s|ing)? the true (one|class)", "conformal prediction set, coverage"),
    Ban(r"\bdoubt(s|ed|ing)?\b|\bunsure\b", "abstains, abstention"),
    Ban(r"confidence.{0,20} believed", "calibration"),
    Ban(r"taken for what", "confusion matrix"),
    Ban(r"\bby heart\b", "overfitting"),
    # training
    Ban(r"\bpenalt(y|ies)\b", "L2 regularisation strength"),
    Ban(r"what moved|did not move|nothing moves", "parameters updated"),
    Ban(r"clock (may )?decides?|by the clock", "reproducible, ignores wall-clock time"),
    Ban(r"drawn follows from", "random seed"),
    # style
    Ban(r"\bat hand\b", "available"),
    Ban(r"^(Of|That|What) (?!.*\?$)", "a sentence or a noun phrase"),
)

ALLOWED = {
    "README.md": ("graft",),  # where the name is explained
    "docs/index.md": ("graft",),
    "docs/decisions/0021-a-promise-by-a-fixed-list-of-bounds.md": ("unsure",),  # the benchmark's file
    "docs/decisions/0022-strangers-are-told-by-their-nearest-neighbours.md": ("unsure",),
}

PYTHON = sorted((ROOT / "src").rglob("*.py")) + sorted((ROOT / "handbook").rglob("*.py"))
TEMPLATES = sorted(path for ending in ("*.j2", "*.js") for path in (ROOT / "src").rglob(ending))
CARDS = sorted((ROOT / "src/inarch/weights/embedded").glob("*.md"))
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md")), *CARDS]


def python_texts(source: str) -> Iterator[str]:
    """The strings (adjacent ones joined) and comments (adjacent lines joined) of a module."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value
        elif isinstance(node, ast.JoinedStr):
            yield "".join(str(part.value) if isinstance(part, ast.Constant) else "…" for part in node.values)
    comments: dict[int, str] = {}
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type == tokenize.COMMENT:
            comments[token.start[0]] = token.string.removeprefix("#")
    for line, text in comments.items():
        yield text + comments.get(line + 1, "")


def python_names(source: str) -> set[str]:
    """The identifiers of a module, with spaces between their words."""
    tokens = tokenize.generate_tokens(io.StringIO(source).readline)
    return {token.string.strip("_").replace("_", " ") for token in tokens if token.type == tokenize.NAME}


def page_texts(source: str) -> Iterator[str]:
    """The paragraphs of a page or a template, without its tags and expressions."""
    for paragraph in re.split(r"\n\s*\n|```", re.sub(r"{[{%#].*?[}%#]}", "…", source, flags=re.DOTALL)):
        yield re.sub(r"</?(b|i|small|code)>", "", paragraph)


def banned_in(texts: Iterable[str], allowed: Collection[str] = (), bans: Sequence[Ban] = BANNED) -> list[str]:
    """One line for each banned phrase, with its context."""
    found = []
    for text in texts:
        flat = " ".join(text.split())
        for ban in bans:
            for match in re.finditer(ban.phrase, flat):
                if match[0] not in allowed:
                    context = flat[max(0, match.start() - 40) : match.end() + 40]
                    found.append(f"{match[0]!r} in “{context}”: write {ban.instead}")
    return found


@pytest.mark.parametrize("path", [*PYTHON, *TEMPLATES, *PAGES], ids=lambda path: str(path.relative_to(ROOT)))
def test_texts_use_the_words_of_the_field(path: Path) -> None:
    """No string, docstring, comment, identifier, template or page has a banned phrase."""
    source = path.read_text("utf-8")
    allowed = ALLOWED.get(path.relative_to(ROOT).as_posix(), ())
    if path.suffix == ".py":
        found = banned_in(python_texts(source), allowed)
        found += banned_in(python_names(source), allowed, [ban for ban in BANNED if ban.in_names])
    else:
        found = banned_in(page_texts(source), allowed)
    assert found == []


@pytest.mark.parametrize("ban", BANNED, ids=lambda ban: ban.instead)
def test_the_replacement_is_not_itself_banned(ban: Ban) -> None:
    """Whoever follows the advice of a failing test passes it."""
    assert banned_in([ban.instead]) == []


def test_phrases_are_found_wherever_they_are_written() -> None:
    """Across joined strings and line ends, in comments and in names."""
    source = '"""A\ntwin."""\nx = f"held " "out {1}"\nside_heads = 1  # a\n# goal\n'
    assert found_phrases(python_texts(source)) == {"twin", "held out", "goal"}
    assert found_phrases(python_names(source)) == {"side heads"}
    page = "It is <b>too</b> close\nto call.\n\nIt is at\n\nhand."
    assert found_phrases(page_texts(page)) == {"too close to call"}


def found_phrases(texts: Iterable[str]) -> set[str]:
    """The banned phrases in some texts."""
    return {line.split("'")[1] for line in banned_in(texts)}

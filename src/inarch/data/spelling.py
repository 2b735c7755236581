"""Names in one form: Unicode writes one letter in several ways, and systems do not agree on one.

macOS stores ``é`` as ``e`` and an accent, Linux and Windows as it was typed. Names are compared, and classes called,
in the composed form (NFC); a file keeps its own name.
"""

import os
import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path

LATIN_TWINS = str.maketrans("асеоріхуѕјквмнтαορνικυτχ", "aceopixysjkbmhtaopvikutx")
"""Small letters of Cyrillic and Greek that look like Latin ones, to these."""


def compose(name: str) -> str:
    """The name in the form in which names are compared."""
    return unicodedata.normalize("NFC", name)


def spell_path(folder: Path, path: str) -> str:
    """``path`` in ``folder`` as the disk spells it, which may be in another form; as it is, if nothing is there.

    Each part is looked for on its own: a folder may come from one system and its files from another.
    """
    if os.path.lexists(folder / path) or path.isascii():
        return path
    found = Path()
    for part in Path(path).parts:
        found = found / _spell_part(folder / found, part)
    return found.as_posix() if os.path.lexists(folder / found) else path


def find_spelled(path: Path) -> Path:
    """The absolute path as the disk spells it."""
    return Path(path.anchor, spell_path(Path(path.anchor), str(path.relative_to(path.anchor))))


def _spell_part(folder: Path, part: str) -> str:
    if part.isascii() or os.path.lexists(folder / part) or not os.path.isdir(folder):
        return part
    return next((name for name in sorted(os.listdir(folder)) if compose(name) == compose(part)), part)


def find_look_alikes(names: Iterable[str]) -> Iterator[tuple[str, str]]:
    """Pairs of names, the later one first, that differ only by capitals, spaces, signs or letters of one look."""
    alike: dict[str, list[str]] = defaultdict(list)
    for name in names:
        plain = unicodedata.normalize("NFKC", name).casefold().translate(LATIN_TWINS)
        alike["".join(filter(str.isalnum, unicodedata.normalize("NFKC", plain))) or name].append(name)
    for first, *others in alike.values():
        for other in others:
            yield other, first


def distinguish_names(one: str, other: str) -> str:
    """Two names that look the same, with the code points where they differ."""
    if one.casefold() == other.casefold():
        return f"{one!r} and {other!r}"
    differing = [each for each in one if each not in other and ord(each) > 127]
    differing += [each for each in other if each not in one and ord(each) > 127]
    points = ", ".join(f"U+{ord(each):04X} {unicodedata.name(each, '')}".strip() for each in dict.fromkeys(differing))
    return f"{one!r} and {other!r}" + (f" ({points})" if points else "")

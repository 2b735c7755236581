"""Another name for a class of a bundle, without training again."""

from dataclasses import dataclass, replace
from pathlib import Path
from shutil import copytree
from typing import Any

from inarch.bundle.card import model_card
from inarch.bundle.format import BundleFile
from inarch.bundle.reading import Bundle, read_bundle
from inarch.bundle.writing import seal
from inarch.data.spelling import compose
from inarch.errors import OutputError, UnknownNameError, UserError
from inarch.storage.files import whole_folder
from inarch.storage.home import expand
from inarch.storage.serialisation import to_json
from inarch.transfer.photos import check_class_names


@dataclass(frozen=True)
class RenamedClass:
    """A bundle whose class has another name."""

    bundle: str
    old: str
    new: str
    classes: tuple[str, ...]
    """All classes, in the order of the model's outputs."""


def rename(bundle: str | Path, old: str, new: str) -> RenamedClass:
    """Give a class of a bundle another name, in place; the model and all figures stay as they are.

    The list of classes, the figures and the model card are written anew, and the bundle is sealed again. Paths of
    photos and the sentences of ``report.html`` keep the name under which the model was trained.

    Args:
        bundle: the folder.
        old: the name of the class, as ``classes.txt`` has it.
        new: its new name.

    Raises:
        BundleError: the bundle cannot be read.
        UnknownNameError: it has no class ``old``; offers the nearest one.
        UserError: ``new`` is a class of it already, or is not one line.
        OutputError: the folder cannot be written; the bundle then stays as it was.

    Examples:
        >>> old = inarch.load("mine").classes[0]
        >>> inarch.rename("mine", old, "corrected").classes[0]
        'corrected'
        >>> inarch.rename("mine", "corrected", old).new == old
        True
    """
    whole = read_bundle(bundle)
    named = {compose(name): name for name in whole.classes}
    if compose(old) not in named:
        raise UnknownNameError("class", old, whole.classes)
    check_class_names([new])
    if compose(new) in named and compose(new) != compose(old):
        raise UserError(f"{bundle} has a class {new!r} already; two classes cannot have one name.")
    was, new = named[compose(old)], compose(new)
    renamed = RenamedClass(str(whole.path), was, new, tuple(new if name == was else name for name in whole.classes))
    try:
        with whole_folder(expand(bundle), replace=True) as partial:
            copytree(whole.path, partial, dirs_exist_ok=True)
            _write_names(partial, whole, renamed)
    except OSError as error:
        raise OutputError(f"{bundle} cannot be written ({error.strerror or error}); it stays as it was.") from error
    return renamed


def _write_names(folder: Path, bundle: Bundle, renamed: RenamedClass) -> None:
    """The files that hold names of classes, and the digests of all."""
    (folder / BundleFile.CLASSES).write_bytes("".join(f"{name}\n" for name in renamed.classes).encode())
    metrics = _exchanged(bundle.metrics, renamed.old, renamed.new)
    (folder / BundleFile.METRICS).write_bytes(f"{to_json(metrics)}\n".encode())
    (folder / BundleFile.CARD).write_bytes(model_card(replace(bundle.report, classes=renamed.classes)).encode())
    seal(folder, bundle.config)


def _exchanged(value: Any, old: str, new: str) -> Any:
    """The same data, with each text that is ``old`` exchanged; sentences and paths are longer and stay."""
    if isinstance(value, dict):
        return {new if key == old else key: _exchanged(each, old, new) for key, each in value.items()}
    if isinstance(value, list):
        return [_exchanged(each, old, new) for each in value]
    return new if value == old else value

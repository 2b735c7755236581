"""Where a named file of weights is: on this machine first, then, if that is allowed, from where it was published."""

import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path

import torch

from inarch.errors import MissingExtraError, WeightsError, install_command
from inarch.extras import import_required
from inarch.weights.embedded import list_embedded_models
from inarch.weights.fetching import digest, fetch
from inarch.weights.named import NAMED, NamedWeights


def find_download_ban() -> str:
    """The reason why downloads are forbidden here, one of two variables; empty if they are allowed."""
    variables = ("INARCH_OFFLINE", "HF_HUB_OFFLINE")
    switched = [name for name in variables if os.environ.get(name, "").lower() in ("1", "on", "yes", "true")]
    return f"{switched[0]}={os.environ[switched[0]]}" if switched else ""


def torch_folder() -> Path:
    """Where PyTorch keeps what it downloads; torchvision and older timm look there too."""
    return Path(torch.hub.get_dir()) / "checkpoints"


@dataclass(frozen=True, kw_only=True)
class WeightsPlaces:
    """Where to look, and whether to download."""

    folder: Path = field(default_factory=torch_folder)
    hub: Path | None = None
    """The Hugging Face hub's cache; None takes the one that its own variables name."""
    forbidden: str = field(default_factory=find_download_ban)
    """The reason why downloads are forbidden; empty if they are allowed."""
    mirror: str = ""
    """In place of where files were published: the address of a folder that holds them all."""


def locate(row: NamedWeights, places: WeightsPlaces | None = None) -> Path:
    """The file of ``row``, checked against its hash.

    Looks into its package, PyTorch's folder and the hub's cache, and downloads it to the first of them that it can.

    Raises:
        WeightsError: it is nowhere and cannot be fetched (the message lists the ways to get it), or a file of its name
            is not what it should be.
    """
    places = places or WeightsPlaces()
    for path in _candidates(row, places):
        _check(path, row)
        return path
    if row.package or places.forbidden:
        why = f"downloads are forbidden ({places.forbidden})" if places.forbidden else f"{row.package} is not installed"
        raise WeightsError(_explain_absence(row, places, why))
    try:
        return _fetch_row(row, places)
    except WeightsError as error:
        raise WeightsError(_explain_absence(row, places, str(error))) from error


def is_local(row: NamedWeights, places: WeightsPlaces | None = None) -> bool:
    """Whether the file of ``row`` is on this machine already; its hash is not looked at."""
    return any(True for _ in _candidates(row, places or WeightsPlaces()))


def _candidates(row: NamedWeights, places: WeightsPlaces) -> Iterator[Path]:
    """Files that are there."""
    if row.package and (spec := find_spec(row.package)) and spec.origin:
        yield Path(spec.origin).parent / row.folder / row.file
    if row.sha256 and (places.folder / row.file).is_file():
        yield places.folder / row.file
    if row.hub and (found := _find_in_hub_cache(row, places)):
        yield found


def _find_in_hub_cache(row: NamedWeights, places: WeightsPlaces) -> Path | None:
    """The file that the hub's own package finds offline; nothing if the package is not installed."""
    try:
        hub = import_required("huggingface_hub")
    except MissingExtraError:
        return None
    for file in ("model.safetensors", "pytorch_model.bin"):
        found = hub.try_to_load_from_cache(row.hub, file, cache_dir=places.hub)
        if isinstance(found, str):
            return Path(found)
    return None


def _check(path: Path, row: NamedWeights) -> None:
    """The hash that the table knows; of a file of the hub, which keeps each under its own hash, that one."""
    blob = path.resolve().name
    expected = row.sha256 if path.name == row.file and row.sha256 else blob if len(blob) == 64 else ""
    found = digest(path)
    if expected and not found.startswith(expected):
        raise WeightsError(
            f"{path} is not the file that {row.name} names: its SHA-256 begins with {found[:8]}, not {expected[:8]}. "
            "It is damaged or another file; remove it and run this again."
        )


def _fetch_row(row: NamedWeights, places: WeightsPlaces) -> Path:
    if row.url:
        path = places.folder / row.file
        fetch(f"{places.mirror.rstrip('/')}/{row.file}" if places.mirror else row.url, path, sha256=row.sha256)
        return path
    hub = import_required("huggingface_hub")
    try:
        path = Path(hub.hf_hub_download(row.hub, row.file, cache_dir=places.hub, endpoint=places.mirror or None))
    except Exception as error:  # the hub's own kinds and those of its HTTP library share no base class
        reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise WeightsError(f"{row.hub} could not be fetched from the hub: {reason}") from error
    _check(path, row)
    return path


def _explain_absence(row: NamedWeights, places: WeightsPlaces, why: str) -> str:
    """The error for a file that is nowhere, with every way to get it."""
    ways = []
    if row.package:
        ways.append(f"install it: {install_command(row.extra)}")
    if row.url:
        ways.append(f"put {row.file} from {row.url} into {places.folder}, or name it: --weights FILE")
    if row.hub:
        ways.append(f"`hf download {row.hub}` where there is a network, and bring the hub's cache here (HF_HOME)")
    if places.forbidden:
        ways.append(f"allow the download: unset {places.forbidden.partition('=')[0]}")
    ways += [f"--model {name} --weights embedded, which comes with inarch" for name in list_embedded_models()]
    ways += [
        f"--model {each.architecture}, after {install_command(each.extra)}"
        for each in NAMED.values()
        if each.package and each.name != row.name
    ]
    listed = "\n".join(f"- {way}" for way in ways)
    return f"The weights {row.name} are not on this machine: {why.rstrip('.')}. Ways to go on:\n{listed}"

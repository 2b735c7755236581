"""Reading a bundle, without torch: every file is checked against the config's list of digests before it is used."""

import hashlib
import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from inarch import notebook
from inarch.bundle.format import FORMAT, NEEDED, OPTIONAL, SEALED, BundleFile
from inarch.data.photos import Preprocessing
from inarch.errors import BundleError, UserError
from inarch.metrics.answering import Evidence
from inarch.storage.home import expand
from inarch.storage.serialisation import from_data, to_data
from inarch.transfer.records.report import TrainingReport
from inarch.weights.npz import read_arrays


@dataclass(frozen=True)
class BundleConfig:
    """The configuration from which the model can be built again."""

    architecture: str
    variant: str
    after: str
    """The stage or block after which its backbone ends."""
    folded: bool
    """Whether batch normalisation is folded into the convolutions."""
    strategy: str
    weights: str
    seed: int
    flip: bool
    versions: dict[str, str]
    class_weighting: str = "none"
    """How class imbalance was treated; older bundles do not say."""
    near_duplicates: bool = False
    group_by: str = ""
    """How the photos were split, besides the seed: near-duplicates and other groups that stay on one side."""
    gathered: list[str] = field(default_factory=list)
    """The earlier stages that the head reads too; older bundles have none."""


@dataclass(frozen=True)
class Bundle:
    """A bundle on disk."""

    path: Path
    config: BundleConfig
    digests: Mapping[str, str]
    """SHA-256 of the files that must not change."""
    classes: tuple[str, ...]
    preprocessing: Preprocessing
    temperature: float
    """Logits are divided by it before the softmax."""

    def graph(self) -> bytes:
        """The ONNX graph, from pixels to logits.

        Raises:
            BundleError: it is missing or altered.
        """
        return _read_sealed(self.path, BundleFile.GRAPH, self.digests)

    def weights(self) -> Path:
        """The file of the model's weights.

        Raises:
            BundleError: it is missing or altered.
        """
        path = self.path / BundleFile.WEIGHTS
        try:
            with path.open("rb") as file:
                _refuse_pointer(path, file.read(64))
                file.seek(0)
                _check(path, hashlib.file_digest(file, "sha256").hexdigest(), self.digests)
        except OSError as error:
            raise _unreadable_error(path, error) from error
        return path

    @property
    def metrics(self) -> dict[str, Any]:
        """The figures of its training.

        Raises:
            BundleError: the file is missing or altered.
        """
        return _object(self.path / BundleFile.METRICS, _read_sealed(self.path, BundleFile.METRICS, self.digests))

    @property
    def report(self) -> TrainingReport:
        """The same as a record, with what other files of the bundle hold of it.

        Raises:
            BundleError: the file is missing, altered or damaged.
        """
        elsewhere = {"classes": self.classes, "preprocessing": to_data(self.preprocessing)}
        try:
            return from_data(TrainingReport, {**self.metrics, **elsewhere, "temperature": self.temperature})
        except UserError as error:
            if isinstance(error, BundleError):
                raise
            raise BundleError(
                f"{self.path / BundleFile.METRICS} is damaged: {error} Train or copy it again."
            ) from error

    def _repr_html_(self) -> str | None:
        """The picture of its model, for notebooks."""
        return notebook.picture_of(self)

    def golden(self) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
        """Pixels (n, side, side, 3) and their expected logits (n, classes).

        Raises:
            BundleError: they are missing or altered.
        """
        pixels, logits = self._arrays(BundleFile.GOLDEN, ("pixels", "logits"))
        if [pixels.dtype, logits.dtype] != [np.uint8, np.float32]:
            raise BundleError(
                f"{self.path / BundleFile.GOLDEN} holds {pixels.dtype} and {logits.dtype}, which are not pixels and "
                "logits. Train or copy the bundle again."
            )
        return pixels, logits

    def evidence(self) -> Evidence | None:
        """The evidence for an abstention rule; None for bundles that have none: older ones, and adapted ones.

        Raises:
            BundleError: it is missing or altered.
        """
        if BundleFile.ANSWERING not in self.digests:
            return None
        arrays = Evidence(*self._arrays(BundleFile.ANSWERING, [each.name for each in fields(Evidence)]))
        photos = {each.shape for each in (arrays.confidence, arrays.correct, arrays.truth, arrays.novelty)}
        expected = [np.float64, np.bool_, np.float64, np.float64, np.float16]
        kinds = [getattr(arrays, each.name).dtype for each in fields(Evidence)]
        if len(photos) > 1 or not arrays.novelty.size or arrays.known.ndim != 2 or kinds != expected:
            raise BundleError(
                f"The arrays in {self.path / BundleFile.ANSWERING} do not fit together. Train or copy it again."
            )
        return arrays

    def _arrays(self, name: str, parts: Sequence[str]) -> list[NDArray[Any]]:
        content = _read_sealed(self.path, name, self.digests)
        try:
            return list(read_arrays(io.BytesIO(content), parts).values())
        except ValueError as error:
            raise _unreadable_error(self.path / name, error) from error


def read_bundle(path: str | Path) -> Bundle:
    """Read a bundle's configuration; its other files are read when they are needed.

    Raises:
        BundleError: there is no bundle, a file of it is missing, damaged or altered, or another inarch wrote it.
    """
    folder = expand(path)
    if not folder.is_dir():
        raise BundleError(f"There is no bundle at {folder}: a bundle is the folder that `inarch train` writes.")
    missing = [name for name in NEEDED if not (folder / name).is_file()]
    if missing:
        raise BundleError(f"{folder} is not a whole bundle: {', '.join(missing)} missing. Train or copy it again.")
    config = _object(folder / BundleFile.CONFIG, _bytes(folder / BundleFile.CONFIG))
    if config.get("format") != FORMAT:
        raise BundleError(
            f"{folder} has bundle format {config.get('format')!r}, and this inarch reads format {FORMAT}; "
            "use the inarch that wrote it, or train it again."
        )
    try:
        return _bundle(folder, config)
    except BundleError:
        raise
    except UserError as error:
        raise BundleError(f"{folder} is damaged: {error} Train or copy it again.") from error
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        raise BundleError(f"{folder} is damaged ({type(error).__name__}: {error}). Train or copy it again.") from error


def _bundle(folder: Path, config: dict[str, Any]) -> Bundle:
    sealed = [name.value for name in (*SEALED, *OPTIONAL) if name in SEALED or name in config["sha256"]]
    digests = {name: str(config["sha256"][name]) for name in sealed}
    preprocess = _object(folder / BundleFile.PREPROCESS, _read_sealed(folder, BundleFile.PREPROCESS, digests))
    calibration = _object(folder / BundleFile.CALIBRATION, _read_sealed(folder, BundleFile.CALIBRATION, digests))
    return Bundle(
        path=folder,
        config=from_data(BundleConfig, config),
        digests=digests,
        classes=_classes(_read_sealed(folder, BundleFile.CLASSES, digests)),
        preprocessing=from_data(Preprocessing, preprocess),
        temperature=_temperature(float(calibration["temperature"])),
    )


def _classes(content: bytes) -> tuple[str, ...]:
    names = tuple(content.decode("utf-8").splitlines())
    if len(names) < 2 or len(set(names)) < len(names):
        raise ValueError(f"{BundleFile.CLASSES} lists {len(names)} classes, {len(set(names))} of them distinct")
    return names


def _temperature(value: float) -> float:
    if not 0 < value < float("inf"):
        raise ValueError(f"temperature {value}")
    return value


def _read_sealed(folder: Path, name: str, digests: Mapping[str, str]) -> bytes:
    """The content of a file, if it is what was written with the bundle."""
    content = _bytes(folder / name)
    found = {hashlib.sha256(each).hexdigest() for each in _with_any_line_ends(name, content)}
    _check(folder / name, digests[name] if digests[name] in found else "", digests)
    return content


def _with_any_line_ends(name: str, content: bytes) -> Sequence[bytes]:
    """The content, and for text the same with the line ends of other systems: git changes them as it copies."""
    if Path(name).suffix not in (".json", ".txt"):
        return (content,)
    lines = content.replace(b"\r\n", b"\n")
    return content, lines, lines.replace(b"\n", b"\r\n")


def _check(path: Path, digest: str, digests: Mapping[str, str]) -> None:
    if digest != digests[path.name]:
        raise BundleError(
            f"{path} is not the file that was written with this bundle: it was exchanged, altered or damaged. "
            "Train or copy the bundle again."
        )


def _bytes(path: Path) -> bytes:
    try:
        content = path.read_bytes()
    except OSError as error:
        raise _unreadable_error(path, error) from error
    _refuse_pointer(path, content)
    return content


def _refuse_pointer(path: Path, beginning: bytes) -> None:
    """Say what lies there in the place of a file that git keeps elsewhere."""
    if beginning.startswith(b"version https://git-lfs"):
        raise BundleError(f"{path} is a Git LFS pointer, and the file itself was not fetched: run `git lfs pull`.")


def _object(path: Path, content: bytes) -> dict[str, Any]:
    try:
        parsed = json.loads(content.decode("utf-8"))
    except (ValueError, RecursionError) as error:
        raise _unreadable_error(path, error) from error
    if not isinstance(parsed, dict):
        raise BundleError(f"{path} holds {type(parsed).__name__}, not an object. Train or copy the bundle again.")
    return parsed


def _unreadable_error(path: Path, error: Exception) -> BundleError:
    reason = error.strerror if isinstance(error, OSError) and error.strerror else error
    return BundleError(f"{path} cannot be read: {reason}. Train or copy the bundle again.")

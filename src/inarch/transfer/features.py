"""The frozen prefix, run once per photo and view by ONNX Runtime and cached on disk.

The key of a cache row has everything that it depends on: the weights, the tap, the preprocessing, the view, and the
bytes of the photo. Nothing is computed twice, in this run or the next.
"""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from inarch.data.augment import augment
from inarch.data.augmentation import Augmentation
from inarch.data.photos import Preprocessing
from inarch.data.store import DECODER, StoredPhotos
from inarch.errors import OutputError
from inarch.models import Backbone
from inarch.runtime.onnx_graph import FEATURES, features_graph, features_output
from inarch.runtime.session import Graph
from inarch.storage.cache import (
    ArrayCache,
    Rows,
    cache_key,
    touch,
)
from inarch.storage.cache_folder import explain_unwritable
from inarch.storage.files import whole_file
from inarch.training.seeds import generator

GRAPH_VERSION = "4"
"""Part of every key: raise it when the exported graphs change what they compute."""
PROBED_STAGES, GATHERED_STAGES = 2, 3
"""The number of last stages after which a backbone may end, because the last is often too specific to its source
task; and the number of stages that a head may read together."""


@dataclass(frozen=True)
class Prefix:
    """A frozen backbone, and the cache of its results.

    Args:
        backbone: run in evaluation mode, up to its end.
        digest: digest of its architecture and weights.
        preprocessing: from photos to its input.
        tap: the stage or block whose whole feature map is kept too (fp16); None keeps pooled features only.
        cache: the cache folder.
        decoder: names the pixels that photos are decoded to.
    """

    backbone: Backbone
    digest: str
    preprocessing: Preprocessing
    tap: str | None
    cache: Path
    decoder: str = DECODER

    @property
    def stages(self) -> tuple[str, ...]:
        """The stages after which the backbone may end, in running order."""
        return self.gathered[-PROBED_STAGES:]

    @property
    def gathered(self) -> tuple[str, ...]:
        """The stages whose pooled feature maps are kept, in running order; a head may read all of them."""
        return tuple(each.name for each in self.backbone.info[-GATHERED_STAGES:])

    def output(self, stage: str) -> str:
        """The cache name of the features of one of ``gathered``."""
        return FEATURES if stage == self.stages[-1] else features_output(stage)

    @property
    def key(self) -> str:
        """A digest of this prefix."""
        end = self.backbone.end
        return cache_key(GRAPH_VERSION, self.decoder, self.digest, end, self.tap or "", repr(self.preprocessing))

    def graph(self) -> bytes:
        """The ONNX graph from pixels to features; exported once, then read from the cache if it is intact there.

        Raises:
            OutputError: it cannot be written to the cache.
        """
        folder = self.cache / "graphs"
        for path in folder.glob(f"{self.key}.*.onnx"):
            if (graph := _read_intact(path)) is not None:
                touch(path)
                return graph
        taps = () if self.tap is None else (self.tap,)
        graph = features_graph(self.backbone, self.preprocessing, taps, self.gathered[:-1])
        _write(folder / f"{self.key}.{hashlib.sha256(graph).hexdigest()}.onnx", graph)
        return graph

    def view(self, number: int, recipe: Augmentation) -> "AugmentedCopy":
        """The ``number``-th view of the photos: 0 is unaugmented, the others are augmented."""
        name = "plain" if number == 0 else f"{number} {recipe!r}"
        return AugmentedCopy(self, number, recipe, ArrayCache(self.cache / "features" / cache_key(self.key, name)))


@dataclass(frozen=True)
class AugmentedCopy:
    """One view of the photos through a prefix."""

    prefix: Prefix
    number: int
    recipe: Augmentation
    rows: ArrayCache

    def compute(
        self,
        stored: StoredPhotos,
        rows: NDArray[np.int64],
        on_progress: Callable[[int, int], None],
        *,
        chunk: int = 64,
    ) -> dict[str, Rows]:
        """Run the prefix on those of ``rows`` that the cache lacks.

        Args:
            stored: the decoded photos.
            rows: which of them.
            on_progress: called with photos done and photos to do.
            chunk: photos after which the cache is written, so that a run that is killed loses no more.

        Returns:
            For each of `Prefix.gathered` its features (n, d) in float32, under `Prefix.output`, and, if the prefix
            keeps a feature map, ``map`` (n, c, h, w) in float16; one row for each of ``rows``.
        """
        digests = [stored.photos.photos[row].digest for row in rows]
        place = dict(zip(digests, rows, strict=True))
        missing = sorted(set(self.rows.missing(list(place))), key=place.__getitem__)
        if missing:
            graph = Graph(self.prefix.graph())
            for first in range(0, len(missing), chunk):
                keys = missing[first : first + chunk]
                pixels = stored.images[np.array([place[key] for key in keys])]
                self.rows.write(keys, _name_outputs(graph, self._seen(pixels, keys)))
                on_progress(min(first + chunk, len(missing)), len(missing))
        names = [self.prefix.output(stage) for stage in self.prefix.gathered]
        names += [] if self.prefix.tap is None else ["map"]
        return {name: self.rows.read(digests, name) for name in names}

    def _seen(self, pixels: NDArray[np.uint8], keys: Sequence[str]) -> NDArray[np.uint8]:
        """The pixels of this view; the augmentation depends on the photo alone, not on its neighbours."""
        if self.number == 0:
            return pixels
        seen = [
            augment(torch.from_numpy(image)[None].permute(0, 3, 1, 2), self.recipe, generator(self.number, "view", key))
            for image, key in zip(pixels, keys, strict=True)
        ]
        return torch.cat(seen).permute(0, 2, 3, 1).contiguous().numpy()


def _name_outputs(graph: Graph, pixels: NDArray[np.uint8]) -> dict[str, NDArray[np.floating]]:
    """The graph's outputs by their cache names."""
    named: dict[str, NDArray[np.floating]] = dict(zip(graph.outputs, graph(pixels), strict=True))
    if "map_0" in named:
        named["map"] = named.pop("map_0").astype(np.float16)
    return named


def _read_intact(path: Path) -> bytes | None:
    """The content of a file whose name is its digest; None if it is damaged."""
    try:
        content = path.read_bytes()
    except OSError:
        return None
    return content if path.name.endswith(f".{hashlib.sha256(content).hexdigest()}.onnx") else None


def _write(path: Path, content: bytes) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with whole_file(path) as partial:
            partial.write_bytes(content)
    except OSError as error:
        raise OutputError(explain_unwritable(path.parent, error)) from error

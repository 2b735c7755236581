"""The teacher's features of crops: computed once by ONNX Runtime, and cached for every pass and every student."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from inarch.commands.pretrain.corpus import Corpus
from inarch.commands.pretrain.crops import Crops, cut_crops
from inarch.runtime.session import Graph
from inarch.storage.cache import ArrayCache, cache_key

FEATURES = "features"


_open_cache = lru_cache(maxsize=256)(ArrayCache)


@dataclass(frozen=True)
class Teacher:
    """A pre-trained model whose features a student learns to predict.

    A mirrored crop gets the features of the unmirrored crop: a classifier of photos hardly distinguishes them, and the
    cache needs half the space.
    """

    graph: Graph
    """Pixels to pooled features."""
    weight: NDArray[np.float32]
    """(classes, d): the teacher's own head, from features to logits."""
    bias: NDArray[np.float32]
    digest: str
    """Digest of the model and its preprocessing."""
    size: int
    """Side of the crops, in pixels."""

    def features(
        self,
        corpora: Sequence[Corpus],
        crops: Crops,
        cache: Path,
        seed: int,
        on_progress: Callable[[int, int], None] = lambda done, total: None,
    ) -> NDArray[np.float32]:
        """Features of crops, (n, d), with zeros for those that are not distilled; adds to the cache what it lacks."""
        wanted = np.zeros((len(crops), self.weight.shape[1]), np.float32)
        for place, corpus in enumerate(corpora):
            if not corpus.source.taught:
                continue
            for view in np.unique(crops.view[crops.corpus == place]):
                here = np.flatnonzero((crops.corpus == place) & (crops.view == view))
                rows = _open_cache(self._folder(corpus, int(view), cache, seed))
                keys = [corpus.digests[row] for row in crops.row[here]]
                missing = set(rows.missing(keys))
                if missing:
                    at = {key: place for place, key in enumerate(keys)}
                    new = here[[at[key] for key in sorted(missing)]]
                    self._add(rows, corpora, crops[new], seed)
                wanted[here] = rows.read(keys, FEATURES)[:]
                on_progress(int(here[-1]), len(crops))
        return wanted

    def _folder(self, corpus: Corpus, view: int, cache: Path, seed: int) -> Path:
        source = corpus.source
        settings = (self.digest, source.image_size, source.min_scale, self.size, seed, view, len(corpus.images))
        return cache / "teacher" / cache_key(*map(str, settings))

    def _add(self, rows: ArrayCache, corpora: Sequence[Corpus], crops: Crops, seed: int) -> None:
        pixels = cut_crops(corpora, crops, self.size, seed, mirror=False)
        (features,) = self.graph(pixels, batch=32)
        place = int(crops.corpus[0])
        rows.write([corpora[place].digests[row] for row in crops.row], {FEATURES: features.astype(np.float16)})

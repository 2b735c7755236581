"""The feature cache: nothing twice, nothing stale, and nothing that depends on the neighbours.

The graph is replaced by one that averages pixels and counts the photos that it is shown.
"""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from inarch.data.augmentation import Augmentation
from inarch.data.photos import Preprocessing
from inarch.data.store import ignore_counts
from inarch.errors import OutputError
from inarch.models import build
from inarch.runtime.onnx_graph import features_output
from inarch.runtime.session import Graph
from inarch.transfer import features
from inarch.transfer.features import Prefix
from inarch.transfer.run import StartingPoint, TrainingRun

ROWS = np.arange(10)
RECIPE = Augmentation(min_scale=0.5, colour=0.3)


class Counting(Graph):
    """Stands in for `Graph`: features and map follow from the pixels alone."""

    shown: int = 0
    dies_after: int = 10**9

    def __init__(self, graph: bytes) -> None:
        self.named = tuple(graph.decode().split(", "))

    @property
    def outputs(self) -> tuple[str, ...]:
        return self.named

    def __call__(self, pixels: NDArray[np.uint8]) -> tuple[NDArray[np.float32], ...]:
        if Counting.shown + len(pixels) > Counting.dies_after:
            raise KeyboardInterrupt
        Counting.shown += len(pixels)
        pooled = pixels.mean((1, 2), dtype=np.float32)
        whole = pixels[:, ::8, ::8].transpose(0, 3, 1, 2).astype(np.float32)
        return tuple(whole if name == "map_0" else pooled for name in self.outputs)


@pytest.fixture
def exported(monkeypatch: pytest.MonkeyPatch) -> list[bytes]:
    """Every graph that was exported."""
    graphs: list[bytes] = []

    def export(backbone: object, preprocessing: object, taps: tuple[str, ...], pooled: tuple[str, ...]) -> bytes:
        names = [*(["map_0"] if taps else []), *map(features_output, pooled), "features"]
        graphs.append(", ".join(names).encode())
        return graphs[-1]

    monkeypatch.setattr(features, "features_graph", export)
    monkeypatch.setattr(features, "Graph", Counting)
    monkeypatch.setattr(Counting, "shown", 0)
    monkeypatch.setattr(Counting, "dies_after", 10**9)
    return graphs


@pytest.fixture
def job(make_job: Callable[..., TrainingRun], fresh: StartingPoint) -> TrainingRun:
    return make_job(fresh)


@pytest.fixture
def prefix(exported: list[bytes], fresh: StartingPoint, tmp_path: Path) -> Prefix:
    return Prefix(fresh.backbone, "weights", Preprocessing(image_size=32), None, tmp_path / "cache")


def computed(
    prefix: Prefix, job: TrainingRun, rows: NDArray[np.int64] = ROWS, number: int = 0, recipe: Augmentation = RECIPE
) -> tuple[NDArray[np.float32], int]:
    """The features of ``rows``, and how many photos had to be shown to the graph for them."""
    before = Counting.shown
    found = prefix.view(number, recipe).compute(job.stored, rows, lambda done, total: None)
    return found["features"][:], Counting.shown - before


def test_features_stand_in_the_order_of_the_rows(prefix: Prefix, job: TrainingRun) -> None:
    """Whatever the order, and whatever was cached before."""
    computed(prefix, job, np.array([7, 2]))
    rows = np.array([3, 7, 0, 2, 9])
    found, shown = computed(prefix, job, rows)
    assert np.array_equal(found, job.stored.images[rows].mean((1, 2), dtype=np.float32))
    assert shown == 3


def test_nothing_runs_twice(
    prefix: Prefix, job: TrainingRun, exported: list[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Once everything is cached, neither is a graph exported nor a session opened nor a photo read."""
    first, _ = computed(prefix, job)

    def explode(*_: object) -> None:
        raise AssertionError("Everything is in the cache.")

    monkeypatch.setattr(features, "Graph", explode)
    monkeypatch.setattr(features, "features_graph", explode)
    again, shown = computed(prefix, job)
    assert np.array_equal(first, again)
    assert shown == 0


@pytest.mark.parametrize(
    "change",
    [
        lambda prefix: replace(prefix, digest="other weights"),
        lambda prefix: replace(prefix, tap="stage3"),
        lambda prefix: replace(prefix, preprocessing=Preprocessing(image_size=32, mean=(0.5, 0.5, 0.5))),
        lambda prefix: replace(prefix, preprocessing=Preprocessing(image_size=32, interpolation="bicubic")),
        lambda prefix: replace(prefix, backbone=prefix.backbone.cut("stage3")),
    ],
    ids=["weights", "tap", "normalisation", "interpolation", "end"],
)
def test_another_prefix_computes_anew(prefix: Prefix, job: TrainingRun, change: Callable[[Prefix], Prefix]) -> None:
    """A stale feature would be a wrong one, silently; going back finds the old ones again."""
    computed(prefix, job)
    assert computed(change(prefix), job)[1] == len(ROWS)
    assert computed(prefix, job)[1] == 0


def test_another_decoder_computes_anew(prefix: Prefix, job: TrainingRun) -> None:
    """Features follow from pixels: when photos are decoded otherwise, the old ones are not found."""
    computed(prefix, job)
    assert computed(replace(prefix, decoder="another"), job)[1] == len(ROWS)


def test_another_view_computes_anew(prefix: Prefix, job: TrainingRun) -> None:
    """By number, and by recipe; the plain view knows no recipe."""
    plain, _ = computed(prefix, job)
    first, shown = computed(prefix, job, number=1)
    assert shown == len(ROWS)
    assert not np.array_equal(first, plain)
    assert computed(prefix, job, number=2)[1] == len(ROWS)
    assert computed(prefix, job, number=1, recipe=Augmentation(min_scale=0.6))[1] == len(ROWS)
    assert computed(prefix, job, number=0, recipe=Augmentation(min_scale=0.6))[1] == 0
    assert computed(prefix, job, number=1)[1] == 0


def test_a_changed_photo_is_computed_anew(
    prefix: Prefix, job: TrainingRun, make_job: Callable[..., TrainingRun], fresh: StartingPoint
) -> None:
    """Under its old name, but with another digest: it alone."""
    first, _ = computed(prefix, job)
    altered = make_job(fresh, digests={4: "changed"}, pixels={4: np.full((32, 32, 3), 9, np.uint8)})
    again, shown = computed(prefix, altered)
    assert shown == 1
    assert np.array_equal(again[4], [9.0, 9.0, 9.0])
    assert np.array_equal(np.delete(again, 4, 0), np.delete(first, 4, 0))


def test_copies_of_one_photo_are_computed_once(
    prefix: Prefix, make_job: Callable[..., TrainingRun], fresh: StartingPoint
) -> None:
    """Two files of the same bytes, and a row asked for twice, each get their line."""
    job = make_job(fresh)
    twins = make_job(fresh, digests={5: "drawn-2"}, pixels={5: job.stored.images[2]})
    found, shown = computed(prefix, twins, np.array([5, 1, 2, 1]))
    assert shown == 2
    assert np.array_equal(found[0], found[2])
    assert np.array_equal(found[1], found[3])


def test_a_killed_run_keeps_its_whole_chunks(prefix: Prefix, job: TrainingRun, monkeypatch: pytest.MonkeyPatch) -> None:
    """After the kill only the rest is computed, and all is as if nothing had happened."""
    monkeypatch.setattr(Counting, "dies_after", 5)
    with pytest.raises(KeyboardInterrupt):
        prefix.view(0, RECIPE).compute(job.stored, ROWS, ignore_counts, chunk=4)
    monkeypatch.setattr(Counting, "dies_after", 10**9)
    found, shown = computed(prefix, job)
    assert shown == len(ROWS) - 4
    assert np.array_equal(found, job.stored.images[ROWS].mean((1, 2), dtype=np.float32))


def test_views_do_not_depend_on_neighbours(prefix: Prefix, job: TrainingRun, tmp_path: Path) -> None:
    """What chance does to a photo follows from the photo and the view's number, not from who else is there."""
    together, _ = computed(prefix, job, ROWS, number=1)
    elsewhere = replace(prefix, cache=tmp_path / "other")
    for rows in (ROWS[7:], ROWS[:7][::-1]):
        found, _ = computed(elsewhere, job, rows, number=1)
        assert np.array_equal(found, together[rows])


def test_maps_are_kept_in_half_precision(prefix: Prefix, job: TrainingRun) -> None:
    """Beside the features of the last three stages, one whole map for each photo."""
    found = replace(prefix, tap="stage3").view(0, RECIPE).compute(job.stored, ROWS, lambda done, total: None)
    assert set(found) == {"features", "features_stage2", "features_stage3", "map"}
    assert found["map"].dtype == np.float16
    assert np.array_equal(found["map"][:], job.stored.images[ROWS][:, ::8, ::8].transpose(0, 3, 1, 2))


def test_progress_counts_what_is_missing(prefix: Prefix, job: TrainingRun) -> None:
    """From the first chunk to the last."""
    computed(prefix, job, ROWS[:1])
    seen: list[tuple[int, int]] = []
    prefix.view(0, RECIPE).compute(job.stored, ROWS, lambda done, total: seen.append((done, total)), chunk=4)
    assert seen == [(4, 9), (8, 9), (9, 9)]


@pytest.mark.parametrize("damage", [b"", b"feat", b"features_stage3, Features"])
def test_a_damaged_graph_is_exported_again(prefix: Prefix, exported: list[bytes], damage: bytes) -> None:
    """Cut short or altered, it is not used, and the cache is whole afterwards."""
    whole = prefix.graph()
    assert prefix.graph() == whole
    assert len(exported) == 1
    (file,) = (prefix.cache / "graphs").iterdir()
    file.write_bytes(damage)
    assert prefix.graph() == whole
    assert len(exported) == 2
    assert prefix.graph() == whole
    assert len(exported) == 2
    assert list((prefix.cache / "graphs").iterdir()) == [file]


def test_a_cache_that_cannot_be_written_is_named(prefix: Prefix) -> None:
    """One sentence, with what to do."""
    prefix.cache.write_text("a file where the folder should be")
    with pytest.raises(OutputError, match=r"cache in .*graphs cannot be written .*INARCH_CACHE"):
        prefix.graph()


def test_whole_backbones_and_their_beginnings_have_keys_of_their_own(tmp_path: Path) -> None:
    """Two keys are equal only where everything is."""
    backbone = build("resnet_tiny", classes=1).backbone
    sizes = [Preprocessing(image_size=size) for size in (32, 64)]
    prefixes = [
        Prefix(backbone.cut(end), digest, size, tap, tmp_path)
        for end in ("stage3", "stage4")
        for digest in ("a", "b")
        for size in sizes
        for tap in (None, "stage2")
    ]
    assert len({prefix.key for prefix in prefixes}) == 16

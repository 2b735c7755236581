"""The row cache: what is written is read; what is half written does not exist."""

import errno
import itertools
import json
import os
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from inarch.errors import OutputError, WorkError
from inarch.storage import cache as caching
from inarch.storage.cache import ArrayCache, OpenLimits, cache_key
from inarch.storage.cache_folder import default_cache_folder

DTYPES = st.sampled_from([np.uint8, np.float16, np.float32, np.int64, np.bool_])


def keys(n, start=0):
    return [cache_key(str(number)) for number in range(start, start + n)]


def equal(one, other):
    return one.dtype == other.dtype and one.shape == other.shape and one.tobytes() == other.tobytes()


@pytest.fixture
def no_waiting_for_the_disk(monkeypatch):
    """Where a test writes hundreds of chunks."""
    monkeypatch.setattr(caching.os, "fsync", lambda descriptor: None)


@pytest.mark.usefixtures("no_waiting_for_the_disk")
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=25)
@given(data=st.data())
def test_what_is_written_is_read(tmp_path, data):
    """Any dtype and shape, any chunks, any order of reading, by this object and by a fresh one."""
    folder = Path(tempfile.mkdtemp(dir=tmp_path))
    shape = data.draw(npst.array_shapes(min_dims=1, max_dims=4, max_side=5))
    rows = data.draw(npst.arrays(data.draw(DTYPES), shape))
    names = keys(len(rows))
    cuts = sorted({0, len(rows), *data.draw(st.lists(st.integers(0, len(rows)), max_size=3))})
    cache = ArrayCache(folder)
    for low, high in itertools.pairwise(cuts):
        cache.write(names[low:high], {"images": rows[low:high], "other": np.arange(low, high)})
    order = data.draw(st.lists(st.integers(0, len(rows) - 1), min_size=1, max_size=12))
    for reader in (cache, ArrayCache(folder)):
        assert reader.missing(names) == []
        found = reader.read([names[i] for i in order], "images")
        assert len(found) == len(order)
        assert found.shape == (len(order), *rows.shape[1:])
        assert equal(found[:], rows[order])
        assert reader.read([names[i] for i in order], "other")[:].tolist() == order


def test_rows_are_indexed_like_an_array(tmp_path):
    """Integers, slices, index arrays and masks mean what they mean for NumPy, across chunks."""
    rows = np.random.default_rng(0).integers(0, 256, (10, 3, 2), dtype=np.uint8)
    cache = ArrayCache(tmp_path)
    cache.write(keys(4), {"a": rows[:4]})
    cache.write(keys(6, 4), {"a": np.asfortranarray(rows[4:])})
    found = cache.read(keys(10), "a")
    mask = rows[:, 0, 0] > 99
    for index in (0, -1, np.int64(7), slice(None), slice(8, 2, -3), np.array([9, 0, 0, 5]), np.array([], int), mask):
        assert equal(found[index], rows[index])
    assert equal(np.stack(list(found)), rows)
    with pytest.raises(IndexError):
        found[10]


def test_what_is_read_may_be_changed_without_changing_the_cache(tmp_path):
    """Rows are copies."""
    cache = ArrayCache(tmp_path)
    cache.write(keys(2), {"a": np.zeros((2, 3))})
    rows = cache.read(keys(2), "a")
    rows[:][:] = 7
    rows[0][:] = 7
    assert rows[:].max() == 0


def test_missing_keys_come_once_and_in_order(tmp_path):
    """A folder that does not exist holds nothing; asking for what is not there is an error."""
    cache = ArrayCache(tmp_path / "none" / "yet")
    assert cache.missing([*reversed(keys(3)), *keys(3)]) == list(reversed(keys(3)))
    with pytest.raises(KeyError):
        cache.read(keys(1), "a")
    cache.write(keys(1), {"a": np.ones((1, 1))})
    assert cache.missing(keys(3)) == keys(2, 1)
    with pytest.raises(KeyError):
        cache.read(keys(1), "b")


def test_a_chunk_of_another_process_is_seen(tmp_path):
    """Two caches on one folder learn of each other's rows; rows written twice are read once."""
    one, other = ArrayCache(tmp_path), ArrayCache(tmp_path)
    assert one.missing(keys(4)) == other.missing(keys(4)) == keys(4)
    one.write(keys(3), {"a": np.arange(3)})
    other.write(keys(3, 1), {"a": np.arange(1, 4)})
    for cache in (one, other):
        assert cache.read(keys(4), "a")[:].tolist() == [0, 1, 2, 3]


@pytest.mark.usefixtures("no_waiting_for_the_disk")
def test_many_writers_at_once(tmp_path):
    """Every row arrives."""

    def write(number):
        ArrayCache(tmp_path).write(keys(5, 5 * number), {"a": np.arange(5 * number, 5 * number + 5)})

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(write, range(20)))
    assert ArrayCache(tmp_path).read(keys(100), "a")[:].tolist() == list(range(100))


KILLED = """
import os, sys
import numpy as np
from pathlib import Path
from inarch.storage import cache
calls = 0
def dying(function):
    def call(*args, **kwargs):
        global calls
        calls += 1
        if calls == int(sys.argv[2]):
            os._exit(9)
        return function(*args, **kwargs)
    return call
np.save, os.fsync, os.replace = dying(np.save), dying(os.fsync), dying(os.replace)
cache.ArrayCache(Path(sys.argv[1])).write(["aa", "bb"], {"x": np.ones((2, 9)), "y": np.zeros(2)})
"""


@pytest.mark.parametrize("step", range(1, 7))
def test_a_writer_killed_at_any_step_leaves_all_or_nothing(tmp_path, step):
    """Neither the files before the last rename count, nor is anything lost after it."""
    code = subprocess.run([sys.executable, "-c", KILLED, str(tmp_path), str(step)], check=False).returncode
    cache = ArrayCache(tmp_path)
    if code == 0:
        assert cache.read(["aa", "bb"], "x")[:].min() == 1
    else:
        assert code == 9
        assert cache.missing(["aa", "bb"]) == ["aa", "bb"]
    cache.write(["aa", "bb"], {"x": np.full((2, 9), 1.0), "y": np.zeros(2)})
    assert cache.missing(["aa", "bb"]) == []


def damage_cut(file):
    file.write_bytes(file.read_bytes()[:-1])


def damage_longer(file):
    file.write_bytes(file.read_bytes() + b"\0")


def damage_header(file):
    file.write_bytes(b"\0" * 10 + file.read_bytes()[10:])


def damage_remove(file):
    file.unlink()


ARRAY_DAMAGE = (damage_cut, damage_longer, damage_header, damage_remove)
DAMAGE = [(which, damage) for which in ("a.npy", "b.npy") for damage in ARRAY_DAMAGE]
DAMAGE += [("keys.json", damage) for damage in (damage_cut, damage_header, damage_remove)]


@pytest.mark.parametrize(("which", "damage"), DAMAGE)
def test_a_damaged_chunk_is_missing(tmp_path, which, damage):
    """Its rows are written again, and then read; its neighbours are not concerned."""
    ArrayCache(tmp_path).write(keys(3), {"a": np.arange(3), "b": np.arange(6).reshape(3, 2)})
    damage(next(tmp_path.glob(f"*{which}")))
    ArrayCache(tmp_path).write(keys(2, 3), {"a": np.arange(3, 5), "b": np.arange(6, 10).reshape(2, 2)})
    cache = ArrayCache(tmp_path)
    assert cache.missing(keys(5)) == keys(3)
    cache.write(keys(3), {"a": np.arange(3), "b": np.arange(6).reshape(3, 2)})
    assert cache.read(keys(5), "b")[:].tolist() == np.arange(10).reshape(5, 2).tolist()


@pytest.mark.parametrize("content", ["[]", "{}", "null", '{"keys": 3, "bytes": {}}', '{"keys": ["aa"], "bytes": 1}'])
def test_a_keys_file_of_another_make_is_ignored(tmp_path, content):
    """Valid JSON of the wrong shape is damage too."""
    (tmp_path / "x.keys.json").write_text(content)
    assert ArrayCache(tmp_path).missing(["aa"]) == ["aa"]


def test_a_pickle_is_never_read(tmp_path):
    """An object array in place of a chunk counts as damage; it is not unpickled."""
    cache = ArrayCache(tmp_path)
    with pytest.raises(ValueError, match="allow_pickle"):
        cache.write(keys(1), {"a": np.array([{}])})
    assert list(tmp_path.iterdir()) == []
    np.save(tmp_path / "x.a.npy", np.array([print]), allow_pickle=True)
    size = (tmp_path / "x.a.npy").stat().st_size
    (tmp_path / "x.keys.json").write_text(json.dumps({"keys": keys(1), "bytes": {"a": size}}))
    assert ArrayCache(tmp_path).missing(keys(1)) == keys(1)


@pytest.mark.parametrize("failing", [1, 2])
def test_a_full_disk_is_one_sentence_and_leaves_nothing(tmp_path, monkeypatch, failing):
    """Wherever it happens, no half chunk stays behind."""
    calls = []

    def full(descriptor):
        calls.append(descriptor)
        if len(calls) == failing:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(caching.os, "fsync", full)
    with pytest.raises(OutputError, match=r"cannot be written \(No space left on device\): free some space, or set IN"):
        ArrayCache(tmp_path).write(keys(2), {"a": np.zeros(2), "b": np.ones(2)})
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_is_a_file_is_one_sentence(tmp_path):
    """So is every other reason for which nothing can be written."""
    (tmp_path / "file").touch()
    with pytest.raises(OutputError, match="cannot be written"):
        ArrayCache(tmp_path / "file" / "cache").write(keys(1), {"a": np.zeros(1)})


@pytest.mark.parametrize(("names", "arrays"), [([], {"a": np.zeros(0)}), (["aa"], {}), (["aa"], {"a": np.zeros(2)})])
def test_rows_must_match_their_keys(tmp_path, names, arrays):
    """Nothing is written that could not be found again."""
    with pytest.raises(ValueError, match="keys need as many rows"):
        ArrayCache(tmp_path).write(names, arrays)


def test_a_cache_removed_while_in_use_says_so(tmp_path):
    """Not a traceback of NumPy's."""
    cache = ArrayCache(tmp_path)
    cache.write(keys(1), {"a": np.zeros(1)})
    rows = cache.read(keys(1), "a")
    for file in tmp_path.iterdir():
        file.unlink()
    with pytest.raises(WorkError, match="removed or damaged while it was in use; run again"):
        rows[0]


@pytest.mark.usefixtures("no_waiting_for_the_disk")
@pytest.mark.parametrize("limits", [OpenLimits(chunks=4), OpenLimits(size=48)])
def test_more_chunks_than_stay_open(limits, tmp_path):
    """Memory maps cost file descriptors, and memory once they are read; here a chunk has 16 bytes."""
    cache = ArrayCache(tmp_path, limits)
    for number in range(20):
        cache.write(keys(1, number), {"a": np.full((1, 2), number)})
    rows = cache.read(keys(20), "a")
    before = len(os.listdir("/proc/self/fd")) if Path("/proc/self/fd").exists() else 0
    assert rows[:][:, 0].tolist() == list(range(20))
    if before:
        assert len(os.listdir("/proc/self/fd")) <= before + 4


def test_keys_tell_their_parts_apart():
    """Moving a character from one part to the next gives another key; the same parts give the same."""
    found = {cache_key(*parts) for parts in [("a", "bc"), ("ab", "c"), ("abc",), ("abc", ""), ('a","bc',)]}
    assert len(found) == 5
    assert cache_key("a", "bc") in found
    assert all(len(key) == 64 and int(key, 16) >= 0 for key in found)


def test_the_default_folder_follows_the_environment(monkeypatch):
    """INARCH_CACHE, then XDG_CACHE_HOME, then the home folder."""
    monkeypatch.setenv("HOME", "/home/ann")
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.delenv("INARCH_CACHE", raising=False)
    assert default_cache_folder() == Path("/home/ann/.cache/inarch")
    monkeypatch.setenv("XDG_CACHE_HOME", "/var/x")
    assert default_cache_folder() == Path("/var/x/inarch")
    monkeypatch.setenv("INARCH_CACHE", "/big/disk")
    assert default_cache_folder() == Path("/big/disk")

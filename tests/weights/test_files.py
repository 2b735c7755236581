"""Weights files: what is read, what is unwrapped, what is refused, and that nothing in a file ever runs."""

import argparse
import collections
import contextlib
import functools
import hashlib
import importlib
import io
import os
import pickle
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from onnx import helper, numpy_helper
from safetensors.torch import save_file

from inarch.errors import OutputError, WeightsError
from inarch.weights.files import read_weights, weights_digest, write_weights
from inarch.weights.inert import InertUnpickler

STATE = {"a.weight": torch.arange(6.0).reshape(2, 3), "a.bias": torch.ones(2), "n": torch.tensor(3)}
OTHER = {name: tensor + 1 for name, tensor in STATE.items()}


def saved(folder: Path, content: Any, name: str = "w.pth", *, legacy: bool = False) -> Path:
    path = folder / name
    torch.save(content, path, _use_new_zipfile_serialization=not legacy)
    return path


def assert_state(path: Path, expected: dict[str, torch.Tensor] = STATE) -> None:
    tensors = read_weights(path).tensors
    assert set(tensors) == set(expected)
    assert all(torch.equal(tensors[name], expected[name]) for name in expected)


@pytest.mark.parametrize("legacy", [True, False])
@pytest.mark.parametrize("suffix", ["pth", "pt", "th", "bin", "pth.tar", "safetensors"])
def test_pickled_state_dicts_are_read_whatever_their_suffix(tmp_path: Path, suffix: str, legacy: bool) -> None:
    """Content decides, in the zip format and in the one before it."""
    assert_state(saved(tmp_path, STATE, f"w.{suffix}", legacy=legacy))


def test_safetensors_are_read_whatever_their_suffix(tmp_path: Path) -> None:
    """Content decides; metadata and the digest of the bytes come along."""
    path = tmp_path / "model.pth"
    save_file(STATE, path, {"licence": "CC0"})
    assert_state(path)
    file = read_weights(path)
    assert dict(file.metadata) == {"licence": "CC0"}
    assert file.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.mark.parametrize(
    ("content", "unwrapped"),
    [
        (STATE, None),
        (collections.OrderedDict(STATE), None),
        ({"state_dict": STATE, "epoch": 3, "best_prec1": 91.8}, "state_dict"),
        ({"model": STATE, "optimizer": {"lr": 0.1}}, "model"),
        ({"model": {"state_dict": STATE}}, "model.state_dict"),
        ({"model_ema": STATE, "model": OTHER}, "model_ema"),
        ({"state_dict": OTHER, "state_dict_ema": STATE}, "state_dict_ema"),
        ({f"module.{name}": each for name, each in STATE.items()}, None),
        ({"state_dict": {f"_orig_mod.module.{name}": each for name, each in STATE.items()}}, "state_dict"),
        (
            {"model_ema": {"n_averaged": torch.tensor(7), **{f"module.{n}": each for n, each in STATE.items()}}},
            "model_ema",
        ),
    ],
)
def test_checkpoints_are_unwrapped(tmp_path: Path, content: Any, unwrapped: str | None) -> None:
    """Trainers' wrappers and prefixes come off; where there is a moving average, it is what is taken."""
    path = saved(tmp_path, content)
    assert_state(path)
    assert read_weights(path).metadata.get("unwrapped") == unwrapped


def test_what_was_passed_over_is_said(tmp_path: Path) -> None:
    """A file with two state dicts says which one was taken and which was not."""
    metadata = read_weights(saved(tmp_path, {"model": OTHER, "model_ema": STATE})).metadata
    assert metadata["unwrapped"] == "model_ema"
    assert metadata["also_present"] == "model"


def test_a_prefix_that_not_all_names_have_is_a_name(tmp_path: Path) -> None:
    """Only what stands before every name is a wrapper's."""
    mixed = {"module.a": torch.ones(1), "b": torch.ones(1)}
    assert_state(saved(tmp_path, mixed), mixed)


def test_a_checkpoint_from_the_wild(shared_data: Callable[[str], Path]) -> None:
    """akamaster's resnet20: a legacy pickle with ``state_dict`` under ``module.`` names."""
    file = read_weights(shared_data("weights/resnet20-12fca82f.th"))
    assert file.tensors["conv1.weight"].shape == (16, 3, 3, 3)
    assert file.sha256.startswith("12fca82f")
    assert dict(file.metadata) == {"unwrapped": "state_dict", "prefix": "module."}


class Malicious:
    """Creates a folder when it is unpickled."""

    def __init__(self, target: Path) -> None:
        self.target = target

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, (str(self.target),)


@pytest.mark.parametrize("how", ["zip", "legacy", "plain"])
def test_nothing_in_a_pickle_runs(tmp_path: Path, how: str) -> None:
    """A pickle that would act has not acted: the tensors beside the trap are read, or the file is refused."""
    target = tmp_path / "hacked"
    content = {"state_dict": {**STATE, "x": Malicious(target)}}
    path = tmp_path / "evil.pth"
    if how == "plain":
        path.write_bytes(pickle.dumps(content["state_dict"]["x"], protocol=2))
    else:
        torch.save(content, path, _use_new_zipfile_serialization=how == "zip")
    if how != "plain":
        assert_state(path)
    else:
        with pytest.raises(WeightsError, match=r"holds more than tensors .*Pickles can run code.*save_file") as caught:
            read_weights(path)
        assert "mkdir" in str(caught.value)
        assert "add_safe_globals" not in str(caught.value), "torch's advice is to trust the file"
    assert not target.exists()
    pickle.loads(pickle.dumps(Malicious(target)))
    assert target.exists(), "the trap itself does not work"


class Learner:
    """A trainer that was pickled whole."""

    def __init__(self, model: torch.nn.Module) -> None:
        self.model = model
        self.lr = 0.1


class Called:
    """The result of a method that is called when it is unpickled."""

    def __init__(self, method: Any) -> None:
        self.method = method

    def __reduce__(self) -> tuple[Any, ...]:
        return self.method, ("hacked",)


class Settings(collections.UserDict[str, Any]):
    """Hyperparameters in a class of their own."""


@pytest.mark.parametrize(
    "extra",
    [
        argparse.Namespace(lr=0.1, path=Path("x")),
        collections.defaultdict(list, a=[1]),
        collections.deque([1, 2]),
        Settings(lr=0.1),
        np.float64(91.8),
        np.arange(3),
        {1, 2},
        {Settings: Settings(), (1, 2): frozenset({3})},
        len,
        functools.partial(os.mkdir, "hacked"),
        Called(Path.touch),
        torch.nn.Linear(2, 2),
    ],
    ids=lambda extra: type(extra).__name__,
)
@pytest.mark.parametrize("legacy", [True, False])
def test_what_trainers_keep_beside_the_model_stays_unopened(tmp_path: Path, extra: Any, legacy: bool) -> None:
    """Arguments, metrics and modules are read as stubs and dropped; the tensors beside them are read."""
    assert_state(saved(tmp_path, {"model": STATE, "args": extra, "epoch": 3}, legacy=legacy))
    assert not Path("hacked").exists()


@pytest.mark.parametrize("legacy", [True, False])
def test_views_transposes_and_every_type_survive_the_stubs(tmp_path: Path, legacy: bool) -> None:
    """torch itself is the oracle: what it wrote comes back, tensors that share memory too."""
    whole = torch.arange(24.0).reshape(4, 6)
    state = {
        "whole": whole,
        "view": whole[1:3, 2:],
        "turned": whole.T,
        "scalar": torch.tensor(3),
        "none": torch.ones(0),
    }
    kinds = (
        torch.float64,
        torch.float16,
        torch.bfloat16,
        torch.int64,
        torch.int32,
        torch.int16,
        torch.int8,
        torch.bool,
    )
    state |= {str(kind): torch.tensor([0, 1, 1]).to(kind) for kind in kinds}
    state["parameter"] = torch.nn.Parameter(torch.ones(2))
    path = saved(tmp_path, {"model": state, "args": argparse.Namespace()}, legacy=legacy)
    assert_state(path, state)
    assert all(read_weights(path).tensors[name].dtype == each.dtype for name, each in state.items())


@pytest.mark.parametrize("wrap", [lambda model: model, Learner, lambda model: {"model": model}])
def test_a_whole_module_gives_its_state_dict(tmp_path: Path, wrap: Callable[[torch.nn.Module], Any]) -> None:
    """``torch.save(model)`` and the export of a learner are read without importing their classes."""
    model = torch.nn.Sequential(torch.nn.Conv2d(3, 4, 1), torch.nn.Sequential(torch.nn.BatchNorm2d(4)))
    assert_state(saved(tmp_path, wrap(model)), dict(model.state_dict()))


CALLS = (
    *(b"cos\nsystem\n", b"cbuiltins\neval\n", b"cbuiltins\ngetattr\n", b"cposix\nsystem\n", b"csubprocess\nrun\n"),
    *(b"ctorch._utils\n_rebuild_tensor_v2\n", b"ccollections\nOrderedDict\n", b"ctorch\nFloatStorage\n"),
)
VALUES = (
    b"(S'touch PATH'\ntR",
    b")R",
    b")\x81",
    b"}b",
    b"]b",
    b"(K\x01K\x02tb",
    b"(K\x01e",
    b"(K\x01K\x02u",
    b"Q",
    b"0N",
    b"2",
    b"\x85",
)


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.sampled_from((*CALLS, *VALUES)), max_size=12))
def test_hostile_pickles_execute_nothing(tmp_path: Path, parts: list[bytes]) -> None:
    """Whatever program a pickle is, no file appears: it is read or refused."""
    path, target = tmp_path / "w.pth", tmp_path / "hacked"
    program = b"\x80\x02}(X\x01\x00\x00\x00a" + b"".join(parts).replace(b"PATH", str(target).encode()) + b"u."
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("w/data.pkl", program)
        archive.writestr("w/version", b"3")
    with contextlib.suppress(WeightsError):
        read_weights(path)
    assert not target.exists()


def test_no_name_in_a_pickle_is_looked_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of every name that a pickle can hold, the unpickler gives a stand-in of its own, never the object."""
    unpickler = InertUnpickler(io.BytesIO(), lambda key, size: bytearray())
    for module, name in (
        ("os", "system"),
        ("builtins", "eval"),
        ("torch._utils", "_rebuild_tensor_v2"),
        ("torch", "load"),
    ):
        found = unpickler.find_class(module, name)
        assert found.__module__ == "inarch.weights.inert"
        assert found is not getattr(importlib.import_module(module), name)


def test_a_dict_that_holds_itself_ends(tmp_path: Path) -> None:
    """Wrappers are followed a few steps only."""
    loop: dict[str, Any] = {"epoch": 1}
    loop["model"] = loop
    with pytest.raises(WeightsError, match=r"holds no state dict: a dict with 'epoch', 'model'"):
        read_weights(saved(tmp_path, loop))


def torchscript() -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:  # torch.jit.save warns that it is deprecated
        archive.writestr("net/data.pkl", b"\x80\x02}.")
        archive.writestr("net/code/__torch__.py", "def forward(self): ...")
        archive.writestr("net/constants.pkl", b"\x80\x02).")
    return buffer.getvalue()


def zipped(name: str) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr(name, b"x")
    return buffer.getvalue()


def numpy_archive() -> bytes:
    buffer = io.BytesIO()
    np.savez(buffer, a=np.zeros(2))
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "an empty file"),
        (b"\n<!DOCTYPE html><html>403</html>", "a web page"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:0", "git lfs pull"),
        (b"\x89HDF\r\n\x1a\n" + bytes(100), "an HDF5 file"),
        (b"\x08\x08\x12\x07pytorch\x1a\x052.9.0", "an ONNX graph without weights"),
        (b"\x08\x08\x12\x07pytorch\x1a\x05", "an ONNX graph that is damaged"),
        (torchscript(), "a TorchScript program"),
        (numpy_archive()[:-30], "cut short or damaged"),
        (zipped("readme.txt"), "a zip archive; unpack it first"),
        (b"PK\x03\x04 and no more", "cut short or damaged"),
        (b'{"a": 1}', "a JSON text"),
        (b"\x1f\x8b\x08" + bytes(20), "a gzip archive"),
        (b"hello world, I am weights", r"nothing that is known here \(it begins with b'hello wo'\)"),
    ],
)
def test_other_files_are_named_for_what_they_look_like(tmp_path: Path, content: bytes, words: str) -> None:
    """Whatever the suffix promises, the message says what the file is."""
    path = tmp_path / "weights.safetensors"
    path.write_bytes(content)
    with pytest.raises(WeightsError, match=words):
        read_weights(path)


def onnx_graph(*, data_location: int = onnx.TensorProto.DEFAULT) -> onnx.ModelProto:
    """A matrix product that torch would call its own."""
    weight = numpy_helper.from_array(np.arange(6, dtype=np.float32).reshape(2, 3), "a.weight")
    weight.data_location = data_location
    ends = [helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, [2, 3]) for name in ("x", "y")]
    graph = helper.make_graph([helper.make_node("Mul", ["x", "a.weight"], ["y"])], "g", ends[:1], ends[1:], [weight])
    return helper.make_model(graph, producer_name="pytorch")


def test_an_onnx_graph_is_read_for_its_weights(tmp_path: Path) -> None:
    """Its initialisers by name, whatever the suffix; nothing that lies in another file is opened."""
    path = tmp_path / "net.pth"
    onnx.save(onnx_graph(), path)
    assert_state(path, {"a.weight": STATE["a.weight"]})
    path.write_bytes(onnx_graph(data_location=onnx.TensorProto.EXTERNAL).SerializeToString())
    with pytest.raises(WeightsError, match="damaged or keeps its weights elsewhere"):
        read_weights(path)


@pytest.mark.parametrize("missing", [1, 40, 100])
def test_files_that_are_cut_short_are_refused(tmp_path: Path, missing: int) -> None:
    """A download that broke off is a sentence, not a traceback, in all three formats."""
    whole = [saved(tmp_path, STATE, "zip.pth"), saved(tmp_path, STATE, "old.pth", legacy=True)]
    whole.append(tmp_path / "w.safetensors")
    save_file(STATE, whole[-1])
    for path in whole:
        path.write_bytes(path.read_bytes()[:-missing])
        with pytest.raises(WeightsError, match="cut short"):
            read_weights(path)


@given(noise=st.binary(max_size=200), start=st.sampled_from([b"", b"PK\x03\x04", b"\x80\x02", b'\x10\0\0\0\0\0\0\0{"']))
def test_no_bytes_cause_anything_but_a_weights_error(
    tmp_path_factory: pytest.TempPathFactory, noise: bytes, start: bytes
) -> None:
    """Arbitrary bytes, behind every format's beginning."""
    path = tmp_path_factory.mktemp("noise") / "w"
    path.write_bytes(start + noise)
    with pytest.raises(WeightsError):
        read_weights(path)


@given(data=st.data())
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@pytest.mark.parametrize("legacy", [True, False])
def test_damaged_bytes_cause_anything_but_a_traceback(tmp_path: Path, legacy: bool, data: st.DataObject) -> None:
    """One byte changed anywhere: the file is read, or a WeightsError says that it cannot be."""
    path = saved(tmp_path, STATE, legacy=legacy)
    content = bytearray(path.read_bytes())
    content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    path.write_bytes(content)
    with contextlib.suppress(WeightsError):
        read_weights(path)


def test_paths_that_are_no_files(tmp_path: Path) -> None:
    """A missing file and a folder are told apart."""
    with pytest.raises(WeightsError, match=r"nowhere\.pth, which does not exist"):
        read_weights(tmp_path / "nowhere.pth")
    with pytest.raises(WeightsError, match="is a folder without a file of weights"):
        read_weights(tmp_path)


def test_the_folder_of_a_snapshot_is_looked_into(tmp_path: Path) -> None:
    """Of a snapshot of the hub, and of its cache, the file of weights is read; where there are two, both are named."""
    folder = tmp_path / "models--a--b" / "snapshots" / "0123"
    folder.mkdir(parents=True)
    (folder / "config.json").write_text("{}")
    save_file(STATE, folder / "model.safetensors")
    assert_state(folder)
    assert_state(tmp_path / "models--a--b")
    saved(tmp_path, STATE, "last.pth")
    saved(tmp_path, STATE, "best.pth")
    with pytest.raises(WeightsError, match=r"several files of weights \(best\.pth, last\.pth\); name one"):
        read_weights(tmp_path)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ([1, 2], "a list"),
        ({"epoch": 1}, "a dict with 'epoch'"),
        ({}, "a dict with nothing in it"),
        (torch.ones(2), "a Tensor"),
    ],
)
def test_pickles_without_a_state_dict(tmp_path: Path, content: Any, words: str) -> None:
    """The message says what was found instead."""
    with pytest.raises(WeightsError, match=f"holds no state dict: {words}"):
        read_weights(saved(tmp_path, content))


def test_written_weights_come_back(tmp_path: Path) -> None:
    """Values, types and metadata survive; tensors that share memory or lie transposed are no obstacle."""
    shared = torch.arange(6.0).reshape(2, 3)
    tensors = {"x": shared, "view": shared.T, "half": shared.to(torch.bfloat16), "n": torch.tensor(3)}
    path = tmp_path / "w.safetensors"
    write_weights(path, tensors, {"architecture": "resnet18"})
    file = read_weights(path)
    assert {name: each.dtype for name, each in file.tensors.items()} == {n: each.dtype for n, each in tensors.items()}
    assert all(torch.equal(file.tensors[name], tensors[name]) for name in tensors)
    assert dict(file.metadata) == {"architecture": "resnet18"}
    assert [each.name for each in tmp_path.iterdir()] == ["w.safetensors"]


def test_half_precision_keeps_what_it_cannot_hold(tmp_path: Path) -> None:
    """Floats become fp16; a tensor beyond 65,504 stays as it is, and so do counters."""
    write_weights(tmp_path / "w", {"a": torch.ones(2), "b": torch.tensor([1e6]), "n": torch.tensor(3)}, half=True)
    types = {name: tensor.dtype for name, tensor in read_weights(tmp_path / "w").tensors.items()}
    assert types == {"a": torch.float16, "b": torch.float32, "n": torch.int64}


def test_a_write_that_fails_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Either the new file is there in full or the old one is, and nothing else is left lying about."""
    path = tmp_path / "w"
    write_weights(path, STATE)

    def full_disk(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("inarch.weights.files.save_file", full_disk)
    with pytest.raises(OutputError, match="No space left"):
        write_weights(path, OTHER)
    assert_state(path)
    assert [each.name for each in tmp_path.iterdir()] == ["w"]
    with pytest.raises(OutputError, match="writable folder"):
        write_weights(tmp_path / "no" / "folder" / "w", STATE)


def test_digest_depends_on_content_alone() -> None:
    """Order does not matter; every name, value, shape and type does."""
    digest = weights_digest(STATE)
    assert weights_digest(dict(reversed(STATE.items()))) == digest
    changed = [
        {**STATE, "a.bias": torch.tensor([1.0, 1.0000001])},
        {**STATE, "a.weight": STATE["a.weight"].reshape(3, 2)},
        {**STATE, "a.bias": torch.ones(2, dtype=torch.float64)},
        {("b" if name == "n" else name): each for name, each in STATE.items()},
        {"a.weight": STATE["a.weight"]},
    ]
    assert len({digest, *map(weights_digest, changed)}) == 6

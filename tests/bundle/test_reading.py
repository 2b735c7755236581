"""A bundle that is incomplete, damaged, altered or put together from two is refused, by name."""

import json
import shutil
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from onnx import TensorProto, helper

from inarch.bundle.format import NEEDED, OPTIONAL, SEALED, BundleFile
from inarch.bundle.predictor import Predictor
from inarch.bundle.reading import Bundle, read_bundle
from inarch.bundle.writing import BundleContents, write_bundle
from inarch.errors import BundleError
from inarch.runtime.session import PIXELS
from trained import Trained

Damage = Callable[[Path], object]
DAMAGES: dict[str, Damage] = {
    "deleted": Path.unlink,
    "emptied": lambda path: path.write_bytes(b""),
    "garbage": lambda path: path.write_bytes(b"\x00\xff" * 50),
    "cut short": lambda path: path.write_bytes(path.read_bytes()[: path.stat().st_size // 2]),
    "a bit flipped": lambda path: path.write_bytes(bytes([path.read_bytes()[0] ^ 1]) + path.read_bytes()[1:]),
    "a folder": lambda path: (path.unlink(), path.mkdir()),
}


def use(folder: Path) -> None:
    """Everything that reads a file of a bundle."""
    bundle = read_bundle(folder)
    Predictor(folder)
    assert bundle.metrics
    assert bundle.weights()


def sealed_again(folder: Path) -> Path:
    """As a forger would do it: the config with the digests of the files as they are now."""
    config = json.loads((folder / BundleFile.CONFIG).read_text())
    config["sha256"] = {name: sha256((folder / name).read_bytes()).hexdigest() for name in SEALED}
    (folder / BundleFile.CONFIG).write_text(json.dumps(config))
    return folder


@pytest.mark.parametrize("name", [BundleFile.CONFIG, *SEALED])
@pytest.mark.parametrize("damage", DAMAGES)
def test_each_file_damaged_in_turn_is_refused_by_name(name: str, damage: str, own_bundle: Path) -> None:
    """Whatever happened to it, the message is one line that names the file and says what to do."""
    DAMAGES[damage](own_bundle / name)
    with pytest.raises(BundleError) as caught:
        use(own_bundle)
    message = str(caught.value)
    assert name in message
    assert message.endswith(("it again.", "the bundle again."))
    assert "\n" not in message


@pytest.mark.parametrize("name", [BundleFile.CARD, BundleFile.REPORT])
def test_what_is_for_people_may_be_edited_or_left_out(name: str, own_bundle: Path) -> None:
    """A model card is there to be completed."""
    (own_bundle / name).unlink()
    use(own_bundle)
    assert {BundleFile.CARD, BundleFile.REPORT} == set(BundleFile) - set(SEALED) - set(OPTIONAL) - {BundleFile.CONFIG}


def test_a_prediction_needs_no_more_than_it_says(own_bundle: Path) -> None:
    """Weights and figures may be left out of a copy that only predicts."""
    for path in own_bundle.iterdir():
        if path.name not in (*NEEDED, *OPTIONAL):
            path.unlink()
    assert Predictor(own_bundle).rule


@pytest.mark.parametrize("name", [*SEALED, *OPTIONAL])
def test_no_file_can_be_exchanged_without_a_word(
    name: str, own_bundle: Path, tmp_path: Path, contents: Callable[..., BundleContents]
) -> None:
    """A sound file of another bundle, or of this one's older self, is refused."""
    other = write_bundle(tmp_path / "other", contents()).path
    shutil.copy(other / name, own_bundle / name)
    with pytest.raises(BundleError, match=f"{name} is not the file that was written with this bundle"):
        use(own_bundle)


def test_classes_in_another_order_are_refused(own_bundle: Path) -> None:
    """Golden logits cannot see it, and every answer would be wrong."""
    lines = (own_bundle / BundleFile.CLASSES).read_text().splitlines()
    (own_bundle / BundleFile.CLASSES).write_text("".join(f"{line}\n" for line in reversed(lines)))
    with pytest.raises(BundleError, match=BundleFile.CLASSES):
        Predictor(own_bundle)


def test_golden_logits_reveal_another_graph(own_bundle: Path, tiny: Trained) -> None:
    """Even where the digests were made to fit: another net of the same shape gives other logits."""
    graph = (own_bundle / BundleFile.GRAPH).read_bytes()
    golden = own_bundle / BundleFile.GOLDEN
    weight = np.load(golden)["logits"]
    np.savez(golden, pixels=np.load(golden)["pixels"], logits=weight + 0.1)
    with pytest.raises(BundleError, match="gives other logits here than where it was trained"):
        Predictor(sealed_again(own_bundle))
    assert graph == (tiny.bundle / BundleFile.GRAPH).read_bytes()


@pytest.mark.parametrize(
    ("arrays", "said"),
    [
        ({"pixels": np.zeros((0, 32, 32, 3), np.uint8), "logits": np.zeros((0, 3), np.float32)}, "do not fit"),
        ({"pixels": np.zeros((1, 16, 16, 3), np.uint8), "logits": np.zeros((1, 3), np.float32)}, "do not fit"),
        (
            {"pixels": np.zeros((1, 32, 32, 3), np.float32), "logits": np.zeros((1, 3), np.float32)},
            "are not pixels and logits",
        ),
        ({"pixels": np.zeros((1, 32, 32, 3), np.uint8), "logits": np.zeros((1, 4), np.float32)}, "do not fit"),
        (
            {"pixels": np.zeros((1, 32, 32, 3), np.uint8), "logits": np.full((1, 3), np.nan, np.float32)},
            "gives other logits",
        ),
        ({"pixels": np.zeros((1, 32, 32, 3), np.uint8)}, "cannot be read"),
        ({"pixels": np.array([{}]), "logits": np.zeros((1, 3))}, "cannot be read"),
    ],
)
def test_golden_inputs_that_do_not_fit_are_refused(arrays: dict[str, Any], said: str, own_bundle: Path) -> None:
    """None at all, of another size, of another type, for more classes, not finite, absent, pickled."""
    np.savez(own_bundle / BundleFile.GOLDEN, **arrays)
    with pytest.raises(BundleError, match=said):
        Predictor(sealed_again(own_bundle))


@pytest.mark.parametrize("side", [0, 16])
def test_a_graph_that_cannot_run_is_refused_in_one_line(side: int, own_bundle: Path) -> None:
    """No ONNX at all (side 0), and ONNX for inputs of another size, with digests that fit."""
    (own_bundle / BundleFile.GRAPH).write_bytes(_mean_graph(side) if side else b"garbage")
    with pytest.raises(BundleError, match=r"again\.$") as caught:
        Predictor(sealed_again(own_bundle))
    assert "\n" not in str(caught.value)


def _mean_graph(side: int) -> bytes:
    """Mean colour as logits, of images of one size only."""
    pixels = helper.make_tensor_value_info(PIXELS, TensorProto.UINT8, [None, side, side, 3])
    logits = helper.make_tensor_value_info("logits", TensorProto.FLOAT, [None, 3])
    nodes = [
        helper.make_node("Cast", [PIXELS], ["images"], to=TensorProto.FLOAT),
        helper.make_node("ReduceMean", ["images"], ["logits"], axes=[1, 2], keepdims=0),
    ]
    opset = [helper.make_opsetid("", 13)]
    model = helper.make_model(helper.make_graph(nodes, "mean", [pixels], [logits]), opset_imports=opset, ir_version=8)
    return bytes(model.SerializeToString())


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"[" * 100_000, "config.json cannot be read"),
        (b"[]", "config.json holds list"),
        (b"{}", "bundle format None"),
        (b'{"format": 1}', "bundle format 1, and this inarch reads format 3"),
        (b'{"format": 3}', "is damaged .KeyError: 'sha256'"),
        (b'{"format": 3, "sha256": []}', "is damaged"),
        (b'{"format": 3, "sha256": null}', "is damaged"),
    ],
)
def test_a_config_that_says_nothing_usable_is_refused(content: bytes, said: str, own_bundle: Path) -> None:
    """Nested too deep, not an object, of an older format, without digests."""
    (own_bundle / BundleFile.CONFIG).write_bytes(content)
    with pytest.raises(BundleError, match=said):
        read_bundle(own_bundle)


@pytest.mark.parametrize("field", ["architecture", "after", "folded", "seed", "versions"])
def test_a_config_with_a_value_of_the_wrong_kind_is_refused(field: str, own_bundle: Path) -> None:
    """Else it would surface much later, as something that should not have happened."""
    config = json.loads((own_bundle / BundleFile.CONFIG).read_text())
    (own_bundle / BundleFile.CONFIG).write_text(json.dumps({**config, field: [1]}))
    with pytest.raises(BundleError, match=f"is damaged: {field} must be "):
        read_bundle(own_bundle)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        (BundleFile.CLASSES, "one\n"),
        (BundleFile.CLASSES, "one\none\n"),
        (BundleFile.CALIBRATION, '{"temperature": 0}'),
        (BundleFile.CALIBRATION, '{"temperature": NaN}'),
        (BundleFile.CALIBRATION, '{"temperature": 1e999}'),
        (BundleFile.CALIBRATION, '{"temperature": null}'),
        (
            BundleFile.PREPROCESS,
            '{"image_size": 1e999, "mean": [0, 0, 0], "std": [1, 1, 1], "interpolation": "bilinear"}',
        ),
        (BundleFile.PREPROCESS, '{"image_size": 32, "mean": [0, 0], "std": [1, 1, 1], "interpolation": "bilinear"}'),
        (BundleFile.PREPROCESS, '{"image_size": 32, "mean": [0, 0, 0], "std": [0, 1, 1], "interpolation": "bilinear"}'),
        (BundleFile.PREPROCESS, '{"image_size": 32, "mean": [0, 0, 0], "std": [1, 1, 1], "interpolation": "nearest"}'),
    ],
)
def test_values_that_make_no_sense_are_refused_though_the_digests_fit(
    name: str, content: str, own_bundle: Path
) -> None:
    """One class, a class twice, a temperature that is none, a preprocessing that cannot be."""
    (own_bundle / name).write_text(content)
    with pytest.raises(BundleError, match="is damaged"):
        read_bundle(sealed_again(own_bundle))


@pytest.mark.parametrize(("path", "said"), [("nowhere", "There is no bundle at"), ("file", "There is no bundle at")])
def test_what_is_no_folder_is_no_bundle(path: str, said: str, tmp_path: Path) -> None:
    """A path that does not exist, and a file."""
    (tmp_path / "file").touch()
    with pytest.raises(BundleError, match=said):
        read_bundle(tmp_path / path)


def test_a_bundle_says_which_files_are_missing(tmp_path: Path) -> None:
    """An empty folder lacks them all."""
    with pytest.raises(BundleError, match=r"config.json, classes.txt.*missing"):
        read_bundle(tmp_path)


def test_a_sound_bundle_can_be_read(tiny: Trained) -> None:
    """And says where it lies; its figures and weights are there."""
    bundle = read_bundle(str(tiny.bundle))
    assert isinstance(bundle, Bundle)
    assert bundle.path == tiny.bundle
    assert bundle.metrics["model"] == bundle.config.architecture
    assert (bundle.weights(), BundleFile.METRICS in SEALED) == (tiny.bundle / BundleFile.WEIGHTS, True)


@pytest.mark.parametrize("ends", [b"\r\n", b"\n"])
def test_line_ends_changed_by_git_are_no_damage(ends: bytes, own_bundle: Path) -> None:
    """Git for Windows writes text files with the line ends of Windows; every figure stays what it was."""
    before = read_bundle(own_bundle)
    wanted = before.report
    for name in ("config.json", "classes.txt", "preprocess.json", "calibration.json", "metrics.json", "README.md"):
        content = (own_bundle / name).read_bytes()
        assert b"\r" not in content
        (own_bundle / name).write_bytes(content.replace(b"\n", ends))
    after = read_bundle(own_bundle)
    assert (after.classes, after.preprocessing, after.report) == (before.classes, before.preprocessing, wanted)


def test_a_changed_word_is_still_damage(own_bundle: Path) -> None:
    """Whatever the line ends are."""
    text = (own_bundle / "classes.txt").read_bytes()
    (own_bundle / "classes.txt").write_bytes(text.replace(b"red", b"rod").replace(b"\n", b"\r\n"))
    with pytest.raises(BundleError, match="is not the file that was written with this bundle"):
        read_bundle(own_bundle)


@pytest.mark.parametrize(
    "name", ["model.onnx", "golden.npz", "config.json", "classes.txt", "metrics.json", "model.safetensors"]
)
def test_a_pointer_of_git_lfs_is_named(name: str, own_bundle: Path) -> None:
    """With the command that fetches the file."""
    pointer = b"version https://git-lfs.github.com/spec/v1\noid sha256:" + b"0" * 64 + b"\nsize 1000\n"
    (own_bundle / name).write_bytes(pointer)
    with pytest.raises(BundleError, match=f"{name} is a Git LFS pointer, .*git lfs pull"):
        _read_everything(own_bundle)


def _read_everything(folder: Path) -> None:
    bundle = read_bundle(folder)
    _ = bundle.graph(), bundle.golden(), bundle.metrics, bundle.weights()

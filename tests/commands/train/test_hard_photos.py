"""A folder with everything that goes wrong in it is trained on, and nothing is passed over in silence."""

import html
import shutil
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path

import pytest

from inarch.bundle.format import BundleFile
from inarch.commands.train.run import train
from inarch.data.decode import decode_or_error
from inarch.data.passed_over import is_passed_over
from inarch.errors import UnreadableImageError
from trained import CLASSES, ONE_EPOCH, draw_folder, options


def digests(folder: Path) -> dict[str, str]:
    files = (path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): sha256(path.read_bytes()).hexdigest() for path in files}


@pytest.mark.slow
@pytest.mark.filterwarnings("default:::PIL")
def test_hard_images_are_used_or_named(shared_data: Callable[[str], Path], tmp_path: Path) -> None:
    """Each but hidden ones and systems' own is used, or stands in figures and report with a reason; none is touched."""
    photos = draw_folder(tmp_path / "photos", {"": 4})
    shutil.copytree(shared_data("hard_images"), photos / CLASSES[0] / "hard")
    before = digests(photos)
    bundle = train(photos, tmp_path / "out", options(tmp_path, recipes=ONE_EPOCH))
    skipped = {each["path"]: each["reason"] for each in bundle.metrics["skipped"]}
    used = sum(sum(counts) for _, counts in bundle.metrics["counts"])
    assert digests(photos) == before
    seen = [name for name in before if not is_passed_over(Path(name).name)]
    assert used + len(skipped) == len(seen)
    for name in seen:
        readable = not isinstance(decode_or_error(photos / name, bundle.preprocessing), UnreadableImageError)
        assert readable == (name not in skipped), name
    page = html.unescape((bundle.path / BundleFile.REPORT).read_text(encoding="utf-8"))
    assert skipped
    assert all(name in page and reason in page for name, reason in skipped.items())

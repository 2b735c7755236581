"""The notebooks run from top to bottom, in an empty folder and without a network."""

from pathlib import Path

import pytest

nbformat = pytest.importorskip("nbformat")
nbclient = pytest.importorskip("nbclient")

NOTEBOOKS = sorted((Path(__file__).parents[1] / "notebooks").glob("*.ipynb"))


@pytest.mark.slow
@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda path: path.stem)
@pytest.mark.filterwarnings("ignore")  # of the kernel's own packages
def test_notebook_runs(notebook: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every cell ends without an error; a notebook is committed without its output."""
    monkeypatch.setenv("INARCH_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("INARCH_OFFLINE", "1")
    content = nbformat.read(notebook, as_version=4)
    assert not any(cell.get("outputs") for cell in content.cells)
    nbclient.NotebookClient(content, timeout=280, resources={"metadata": {"path": str(tmp_path)}}).execute()

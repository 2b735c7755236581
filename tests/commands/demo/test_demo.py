"""The demo: what a newcomer sees first."""

from dataclasses import replace
from pathlib import Path

import pytest

from inarch.bundle.predictor import Predictor
from inarch.commands.demo.demo import SCRATCH, demo
from inarch.commands.train.text import comparison_lines

pytestmark = pytest.mark.slow


def test_the_demo_grafts_and_trains(tmp_path: Path) -> None:
    """The graft is right on nine digits of ten, far beyond chance, and both bundles answer."""
    made = demo(tmp_path, scratch=replace(SCRATCH, time_budget=1.0))
    assert made.transfer.metrics["evaluation"]["accuracy"]["value"] > 0.9
    assert "resnet18_narrow.safetensors" in made.transfer.metrics["weights"]
    assert made.scratch.metrics["weights"] == "random initialisation"
    for bundle in (made.transfer, made.scratch):
        (answer,) = Predictor(bundle).predict(next((tmp_path / "photos" / "7").iterdir()))
        assert len(answer.ranking) == 10
    lines = comparison_lines({"transfer": made.transfer.report, "scratch": made.scratch.report})
    assert [line.split()[0] for line in lines] == ["transfer", "scratch"]
    assert lines[0].startswith("transfer  Test accuracy 9")
    assert lines[0].endswith("s: resnet18_narrow, weights: resnet18_narrow.safetensors")

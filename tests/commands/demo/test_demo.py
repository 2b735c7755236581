"""The demo: what a newcomer sees first."""

from dataclasses import replace
from pathlib import Path

import pytest

from inarch.bundle.predictor import Predictor
from inarch.commands.demo import demo as demo_module
from inarch.commands.train.text import comparison_lines


def test_the_demo_grafts_and_trains(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The graft is right on nine digits of ten, far beyond chance, and both bundles answer."""
    monkeypatch.setattr(demo_module, "SCRATCH", replace(demo_module.SCRATCH, time_budget=1.0))
    made = demo_module.demo(tmp_path)
    assert made.grafted.metrics["evaluation"]["accuracy"]["value"] > 0.9
    assert "resnet18_narrow.safetensors" in made.grafted.metrics["weights"]
    assert made.scratch.metrics["weights"] == "random initialisation"
    for bundle in made:
        (answer,) = Predictor(bundle).predict(next((tmp_path / "photos" / "7").iterdir()))
        assert len(answer.ranking) == 10
    lines = comparison_lines({name: bundle.metrics for name, bundle in made._asdict().items()})
    assert [line.split()[0] for line in lines] == ["grafted", "scratch"]
    assert lines[0].startswith("grafted  Right on 9")
    assert lines[0].endswith("s: resnet18_narrow, from resnet18_narrow.safetensors")

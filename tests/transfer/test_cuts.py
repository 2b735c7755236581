"""Where a net is cut for fine-tuning."""

from collections.abc import Callable
from dataclasses import replace

import pytest
import torch

from inarch.commands.train.strategies.finetune import finetune
from inarch.errors import UnknownNameError, UserError
from inarch.models import build
from inarch.transfer.cuts import check_cut, default_cut, later_cuts
from inarch.transfer.run import StartingPoint, TrainingRun

Jobs = Callable[..., TrainingRun]


@pytest.mark.parametrize(
    ("name", "cut"),
    [
        ("googlenet", "pool4"),
        ("googlenet_paper", "pool4"),
        ("resnet18", "stage3"),
        ("resnet50", "stage3"),
        ("inception_v3", "stage4"),
    ],
)
def test_the_tail_is_the_last_stage_from_its_first_weights_on(name: str, cut: str) -> None:
    """A pool that opens the last stage belongs to the prefix: its map is a quarter of the size."""
    assert default_cut(build(name, device="meta").backbone) == cut


def test_a_backbone_of_one_stage_has_no_cut() -> None:
    """Nothing would stay frozen."""
    assert default_cut(build("resnet50", device="meta").backbone.cut("stem")) is None


@pytest.mark.parametrize("end", ["pool3", "4a", "4e", "pool4", "5a"])
def test_the_tail_of_a_shortened_backbone_has_weights_to_move(end: str) -> None:
    """Wherever the backbone ends, behind a pool included."""
    backbone = build("googlenet", device="meta").backbone.cut(end)
    prefix, tail = backbone.split(default_cut(backbone) or "")
    assert list(tail.parameters())
    assert list(prefix.parameters())


def test_later_cuts_leave_less_of_the_last_stage() -> None:
    """Each of its blocks but the last; of a net that gathers stages none, as its tail has to see them."""
    found = {name: later_cuts(build(name, device="meta").backbone) for name in ("resnet50", "inception_v3")}
    assert found == {"resnet50": ("block4_1", "block4_2"), "inception_v3": ("reduction_b", "c1")}
    assert later_cuts(build("resnet50", device="meta").backbone.gathering(["stage2", "stage3"])) == ()
    assert later_cuts(build("resnet50", device="meta").backbone.cut("stem")) == ()


@pytest.mark.parametrize("cut", ["conv1", "stage3", "pool4", "5a"])
def test_any_stage_or_block_before_weights_is_a_cut(cut: str) -> None:
    """A pool, a block in a stage, a stage: what follows has something to train."""
    backbone = build("googlenet", device="meta").backbone
    check_cut(backbone, cut)
    assert list(backbone.split(cut)[1].parameters())


@pytest.mark.parametrize("cut", ["5b", "stage5", "stage7", ""])
def test_a_cut_with_nothing_to_train_behind_it_is_refused(cut: str) -> None:
    """The last block, its stage, or no name at all; the names that would do are told."""
    with pytest.raises(UnknownNameError, match=r"the nearest|Known"):
        check_cut(build("googlenet", device="meta").backbone, cut)


def test_a_cut_behind_what_the_head_reads_is_refused() -> None:
    """The tail would not see it."""
    gathering = build("googlenet", device="meta").backbone.gathering(["stage3", "stage4"])
    check_cut(gathering, "stage3")
    with pytest.raises(UserError, match="split it after stage3 or before"):
        check_cut(gathering, "pool4")


@pytest.mark.slow
@pytest.mark.parametrize(("cut", "moving"), [("stem", ("1", "2", "3", "4")), ("block3_1", ("4",))])
def test_what_follows_the_cut_is_tuned(make_job: Jobs, start: StartingPoint, cut: str, moving: tuple[str, ...]) -> None:
    """Of every stage behind it weights move, and of none before it."""
    outcome = finetune(make_job(replace(start, cut_after=cut), freeze_until=cut))
    given = start.backbone.state_dict()
    moved = {
        name.split(".")[1]
        for name, tensor in outcome.model.backbone.state_dict().items()
        if not torch.equal(tensor, given[name])
    }
    assert moved == {f"stage{number}" for number in moving}
    assert f"The backbone is frozen until {cut}" in outcome.notes[-1]

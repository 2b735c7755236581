"""What follows from the seed, what a batch is, and that an interrupted run ends where an unbroken one does."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor, nn

from inarch.errors import WorkError
from inarch.models import build
from inarch.training.checkpoint import load_checkpoint, save_checkpoint
from inarch.training.config import TrainingConfig
from inarch.training.loop import ExampleSource, Run, train_steps
from inarch.training.losses import CrossEntropy, auxiliary_cross_entropy, cross_entropy
from inarch.training.memory import is_out_of_memory
from inarch.training.optimisation import optimisers
from inarch.training.seeds import derive_seed, generator, global_draws
from inarch.weights.files import weights_digest
from tolerance import assert_same_computation, terms_of

Net = Callable[..., nn.Sequential]
CONFIG = TrainingConfig(epochs=4, batch_size=5, lr=0.05)
OPTIMISERS = pytest.mark.parametrize("kind", ["sgd", "adamw"])


def trained(model: nn.Module, source: ExampleSource, config: TrainingConfig = CONFIG) -> str:
    """The digest of the weights at the end of a run."""
    list(Run(model, config).epochs(source, cross_entropy))
    return weights_digest(model.state_dict())


@OPTIMISERS
def test_same_seed_same_weights(small_net: Net, source: ExampleSource, kind: str) -> None:
    """Bit for bit, dropout and average included; another seed moves them."""
    config = TrainingConfig(epochs=2, batch_size=5, optimiser=kind)
    other = TrainingConfig(epochs=2, batch_size=5, optimiser=kind, seed=1)
    first = trained(small_net(), source, config)
    assert trained(small_net(), source, config) == first
    assert trained(small_net(), source, other) != first


def test_global_generator_is_neither_read_nor_moved(small_net: Net, source: ExampleSource) -> None:
    """What else draws random numbers in the process can neither disturb a run nor be disturbed by it."""
    nets = small_net(), small_net()
    torch.manual_seed(1)
    before = torch.get_rng_state()
    first = trained(nets[0], source)
    assert torch.equal(torch.get_rng_state(), before)
    torch.manual_seed(2)
    assert trained(nets[1], source) == first


def test_every_purpose_has_random_numbers_of_its_own() -> None:
    """One draw more in one place moves nothing elsewhere; the seeds fit torch's generators."""
    seeds = {
        derive_seed(seed, *purpose) for seed in range(20) for purpose in [("order", 1), ("order", 2), ("augment", 1)]
    }
    assert len(seeds) == 60
    assert all(0 <= seed < 2**63 for seed in seeds)
    draws = torch.rand(3, generator=generator(0, "order", 1))
    with global_draws(0, "order", 1):
        assert torch.equal(torch.rand(3), draws)


@given(examples=st.integers(1, 90), batch_size=st.integers(1, 40), epoch=st.integers(1, 3))
def test_batches_are_a_partition(examples: int, batch_size: int, epoch: int) -> None:
    """Every example once an epoch, as many batches as ``steps`` says, and no batch of one that could be avoided."""
    config = TrainingConfig(epochs=3, batch_size=batch_size)
    source = ExampleSource(examples, lambda indices, _: (indices, indices))
    batches = [indices for indices, _ in source.epoch(epoch, config)]
    assert sorted(torch.cat(batches).tolist()) == list(range(examples))
    assert len(batches) == source.steps(config)
    assert all(len(batch) == batch_size for batch in batches[:-1])
    assert len(batches[-1]) > 1 or examples == 1 or batch_size == 1


def test_epochs_have_orders_of_their_own() -> None:
    """A new order each epoch, and the same one when an epoch is run again."""
    source = ExampleSource(40, lambda indices, _: (indices, indices))
    orders = [torch.cat([batch for batch, _ in source.epoch(number, CONFIG)]) for number in (1, 2, 1)]
    assert not torch.equal(orders[0], orders[1])
    assert torch.equal(orders[0], orders[2])


@pytest.mark.parametrize("batch_size", [1, 5, 30])
def test_the_rate_runs_its_whole_course(small_net: Net, source: ExampleSource, batch_size: int) -> None:
    """Over all epochs the optimiser sees the schedule of exactly as many steps as there are."""
    config = TrainingConfig(epochs=3, batch_size=batch_size, lr=0.01, warmup=0.0)
    run = Run(small_net(), config)
    seen: list[float] = []

    def loss(model: nn.Module, inputs: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
        seen.append(run.optimisers[0].param_groups[0]["lr"])
        return cross_entropy(model.eval(), inputs, labels)

    list(run.epochs(source, loss))
    steps = 3 * source.steps(config)
    assert len(seen) == steps
    assert seen[0] == 0.01
    assert seen == sorted(seen, reverse=True)
    assert seen[-1] < 0.1 / steps**2  # the cosine ends flat


def test_history_counts_every_image(small_net: Net, source: ExampleSource) -> None:
    """Loss and accuracy are means over images, not over batches (the last batch is larger)."""
    model = small_net()
    config = TrainingConfig(epochs=1, batch_size=5, lr=0.0, ema_decay=0.0, weight_decay=0.0)

    def loss(net: nn.Module, inputs: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
        return cross_entropy(net.eval(), inputs, labels)

    (epoch,) = Run(model, config).epochs(source, loss)
    images, labels = source.batch(torch.arange(source.examples), 1)
    expected, logits = cross_entropy(model.eval(), images, labels)
    assert epoch.number == 1
    terms = terms_of(model) + source.examples
    assert_same_computation(epoch.loss, expected.item(), terms=terms, dtype=torch.float32)
    assert epoch.accuracy == pytest.approx(int((logits.argmax(1) == labels).sum()) / source.examples)


def interrupted(net: nn.Module, source: ExampleSource, config: TrainingConfig, checkpoint: Path, *, after: int) -> None:
    """A run that is killed in the middle of epoch ``after + 1``."""

    def batch(indices: Tensor, epoch: int) -> tuple[Tensor, Tensor]:
        if epoch > after and 0 in indices:
            raise KeyboardInterrupt
        return source.batch(indices, epoch)

    with pytest.raises(KeyboardInterrupt):
        list(Run(net, config, checkpoint).epochs(ExampleSource(source.examples, batch), cross_entropy))


@OPTIMISERS
@pytest.mark.parametrize("after", [0, 1, 3])
@pytest.mark.parametrize("decay", [0.0, 0.9])
def test_an_interrupted_run_ends_where_an_unbroken_one_does(
    small_net: Net, source: ExampleSource, tmp_path: Path, kind: str, after: int, decay: float
) -> None:
    """Bit for bit, with dropout, either optimiser and the average; whatever the resuming net starts from."""
    config = TrainingConfig(epochs=4, batch_size=5, optimiser=kind, ema_decay=decay)
    unbroken = Run(small_net(), config)
    list(unbroken.epochs(source, cross_entropy))
    interrupted(small_net(), source, config, tmp_path / "run.pt", after=after)

    run = Run(small_net(seed=9 if after else 0), config, tmp_path / "run.pt")
    assert run.resume() == after
    assert [epoch.number for epoch in run.epochs(source, cross_entropy)] == list(range(after + 1, 5))
    assert weights_digest(run.model.state_dict()) == weights_digest(unbroken.model.state_dict())
    assert [epoch.loss for epoch in run.history] == [epoch.loss for epoch in unbroken.history]


def test_a_run_killed_after_its_last_epoch_only_has_to_finish(
    small_net: Net, source: ExampleSource, tmp_path: Path
) -> None:
    """No epoch is left, but the averaged weights still go into the model."""
    run = Run(small_net(), CONFIG, tmp_path / "run.pt")
    for _, _ in zip(range(CONFIG.epochs), run.epochs(source, cross_entropy), strict=False):
        pass  # the generator is left before it ends
    again = Run(small_net(seed=9), CONFIG, tmp_path / "run.pt")
    assert again.resume() == CONFIG.epochs
    assert list(again.epochs(source, cross_entropy)) == []
    assert weights_digest(again.model.state_dict()) == trained(small_net(), source)


def test_the_checkpoint_says_how_many_epochs_there_are(small_net: Net, source: ExampleSource, tmp_path: Path) -> None:
    """A resumed run keeps to the rate's course that it began with."""
    interrupted(small_net(), source, CONFIG, tmp_path / "run.pt", after=2)
    run = Run(small_net(), TrainingConfig(epochs=9, batch_size=5, lr=0.05), tmp_path / "run.pt")
    run.resume()
    list(run.epochs(source, cross_entropy))
    assert len(run.history) == CONFIG.epochs
    assert weights_digest(run.model.state_dict()) == trained(small_net(), source)


def test_a_run_goes_on_on_another_device(small_net: Net, source: ExampleSource, tmp_path: Path) -> None:
    """Its own device counts, not the checkpoint's, which this machine may not have."""
    interrupted(small_net(), source, CONFIG, tmp_path / "run.pt", after=2)
    state = load_checkpoint(tmp_path / "run.pt")
    assert state is not None
    state["config"]["device"] = "cuda:1"
    save_checkpoint(tmp_path / "run.pt", state)
    run = Run(small_net(), CONFIG, tmp_path / "run.pt")
    assert run.resume() == 2
    assert run.config.device == "cpu"
    list(run.epochs(source, cross_entropy))
    assert weights_digest(run.model.state_dict()) == trained(small_net(), source)


@pytest.mark.parametrize(
    "config",
    [
        TrainingConfig(epochs=4, batch_size=5, lr=0.05, optimiser="adamw"),
        TrainingConfig(epochs=4, batch_size=5, lr=0.05, ema_decay=0.0),
        TrainingConfig(epochs=4, batch_size=7, lr=0.05),
        TrainingConfig(epochs=4, batch_size=5, lr=0.05, seed=1),
    ],
)
def test_a_checkpoint_of_another_config_counts_as_none(
    small_net: Net, source: ExampleSource, tmp_path: Path, config: TrainingConfig
) -> None:
    """Half of one run and half of another is neither: the run starts anew."""
    interrupted(small_net(), source, CONFIG, tmp_path / "run.pt", after=2)
    run = Run(small_net(), config, tmp_path / "run.pt")
    assert run.resume() == 0
    list(run.epochs(source, cross_entropy))
    assert weights_digest(run.model.state_dict()) == trained(small_net(), source, config)


def test_a_checkpoint_of_another_net_counts_as_none(small_net: Net, source: ExampleSource, tmp_path: Path) -> None:
    """Other shapes: no traceback, and not one weight of the other net gets in."""
    interrupted(small_net(width=6), source, CONFIG, tmp_path / "run.pt", after=2)
    run = Run(small_net(), CONFIG, tmp_path / "run.pt")
    assert run.resume() == 0
    assert weights_digest(run.model.state_dict()) == weights_digest(small_net().state_dict())
    list(run.epochs(source, cross_entropy))
    assert weights_digest(run.model.state_dict()) == trained(small_net(), source)


@pytest.mark.parametrize("content", [{}, {"epochs": 4}, {"model": {}, "history": None}, {"history": [{"x": 1}]}])
def test_a_file_that_is_no_checkpoint_counts_as_none(
    small_net: Net, tmp_path: Path, content: dict[str, object]
) -> None:
    """A readable file of something else."""
    torch.save(content, tmp_path / "run.pt")
    run = Run(small_net(), CONFIG, tmp_path / "run.pt")
    assert run.resume() == 0
    assert weights_digest(run.model.state_dict()) == weights_digest(small_net().state_dict())


def test_discard_removes_the_checkpoint(small_net: Net, source: ExampleSource, tmp_path: Path) -> None:
    """Once, and again without complaint."""
    run = Run(small_net(), CONFIG, tmp_path / "run.pt")
    next(run.epochs(source, cross_entropy))
    assert (tmp_path / "run.pt").exists()
    run.discard()
    run.discard()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_a_loss_that_is_not_finite_ends_the_run(small_net: Net, source: ExampleSource, value: float) -> None:
    """The message says what to do, and the weights have not yet been spoilt."""
    model = small_net()
    before = weights_digest(model.state_dict())

    def loss(net: nn.Module, inputs: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
        logits = net[6](torch.zeros(len(inputs), 8))
        return logits.sum() * value, logits

    steps = train_steps(model, source.epoch(1, CONFIG), optimisers(model, CONFIG), loss, [0.25] * 10)
    with pytest.raises(WorkError, match=r"The loss became (nan|inf); a lower learning rate than 0\.25 may help"):
        list(steps)
    assert weights_digest(model.state_dict()) == before


def test_the_run_ends_with_the_averaged_weights(small_net: Net, source: ExampleSource) -> None:
    """What the model holds at the end is the average, which is not the last step's weights."""
    run = Run(small_net(), CONFIG)
    list(run.epochs(source, cross_entropy))
    assert run.average is not None
    assert weights_digest(run.model.state_dict()) == weights_digest(run.average.module.state_dict())
    plain = TrainingConfig(epochs=4, batch_size=5, lr=0.05, ema_decay=0.0)
    assert weights_digest(run.model.state_dict()) != trained(small_net(), source, plain)


def test_a_caller_that_stops_early_has_the_averaged_weights(small_net: Net, source: ExampleSource) -> None:
    """Whether it breaks out, closes the epochs or fails; what it goes on from are the last weights all the same."""

    def fail() -> None:
        for _ in run.epochs(source, cross_entropy):
            raise KeyError

    run = Run(small_net(), CONFIG)
    for stopped in range(1, 4):
        if stopped == 1:
            for _ in run.epochs(source, cross_entropy):
                break
        elif stopped == 2:
            epochs = run.epochs(source, cross_entropy)
            next(epochs)
            epochs.close()
        else:
            with pytest.raises(KeyError):
                fail()
        assert len(run.history) == stopped
        assert weights_digest(run.model.state_dict()) == weights_digest(run.average.module.state_dict())
    list(run.epochs(source, cross_entropy))
    assert weights_digest(run.model.state_dict()) == trained(small_net(), source)


def test_the_number_of_epochs_alone_may_change(small_net: Net, source: ExampleSource) -> None:
    """By a method; the config itself belongs to the run."""
    run = Run(small_net(), CONFIG)
    run.reschedule(2)
    assert run.config == replace(CONFIG, epochs=2)
    assert len(list(run.epochs(source, cross_entropy))) == 2
    with pytest.raises(AttributeError):
        run.config = CONFIG


@pytest.mark.parametrize("keeps", [True, False])
def test_statistics_are_kept_where_the_config_says_so(keeps: bool) -> None:
    """To the last bit, through the average too; scale and shift learn all the same."""
    draw = torch.Generator().manual_seed(0)
    model = nn.Sequential(
        nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 3)
    )
    norm = model[1]
    norm.running_mean.normal_(generator=draw)
    norm.running_var.uniform_(0.5, 2.0, generator=draw)
    before = {name: tensor.clone() for name, tensor in norm.state_dict().items()}
    images, labels = torch.randn(20, 1, 6, 6, generator=draw), torch.arange(20) % 3
    source = ExampleSource(20, lambda indices, _: (images[indices], labels[indices]))
    trained(model, source, replace(CONFIG, keeps_statistics=keeps))
    moved = {name for name, tensor in norm.state_dict().items() if not torch.equal(tensor, before[name])}
    assert moved == ({"weight", "bias"} if keeps else {*before})


def test_a_tiny_net_learns() -> None:
    """Stripes across, down or aslant in noise: after six epochs four in five are right; chance is one in three."""
    generator = torch.Generator().manual_seed(0)
    labels = torch.arange(96) % 3
    down, across = torch.meshgrid(torch.arange(32.0), torch.arange(32.0), indexing="ij")
    waves = torch.stack([(position / 2).sin() for position in (down, across, (down + across) / 1.4)])
    images = waves[labels][:, None] + 0.5 * torch.randn(96, 3, 32, 32, generator=generator)
    source = ExampleSource(96, lambda indices, _: (images[indices], labels[indices]))
    model = build("resnet_basic_tiny", classes=3)
    config = TrainingConfig(epochs=6, batch_size=16, lr=0.05)
    history = list(
        Run(model, config).epochs(source, partial(auxiliary_cross_entropy, criterion=CrossEntropy(smoothing=0.1)))
    )
    assert history[-1].loss < history[0].loss
    assert history[-1].accuracy > 0.8
    with torch.no_grad():
        assert (model.eval()(images).argmax(1) == labels).float().mean() > 0.8


def test_sixteen_bits_compute_nearly_the_same(small_net: Net, source: ExampleSource) -> None:
    """Products in bfloat16 (8 bits of mantissa): the loss moves by less than a hundredth, and it does move; the
    weights, their statistics and what is kept of a run stay in 32 bits."""
    losses = {}
    for precision in ("float32", "bfloat16"):
        run = Run(small_net(), replace(CONFIG, precision=precision))
        losses[precision] = [epoch.loss for epoch in run.epochs(source, cross_entropy)]
        kept = [each for each in run.model.state_dict().values() if each.is_floating_point()]
        assert {each.dtype for each in kept} == {torch.float32}
    assert losses["bfloat16"] == pytest.approx(losses["float32"], rel=1e-2)
    assert losses["bfloat16"] != losses["float32"]
    assert not torch.is_autocast_enabled("cpu")


class Cramped(nn.Module):
    """A net on a machine whose memory holds so many examples at a time, and no more."""

    def __init__(self, inner: nn.Module, most: int) -> None:
        super().__init__()
        self.inner, self.most = inner, most
        self.seen: list[int] = []

    def forward(self, images: Tensor) -> Tensor:
        """Fails as PyTorch does."""
        self.seen.append(len(images))
        if len(images) > self.most:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.")
        logits: Tensor = self.inner(images)
        return logits


def still(net: nn.Sequential) -> nn.Sequential:
    """Without dropout, and with the statistics that it has: each example is computed by itself."""
    net[5] = nn.Identity()
    return net.requires_grad_()


@pytest.mark.parametrize("most", [1, 3, 7])
def test_a_batch_too_large_for_the_memory_is_divided(small_net: Net, source: ExampleSource, most: int) -> None:
    """The gradients of its parts are added, so the weights are those of the whole batch; the next batch knows."""
    config = TrainingConfig(epochs=2, batch_size=8, lr=0.05, ema_decay=0.0, keeps_statistics=True)
    roomy, cramped = Run(still(small_net()), config), Run(Cramped(still(small_net()), most), config)
    losses = [[epoch.loss for epoch in run.epochs(source, cross_entropy)] for run in (roomy, cramped)]
    terms = 2 * 3 * 8 * 300
    assert_same_computation(losses[1], losses[0], terms=terms, dtype=torch.float32)
    for mine, theirs in zip(cramped.model.parameters(), roomy.model.parameters(), strict=True):
        assert_same_computation(mine, theirs, terms=terms, magnitude=1.0)
    seen = cramped.model.seen
    assert isinstance(seen, list)
    assert seen[0] == 8
    failed = [count for count in seen if count > most]
    assert len(failed) == config.epochs * len(set(failed))  # in an epoch, no size is tried twice


def test_too_little_memory_for_one_image_is_said(small_net: Net, source: ExampleSource) -> None:
    """In one sentence that says what to do."""
    run = Run(Cramped(small_net(), 0), TrainingConfig(epochs=1, batch_size=8))
    said = r"too little memory for a training step, .* choose smaller images \(--image-size"
    with pytest.raises(WorkError, match=said):
        list(run.epochs(source, cross_entropy))


def test_the_end_of_memory_is_recognised() -> None:
    """That of the processor, as PyTorch says it; other errors are none."""
    with pytest.raises(RuntimeError) as failed:
        torch.empty(2**55)
    assert is_out_of_memory(failed.value)
    assert is_out_of_memory(torch.OutOfMemoryError("CUDA out of memory"))
    assert not is_out_of_memory(RuntimeError("shapes differ"))


def test_other_errors_pass(small_net: Net, source: ExampleSource) -> None:
    """A mistake in a model is not a lack of memory."""

    def loss(net: nn.Module, inputs: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
        raise RuntimeError("shapes differ")

    with pytest.raises(RuntimeError, match="shapes differ"):
        list(Run(small_net(), CONFIG).epochs(source, loss))

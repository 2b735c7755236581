"""What the literature adds to fine-tuning, tried on the tail that `finetune` trains: does any of it pay?

    python -m benchmarks.finetuning --seeds 3

All start from the same probe's head on the same cached maps, take the same epochs, and are judged on the same other
photos (log loss and accuracy, each less that of plain fine-tuning, paired by seed; over all sets with Student's
interval). Finished runs are kept in ``benchmarks/measured``, and the table can be filled over several sittings:

- *batch statistics*: normalised by each batch in place of the statistics that the probe was fitted to.
- *layer-wise*: the head at ten times the tail's rate.
- *gradual*: of the tail's blocks the last one alone moves at first, then one more in every epoch (Howard and Ruder
  2018, arXiv 1801.06146, section 3.3).
- *L2-SP*: weights are pulled to where they started in place of to zero (Li et al. 2018, arXiv 1802.01483).
- *BSS*: the smallest singular value of a batch's features is penalised (Chen et al. 2019, NeurIPS).
- *StochNorm*: every channel is normalised by its batch or by the moving statistics, as it is drawn (Kou et al. 2020,
  NeurIPS).
- *soup*: three runs with other orders of the photos, their weights averaged (Wortsman et al. 2022, arXiv 2203.05482).
- *mirrored*: plain fine-tuning, its logits averaged over a photo and its mirror image.
- *flipped maps*: half of the cached maps of every batch mirrored, which is not quite the map of the mirrored photo.
- *mixed maps*: maps and labels of a batch mixed in pairs (Verma et al. 2019, arXiv 1806.05236).
- *earlier cut* and *later cut*: the last two stages move, or the last stage's last block alone.
- *one view*: the probe's head learned from the photos as they are, and from no augmented ones; the tail too.
- *views*: the tail sees four views of every photo, three of them augmented, an epoch each in turn.

Co-Tuning (You et al. 2020, NeurIPS) takes the source's classifier, which truncated weights and our own backbones lack.
"""

import argparse
import copy
import json
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from itertools import product
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn, optim

from benchmarks import strategies
from benchmarks.measuring import MEASURED, some, spread, table, unpacked, write
from inarch.commands.train.run import prepare_training_run
from inarch.commands.train.strategies.probe import head_of, probe_on
from inarch.data.augmentation import Augmentation
from inarch.data.scan import scan
from inarch.metrics.comparison import t_interval
from inarch.metrics.softmax import softmax
from inarch.models import Backbone, norms_of
from inarch.training.config import TrainingConfig
from inarch.training.loop import ExampleSource, Run
from inarch.training.losses import Loss, cross_entropy
from inarch.transfer.options import TrainOptions
from inarch.transfer.recipes import FinetuneRecipe
from inarch.transfer.run import TrainingRun
from inarch.transfer.tail import CachedFeatureMaps, logits_of

SETS = {name: strategies.SETS[name] for name in ("land", "textures", "things", "digits")}
FINETUNING = FinetuneRecipe().config
LEARNED, TESTED, VIEWS = 60, 40, 4
MODEL = "resnet18_narrow"
MIRROR = VIEWS
"""The number of the view that is the mirror image."""


@dataclass(frozen=True)
class Start:
    """A probed tail, and the maps that it learns from and is judged on."""

    run: TrainingRun
    model: nn.Sequential
    """The tail and the probe's head; to be copied."""
    learned: tuple[CachedFeatureMaps, ...]
    """For each view, the maps of the photos to learn from."""
    held: CachedFeatureMaps
    """Of the others: as they are, and mirrored."""

    @property
    def seed(self) -> int:
        """Of everything that is drawn."""
        return self.run.options.seed

    @property
    def rows(self) -> NDArray[np.int64]:
        """All photos to learn from."""
        return np.arange(len(self.learned[0].labels))

    def config(self) -> TrainingConfig:
        """That of `finetune`."""
        return replace(FINETUNING, seed=self.seed)

    def source(self, views: int = 1) -> ExampleSource:
        """The photos to learn from, as they are or in several views."""
        maps = tuple(view for each in self.learned[:views] for view in each.views)
        return CachedFeatureMaps(maps, self.learned[0].labels).source(self.rows)

    def logits(self, model: nn.Module, view: int = 0) -> NDArray[np.float64]:
        """Of the photos that were held out."""
        return logits_of(model, self.held.views[view], np.arange(len(self.held.labels)))


class Scaled(optim.AdamW):
    """AdamW whose groups take the loop's rate times their own factor."""

    def step(self, closure: None = None) -> None:  # type: ignore[override]
        """One update."""
        for group in self.param_groups:
            group["lr"] *= group["factor"]
        super().step(closure)


def plain_loss(model: nn.Module, inputs: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
    """That of `finetune`."""
    return cross_entropy(model, inputs, labels, smoothing=FINETUNING.label_smoothing)


def trained(start: Start, fit: Run, loss: Loss = plain_loss, views: int = 1) -> nn.Module:
    """The run's model when it has ended."""
    for _ in fit.epochs(start.source(views), loss):
        pass
    return fit.model


def probed(start: Start) -> NDArray[np.float64]:
    """What all of them start from."""
    return start.logits(start.model)


def plain(start: Start) -> NDArray[np.float64]:
    """Fine-tuning as it is."""
    return start.logits(trained(start, Run(copy.deepcopy(start.model), start.config())))


def batch_statistics(start: Start) -> NDArray[np.float64]:
    """As nets are trained from scratch."""
    config = replace(start.config(), keeps_statistics=False)
    return start.logits(trained(start, Run(copy.deepcopy(start.model), config)))


def layer_wise(start: Start) -> NDArray[np.float64]:
    """Two rates."""
    fit = Run(copy.deepcopy(start.model), start.config())
    tail, head = (list(part.parameters()) for part in fit.model.children())
    groups = [
        {"params": [each for each in part if (each.ndim > 1) is decays], "factor": factor, "weight_decay": decay}
        for part, factor in ((tail, 1.0), (head, 10.0))
        for decays, decay in ((True, fit.config.weight_decay), (False, 0.0))
    ]
    fit.optimisers = (Scaled(groups, lr=fit.config.lr),)
    return start.logits(trained(start, fit))


def gradual(start: Start) -> NDArray[np.float64]:
    """From the end to the beginning."""
    fit = Run(copy.deepcopy(start.model), start.config())
    blocks = [block for stage in next(fit.model.children()).stages.children() for block in stage.children()]  # type: ignore[union-attr]
    for block in blocks:
        block.requires_grad_(False)
    waiting = list(blocks)
    waiting.pop().requires_grad_(True)
    for _ in fit.epochs(start.source(), plain_loss):
        if waiting:
            waiting.pop().requires_grad_(True)
    return start.logits(fit.model)


def l2_sp(start: Start, strength: float = 0.01) -> NDArray[np.float64]:
    """Towards the start."""
    model = copy.deepcopy(start.model)
    tail = next(model.children())
    before = [each.detach().clone() for each in tail.parameters()]

    def loss(model: nn.Module, inputs: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
        value, logits = plain_loss(model, inputs, labels)
        moved = sum(((now - was) ** 2).sum() for now, was in zip(tail.parameters(), before, strict=True))
        return value + strength / 2 * moved, logits

    return start.logits(trained(start, Run(model, replace(start.config(), weight_decay=0.0)), loss))


def bss(start: Start, strength: float = 1e-3) -> NDArray[np.float64]:
    """Batch spectral shrinkage."""

    def loss(model: nn.Module, inputs: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
        tail, head = model.children()
        feature_map = tail(inputs)
        logits = head(feature_map)
        value = nn.functional.cross_entropy(logits, labels, label_smoothing=FINETUNING.label_smoothing)
        return value + strength * torch.linalg.svdvals(feature_map.mean((2, 3)))[-1] ** 2, logits

    return start.logits(trained(start, Run(copy.deepcopy(start.model), start.config()), loss))


def stochnorm(start: Start, share: float = 0.5) -> NDArray[np.float64]:
    """Stochastic normalisation; the moving statistics follow the batches."""
    draw = torch.Generator().manual_seed(start.seed)
    fit = Run(copy.deepcopy(start.model), replace(start.config(), keeps_statistics=False))

    def either(norm: nn.BatchNorm2d, inputs: tuple[Tensor, ...], by_batch: Tensor) -> Tensor:
        if not norm.training:
            return by_batch
        moving = nn.functional.batch_norm(
            inputs[0], norm.running_mean, norm.running_var, norm.weight, norm.bias, eps=norm.eps
        )
        is_batch = torch.rand(1, norm.num_features, 1, 1, generator=draw) < share
        return torch.where(is_batch, by_batch, moving)

    for norm in norms_of(fit.model):
        norm.register_forward_hook(either)
    return start.logits(trained(start, fit))


def soup(start: Start) -> NDArray[np.float64]:
    """Weights and statistics of three runs, averaged."""
    models = [
        trained(start, Run(copy.deepcopy(start.model), replace(start.config(), seed=start.seed + 100 * number)))
        for number in range(3)
    ]
    mixed = copy.deepcopy(models[0])
    states = [model.state_dict() for model in models]
    mixed.load_state_dict({name: sum(state[name] for state in states) / len(states) for name in states[0]})
    return start.logits(mixed)


def mirrored(start: Start) -> NDArray[np.float64]:
    """Two views at test time."""
    model = trained(start, Run(copy.deepcopy(start.model), start.config()))
    return (start.logits(model) + start.logits(model, 1)) / 2


def flipped_maps(start: Start) -> NDArray[np.float64]:
    """Geometry on the cache."""
    draw = torch.Generator().manual_seed(start.seed)

    def loss(model: nn.Module, inputs: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
        is_flipped = torch.rand(len(inputs), 1, 1, 1, generator=draw) < 0.5
        return plain_loss(model, torch.where(is_flipped, inputs.flip(3), inputs), labels)

    return start.logits(trained(start, Run(copy.deepcopy(start.model), start.config()), loss))


def mixed_maps(start: Start, alpha: float = 0.2) -> NDArray[np.float64]:
    """Manifold mixup at the cut."""
    draw = np.random.default_rng(start.seed)

    def loss(model: nn.Module, inputs: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
        share = float(draw.beta(alpha, alpha))
        order = torch.from_numpy(draw.permutation(len(labels)))
        logits = model(share * inputs + (1 - share) * inputs[order])
        entropy = partial(nn.functional.cross_entropy, label_smoothing=FINETUNING.label_smoothing)
        return share * entropy(logits, labels) + (1 - share) * entropy(logits, labels[order]), logits

    return start.logits(trained(start, Run(copy.deepcopy(start.model), start.config()), loss))


def earlier_cut(start: Start) -> NDArray[np.float64]:
    """The last two stages."""
    return plain(probed_start(start.run, list(start.run.start.backbone.stages)[-3]))


def later_cut(start: Start) -> NDArray[np.float64]:
    """The last block."""
    backbone = start.run.start.backbone
    blocks = [name for name, _ in list(backbone.stages.values())[-1].named_children()]
    return plain(probed_start(start.run, blocks[-2]))


def one_view(start: Start) -> NDArray[np.float64]:
    """No augmented photos at all."""
    return plain(probed_start(replace(start.run, options=replace(start.run.options, augmented_copies=0))))


def views(start: Start) -> NDArray[np.float64]:
    """Four views in training."""
    return start.logits(trained(start, Run(copy.deepcopy(start.model), start.config()), views=VIEWS))


Variant = Callable[[Start], NDArray[np.float64]]

VARIANTS: Mapping[str, Variant] = {
    "probe": probed,
    "plain": plain,
    "batch statistics": batch_statistics,
    "layer-wise": layer_wise,
    "gradual": gradual,
    "L2-SP": l2_sp,
    "BSS": bss,
    "StochNorm": stochnorm,
    "soup": soup,
    "mirrored": mirrored,
    "flipped maps": flipped_maps,
    "mixed maps": mixed_maps,
    "earlier cut": earlier_cut,
    "later cut": later_cut,
    "one view": one_view,
    "views": views,
}


def probed_start(run: TrainingRun, cut: str | None = None) -> Start:
    """The probe, and the maps of every view that a variant asks for, where fine-tuning cuts unless it is told."""
    cut = cut or run.start.cut
    probed = probe_on(run, cut)
    labels, prefix = run.labels, probed.prefix
    mirror = prefix.view(MIRROR, Augmentation(flip=True, min_scale=1.0))
    held = tuple(
        view.compute(run.stored, run.test, lambda done, total: None)["map"]
        for view in (prefix.view(0, run.options.augmentation), mirror)
    )
    tail: Backbone = run.start.backbone.split(cut or "")[1]
    head = head_of(probed.fits[probed.last], tail)
    learned = tuple(CachedFeatureMaps((view["map"],), labels[run.train]) for view in probed.views)
    return Start(run, nn.Sequential(copy.deepcopy(tail), head), learned, CachedFeatureMaps(held, labels[run.test]))


def figures(logits: NDArray[np.float64], labels: NDArray[np.int64]) -> tuple[float, float]:
    """Accuracy in percent, and log loss."""
    own = softmax(logits)[np.arange(len(labels)), labels]
    return 100 * float((logits.argmax(1) == labels).mean()), float(-np.log(own).mean())


def kept(name: str, seed: int, variants: Mapping[str, Variant]) -> dict[str, list[float]]:
    """The figures of each variant: those that are there already, and those that were missing, measured now."""
    path = MEASURED / f"finetuning_{name}_{seed}.json"
    found: dict[str, list[float]] = json.loads(path.read_text("utf-8")) if path.exists() else {}
    missing = {variant: of for variant, of in variants.items() if variant not in found}
    if not missing:
        return found
    archive, inner = SETS[name]
    with tempfile.TemporaryDirectory() as folder:
        photos = some(unpacked(*archive) / inner, LEARNED, TESTED, Path(folder, "photos.csv"), seed=seed)
        options = TrainOptions(model=MODEL, seed=seed, augmented_copies=VIEWS - 1, cache=Path(folder, "cache"))
        options = replace(options, augmentation=Augmentation(flip=name != "digits"))
        start = probed_start(prepare_training_run(partial(scan, photos), options))
        for variant, of in missing.items():
            found[variant] = list(figures(of(start), start.held.labels))
            print(name, seed, variant, found[variant], flush=True)
            path.write_text(json.dumps(found) + "\n", encoding="utf-8")
    return found


def main() -> None:
    """Run what is not there yet, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--only", nargs="*", choices=VARIANTS, default=list(VARIANTS), help="beside plain")
    asked = parser.parse_args()
    variants = {name: of for name, of in VARIANTS.items() if name in ("plain", *asked.only)}
    runs = {name: [kept(name, seed, variants) for seed in range(asked.seeds)] for name in SETS}
    rows = []
    for name, variant in product(SETS, variants):
        change = np.array([np.subtract(fit[variant], fit["plain"]) for fit in runs[name]])
        rows.append([name, variant, spread(list(change[:, 0])), spread(list(change[:, 1]), 3)])
    print(table(["photos", "variant", "points of accuracy", "log loss"], rows))
    for variant in variants:
        change = np.array([np.subtract(fit[variant], fit["plain"]) for of in runs.values() for fit in of])
        points, loss = (t_interval(list(each), 0.95) for each in change.T)
        print(
            f"{variant}: {points.mean:+.2f} points ({points.low:+.2f} to {points.high:+.2f}), log loss "
            f"{loss.mean:+.3f} ({loss.low:+.3f} to {loss.high:+.3f}), n={len(change)}"
        )
    write("finetuning", {"runs": runs})


if __name__ == "__main__":
    main()

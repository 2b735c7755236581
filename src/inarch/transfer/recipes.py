"""How each strategy trains: the numbers of every recipe, each with its source, in frozen records.

A run holds one `Recipes` (`inarch.transfer.options.TrainOptions`); the command line has no options for them.
"""

from dataclasses import dataclass, field, replace

from inarch.training.config import TrainingConfig


@dataclass(frozen=True, kw_only=True)
class ProbeRecipe:
    """A linear classifier on features: which regularisation strengths are tried, and on how many photos."""

    strengths: tuple[float, ...] = (30.0, 10.0, 3.0, 1.0, 0.3, 0.1, 0.03, 0.01, 0.003, 0.001, 0.0003, 0.0001)
    """L2 regularisation strength per training photo, strongest first: each fit starts from the one before."""
    patience: int = 2
    """The search ends after this many weaker strengths in a row without an improvement."""
    repeats: int = 3
    """Cross-validations of few photos: one is a lottery, and the mean of three is less of one."""
    repeated_photos: int = 500
    """The most photos for which cross-validation is repeated."""
    search_photos: int = 4000
    """The most photos of the search; the strength, being per photo, carries over to all of them."""
    gathered_photos: int = 4000
    """The most photos for which several stages are read together; with more, one stage suffices and the fit is costly.
    """

    def repeats_for(self, photos: int) -> int:
        """The number of cross-validations for that many photos."""
        return self.repeats if photos <= self.repeated_photos else 1

    def once(self) -> "ProbeRecipe":
        """The same with a single cross-validation, however few the photos."""
        return replace(self, repeats=1)


@dataclass(frozen=True, kw_only=True)
class SelfTrainingRecipe:
    """How the probe uses unlabelled photos."""

    shares: tuple[float, ...] = (1 / 6, 1 / 3, 1 / 2)
    """The share of each predicted class, most confident first, that each round uses."""
    most_photos: int = 4000
    """The most unlabelled photos that are used; of more, a sample is drawn."""


@dataclass(frozen=True, kw_only=True)
class TuningRecipe:
    """One depth of fine-tuning."""

    config: TrainingConfig
    fewest_epochs: int = 3
    """However little time there is."""
    shares: tuple[float, ...] = (0.25, 0.5, 0.75, 1.0)
    """How far weights may go from where the probe left them, of the way that training takes them; validation photos
    choose."""
    continued: float = 3 / 8
    """Epochs with every training photo, after the trial on four fifths of them, as a fraction of the trial's."""
    continued_rate: float = 0.3
    """The peak learning rate of those epochs, as a fraction of the trial's."""

    def is_fair_trial(self, epochs: int) -> bool:
        """Whether there is time for more than the fewest epochs: with those alone it would lose for lack of time."""
        return epochs > self.fewest_epochs


@dataclass(frozen=True, kw_only=True)
class FinetuneRecipe(TuningRecipe):
    """The tail of a model on the cached feature maps of its frozen prefix; and what all depths have in common."""

    config: TrainingConfig = field(
        default_factory=lambda: TrainingConfig(
            epochs=8,
            batch_size=32,
            optimiser="adamw",
            lr=1e-4,
            weight_decay=0.05,
            label_smoothing=0.05,
            ema_decay=0.95,
            keeps_statistics=True,  # those under which the head was probed (0024)
        )
    )
    share: float = 0.8
    """The share of the remaining time for training; the rest is for the export and the figures."""
    fewest_photos: int = 3
    """The fewest photos per class: one for validation of the trial, the others to cross-validate the probe before it.
    """
    provable: int = 6
    """Mistakes that a flawless rival must correct before McNemar's exact test falls below 0.05 (2 * 0.5**6 = 0.03)."""
    all_photos: float = 0.7
    """The cost of going on with every photo, in trials on four fifths of them; a margin covers a busier machine."""


@dataclass(frozen=True, kw_only=True)
class WholeRecipe(TuningRecipe):
    """Every layer of a model, from pixels."""

    config: TrainingConfig = field(
        default_factory=lambda: TrainingConfig(
            epochs=8,
            batch_size=16,
            optimiser="adamw",
            lr=3e-4,
            weight_decay=0.05,
            label_smoothing=0.05,
            ema_decay=0.95,
            head_rate=3.0,
            clip_norm=1.0,
            keeps_statistics=True,
        )
    )
    """Chosen on training photos alone, on textures and land (3/4 to train on, 1/4 to judge by): with the batch's
    statistics, accuracy was 4 points and 1 point lower; with lr 1e-4 and 5e-4 it was lower on textures; after three
    epochs it was 2 points lower on both with batches of 32."""
    fewest_epochs: int = 1
    """Two epochs are a fair trial: after two, small photos were answered better than by the probe (decision 0032)."""
    shown: float = 6 / 7
    """The image size in prediction, as a fraction of the one that the weights are made for: 192 of 224 pixels."""
    trained: float = 5 / 6
    """The image size in training, as a fraction of that in prediction: 160 of 192 pixels."""


@dataclass(frozen=True, kw_only=True)
class ScratchRecipe:
    """A whole model, randomly initialised."""

    config: TrainingConfig = field(
        default_factory=lambda: TrainingConfig(
            epochs=1, batch_size=64, optimiser="muon", lr=0.02, weight_decay=0.02, warmup=0.15, label_smoothing=0.1
        )
    )
    """The recipe of `benchmarks.recipes`, with smaller batches, as there are fewer photos. Validation accuracy on
    CIFAR-10 in equal time: 52.5 % against 34.0 % with SGD for 100 photos per class, 63.8 against 49.1 for 1,000."""
    most_epochs: int = 60
    fewest_epochs: int = 3
    share: float = 0.9
    """The share of the remaining time for training; the rest is for the export and the figures."""
    longest: int = 400_000
    """The training examples after which more epochs did not pay on small datasets."""
    small_photo: int = 64
    """Pixels a side up to which photos train a model for such images; larger ones train another model."""
    small_model: str = "resnet20"
    model: str = "resnet18_narrow"
    size: int = 128
    """The image size of the model for larger photos."""

    def epochs_for(self, photos: int) -> int:
        """The number of epochs that pay for that many photos."""
        return min(self.most_epochs, max(self.fewest_epochs, self.longest // photos))

    def model_for(self, side: int) -> tuple[str, int]:
        """The model and its image size for photos whose shorter side has that many pixels, if the user names none."""
        if side > self.small_photo:
            return self.model, self.size
        return self.small_model, 32 if side < 48 else 64


@dataclass(frozen=True, kw_only=True)
class LearningCurveRecipe:
    """The probe with fewer photos, and the forecast for more."""

    shares: tuple[float, ...] = (1 / 8, 1 / 4, 1 / 2, 1.0)
    """The share of a fold's training photos at each point."""
    folds: int = 5
    fewest_points: int = 3
    """The fewest points of a curve."""
    fewest_photos: int = 3
    """The fewest photos per class at a point."""
    most_photos: int = 4000
    """The most photos that the curve uses; of more, a sample is drawn."""
    resamples: int = 1000
    """The resamples of the bootstrap."""
    steepest: float = 1.0
    """The steepest power law that is believed: a faster decrease is noise."""
    misfit: float = 0.23
    """No curve is an exact power law: each doubling adds this share of itself to the spread. See `benchmarks.forecast`.
    """
    drawn: float = 0.4
    """The choice of the next photos adds this many standard errors of an accuracy on as many photos. See
    `benchmarks.forecast`."""


@dataclass(frozen=True, kw_only=True)
class StrategyCurvesRecipe:
    """Every strategy with fewer photos."""

    folds: int = 5
    smallest: int = 5
    """Photos per class in the smallest subset."""
    growth: int = 2
    """The factor from one subset to the next."""
    most_sizes: int = 5
    """The number of subsets."""
    nearly_all: float = 0.75
    """A subset that is a larger share than this adds nothing to the point of all photos."""
    fewest_scratch_epochs: int = 8
    """With fewer, a point measures the time budget and not the photos."""
    share: float = 0.85
    """The share of the time that is planned: steps are timed on the machine as it is now."""


@dataclass(frozen=True, kw_only=True)
class RankingRecipe:
    """How backbones are compared on a sample of the photos."""

    seconds: float = 5.0
    """The most time for all backbones together to process the sample."""
    samples: tuple[int, ...] = (400, 200, 100)
    """Sizes of the sample, of which the time allows one: few choices, so that a little noise in the speeds does not
    change it."""
    fewest_of_class: int = 4
    """The fewest photos per class in the sample."""
    thumbnail: int = 8
    """Pixels a side of the pictures on which a linear classifier is fitted without a backbone."""
    smallest: int = 64
    """The smallest image size, in pixels a side, for a backbone of larger images."""
    share: float = 0.5
    """The most of the time budget that the frozen backbone may take for all photos."""


@dataclass(frozen=True, kw_only=True)
class PlanRecipe:
    """Costs that a plan cannot time beforehand, and how accuracies on a sample carry over."""

    export_seconds: float = 1.0
    """The ONNX export of a whole model."""
    writing_seconds: float = 0.5
    """The figures, the report and the bundle."""
    cold_fit: float = 0.7
    """A cold fit at one strength, in units of a photo and fold of the search, which fits a path of strengths."""
    before_fits: int = 500
    """The fixed cost of a path of fits, in photos: from 100 to 4,000 photos the time grows sixfold."""
    trained: float = 3.0
    """The cost of a photo in a training step of a whole model, in photos through the frozen model: 1.1 to 3.4 for five
    models on a processor with bfloat16 matmul. Used for models that will not be tried, as such steps take seconds."""
    additions: float = 1.25
    """The cost of an epoch from scratch, in its steps: averaging the weights and the checkpoint are added."""
    inference: float = 0.4
    """The cost of a photo in inference, in photos of a training step."""
    steepest: float = 0.35
    """The steepest decrease of errors with the number of photos, as an exponent (Hestness et al. 2017, arXiv
    1712.00409, section 5)."""
    finetuned: tuple[float, float] = (0.4, 1.1)
    """The error rate of fine-tuning, as a multiple of a linear classifier's. In table 3 of Grill et al. 2020 (arXiv
    2006.07733) most datasets lie between; Cars (0.2) and Aircraft lie below, Caltech-101 (1.2) above."""
    from_scratch: tuple[float, float] = (0.7, 4.0)
    """The same for a model trained from scratch, and a guess: the same table has 0.3 to 5, for larger datasets without
    a time limit."""
    large: int = 300
    """Photos per class from which on a model trained from scratch may beat transfer learning."""
    simple: float = 0.5
    """Photos count as simple if a linear classifier on their pixels makes at most this fraction of the mistakes that
    chance makes."""
    far: float = 0.5
    """Simple photos are far from the source domain if the backbone still makes this fraction of those errors."""
    fewest_of_class: int = 100
    """Photos per class below which no model is trained from scratch, however far the photos are from the source domain:
    with 5, 20 and 80 it was behind transfer learning on all of six datasets (`benchmarks.strategies`)."""
    timed_parts: int = 8
    """Large images of which only this part of a batch is timed, because their steps take seconds."""
    slow_side: int = 96
    """Pixels a side from which on images are that large."""
    fair_epochs: int = 8
    """A model is not trained from scratch if the time allows fewer epochs."""


@dataclass(frozen=True, kw_only=True)
class Recipes:
    """How a run trains, whatever its options."""

    probe: ProbeRecipe = field(default_factory=ProbeRecipe)
    self_training: SelfTrainingRecipe = field(default_factory=SelfTrainingRecipe)
    finetune: FinetuneRecipe = field(default_factory=FinetuneRecipe)
    whole: WholeRecipe = field(default_factory=WholeRecipe)
    scratch: ScratchRecipe = field(default_factory=ScratchRecipe)
    learning_curve: LearningCurveRecipe = field(default_factory=LearningCurveRecipe)
    strategy_curves: StrategyCurvesRecipe = field(default_factory=StrategyCurvesRecipe)
    ranking: RankingRecipe = field(default_factory=RankingRecipe)
    plan: PlanRecipe = field(default_factory=PlanRecipe)

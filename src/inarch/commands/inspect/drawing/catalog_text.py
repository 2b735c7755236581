"""The catalog as a table, paper by paper."""

from collections.abc import Sequence
from itertools import chain

from inarch.commands.inspect.drawing.summary import Note
from inarch.models.anatomy.records import ModelSize
from inarch.report.text_table import table_lines


def catalog_text(models: Sequence[ModelSize], ready: Sequence[str] = ()) -> str:
    """One line per model under its paper; multiply-adds are for one image of the model's own size.

    Args:
        models: the models to list.
        ready: those whose trained weights come with inarch.
    """
    groups: dict[str, list[tuple[str, ...]]] = {}
    for model in models:
        groups.setdefault(_paper(model), []).append(_row(model))
    header = ("model", "variant", "parameters", "GMACs", "pixels")
    head, *rows = table_lines([header, *chain.from_iterable(groups.values())], "llrrr")
    lines = [head]
    for paper, own in groups.items():
        lines += ["", paper, *rows[: len(own)]]
        rows = rows[len(own) :]
    with_weights = [f"Trained weights come with inarch for {' and '.join(ready)}."] if ready else []
    notes = (
        Note.MACS,
        "Parameters are those of 1,000 classes, without auxiliary classifiers.",
        "Weights: `inarch train PHOTOS --model NAME --weights FILE` reads our own files and torchvision's and timm's.",
        "More: `inarch inspect NAME --variants` shows how a model departs from its paper and how it can be varied.",
    )
    return "\n".join([*lines, "", *notes, *with_weights])


def _paper(model: ModelSize) -> str:
    """The source without the table or section: ``Szegedy et al. 2015, arXiv 1409.4842``."""
    return ", ".join(model.source.split(", ")[:2])


def _row(model: ModelSize) -> tuple[str, ...]:
    figures = (f"{model.parameters:,}", f"{model.macs / 1e9:.3f}", f"{model.image_size}")
    return (f"  {model.name}", model.variant, *figures)

"""``inarch export``"""

from pathlib import Path
from typing import Annotated

import typer

from inarch.commands.command import Command
from inarch.options.shares import share_of


def export(
    bundle: Annotated[Path, typer.Argument(help="A bundle that `inarch train` wrote; it stays as it is.")],
    to: Annotated[str, typer.Option(help="onnx, openvino, torchvision or timm.")] = "onnx",
    out: Annotated[Path, typer.Option(help="A new folder.")] = Path("inarch-export"),
    photos: Annotated[
        Path | None,
        typer.Option(help="Photos to compare both on, up to 100; without it the bundle's golden inputs."),
    ] = None,
    goal: Annotated[
        float | None,
        typer.Option(help="The share of answers that is to be right; without it 0.95.", show_default=False),
    ] = None,
) -> None:
    """Write a bundle's net for another runtime, and prove there that it answers as the bundle does.

    Example: inarch export mine --to openvino --photos new-photos
    """
    share_of("--goal", goal)
    from inarch.commands.export.export import ANSWER
    from inarch.commands.export.export import export as run
    from inarch.report.wording import count_of, make_printable

    parity = run(bundle, out, to, photos=photos, goal=goal)
    typer.echo(
        make_printable(
            f"{count_of(parity.photos, 'JPEG')} ({parity.source}): the same answers, logits within "
            f"{parity.largest:.1e} of their size."
        )
    )
    typer.echo(make_printable(f"Written to {out}; python {out / ANSWER} PHOTO answers without inarch."))


COMMANDS = (Command(export, place=50),)

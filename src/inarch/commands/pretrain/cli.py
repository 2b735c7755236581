"""``inarch pretrain``"""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from inarch.commands.command import UNDERSTAND, Command
from inarch.progress import progress

if TYPE_CHECKING:
    from inarch.commands.pretrain.pretrain import Chunk


def pretrain(
    recipe: Annotated[Path, typer.Argument(help="A TOML file; recipes/ has those of our own backbones.")],
    data: Annotated[Path, typer.Option(help="Folder in which the recipe's photos lie.")] = Path("data"),
    out: Annotated[Path, typer.Option(help="Folder for checkpoint, log and weights.")] = Path("pretraining"),
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object for each chunk.")] = False,
) -> None:
    """Pre-train a backbone. Stop it whenever you like: the same command goes on where it stopped.

    Example: inarch pretrain recipes/googlenet.toml --data photos --out googlenet-run
    """
    from inarch.commands.pretrain.run import pretrain as run

    with progress() as show:
        for chunk in run(recipe, data, out, show):
            typer.echo(_json(chunk) if as_json else _line(chunk))
    if not as_json:
        typer.echo(f"\nnext    inarch train PHOTOS --weights {out / 'weights.safetensors'}")


def _line(chunk: "Chunk") -> str:
    epoch = chunk.epoch
    probes = "".join(f"   {name} {accuracy:.1%}" for name, accuracy in chunk.probes.items())
    return f"chunk {epoch.number:>4}   loss {epoch.loss:.4f}   {epoch.seconds:.0f} s{probes}"


def _json(chunk: "Chunk") -> str:
    return json.dumps({**vars(chunk.epoch), "probes": dict(chunk.probes)})


COMMANDS = (Command(pretrain, UNDERSTAND, 40),)

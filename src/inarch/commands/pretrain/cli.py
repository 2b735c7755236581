"""``inarch pretrain``"""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from inarch.commands.command import UNDERSTAND, Command, Output
from inarch.commands.pretrain.options import PretrainOptions

if TYPE_CHECKING:
    from inarch.commands.pretrain.pretrain import Chunk

SCHEMA = "inarch.pretrain/1"


def pretrain(
    recipe: Annotated[Path, typer.Argument(help="A TOML file; recipes/ has those of our own backbones.")],
    *,
    out: Annotated[Path, typer.Option(help="Folder for checkpoint, log and weights.")] = Path("pretraining"),
    options: PretrainOptions,
    output: Output,
) -> None:
    """Pre-train a backbone. Stop it whenever you like: the same command goes on where it stopped.

    As JSON it prints one object for each chunk of crops, on a line of its own.

    Example: inarch pretrain recipes/googlenet.toml --data photos --out googlenet-run
    """
    from inarch.commands.pretrain.run import pretrain as run

    with output.progress() as show:
        for chunk in run(recipe, options.data, out, show, device=options.device):
            output.show(chunk, _line, SCHEMA, lines=True)
    if output.is_text:
        output.say(f"\nnext    inarch train PHOTOS --weights {out / 'weights.safetensors'}")


def _line(chunk: "Chunk") -> str:
    epoch = chunk.epoch
    probes = "".join(f"   {name} {accuracy:.1%}" for name, accuracy in chunk.probes.items())
    return f"chunk {epoch.number:>4}   loss {epoch.loss:.4f}   {epoch.seconds:.0f} s{probes}"


COMMANDS = (Command(pretrain, UNDERSTAND, 40, {SCHEMA: "inarch.commands.pretrain.pretrain.Chunk"}),)

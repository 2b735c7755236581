"""``inarch``: the commands, and how each way of failing ends."""

import contextlib
import errno
import functools
import inspect
import io
import os
import sys
import warnings
from collections.abc import Callable, Iterator
from importlib import import_module
from importlib.metadata import version
from importlib.util import find_spec
from pkgutil import iter_modules
from typing import Annotated, Any, NoReturn

import typer
import typer.core

from inarch import commands as package
from inarch.commands.command import FIRST_STEPS, UNDERSTAND, YOUR_CLASSIFIER, Command
from inarch.errors import InarchError, UserError
from inarch.extras import explaining_missing_extras
from inarch.options.command_line import with_options

HELP = "Image classifiers that show their work: Inception and ResNet, transferred to your photos."
EXAMPLE = "Example: "
PANELS = (FIRST_STEPS, YOUR_CLASSIFIER, UNDERSTAND)


def run() -> None:
    """Run the command line: exit code 0, 1 (the work failed), 2 (the user's mistake, one sentence), 130 (Ctrl-C)."""
    warnings.filterwarnings("ignore", module="PIL")  # what is wrong with a photo is said in the report
    _open_missing_streams()
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # a file's name may hold what the terminal cannot show
            stream.reconfigure(errors="backslashreplace")
    try:
        build_app()()
    finally:
        try:
            sys.stdout.flush()
        except OSError:
            _silence_stdout()


def _open_missing_streams() -> None:
    """Let what is printed go nowhere where there is no stdout or stderr: in services, windowed programs, ``>&-``."""
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: SIM115 - it stays open as long as the program


def _print_version(wanted: bool) -> bool:
    if wanted:
        typer.echo(f"inarch {version('inarch')}")
        raise typer.Exit
    return wanted


def _inarch(
    version: Annotated[
        bool, typer.Option("--version", help="Show the version and exit.", is_eager=True, callback=_print_version)
    ] = False,
) -> None:
    """Options of ``inarch`` itself."""


def _newcomer_text() -> str:
    """The commands that a newcomer needs, each with its example."""
    lines = [HELP, ""]
    for command in sorted(commands(), key=_sort_key):
        if command.panel == FIRST_STEPS:
            says, example = _first_line_and_example(command)
            lines += [f"  {example}", f"      {says}"]
    return "\n".join([*lines, "", "All commands: inarch --help. More on one of them: inarch train --help."])


def _first_line_and_example(command: Command) -> tuple[str, str]:
    paragraphs = inspect.cleandoc(command.run.__doc__ or "").split("\n\n")
    examples = [each.removeprefix(EXAMPLE) for each in paragraphs if each.startswith(EXAMPLE)]
    return " ".join(paragraphs[0].split()), examples[0]


def _report_failures(command: Callable[..., None]) -> Callable[..., None]:
    """``command``, whose failures end with a sentence and an exit code."""

    @functools.wraps(command)
    def telling(*args: object, **options: object) -> None:
        with _reporting_failures():
            command(*args, **options)
            sys.stdout.flush()

    return telling


@contextlib.contextmanager
def _reporting_failures() -> Iterator[None]:
    try:
        with explaining_missing_extras():
            yield
    except UserError as error:
        _stop(str(error), 2)
    except InarchError as error:
        _stop(str(error), 1)
    except KeyboardInterrupt:
        _stop(
            "Stopped; nothing half written is left. The same command goes on (`inarch train … --resume`).",
            130,
        )
    except Exception as error:
        if _is_broken_pipe(error):  # `inarch models | head`: the reader has seen enough
            _silence_stdout()
            raise SystemExit(0) from None
        if os.environ.get("INARCH_DEBUG"):
            raise
        if isinstance(error, OSError):
            _silence_stdout()
            _stop(f"The work could not go on: {error}.", 1)
        _stop(
            f"This should not have happened: {type(error).__name__}: {error}. "
            "Run it again with INARCH_DEBUG=1 set to see where, and report it.",
            1,
        )


def _is_broken_pipe(error: Exception) -> bool:
    """On Windows a pipe that nobody reads any more is an invalid argument, without the name of a file."""
    if sys.platform == "win32" and isinstance(error, OSError):
        return error.errno in (errno.EPIPE, errno.EINVAL) and error.filename is None
    return isinstance(error, BrokenPipeError)


def _silence_stdout() -> None:
    """Let what is left unwritten go nowhere: Python would try, and fail, to write it at the end."""
    with contextlib.suppress(OSError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _stop(sentence: str, code: int) -> NoReturn:
    from inarch.report.wording import make_printable

    print("inarch: " + "\n".join(map(make_printable, sentence.split("\n"))), file=sys.stderr)
    raise SystemExit(code)


class PanelGroup(typer.core.TyperGroup):
    """Lists the commands under the titles of their panels; without any word, it says how to begin."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Leave early where nothing was asked for."""
        if not args and not ctx.resilient_parsing:
            typer.echo(_newcomer_text())
            ctx.exit()
        return super().parse_args(ctx, args)

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """The name and the first sentences of each."""
        panels: dict[str, list[tuple[str, str]]] = {}
        for name in self.list_commands(ctx):
            command: Any = self.get_command(ctx, name)
            says = " ".join(command.help.partition("\n\n")[0].split())
            panels.setdefault(command.rich_help_panel, []).append((name, says))
        for title, rows in panels.items():
            with formatter.section(title):
                formatter.write_dl(rows)


def commands() -> Iterator[Command]:
    """The commands of every folder beside this file that has a ``cli.py``, as ``inarch --help`` lists them."""
    for folder in iter_modules(package.__path__):
        if folder.ispkg and find_spec(f"{package.__name__}.{folder.name}.cli"):
            yield from import_module(f"{package.__name__}.{folder.name}.cli").COMMANDS


def _sort_key(command: Command) -> tuple[int, int, str]:
    return PANELS.index(command.panel), command.place, command.run.__name__


def build_app() -> typer.Typer:
    """The command line with all commands that there are."""
    app = typer.Typer(
        name="inarch",
        help=HELP,
        cls=PanelGroup,
        rich_markup_mode=None,  # its tables cut the names of options short on a terminal of 80 columns
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    )
    app.callback()(_inarch)
    for command in sorted(commands(), key=_sort_key):
        app.command(rich_help_panel=command.panel)(_report_failures(with_options(command.run)))
    return app

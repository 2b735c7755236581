"""``inarch``: the commands, and how each way of failing ends."""

import os
import sys
import warnings

import typer

from inarch.cli import demo, evaluate, inspect, models, predict, train
from inarch.errors import InarchError, UserError

app = typer.Typer(
    name="inarch",
    help="Image classifiers that show their work: Inception and ResNet, grafted onto your photos.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
for command in (demo.demo, train.train, predict.predict, evaluate.evaluate, models.models, inspect.inspect):
    app.command()(command)


def run() -> None:
    """Run the command line: exit code 0, 1 (the work failed), 2 (the user's mistake, one sentence)."""
    warnings.filterwarnings("ignore", module="PIL")  # what is wrong with a photo is said in the report
    try:
        app()
    except UserError as error:
        _stop(str(error), 2)
    except InarchError as error:
        _stop(str(error), 1)
    except KeyboardInterrupt:
        _stop(
            "Stopped. What was computed is cached, and nothing half written is left; run it again with --resume.", 130
        )
    except BrokenPipeError:  # `inarch models | head`: the reader has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise SystemExit(0) from None
    except Exception as error:
        if os.environ.get("INARCH_DEBUG"):
            raise
        _stop(
            f"This should not have happened: {type(error).__name__}: {error}. "
            "Run it again with INARCH_DEBUG=1 set to see where, and report it.",
            1,
        )


def _stop(sentence: str, code: int) -> None:
    print(f"inarch: {sentence}", file=sys.stderr)
    raise SystemExit(code)

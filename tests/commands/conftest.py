"""The command line run in this process."""

import sys
from collections.abc import Callable
from typing import NamedTuple

import pytest

from inarch.commands.cli import run


class Ended(NamedTuple):
    """How a command ended."""

    code: int | str | None
    out: str
    err: str


Inarch = Callable[..., Ended]


@pytest.fixture
def inarch(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Inarch:
    """``inarch("predict", bundle, photo)``: what the program does when it is called so."""

    def call(*words: object) -> Ended:
        monkeypatch.setattr(sys, "argv", ["inarch", *map(str, words)])
        capsys.readouterr()
        with pytest.raises(SystemExit) as stopped:
            run()
        return Ended(stopped.value.code, *capsys.readouterr())

    return call

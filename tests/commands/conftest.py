"""The command line run in this process."""

import sys
from collections.abc import Callable
from typing import NamedTuple

import pytest

from inarch.commands.cli import run
from schemas import check_json


class Ended(NamedTuple):
    """How a command ended."""

    code: int | str | None
    out: str
    err: str


Inarch = Callable[..., Ended]


@pytest.fixture
def inarch(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Inarch:
    """``inarch("predict", bundle, photo)``: what the program does when it is called so; JSON keeps to its schema."""

    def call(*words: object) -> Ended:
        monkeypatch.setattr(sys, "argv", ["inarch", *map(str, words)])
        capsys.readouterr()
        with pytest.raises(SystemExit) as stopped:
            run()
        ended = Ended(stopped.value.code, *capsys.readouterr())
        if ended.out.startswith("{"):
            check_json(ended.out)
        return ended

    return call

"""A folder has one holder, and none that is dead."""

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from inarch.errors import OutputError, UserError
from inarch.storage.lock import exclusive

HOLDER = """
import sys, time
from pathlib import Path
from inarch.storage.lock import exclusive
with exclusive(Path(sys.argv[1])):
    print("held", flush=True)
    time.sleep(60)
"""


def test_a_folder_has_one_holder_at_a_time(tmp_path: Path) -> None:
    """In this process too; afterwards it is free again, also after an error."""
    folder = tmp_path / "run"
    again = pytest.raises(UserError, match=r"^Another run is writing to .*run; wait")
    with exclusive(folder), again, exclusive(folder):
        pass
    with pytest.raises(KeyError), exclusive(folder):
        raise KeyError
    with exclusive(folder):
        pass


def test_a_process_that_is_killed_holds_nothing(tmp_path: Path) -> None:
    """However it ends: the system gives the lock back."""
    with subprocess.Popen([sys.executable, "-c", HOLDER, str(tmp_path)], stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "held\n"
        with pytest.raises(UserError, match="Another run"), exclusive(tmp_path):
            pass
        other.send_signal(signal.SIGKILL)
    with exclusive(tmp_path):
        pass


def test_a_folder_that_cannot_be_is_said(tmp_path: Path) -> None:
    """Below a file, say."""
    (tmp_path / "file").touch()
    with (
        pytest.raises(OutputError, match=r"cannot be used .* choose another --out"),
        exclusive(tmp_path / "file" / "run"),
    ):
        pass

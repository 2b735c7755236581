"""Nothing leaves the machine: no command looks a name up, connects, or leaves an identity behind."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from inarch.extras import is_installed
from trained import Trained

SESSION = """
import sys, time
from inarch.commands.cli import run
photos, bundle, out = sys.argv[1:]
net = ("--model", "resnet_basic_tiny", "--strategy", "scratch", "--image-size", "32", "--time-budget", "20s")
commands = [
    ("predict", bundle, f"{photos}/val"),
    ("evaluate", bundle, photos),
    ("train", f"{photos}/train", *net, "--out", f"{out}/new"),
    ("doctor", f"{photos}/train", "--no-labels", "--out", f"{out}/doctor"),
    ("explain", bundle, photos, "--out", f"{out}/explained"),
    ("inspect", bundle),
    ("models",),
    ("export", bundle, "--out", f"{out}/onnx"),
    *([("export", bundle, "--to", "openvino", "--out", f"{out}/openvino")] if "openvino" in EXTRAS else []),
]
for words in commands:
    sys.argv = ["inarch", *words]
    try:
        run()
    except SystemExit as ended:
        assert not ended.code, (words, ended.code)
time.sleep(3)  # what is to be sent is sent in the background
"""
ELSEWHERE = re.compile(r"(connect|sendto|sendmsg|sendmmsg)\(.*(AF_INET|nscd|resolve)")


def _environment(home: Path) -> dict[str, str]:
    """A user's own machine: a home that is new, and no variable that says it is a build server."""
    hushed = ("CI", "ORT_DISABLE_TELEMETRY", "HF_HUB_DISABLE_TELEMETRY", "DO_NOT_TRACK", "INARCH_CACHE")
    kept = {name: value for name, value in os.environ.items() if name not in hushed and not name.startswith("XDG_")}
    home.mkdir()
    return {**kept, "HOME": str(home), "INARCH_OFFLINE": "1"}


def _traced(words: list[str], trace: Path, environment: dict[str, str]) -> list[str]:
    """The calls by which a process and its children reached for another machine."""
    strace = [shutil.which("strace") or "strace", "-f", "-s", "200", "-e", "trace=network", "-o", str(trace)]
    done = subprocess.run([*strace, *words], env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return [line for line in trace.read_text("utf-8").splitlines() if ELSEWHERE.search(line)]


@pytest.fixture
def may_trace(tmp_path: Path) -> None:
    """Skip where calls cannot be watched; a look-up must be seen, or the test would prove nothing."""
    look = "import socket\ntry: socket.getaddrinfo('nowhere.invalid', 80)\nexcept OSError: pass"
    if shutil.which("strace") is None:
        pytest.skip("strace is not installed")
    try:
        seen = _traced([sys.executable, "-c", look], tmp_path / "control.txt", dict(os.environ))
    except AssertionError as error:
        pytest.skip(f"strace may not watch here: {error}")
    if not seen:
        pytest.skip("a look-up leaves no trace here")


@pytest.mark.slow
@pytest.mark.usefixtures("may_trace")
def test_no_command_reaches_for_another_machine(tiny: Trained, tmp_path: Path) -> None:
    """Each command in one process that stays a while, and the scripts that an export runs and leaves behind."""
    extras = [name for name in ("openvino",) if is_installed(name)]
    session = f"EXTRAS = {extras}\n{SESSION}"
    environment = _environment(tmp_path / "home")
    words = [sys.executable, "-c", session, str(tiny.photos), str(tiny.bundle), str(tmp_path)]
    assert _traced(words, tmp_path / "trace.txt", environment) == []
    for to in ("onnx", *extras):
        script = f"import sys, time; sys.path.insert(0, {str(tmp_path / to)!r}); import model; time.sleep(3)"
        assert _traced([sys.executable, "-c", script], tmp_path / f"{to}.txt", environment) == []
    left = {path.relative_to(tmp_path / "home").parts[:2] for path in (tmp_path / "home").rglob("*") if path.is_file()}
    assert left <= {(".cache", "inarch"), (".cache", "matplotlib"), (".cache", "torch")}


@pytest.mark.parametrize("chosen", [None, "0"])
def test_importing_switches_reports_off_unless_the_user_chose(chosen: str | None) -> None:
    """Before ONNX Runtime is imported, whoever imports it."""
    variables = ("ORT_DISABLE_TELEMETRY", "HF_HUB_DISABLE_TELEMETRY")
    kept = {name: value for name, value in os.environ.items() if name not in variables}
    given = {} if chosen is None else dict.fromkeys(variables, chosen)
    code = f"import inarch, os; print([os.environ[name] for name in {variables}])"
    done = subprocess.run([sys.executable, "-c", code], env={**kept, **given}, capture_output=True, text=True)
    assert done.stdout.strip() == str([chosen or "1"] * 2)


def test_openvino_finds_no_telemetry() -> None:
    """Its import would send an event."""
    pytest.importorskip("openvino")
    code = (
        "from inarch import telemetry; telemetry.hide_from_openvino()\n"
        "import sys, openvino; assert sys.modules['openvino_telemetry'] is None"
    )
    subprocess.run([sys.executable, "-c", code], check=True)

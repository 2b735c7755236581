"""``import inarch`` costs nothing, and offers everything."""

import subprocess
import sys

import pytest

import inarch

HEAVY = ("torch", "torchvision", "sklearn", "scipy", "numpy", "PIL", "onnxruntime", "onnx", "jinja2", "rich", "typer")


def heavy_after(code: str) -> str:
    code = f"import sys\n{code}\nprint([name for name in {HEAVY} if name in sys.modules])"
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip()


def test_importing_the_package_imports_nothing_heavy() -> None:
    """Whoever imports it may not need torch at all."""
    assert heavy_after("import inarch; dir(inarch)") == "[]"


def test_importing_the_command_line_imports_nothing_but_typer() -> None:
    """`inarch --help` must not pay for torch, nor for anything else that a command needs."""
    assert heavy_after("import inarch.commands.cli") == "['typer']"


@pytest.mark.parametrize("name", inarch.__all__)
def test_every_public_name_is_there(name: str) -> None:
    """It can be had, it is listed by ``dir``, and it says what it does."""
    assert getattr(inarch, name) is not None
    assert name in dir(inarch)
    assert name == "ARCHITECTURES" or getattr(inarch, name).__doc__


def test_the_contract_is_complete_and_sorted() -> None:
    """What the design promises to scripts, and ``from inarch import *``."""
    assert set(inarch.__all__) >= {"ARCHITECTURES", "create_model", "evaluate", "load", "trace", "train"}
    assert inarch.__all__ == sorted(inarch.__all__)
    namespace: dict[str, object] = {}
    exec("from inarch import *", namespace)
    assert set(inarch.__all__) <= set(namespace)


def test_a_name_that_is_not_there_is_an_attribute_error() -> None:
    """As for any module, so that ``hasattr`` works."""
    assert not hasattr(inarch, "classify")
    with pytest.raises(AttributeError, match="module 'inarch' has no attribute 'classify'"):
        _ = inarch.classify

"""What a command's folder hands to the command line."""

from collections.abc import Callable
from dataclasses import dataclass

FIRST_STEPS, YOUR_CLASSIFIER, UNDERSTAND = "First steps", "Your classifier", "Understand models"


@dataclass(frozen=True)
class Command:
    """One command: its function, and where ``inarch --help`` lists it."""

    run: Callable[..., None]
    """Parses its options, calls one function of the library, and prints; its docstring is its help."""
    panel: str = YOUR_CLASSIFIER
    place: int = 100
    """Commands of one panel are listed by this number, then by name."""

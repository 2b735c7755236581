"""The account of every tensor of a load."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class WeightsReport:
    """Every tensor of the model and of the file is in exactly one of the tuples of names."""

    source: str
    """Whose names the file uses: ``inarch`` or ``torchvision`` (timm has the same)."""
    loaded: tuple[str, ...]
    """Our names of the tensors that came from the file."""
    fresh: tuple[str, ...] = ()
    """Our names of the tensors that keep the model's initial values, as the caller asked."""
    ignored: tuple[str, ...] = ()
    """The file's names of the tensors that were left out, as the caller asked."""
    missing: tuple[str, ...] = ()
    """Our names of tensors that the file lacks and nothing needs: counters, blocks after the cut, the head."""
    unexpected: tuple[str, ...] = ()
    """The file's names of the tensors after the cut, in blocks that are not complete or follow a gap."""
    sha256: str = ""
    """Digest of the file; of the tensors where there was no file."""
    folded: bool = False
    """Whether batch normalisation is folded into the convolutions."""
    notes: tuple[str, ...] = ()
    """Sentences that the user should read."""

    @property
    def lines(self) -> tuple[str, ...]:
        """The report for a terminal, one line each."""
        folded = ", batch normalisation folded" if self.folded else ""
        counts = [
            f"{len(names)} {word}"
            for word in ("fresh", "ignored", "missing", "unexpected")
            if (names := getattr(self, word))
        ]
        first = f"{len(self.loaded)} tensors loaded from {self.source} names{folded}; sha256 {self.sha256[:12]}"
        return ("; ".join([first, *counts]), *self.notes)

    def __str__(self) -> str:
        return "\n".join(self.lines)

"""Where runs of other people's code are from."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Origin:
    """Where the runs of some methods are from.

    Attributes
    ----------
    mark
        What stands in their names.
    file, sha256
        As it was named, and the digest of its content.
    labels
        The methods.
    notes
        What a reader must know, a sentence each.
    """

    mark: str
    file: str
    sha256: str
    labels: tuple[str, ...]
    notes: tuple[str, ...]

    @property
    def caption(self) -> str:
        """What stands below a figure or table that shows them."""
        name = self.file.rstrip("/").rpartition("/")[2]
        return f"{self.mark}: from {name}, not run by Regretta; SHA-256 {self.sha256[:16]}…."

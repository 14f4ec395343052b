"""What is known of one photo, as one row of a table."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from degrade.pool import Findings
from pipelines.measuring.history_words import ENLARGED, described
from pipelines.shared.photo_scan import ScannedPhoto

__all__ = ["PhotoRow"]


@dataclass(slots=True, eq=False)
class PhotoRow:
    """A photo, and what each measurement found in it, by its kind.

    Attributes
    ----------
    photo : ScannedPhoto
    findings : dict of str to Findings
    same_as : str
        The photo that this one is the same as; empty when there is none.
    sameness : str
        In what: ``file``, ``pixels`` or ``picture``.
    """

    photo: ScannedPhoto
    findings: dict[str, Findings] = field(default_factory=dict)
    same_as: str = ""
    sameness: str = ""

    def values(self, kind: str) -> Mapping[str, Any]:
        """Return what was measured; empty when it was not."""
        found = self.findings.get(kind)
        return {} if found is None else found.values

    def flags(self, kind: str) -> tuple[str, ...]:
        """Return what speaks against it, or is to be told of it."""
        found = self.findings.get(kind)
        return () if found is None else found.flags

    @property
    def is_enlarged(self) -> bool:
        """Whether that is told of the photo."""
        return ENLARGED in self.flags("resampling")

    def words(self, kind: str) -> str:
        """Return what was found in words; empty when it was not measured."""
        found = self.findings.get(kind)
        if found is None:
            return ""
        return described(kind, found.values, found.flags, found.confidence)

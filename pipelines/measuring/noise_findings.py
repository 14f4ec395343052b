"""What a search for noise found in one photo and in all: counts, and what to say of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Annotated, Any

import msgspec
import numpy as np
import numpy.typing as npt

from degrade.disk.structs import ready
from degrade.errors import printable
from degrade.jpeg.blocks import BLOCKY
from degrade.noise import NoiseSearch, NoiseSelection, suggest_max_variance
from degrade.pool import MeasurementRecord
from degrade.wording import counted, most_first
from pipelines.shared.reports import Fact

__all__ = ["NoiseTally", "PhotoFindings"]

_MOST_NOISE = 100.0
"""Grey variance up to which a patch may well be noise (sigma 10 grey levels)."""

_LARGE_SHARE = 0.3
"""Of all patches, from which on it is said that one photo gave so many."""

_MOST_POSITIONS = 2**40
"""More than any photo has; sums over photos stay integers of 64 bits."""

_BIN_EDGES = (0.0, 1.0, 5.0, 20.0, 50.0, 100.0, 500.0, np.inf)
"""Grey variances between which the positions of a run without any noise are counted."""

_Count = Annotated[int, msgspec.Meta(ge=0, lt=_MOST_POSITIONS)]
_Bins = Annotated[
    list[_Count], msgspec.Meta(min_length=len(_BIN_EDGES) - 1, max_length=len(_BIN_EDGES) - 1)
]


class PhotoFindings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What was found in one photo; short, however many positions were looked at.

    Attributes
    ----------
    patch_size : int
        Of the patches, in pixels.
    positions, accepted, kept : int
        How many were looked at, passed all gates, and are kept.
    refused : dict of str to int
        Positions by the gate that they failed first.
    bins : list of int
        Positions by grey variance.
    wanted : float or None
        The ``max_variance`` that would have accepted some position more.
    block_steps : float or None
        See :func:`degrade.jpeg.blocks.block_steps`.
    """

    patch_size: _Count
    positions: _Count
    accepted: _Count
    kept: _Count
    refused: dict[str, _Count]
    bins: _Bins
    wanted: float | None
    block_steps: float | None

    @classmethod
    def of(cls, search: NoiseSearch, block_steps: float | None) -> PhotoFindings:
        """Sum up a search."""
        bins, _ = np.histogram(search.variances, _BIN_EDGES)
        return cls(
            patch_size=search.patch_size,
            positions=int(search.accepted.size),
            accepted=int(search.accepted.sum()),
            kept=len(search.boxes),
            refused=dict(search.refused),
            bins=bins.tolist(),
            wanted=suggest_max_variance([search]),
            block_steps=block_steps,
        )

    @classmethod
    def from_record(cls, record: MeasurementRecord) -> PhotoFindings | None:
        """Return what a pool remembers of a search; None when it is no such thing."""
        try:
            found: PhotoFindings = msgspec.convert(record.values, ready(cls))
        except msgspec.ValidationError:
            return None
        is_sound = all(map(str.isidentifier, found.refused))
        return found if is_sound and found.kept == len(record.objects or ()) else None

    def to_values(self) -> dict[str, Any]:
        """Return the findings as plain values."""
        values: dict[str, Any] = msgspec.to_builtins(self)
        return values

    def fact_values(self, name: str, variances: Sequence[float]) -> dict[str, Any]:
        """Return the values of a fact of the kind ``noise``.

        Parameters
        ----------
        name : str
            The photo.
        variances : sequence of float
            Grey variances of the patches that are kept; their mean is told.
        """
        mean = sum(variances) / len(variances) if variances else None
        refused = dict(sorted(self.refused.items()))
        return {"photo": name, **self.to_values(), "refused": refused, "variance": mean}

    @property
    def is_blocky(self) -> bool:
        """Whether JPEG's blocks show in the patches."""
        return self.block_steps is not None and self.block_steps >= BLOCKY

    def describe(self, name: str) -> str:
        """Return a line that tells a person of the photo called ``name``."""
        where = f"{counted(self.positions, 'position')} at {self.patch_size} px"
        line = f"{printable(name)}: {self.accepted} of {where}"
        if self.accepted > self.kept:
            line += f", of which {self.kept} are kept"
        if any(self.refused.values()):
            line += f"; refused: {_reasons(self.refused)}"
        if not self.kept and self.wanted is not None and self.wanted <= _MOST_NOISE:
            line += f"; `max_variance={self.wanted:g}` would find some"
        if self.is_blocky:
            line += f"; JPEG blocks: steps between them are {self.block_steps:.1f} times the others"
        return line


def _reasons(refused: Mapping[str, int]) -> str:
    return ", ".join(f"{gate} {count}" for gate, count in most_first(refused))


@dataclass(slots=True, eq=False)
class NoiseTally:
    """The sum over all photos searched."""

    found: int = 0
    facts: list[Fact] = field(default_factory=list)
    blocky: list[str] = field(default_factory=list)
    with_patches: int = 0
    _bins: npt.NDArray[np.int64] = field(
        default_factory=lambda: np.zeros(len(_BIN_EDGES) - 1, dtype=np.int64)
    )
    _refused: Counter[str] = field(default_factory=Counter)
    _sizes: Counter[int] = field(default_factory=Counter)
    _most: tuple[int, str] = (0, "")
    _wanted: float = np.inf

    def add(self, name: str, photo: PhotoFindings, variances: Sequence[float]) -> None:
        """Take in what was found in the photo called ``name``, and the variances that are kept."""
        self.found += photo.kept
        self.with_patches += photo.kept > 0
        self._sizes[photo.patch_size] += photo.kept > 0
        self._most = max(self._most, (photo.kept, name))
        values = photo.fact_values(name, variances)
        self.facts.append(Fact("noise", photo.describe(name), values))
        if photo.is_blocky:
            self.blocky.append(printable(name))
        self._bins += np.array(photo.bins)
        self._refused.update(photo.refused)
        if photo.wanted is not None:
            self._wanted = min(self._wanted, photo.wanted)

    def together(self) -> list[Fact]:
        """Return what is to be said of all patches together."""
        facts = []
        sizes = {str(size): count for size, count in sorted(self._sizes.items()) if count}
        if len(sizes) > 1:
            each = ", ".join(f"{size} px: {counted(n, 'photo')}" for size, n in sizes.items())
            facts.append(Fact("patch_sizes", f"patch sizes: {each}", {"sizes": sizes}))
        count, name = self._most
        if self.with_patches > 1 and count > _LARGE_SHARE * self.found:
            words = (
                f"{printable(name)} gave {count} of {counted(self.found, 'patch')}; pairs draw a "
                "photo first and then a patch of it, so that each photo counts alike"
            )
            facts.append(Fact("large_share", words, {"photo": name, "patches": count}))
        return [*facts, *self._told_of_blocks()]

    def _told_of_blocks(self) -> list[Fact]:
        if not self.blocky:
            return []
        some = ", ".join(sorted(self.blocky)[:3]) + (", …" if len(self.blocky) > 3 else "")
        words = (
            f"JPEG blocks show in the patches of {len(self.blocky)} of "
            f"{counted(self.with_patches, 'photo')} ({some}): this is what compression left of the "
            "noise, and networks learn the blocks; use photos that are compressed less, or leave "
            "these out"
        )
        counts = {"photos": len(self.blocky), "of": self.with_patches}
        return [Fact("blocky_photos", words, counts)]

    def why_nothing(self, selection: NoiseSelection) -> str:
        """Say in one line what variances there were and what would have found some noise."""
        bars = ", ".join(
            f"{low:g}–{high:g}: {count}" if np.isfinite(high) else f"above {low:g}: {count}"
            for (low, high), count in zip(pairwise(_BIN_EDGES), self._bins, strict=True)
            if count
        )
        return (
            f"no noise patch found in {counted(len(self.facts), 'photo')} at "
            f"`max_variance={selection.max_variance:g}`; positions by grey variance: {bars}; "
            f"{self._remedy(selection)}"
        )

    def _remedy(self, selection: NoiseSelection) -> str:
        if np.isfinite(self._wanted):
            remedy = f"`max_variance={self._wanted:g}` would find some"
            if self._wanted > _MOST_NOISE:
                remedy += f", but rather scene than noise: {_smaller(selection, 4)}"
            return remedy
        gates = most_first(self._refused)
        is_dark = bool(gates) and gates[0][0] == "dark"
        other = "try a lower `min_mean`" if is_dark else _smaller(selection, 2)
        return f"refused as {_reasons(self._refused)}: {other}"


def _smaller(selection: NoiseSelection, factor: int) -> str:
    """Say what finds noise where patches of a size are not flat."""
    if selection.patch_size is None:
        return "use photos with some sky, wall or other plain part"
    return f"try `patch_size={max(selection.patch_size // factor, 8)}`, or leave the size out"

"""Tell what a folder of pairs holds."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from degrade.degradation import recipe_of_run
from degrade.degradation.steps import Residual
from degrade.errors import InvalidValueError, printable
from degrade.geometry import scale_number
from degrade.pairs import PairReader, open_pairs
from degrade.pairs.shard_list import SHARD_LIST_NAME
from degrade.wording import counted
from pipelines.shared.run_settings import RUN_FILE

__all__ = ["PairsInspection", "count_pairs", "holds_pairs", "inspect_pairs"]

_MOST_LISTED = 20

_SETTINGS = ("clean_up", "noise", "seed")
"""What people ask of a run and no other line tells."""


@dataclass(frozen=True, slots=True, eq=False)
class PairsInspection:
    """What :func:`inspect_pairs` found.

    Attributes
    ----------
    reader : PairReader
    photos, kernels, noise : Counter of str
        In how many pairs each is: photos and kernels and residuals, by id.
    sizes : Counter of str
        HR sizes, such as ``512×512``.
    """

    reader: PairReader
    photos: Counter[str]
    kernels: Counter[str]
    noise: Counter[str]
    sizes: Counter[str]

    def lines(self) -> list[str]:
        """Return the text for people; what matters comes last."""
        reader = self.reader
        lines = [*_counts("photos", self.photos), *_counts("kernels", self.kernels)]
        lines += [*_counts("HR sizes", self.sizes)]
        settings = reader.run.get("settings", {})
        run = [
            f"{name.replace('_', ' ')} {settings[name]}"
            for name in _SETTINGS
            if settings.get(name) not in (None, [])
        ]
        lines += _recipe_lines(settings)
        if run:
            lines.append(printable(f"made with: {', '.join(run)}"))
        made_of = [
            counted(len(found), word)
            for found, word in (
                (self.photos, "photo"),
                (self.kernels, "kernel"),
                (self.noise, "noise patch"),
            )
            if found
        ]
        lines.append(
            f"{printable(reader.folder)}: {counted(len(reader), 'pair')} ×{reader.scale} in "
            f"{reader.format}" + (f"; of {', '.join(made_of)}" if made_of else "; imported")
        )
        return lines

    def to_json(self) -> dict[str, Any]:
        """Return everything as plain values, for programs."""
        reader = self.reader
        return {
            "path": str(reader.folder),
            "pairs": len(reader),
            "scale": scale_number(reader.scale),
            "format": reader.format,
            "hr_size": reader.hr_size,
            "photos": dict(self.photos),
            "kernels": dict(self.kernels),
            "noise": dict(self.noise),
            "sizes": dict(self.sizes),
            "run": reader.run,
        }


def _recipe_lines(settings: Any) -> list[str]:
    """Tell by which recipe a run has made its pairs; imported ones have none."""
    if not isinstance(settings, dict) or "noise" not in settings:
        return []
    try:
        recipe = recipe_of_run(settings)
    except InvalidValueError as error:
        return [f"recipe: cannot be told ({error})"]
    return [f"recipe {printable(recipe.name)}:", *(f"  {line}" for line in recipe.lines())]


def _counts(title: str, found: Counter[str]) -> list[str]:
    """Tell the most frequent ones, with how often each is there."""
    if not found:
        return []
    lines = [f"{title} ({len(found)}):"]
    lines += [
        f"  {count:7} {'pair ' if count == 1 else 'pairs'}  {printable(name)}"
        for name, count in found.most_common(_MOST_LISTED)
    ]
    more = len(found) - _MOST_LISTED
    return [*lines, f"          and {more} more"] if more > 0 else lines


def holds_pairs(folder: Path) -> bool:
    """Tell whether a folder is one of pairs, whole or begun."""
    return any((folder / name).is_file() for name in (SHARD_LIST_NAME, RUN_FILE))


def inspect_pairs(folder: Path) -> PairsInspection:
    """Read the records of all pairs; no pixel is read.

    Raises
    ------
    DegradeError
        There are no pairs, or their records are damaged.
    """
    return count_pairs(open_pairs(folder, allow_partial=True))


def count_pairs(reader: PairReader) -> PairsInspection:
    """Count what the pairs of an open reader are made of."""
    photos, kernels, noise, sizes = Counter[str](), Counter[str](), Counter[str](), Counter[str]()
    for record in reader.records:
        sizes["×".join(map(str, record.hr_shape[1::-1]))] += 1
        if record.plan is None:
            continue
        photos[f"{record.key.rsplit('_', 1)[0]}"] += 1
        kernels.update([record.plan.kernel_id] if record.plan.kernel_id else [])
        noise.update(step.noise_id for step in record.plan.steps if isinstance(step, Residual))
    return PairsInspection(reader, photos, kernels, noise, sizes)

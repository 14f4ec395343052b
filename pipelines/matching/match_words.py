"""What ``degrade match`` tells of its rounds and of the recipe that came of them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from degrade.audit.camera_prior import CameraMove
from degrade.audit.closed_colours import has_colours
from degrade.audit.closed_loop import Gain
from degrade.audit.directions import DIRECTIONS
from degrade.audit.features import PhotoFeatures
from degrade.audit.spectra import BAND_FREQUENCIES
from degrade.audit.two_sample import LEAST_PAIRS
from degrade.degradation import Recipe
from degrade.degradation.index import MATCHED
from degrade.degradation.steps import ModelError
from degrade.errors import as_typed, printable
from degrade.geometry import Scale
from degrade.pool.records import KernelRecord
from degrade.wording import counted
from pipelines.matching.findings import comparison_values
from pipelines.matching.match_directions import DirectedResult
from pipelines.matching.match_loop import LoopResult
from pipelines.shared.job import Job

__all__ = [
    "direction_values",
    "figures_of",
    "tell_direction",
    "tell_doubt",
    "tell_few_colours",
    "tell_moves",
    "tell_recipe",
    "tell_rounds",
    "tell_sharpness",
    "tell_unchanged",
    "tell_uncorrected",
]


_MOST_NAMES = 5

_DOUBT_AT = 0.15, 0.3
"""Cycles per pixel: where sharpness is seen."""


def figures_of(aim: str) -> str:
    """Return what LR a match's AUC and gaps are of."""
    return "corrected kernels alone" if aim == "train" else "all of the recipe"


def tell_rounds(job: Job, found: LoopResult, after: int = 0) -> None:
    """Report how far apart photos and LR were, round by round, but for the first ``after``."""
    for number, one in enumerate(found.rounds[after:], after):
        values = {} if one.comparison is None else comparison_values(one.comparison)
        gaps = {"gap": one.gap, "colour_gap": one.colour_gap}
        job.found("round", one.words(number), round=number, **gaps, **values)


def tell_sharpness(
    job: Job, photos: Sequence[PhotoFeatures], bicubic: Sequence[PhotoFeatures]
) -> str:
    """Report how sharp the photos are, and bicubic LR of HR; return the words."""
    falls = [_median_fall(part) for part in (photos, bicubic)]
    shown = ["hidden by noise" if f is None else f"{f:.1f} dB" for f in falls]
    words = f"softness: photos {shown[0]}, bicubic LR of the HR photos {shown[1]}"
    job.found("sharpness", words, photos=falls[0], hr=falls[1])
    return words


def _median_fall(photos: Sequence[PhotoFeatures]) -> float | None:
    falls = [fall for each in photos if not math.isnan(fall := each.measures["softness"])]
    return float(np.median(falls)) if falls else None


def tell_uncorrected(job: Job, records: Sequence[KernelRecord], keys: Sequence[str]) -> None:
    """Report kernels that have no centre with the gain that they should have, if there are any.

    Parameters
    ----------
    job : Job
    records : sequence of KernelRecord
        Of all kernels.
    keys : sequence of str
        Ids of those that stayed as they were.
    """
    if not keys:
        return
    shown = _names_of(records, keys)
    words = (
        f"{counted(len(keys), 'kernel')} of {len(records)} could not be corrected and "
        f"{'stays' if len(keys) == 1 else 'stay'} as estimated, as lobes leave no centre: "
        f"{_first(shown)}"
    )
    job.found("uncorrected", words, kernels=list(keys), photos=shown)


def tell_unchanged(
    job: Job, kind: str, what: str, records: Sequence[KernelRecord], keys: Sequence[str]
) -> None:
    """Report kernels that have no centre once they are changed, if there are any.

    Parameters
    ----------
    job : Job
    kind : str
        Of the fact.
    what : str
        What could not be done to them.
    records, keys
        As for :func:`tell_uncorrected`.
    """
    if not keys:
        return
    shown = _names_of(records, keys)
    words = (
        f"{counted(len(keys), 'kernel')} of {len(records)} could not be {what}, as lobes leave no "
        f"centre: {_first(shown)}"
    )
    job.found(kind, words, kernels=list(keys), photos=shown)


def _names_of(records: Sequence[KernelRecord], keys: Sequence[str]) -> list[str]:
    names = {record.id: record.provenance.source_name for record in records}
    return sorted(printable(names[key]) for key in keys)


def _first(names: Sequence[str]) -> str:
    return f"{', '.join(names[:_MOST_NAMES])}{', …' if len(names) > _MOST_NAMES else ''}"


def tell_direction(job: Job, found: DirectedResult, camera: str) -> None:
    """Report what photos show of direction, and what kernels keep in each.

    Parameters
    ----------
    job : Job
    found : DirectedResult
    camera : str
        Whose photos; empty: all.
    """
    curves = zip(DIRECTIONS, found.responses[1], strict=True)
    job.found(
        "direction",
        f"{camera}: {found.words()}" if camera else found.words(),
        camera=camera or None,
        frequencies=[round(float(f), 4) for f in BAND_FREQUENCIES],
        curves={name: [round(float(y), 4) for y in curve] for name, curve in curves},
        **direction_values(found),
    )


def direction_values(found: DirectedResult) -> dict[str, Any]:
    """Return what photos show of direction, and what a gain made of it, as plain values."""
    before, after = (
        {name: round(size, 3) for name, size in zip(DIRECTIONS, gap, strict=True)}
        for gap in found.gaps
    )
    return {
        "corrected": found.corrected,
        "ways": {
            way.way: {
                "size": round(way.size, 3),
                "frequency": round(way.frequency, 4),
                "apart": round(way.apart, 3),
                "p_value": way.p_value,
                "shown": way.is_there,
            }
            for way in found.found
        },
        "before": before,
        "after": after,
        "held_out": None if found.held_out is None else [round(x, 3) for x in found.held_out],
        "turns": [[round(float(x), 4) for x in turn] for turn in found.turns],
    }


def tell_recipe(
    job: Job,
    recipe: Recipe,
    kernels: int,
    *,
    own: bool,
    pool: Path,
    hr: Sequence[Path],
    scale: Scale,
) -> None:
    """Report the recipe, and the command that uses it.

    Parameters
    ----------
    job : Job
    recipe : Recipe
    kernels : int
        That it draws.
    own : bool
        Whether it draws each photo's own estimate, too.
    pool, hr, scale
        Of the match.
    """
    words = f"recipe {MATCHED} of {counted(kernels, 'kernel')}, in {printable(pool)}:"
    job.found("recipe", words, **recipe.to_json())
    for line in recipe.lines():
        job.found("step", f"  {line}")
    if any(entry.kind == ModelError.kind for entry in recipe.entries):
        of = f"LR by {figures_of('train')}"
        besides = "each photo's own estimate, too, and " if own else ""
        words = (
            f"AUC, spectra and differences above are of {of}; pairs of this recipe have "
            f"{besides}what is for training, such as white noise: `degrade audit` tells them more "
            "surely, and `aim=match` leaves that out"
        )
        job.found("aim", words, figures_of=of)
    given = " ".join(f"hr={as_typed(path)}" for path in hr)
    given += "" if scale == 4 else f" scale={scale}"
    used = f"used by `degrade build-pairs pool={as_typed(pool)} {given} recipe={MATCHED}`"
    job.found("used_by", used)


def tell_doubt(job: Job, doubt: Gain, sharper: float) -> None:
    """Report how surely spectra of other scenes tell what kernels keep.

    Parameters
    ----------
    job : Job
    doubt : (24,) float64 array
        As :func:`degrade.audit.closed_loop.gap_doubt` gives it.
    sharper : float
        By so many of it kernels for training keep more.
    """
    at = {band: float(np.interp(band, BAND_FREQUENCIES, doubt)) for band in _DOUBT_AT}
    words = ", ".join(f"±{np.expm1(error):.0%} at {band:g}" for band, error in at.items())
    job.found(
        "doubt",
        f"scenes differ: the amplitude that kernels keep is known to {words} c/px, one standard "
        "error; more photos and more HR make it less",
        **{f"at {band:g}": round(error, 4) for band, error in at.items()},
    )
    if sharper:
        more = ", ".join(
            f"{np.expm1(sharper * error):.0%} at {band:g}" for band, error in at.items()
        )
        words = f"kernels of the recipe keep more than LR above: {more} c/px, as `sharper` says"
        job.found("sharper", words, errors=sharper)


def tell_few_colours(
    job: Job, photos: Sequence[PhotoFeatures], lr: Sequence[PhotoFeatures]
) -> None:
    """Report that colours are as they were, where photos or LR are grey.

    Parameters
    ----------
    job : Job
    photos, lr : sequences of PhotoFeatures
        Element i of the one is matched with element i of the other.
    """
    ours, theirs = ([has_colours(each) for each in part] for part in (photos, lr))
    both = sum(map(min, ours, theirs))
    if both < LEAST_PAIRS:
        words = (
            f"colours are left as they are: of {counted(len(ours), 'matched photo')} {sum(ours)} "
            f"show colours, and LR of {sum(theirs)}; {LEAST_PAIRS} that both show are needed"
        )
        words += ". HR in colours makes LR of grey photos one can tell" * (sum(ours) < sum(theirs))
        job.found("few_colours", words, photos=sum(ours), lr=sum(theirs), both=both)


def tell_moves(job: Job, moves: Sequence[tuple[str, CameraMove]]) -> None:
    """Report how far kernels are from what cameras usually keep, and how they are moved.

    Parameters
    ----------
    job : Job
    moves : sequence of (str, CameraMove)
        Each camera's, by name; of "" those of all others.
    """
    for camera, move in moves:
        of = f"{printable(camera)}: " if camera else "other photos: " * (len(moves) > 1)
        _tell_move(job, move, camera, of)


def _tell_move(job: Job, move: CameraMove, camera: str, of: str) -> None:
    at = {band: float(np.interp(band, BAND_FREQUENCIES, move.gain)) for band in _DOUBT_AT}
    told = "softer" if move.apart > 0 else "sharper"
    words = (
        f"{of}kernels are {told} than cameras usually are, by {abs(move.apart):.1f} times what "
        "cameras differ by (standard deviation)"
    )
    if move.share:
        more = ", ".join(f"{np.expm1(error):+.0%} at {band:g}" for band, error in at.items())
        words += (
            f", and scenes may mislead: in the recipe they go {move.share:.0%} of the way to usual "
            f"ones, amplitude {more} c/px"
        )
    elif move.apart > 0:
        words += ", too far for scenes to have misled: they stay as they are"
    else:
        words += ": they stay as they are, for too soft ones would cost training more"
    values = {f"at {band:g}": round(error, 4) for band, error in at.items()}
    job.found(
        "prior",
        words,
        camera=camera or None,
        share=round(move.share, 4),
        apart=round(move.apart, 3),
        **values,
    )

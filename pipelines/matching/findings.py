"""What a comparison found, in words and as values for a report."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from degrade.audit.closed_colours import has_colours
from degrade.audit.comparison import Comparison
from degrade.audit.differences import DIFFERENCES, NamedDifference
from degrade.audit.features import PhotoFeatures
from degrade.audit.spectra import BAND_FREQUENCIES, relative_decibels
from pipelines.shared.job import Job

__all__ = ["CHANGES", "comparison_values", "difference_words", "tell_comparison", "tell_spectra"]

_TOLD = 11
"""The band that is told: that of a quarter of the sampling rate."""

CHANGES: Mapping[str, str] = {
    "softer": "the kernels are too wide: measure the pool from these photos, or sharpen the recipe",
    "sharper": "the kernels are too narrow, or HR is softer than it should be",
    "more overshoot": "leave out a sharpening step",
    "less overshoot": "the photos are sharpened: kernels must have negative lobes",
    "more noise": "less noise: patches of other photos, or `degrade build-pairs model_error=none`",
    "less noise": "add noise of these photos: `degrade build-pairs noise=bake`, by a pool of them",
    "coarser grain": "noise that is less smooth: patches that are no soft structure",
    "finer grain": "noise with the photos' grain: patches of these photos, less white noise",
    "more colour noise": "noise whose colours go together more",
    "less colour noise": "noise of these photos, whose colours do not go together",
    "more JPEG blocks": "no JPEG: `degrade build-pairs jpeg=none`, or one of a higher quality",
    "fewer JPEG blocks": "compress as the photos are: `degrade build-pairs jpeg=measured`",
    "softer colours": "a match corrects colours; or JPEG without subsampling, or none",
    "direction": "the photos are sharper that way, or softer across it: a match finds it",
    "sharper colours": "a match corrects colours; or compress as the photos are: "
    "`degrade build-pairs jpeg=measured`",
}
"""What to change in pairs whose LR is this, compared with the photos; by name or by kind."""

_CAUSES: Mapping[str, Sequence[str]] = {
    "softer": ("fewer JPEG blocks", "less noise", "coarser grain"),
    "sharper": ("more JPEG blocks", "more noise", "finer grain"),
    "more overshoot": ("less noise",),
    "less overshoot": ("more noise",),
    "more noise": ("fewer JPEG blocks",),
    "less noise": ("more JPEG blocks",),
    "coarser grain": ("more JPEG blocks",),
    "finer grain": ("fewer JPEG blocks",),
    "softer colours": ("more JPEG blocks", "less colour noise"),
    "sharper colours": ("fewer JPEG blocks", "more colour noise"),
}
"""What may be no difference of its own but how another one shows, by name, where both are there:
steps at blocks have high frequencies, JPEG takes noise and fine colours away, coarse noise has low
frequencies, and noise blurs the mean edge. Of sets that change places each is the other way round.
"""


def difference_words(found: NamedDifference) -> str:
    """Return the size of a difference with its interval, and the medians of both sets.

    The size is a mean over matched photos: where a few differ by much, medians do not show it.
    """
    low, high = found.interval
    medians = "medians {:.2f} → {:.2f}".format(*found.levels)
    kind = found.kind
    if kind.is_ratio:
        return f"×{found.size:.2f} [{low:.2f}, {high:.2f}] ({medians} {kind.unit})"
    return f"{found.size:+.2f} {kind.unit} [{low:+.2f}, {high:+.2f}] ({medians})"


def tell_comparison(
    job: Job,
    found: Comparison,
    *,
    subject: str,
    changes: Mapping[str, str] | None = None,
    of: str = "",
) -> None:
    """Report the verdict, the named differences, and what is ruled out or not known.

    Parameters
    ----------
    job : Job
    found : Comparison
    subject : str
        What the second set is called.
    changes : mapping of str to str or None
        By name or kind of a difference, what to change.
    of : str
        What the verdict is of, where that is not plain.
    """
    verdict = f"{of}: {found.verdict}" if of else found.verdict
    job.found("verdict", verdict, **({"of": of} if of else {}), **comparison_values(found))
    there = [each.name for each in found.named]
    for each in found.named:
        change = changes.get(each.name, changes.get(each.kind.name, "")) if changes else ""
        causes = [name for name in _CAUSES.get(each.name, ()) if name in there]
        words = f"{subject}: {each.name}, {difference_words(each)}"
        words += f"; {' or '.join(causes)} can do this alone" if causes else ""
        words += f"; {change}" if change else ""
        job.found("difference", words, change=change, may_be=causes, **_values(each))
    rest = [each for each in found.differences if not each.is_there]
    alike = [each.kind.name for each in rest if each.ruled_out]
    open_ = [each for each in rest if not each.ruled_out]
    if alike:
        job.found("alike", f"no difference that matters in: {', '.join(alike)}", kinds=alike)
    for each in open_:
        why = "too few photos to tell" if each.is_of_few else "not known"
        words = f"{why}: {each.kind.name}, {difference_words(each)}"
        job.found("unknown", words, **_values(each))
    untold = [kind.name for kind in DIFFERENCES if kind not in {e.kind for e in found.differences}]
    if untold and found.differences:
        words = (
            f"not compared: {', '.join(untold)}; fewer than two photos of each have what it takes, "
            "as grey ones have no colours"
        )
        job.found("uncompared", words, kinds=untold)


def tell_spectra(job: Job, sets: Mapping[str, Sequence[PhotoFeatures]]) -> None:
    """Report the mean spectra of sets, by name: of grey, and of colours, where all sets have some.

    Parameters
    ----------
    job : Job
    sets : mapping of str to sequence of PhotoFeatures
        At least one photo each.
    """
    grey = {name: [photo.spectrum for photo in photos] for name, photos in sets.items()}
    colours = {
        name: [photo.colour_spectrum for photo in photos if has_colours(photo)]
        for name, photos in sets.items()
    }
    for of, spectra in {"grey": grey, "colours": colours}.items():
        if not all(spectra.values()):
            continue
        curves = {name: relative_decibels(parts).mean(axis=0) for name, parts in spectra.items()}
        shown = ", ".join(f"{name} {curve[_TOLD]:.1f}" for name, curve in curves.items())
        words = f"power of {of} at {BAND_FREQUENCIES[_TOLD]:.2f} c/px, dB against low: {shown}"
        job.found(
            "spectra",
            words,
            of=of,
            frequencies=[round(float(f), 4) for f in BAND_FREQUENCIES],
            curves={name: [round(float(y), 3) for y in curve] for name, curve in curves.items()},
        )


def comparison_values(found: Comparison) -> dict[str, Any]:
    """Return a comparison as plain values."""
    result = found.result
    return {
        "photos": list(found.photos),
        "matched": found.matched,
        "auc": None if result is None else result.auc,
        "interval": None if result is None else list(result.interval),
        "p_value": None if result is None else result.p_value,
        "half_width": None if result is None else result.half_width,
        "told_apart": None if result is None else result.told_apart,
    }


def _values(found: NamedDifference) -> dict[str, Any]:
    return {
        "of": found.kind.name,
        "name": found.name if found.is_there else None,
        "size": found.size,
        "interval": list(found.interval),
        "unit": "ratio" if found.kind.is_ratio else found.kind.unit,
        "medians": list(found.levels),
        "p_value": found.p_value,
        "photos": found.photos,
        **({} if found.angle is None else {"angle": found.angle}),
    }

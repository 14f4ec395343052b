"""What the measurements of a photo's history say to people."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from degrade.errors import printable
from degrade.history.resampling import OTHER_TOLD
from degrade.images.exif import camera_name
from degrade.pool import Findings
from degrade.pool.camera_groups import NAMED
from degrade.wording import counted, most_first
from pipelines.measuring.collector import describe_values
from pipelines.measuring.jpeg_history import jpeg_words
from pipelines.shared.reports import Fact

__all__ = ["ENLARGED", "described", "enlarged_text", "together"]

ENLARGED = "enlarged before"
"""The flag of a photo of which that is told."""

_Values = Mapping[str, Any]

_SHOWN = 3
_MOST_CAMERAS = 6


def described(
    kind: str, values: _Values, flags: Sequence[str] = (), confidence: float | None = None
) -> str:
    """Return the line of any measurement: in words where there are some, else its values."""
    words = _WORDS.get(kind)
    if words is None:
        return describe_values(values, flags, confidence)
    try:
        return words(values, flags)
    except (KeyError, TypeError, ValueError, AttributeError):  # another version's, or a hand's
        return describe_values(values, flags, confidence)


def _cannot_tell(flags: Sequence[str]) -> str:
    return f"cannot tell: {printable(', '.join(flags))}"


def enlarged_text(values: _Values) -> str:
    """Return such words as ``enlarged before (about ×1.5, 93 %)``."""
    return f"enlarged before ({_factor_text(values)})"


def _factor_text(values: _Values) -> str:
    enlarged, this = values["probability"], values["factor_probability"]
    text = f"about ×{values['factor']:.3g}, {100 * enlarged * this:.0f} %"
    other = values.get("other_factor")
    if other is not None and this < OTHER_TOLD:
        text += f"; or ×{other:.3g}, {100 * enlarged * (1 - this):.0f} %"
    return text


def _resampling(values: _Values, flags: Sequence[str]) -> str:
    if ENLARGED in flags:
        return enlarged_text(values)
    if "probability" not in values:
        return _cannot_tell(flags)
    period = values["period"]
    if period is None:
        return "no enlargement seen, which rules none out"
    return (
        f"resampled, perhaps: every {period:.3g} pixels something repeats; an enlargement at "
        f"{100 * values['probability']:.0f} %"
    )


def _sharpening(values: _Values, flags: Sequence[str]) -> str:
    if "sigma" not in values:
        return _cannot_tell(flags)
    low, high = values["amount_between"]
    if "sharpened" in flags:
        text = (
            f"sharpened by {values['amount']:.2g} ({low:.2g}…{high:.2g}) with a radius of "
            f"{values['radius']:.2g} px; edges overshoot by {100 * values['overshoot']:.0f} %"
        )
    else:
        text = "no sharpening to be seen at edges"
    return f"{_blur(values)}; {text}"


def _blur(values: _Values) -> str:
    low, high = values["sigma_between"]
    width = f"σ {values['sigma']:.2g} ({low:.2g}…{high:.2g}) px"
    match values["blur"]:
        case "motion":
            least, most = values["motion_between"]
            most_text = "…" if most is None else f"…{most:.2g}"
            return (
                f"motion blur along {values['motion_angle']:.0f}°, "
                f"{values['motion_length']:.2g} ({least:.2g}{most_text}) px; {width} across"
            )
        case "defocus":
            return f"out of focus or soft, {width}"
        case "sharp":
            return f"sharp, {width}"
    return width


def _camera(values: _Values, flags: Sequence[str]) -> str:
    parts = [_camera_name(values), values.get("lens")]
    parts += [f"ISO {values['iso']}"] if "iso" in values else []
    parts += [f"{values['focal_length']:g} mm"] if "focal_length" in values else []
    parts += [f"f/{values['aperture']:g}"] if "aperture" in values else []
    parts += [_exposure(values["exposure"])] if "exposure" in values else []
    zoom = values.get("digital_zoom")
    parts += [] if zoom is None else [f"enlarged ×{zoom:g} by the camera (digital zoom)"]
    return printable(", ".join(part for part in parts if part)) or "no camera named"


def _camera_name(values: _Values) -> str:
    if values.get(NAMED):
        return str(values[NAMED])
    return camera_name(str(values.get("make", "")), str(values.get("model", "")))


def _exposure(seconds: float) -> str:
    return f"1/{1 / seconds:.0f} s" if seconds < 0.3 else f"{seconds:.2g} s"


def _levels(values: _Values, flags: Sequence[str]) -> str:
    noise = values["noise"]
    noise_text = "noise not to be seen" if noise is None else f"noise σ {noise:.2g} levels"
    clipped = f"{100 * values['black']:.1f} % black, {100 * values['white']:.1f} % white"
    return f"{noise_text}; {clipped}{' (clipped)' if 'clipped' in flags else ''}"


_WORDS: dict[str, Callable[[_Values, Sequence[str]], str]] = {
    "jpeg": lambda values, _flags: jpeg_words(values),
    "resampling": _resampling,
    "sharpening": _sharpening,
    "camera": _camera,
    "levels": _levels,
}


def together(kind: str, findings: Mapping[str, Findings]) -> list[Fact]:
    """Return what is to be said of all photos of a run.

    Parameters
    ----------
    kind : str
        Of the measurement.
    findings : mapping of str to Findings
        By the photo's name.
    """
    tell = _TOGETHER.get(kind)
    return [] if tell is None or not findings else [*tell(findings), *_untold(kind, findings)]


def _cameras(findings: Mapping[str, Findings]) -> list[Fact]:
    counts = Counter(_camera_name(found.values) for found in findings.values())
    unnamed = counts.pop("", 0)
    shown = [f"{printable(name)} {count}" for name, count in most_first(counts)]
    more = f", {len(shown) - _MOST_CAMERAS} more" if len(shown) > _MOST_CAMERAS else ""
    words = f"cameras: {', '.join(shown[:_MOST_CAMERAS])}{more}" if shown else "no camera named"
    words += f"; {counted(unnamed, 'photo')} without" if shown and unnamed else ""
    return [Fact("cameras", words, {"cameras": dict(counts), "unnamed": unnamed})]


def _all_levels(findings: Mapping[str, Findings]) -> list[Fact]:
    noise = [found.values.get("noise") for found in findings.values()]
    known = sorted(float(level) for level in noise if level is not None)
    facts = []
    if known:
        middle = known[len(known) // 2]
        spread = f"{known[0]:.2g}…{known[-1]:.2g} levels, {middle:.2g} in the middle"
        words = f"noise: σ {known[0]:.2g} levels" if len(known) == 1 else f"noise: σ {spread}"
        values = {"least": known[0], "middle": middle, "most": known[-1]}
        facts.append(Fact("noise_levels", words, values))
    return [*facts, *_flagged(findings, "clipped", "clipped in more than a quarter")]


def _enlarged(findings: Mapping[str, Findings]) -> list[Fact]:
    enlarged = {name: found for name, found in findings.items() if ENLARGED in found.flags}
    if not enlarged:
        return []
    first = sorted(enlarged)[:_SHOWN]
    named = [f"{printable(name)} {_factor_text(enlarged[name].values)}" for name in first]
    more = f" and {len(enlarged) - len(first)} more" if len(enlarged) > len(first) else ""
    words = (
        f"enlarged before: {len(enlarged)} of {counted(len(findings), 'photo')} "
        f"({'; '.join(named)}{more}); their kernels describe the enlargement, not the camera"
    )
    return [Fact("enlarged_photos", words, {"photos": sorted(enlarged), "of": len(findings)})]


def _edges(findings: Mapping[str, Findings]) -> list[Fact]:
    facts = _flagged(findings, "sharpened", "sharpened")
    for blur, words in (("motion", "blurred by motion"), ("defocus", "out of focus or soft")):
        names = sorted(name for name, f in findings.items() if f.values.get("blur") == blur)
        facts += _named(names, f"{blur}_photos", words, len(findings))
    return facts


def _flagged(findings: Mapping[str, Findings], flag: str, words: str) -> list[Fact]:
    names = sorted(name for name, found in findings.items() if flag in found.flags)
    return _named(names, f"{flag}_photos", words, len(findings))


def _named(names: Sequence[str], kind: str, words: str, total: int) -> list[Fact]:
    if not names:
        return []
    shown = ", ".join(map(printable, names[:_SHOWN]))
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    text = f"{words}: {len(names)} of {counted(total, 'photo')} ({shown}{more})"
    return [Fact(kind, text, {"photos": list(names), "of": total})]


def _untold(kind: str, findings: Mapping[str, Findings]) -> list[Fact]:
    """Say of how many photos nothing can be told, and why."""
    needed = _NEEDED.get(kind)
    silent = [f for f in findings.values() if needed is not None and needed not in f.values]
    if not silent:
        return []
    reasons = most_first(Counter(flag for found in silent for flag in found.flags))
    listed = ", ".join(f"{printable(reason)} {count}" for reason, count in reasons)
    words = f"{kind} cannot be told of {len(silent)} of {counted(len(findings), 'photo')}: {listed}"
    return [Fact(f"untold_{kind}", words, {"photos": len(silent), "reasons": dict(reasons)})]


_NEEDED = {"resampling": "probability", "sharpening": "sigma"}
"""The value that is there when anything can be told."""

_TOGETHER: dict[str, Callable[[Mapping[str, Findings]], list[Fact]]] = {
    "camera": _cameras,
    "levels": _all_levels,
    "resampling": _enlarged,
    "sharpening": _edges,
}

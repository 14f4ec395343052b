"""From what a file says of its colours to sRGB pixels and notes: the one place that decides.

Order of trust, the first that can be used: cICP, ICC profile, sRGB chunk, gAMA with cHRM (so the
PNG specification, third edition, 4.3), EXIF. Nothing said means sRGB. A source that is sRGB by
its content leaves every byte as it is.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

from degrade.arrays import AnyArray
from degrade.errors import InvalidValueError
from degrade.images.colour.facts import NO_FACTS, ColourFacts
from degrade.images.colour.icc import (
    DamagedProfileError,
    GrayProfile,
    MatrixProfile,
    TableProfile,
    hdr_of_profile,
    read_profile,
)
from degrade.images.colour.littlecms import convert_by_littlecms
from degrade.images.colour.spaces import (
    CICP_CURVES,
    CICP_PRIMARIES,
    HDR_TRANSFERS,
    SRGB_PRIMARIES,
    Curve,
    RgbSpace,
    decode_srgb,
    power_curve,
    primaries_to_xyz,
)
from degrade.images.colour.tables import GrayTable, gray_table, luminance_curve, rgb_tables
from degrade.luma import luma_rounded

__all__ = [
    "DAMAGED_NOTE",
    "GAMMA_NOTE",
    "ColourConversion",
    "colour_conversion",
    "kept_profile",
    "refuse_hdr",
]

DAMAGED_NOTE = "colour profile damaged, ignored"
GAMMA_NOTE = "a gamma that no picture has (gAMA), ignored"
CLIPPED_NOTE = "colours outside sRGB clipped"

_NOTED_SHARE = 0.01
"""Of the pixels, before clipping is worth a note."""

_SAME_LEVELS = 2
"""Of 255: a source that moves no colour by more is sRGB. Among its many profiles some have curves
of few points, and all have rounded numbers; Adobe RGB and Display P3 move colours by over 100."""

_ADOBE_PRIMARIES = (0.3127, 0.3290, 0.64, 0.33, 0.21, 0.71, 0.15, 0.06)
_ADOBE_GAMMA = 563 / 256

_SRGB_GAMMA = 1 / 2.2
_STEEPEST_GAMMA = 10.0
"""Beyond it gAMA is damage: two fifths of levels become black, or all but black bright."""

_GAMMA_TOLERANCE = 0.05
"""How far gAMA, of sRGB's primaries, may be from 1/2.2 relatively and still mean sRGB's curve, of
which it is the usual approximation; libpng's PNG_GAMMA_THRESHOLD."""

Convert: TypeAlias = Callable[[AnyArray], tuple[AnyArray, float]]
"""From pixels to pixels and the share of those that were clipped."""

_Source: TypeAlias = RgbSpace | GrayProfile | TableProfile


@dataclass(frozen=True, slots=True, eq=False)
class ColourConversion:
    """How the pixels of a file become sRGB.

    Attributes
    ----------
    source : str or None
        What they are converted from, for people; None: they are sRGB, or taken for it.
    notes : tuple of str
        What was found wrong.
    """

    source: str | None
    notes: tuple[str, ...]
    convert: Convert | None

    def apply(self, pixels: AnyArray) -> tuple[AnyArray, tuple[str, ...]]:
        """Convert pixels.

        Parameters
        ----------
        pixels : (H, W, 3) uint8 or uint16 array, of inks (H, W, 4)
            Of the kind that the conversion was made for.

        Returns
        -------
        pixels : (H, W, 3) array of the same type
            The same array when there is nothing to convert.
        notes : tuple of str
        """
        if self.convert is None:
            return pixels, self.notes
        converted, outside = self.convert(pixels)
        clipped = (CLIPPED_NOTE,) if outside > _NOTED_SHARE else ()
        return converted, (*self.notes, f"converted from {self.source}", *clipped)


_NOTHING = ColourConversion(None, (), None)


def refuse_hdr(facts: ColourFacts) -> None:
    """Refuse what is brighter than sRGB can hold.

    Raises
    ------
    InvalidValueError
        The pixels are PQ or HLG.
    """
    kind = None
    if facts.cicp is not None:
        kind = HDR_TRANSFERS.get(facts.cicp[1])
    if kind is None and facts.profile:
        kind = hdr_of_profile(facts.profile)
    if kind is not None:
        raise InvalidValueError(f"HDR ({kind}): its light goes beyond what sRGB holds")


def kept_profile(facts: ColourFacts, *, is_gray: bool) -> str | None:
    """Return the name of a file's ICC profile, when it is what says how its colours are meant.

    None when it has none, when it is damaged or for other pixels, or when cICP overrules it.
    """
    try:
        profile = _by_profile(facts)
        if profile is None or _by_cicp(facts) is not None:
            return None
        _refuse_other_kind(profile, is_gray=is_gray, is_ink=False)
    except DamagedProfileError:
        return None
    return profile.name


def colour_conversion(
    facts: ColourFacts, *, bits: int, is_gray: bool = False, is_ink: bool = False
) -> ColourConversion:
    """Return how pixels become sRGB.

    Parameters
    ----------
    facts : ColourFacts
        Of their file.
    bits : {8, 16}
        Of the pixels.
    is_gray, is_ink : bool
        Three equal channels; cyan, magenta, yellow and black. Inks without a profile have no
        conversion here.
    """
    if facts == NO_FACTS:
        return _NOTHING
    return _conversion(facts, bits, is_gray, is_ink)


@functools.lru_cache(maxsize=8)  # a folder's photos have few profiles; one takes up to 3 MB
def _conversion(facts: ColourFacts, bits: int, is_gray: bool, is_ink: bool) -> ColourConversion:
    notes: list[str] = []
    by_png_chunks = functools.partial(_by_png_chunks, notes=notes)
    for find in (_by_cicp, _by_profile, by_png_chunks, _by_exif):
        try:
            source = find(facts)
            if source is None:
                continue
            if source is _SRGB:
                break
            _refuse_other_kind(source, is_gray=is_gray, is_ink=is_ink)
            convert = _convert_from(source, 8, is_gray)
            if not is_ink and _is_identity(convert, is_gray=is_gray):
                break
            if bits != 8:
                convert = _convert_from(source, bits, is_gray)
            return ColourConversion(source.name, tuple(notes), convert)
        except DamagedProfileError:
            notes.append(DAMAGED_NOTE)
    return ColourConversion(None, tuple(notes), None)


_SRGB = RgbSpace("sRGB", (decode_srgb,) * 3, primaries_to_xyz(SRGB_PRIMARIES))


def _by_cicp(facts: ColourFacts) -> _Source | None:
    """Full range and no other matrix, as PNG demands; what is not known is passed over."""
    if facts.cicp is None or facts.cicp[2:] != (0, 1):
        return None
    primaries, transfer = facts.cicp[:2]
    if primaries not in CICP_PRIMARIES or transfer not in CICP_CURVES:
        return None
    name, chromaticities = CICP_PRIMARIES[primaries]
    return RgbSpace(name, (CICP_CURVES[transfer],) * 3, primaries_to_xyz(chromaticities))


def _by_profile(facts: ColourFacts) -> _Source | None:
    if facts.profile is None:
        return None
    profile = read_profile(facts.profile)
    return profile.space if isinstance(profile, MatrixProfile) else profile


def _by_png_chunks(facts: ColourFacts, notes: list[str]) -> _Source | None:
    """Pass over a gamma that no picture has; that is added to the notes."""
    if facts.is_srgb:
        return _SRGB
    told = facts.gamma
    if told is not None and not 1 / _STEEPEST_GAMMA <= told <= _STEEPEST_GAMMA:
        notes.append(GAMMA_NOTE)
        told = None
    if told is None and facts.chromaticities is None:
        return None
    chromaticities = facts.chromaticities or SRGB_PRIMARIES
    try:
        to_xyz = primaries_to_xyz(chromaticities)
    except ValueError:
        chromaticities, to_xyz = SRGB_PRIMARIES, _SRGB.to_xyz
    gamma = told or _SRGB_GAMMA
    has_srgb_primaries = bool(np.allclose(chromaticities, SRGB_PRIMARIES, atol=0.002))
    is_usual = abs(gamma / _SRGB_GAMMA - 1) <= _GAMMA_TOLERANCE
    if is_usual and (has_srgb_primaries or told is None):
        curve: Curve = decode_srgb
    else:
        curve = power_curve(1 / gamma)
    shown = f"gamma {1 / gamma:.3g}"
    name = shown if has_srgb_primaries else f"its own primaries (cHRM) and {shown}"
    return RgbSpace(name, (curve,) * 3, to_xyz)


def _by_exif(facts: ColourFacts) -> _Source | None:
    if not facts.exif_says_adobe:
        return None
    curves = (power_curve(_ADOBE_GAMMA),) * 3
    return RgbSpace("Adobe RGB (by its EXIF)", curves, primaries_to_xyz(_ADOBE_PRIMARIES))


def _refuse_other_kind(source: _Source, *, is_gray: bool, is_ink: bool) -> None:
    """Refuse a source of other channels; gray pixels are three equal ones, too."""
    channels = 3
    if isinstance(source, GrayProfile):
        channels = 1
    elif isinstance(source, TableProfile):
        channels = source.channels
    if channels not in ((4,) if is_ink else (1, 3) if is_gray else (3,)):
        raise DamagedProfileError("for other colours")


def _convert_from(source: _Source, bits: int, is_gray: bool) -> Convert:
    if isinstance(source, GrayProfile):
        return _without_share(gray_table(source.curve, bits).apply)
    if isinstance(source, RgbSpace) and is_gray:
        return _without_share(gray_table(luminance_curve(source), bits).apply)
    if isinstance(source, RgbSpace):
        return rgb_tables(source, bits).apply
    if is_gray:
        return _without_share(_gray_ramp(source, bits).apply)
    return _without_share(functools.partial(convert_by_littlecms, profile=source))


def _without_share(convert: Callable[[AnyArray], AnyArray]) -> Convert:
    return lambda pixels: (convert(pixels), 0.0)


def _gray_ramp(profile: TableProfile, bits: int) -> GrayTable:
    levels = np.arange(1 << bits, dtype=np.uint8 if bits == 8 else np.uint16)
    ramp = np.repeat(levels[:, None, None], profile.channels, axis=2)
    return GrayTable(luma_rounded(convert_by_littlecms(ramp, profile))[:, 0])


def _is_identity(convert: Convert, *, is_gray: bool) -> bool:
    """Tell whether a conversion of 8-bit pixels leaves grays and colours where they are.

    All grays, which the curves move; and colours apart from the edges of sRGB, where its curve
    makes the last digit of a profile's numbers visible.
    """
    steps = np.arange(256 if is_gray else 45, 256, 15, dtype=np.uint8)
    grays = np.repeat(np.arange(256, dtype=np.uint8)[:, None], 3, axis=1)
    colours: Sequence[AnyArray] = np.meshgrid(steps, steps, steps)
    probe = np.concatenate((grays, np.stack(colours, -1).reshape(-1, 3)))[None]
    moved = np.abs(convert(probe)[0].astype(np.int16) - probe)
    return int(moved.max()) <= _SAME_LEVELS

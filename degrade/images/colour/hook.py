"""Where decoding and colours meet: a decoded file becomes sRGB, with notes."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from degrade.images.colour.conversion import colour_conversion, kept_profile, refuse_hdr
from degrade.images.colour.facts import ColourFacts, jpeg_segments, read_colour_facts
from degrade.images.colour.spaces import HDR_TRANSFERS
from degrade.images.decoding import Decoded
from degrade.images.headers import ImageHeader
from degrade.images.headers.isobmff import nclx_coding

__all__ = ["colours_of", "is_for_colour", "refuse_by_colour", "to_srgb"]

UNSURE_NOTE = "inks without Adobe's marker: light and dark may be exchanged"
_JPEG = b"\xff\xd8"


def refuse_by_colour(data: bytes, header: ImageHeader) -> None:
    """Refuse an image file whose colours cannot be brought into sRGB, before it is decoded.

    Raises
    ------
    InvalidValueError
        It is HDR; the text says of which kind.
    """
    facts = read_colour_facts(data, header.format)
    # A HEIC file may tell of the light of a gain map, too; which is which, its decoder knows.
    coding = nclx_coding(data) if header.format == "avif" else None
    if coding is not None:
        facts = replace(facts, cicp=(*coding[:2], 0, 1))
    refuse_hdr(facts)


def colours_of(data: bytes, header: ImageHeader) -> str:
    """Return what the colours of an image file are converted from; empty when they are sRGB."""
    facts = read_colour_facts(data, header.format)
    is_gray = header.channels < 3
    found = colour_conversion(facts, bits=8, is_gray=is_gray, is_ink=header.is_cmyk)
    return found.source or ""


def is_for_colour(profile: bytes | None) -> bool:
    """Tell whether there is a profile, and for three channels."""
    return profile is not None and profile[16:20] == b"RGB "


def to_srgb(
    decoded: Decoded, header: ImageHeader, data: bytes, *, keep_profile: bool = False
) -> Decoded:
    """Return the decoded file with its pixels in sRGB, and a note when they were in another space.

    Parameters
    ----------
    decoded : Decoded
    header : ImageHeader
    data : bytes
        The file.
    keep_profile : bool
        Leave pixels with a sound ICC profile as they are, and give the profile with them.

    Returns
    -------
    Decoded
        Its ``profile`` is that of its pixels; None: they are sRGB.

    Raises
    ------
    InvalidValueError
        The file is HDR.
    """
    facts = _facts(decoded, header, data)
    refuse_hdr(facts)
    if header.is_cmyk:
        return _without_inks(decoded, facts, data)
    is_gray = "gray" in decoded.notes
    name = None
    if keep_profile and not (is_gray and decoded.alpha is not None):  # no format has both
        name = kept_profile(facts, is_gray=is_gray)
    if name is not None:
        notes = (*decoded.notes, f"kept in {name}")
        return replace(decoded, profile=facts.profile, notes=notes)
    bits = 8 * decoded.pixels.itemsize
    pixels, notes = colour_conversion(facts, bits=bits, is_gray=is_gray).apply(decoded.pixels)
    return replace(decoded, pixels=pixels, profile=None, notes=(*decoded.notes, *notes))


def _facts(decoded: Decoded, header: ImageHeader, data: bytes) -> ColourFacts:
    """Return what the bytes say, and what only the decoder has found."""
    facts = read_colour_facts(data, header.format)
    if decoded.profile is not None and facts.profile is None:
        facts = replace(facts, profile=decoded.profile)
    if decoded.coding is not None:
        primaries, transfer, _ = decoded.coding
        if facts.profile is None or transfer in HDR_TRANSFERS:
            facts = replace(facts, cicp=(primaries, transfer, 0, 1))
    return facts


def _without_inks(decoded: Decoded, facts: ColourFacts, data: bytes) -> Decoded:
    """Return a file of inks in sRGB: by its profile, else as its decoder has it."""
    notes = decoded.notes
    if data[:2] == _JPEG and not _has_adobe_marker(data):
        notes = (*notes, UNSURE_NOTE)
    if decoded.inks is None:
        return replace(decoded, profile=None, notes=notes)
    bits = 8 * decoded.inks.itemsize
    conversion = colour_conversion(ColourFacts(profile=facts.profile), bits=bits, is_ink=True)
    if conversion.source is None:
        return replace(decoded, profile=None, inks=None, notes=(*notes, *conversion.notes))
    pixels, more = conversion.apply(np.iinfo(decoded.inks.dtype).max - decoded.inks)
    notes = tuple(note for note in notes if note != "CMYK converted")
    return replace(decoded, pixels=pixels, profile=None, inks=None, notes=(*notes, *more))


def _has_adobe_marker(jpeg: bytes) -> bool:
    return any(marker == 0xEE and body.startswith(b"Adobe") for marker, body in jpeg_segments(jpeg))

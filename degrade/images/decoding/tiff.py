"""TIFF: every segment decoded strictly, the samples brought to RGB."""

from __future__ import annotations

import struct
from collections.abc import Sequence

import numpy as np

from degrade.errors import InvalidValueError
from degrade.images.decoding.decoded import Decoded
from degrade.images.headers import ImageHeader
from degrade.images.tiff.colours import alpha_levels, check_samples, rgb_levels, without_alpha
from degrade.images.tiff.pages import Photometric, TiffPage, embedded_profile, photo_page
from degrade.images.tiff.segments import read_samples

__all__ = ["decode_tiff"]


def decode_tiff(data: bytes, header: ImageHeader) -> Decoded:
    """Decode a TIFF file; as :data:`degrade.images.decoding.decoded.Decoder` says.

    Depths other than 8 and 16 bits are scaled to the full range of the next of these.
    """
    try:
        page, has_copies, _ = photo_page(data)
        return _decode(page, has_copies=has_copies)
    except (struct.error, IndexError) as error:
        raise InvalidValueError("its header is damaged or cut short") from error


def _decode(page: TiffPage, *, has_copies: bool) -> Decoded:
    check_samples(page)
    channels: Sequence[int] = range(page.colours)
    if page.alpha is not None:
        index, _ = page.alpha
        adjacent = index == page.colours
        channels = range(page.colours + 1) if adjacent else [*channels, index]
    samples = read_samples(page, channels)
    rgb = rgb_levels(page, samples)
    alpha = None
    if page.alpha is not None:
        alpha = alpha_levels(page, samples[..., -1])
        rgb = without_alpha(rgb, alpha) if page.alpha[1] else rgb
    notes = _notes(page, len(channels), has_copies=has_copies)
    profile = embedded_profile(page)
    inks = None
    if page.photometric == Photometric.CMYK and profile is not None:
        inks = np.iinfo(samples.dtype).max - samples[..., :4]
    return Decoded(rgb, alpha, profile, notes, inks=inks)


def _notes(page: TiffPage, used: int, *, has_copies: bool) -> tuple[str, ...]:
    kind = page.photometric
    notes = {
        "gray": kind in (Photometric.WHITE_IS_ZERO, Photometric.BLACK_IS_ZERO),
        "CMYK converted": kind == Photometric.CMYK,
        "CIELab converted": kind == Photometric.CIELAB,
        "extra channels dropped": page.samples > used,
        "smaller copies passed over": has_copies,
    }
    return tuple(note for note, holds in notes.items() if holds)

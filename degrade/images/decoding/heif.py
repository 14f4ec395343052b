"""HEIF (HEIC), by libheif (pillow-heif, an extra), which turns the image as the container says."""

from __future__ import annotations

from typing import Any

import numpy as np

from degrade.errors import InvalidValueError
from degrade.images.decoding.decoded import Decoded
from degrade.images.decoding.hevc import require_sound_pictures
from degrade.images.decoding.levels import full_range, split_channels
from degrade.images.headers import ImageHeader
from degrade.images.headers.heif import HEIF_ERRORS, open_heif

__all__ = ["decode_heif"]


def decode_heif(data: bytes, header: ImageHeader) -> Decoded:
    """Decode a HEIF file; as :data:`degrade.images.decoding.decoded.Decoder` says."""
    image, count = open_heif(data)
    try:
        levels = np.asarray(image)
    except HEIF_ERRORS as error:
        raise InvalidValueError(f"its pixels are damaged ({error})") from None
    require_sound_pictures(data)
    if levels.dtype == np.uint16:  # libheif's levels are shifted to the upper bits
        levels = full_range(levels >> np.uint16(16 - header.bit_depth), header.bit_depth)
    rgb, alpha, notes = split_channels(levels)
    if rgb.shape[:2] != (header.height, header.width):
        raise InvalidValueError("its pixels do not fill the size in its header")
    if count > 1:
        notes += ("first of several pictures",)
    return Decoded(
        rgb,
        alpha,
        image.info.get("icc_profile") or None,
        notes,
        is_upright=True,
        coding=_coding(image.info),
    )


def _coding(facts: dict[str, Any]) -> tuple[int, int, int] | None:
    nclx = facts.get("nclx_profile")
    if not nclx:
        return None
    names = ("color_primaries", "transfer_characteristics", "matrix_coefficients")
    primaries, transfer, matrix = (int(nclx[name]) for name in names)
    return primaries, transfer, matrix

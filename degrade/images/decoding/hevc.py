"""Damage in pictures that HEVC packs, as in HEIC: libheif passes over what its decoder warns of.

Two things tell of it. A coded picture's bytes never hold two zeros and then a 0, 1 or 2, which
would begin something else; a 3 is put between them, so two zeros and a 3 are never followed by more
than a 3 (ITU-T H.265, 7.4.2.1). And a decoder that has fallen out of step comes to the end of a
picture before or after its bytes end: libde265 counts that as a warning, which libheif does not ask
for. So each picture is decoded a second time, without the filters that only smooth it, by the very
library that libheif has loaded.
"""

from __future__ import annotations

import ctypes
import functools
import re

from degrade.errors import InvalidValueError
from degrade.images.headers.heif_pictures import CodedPicture, coded_pictures

__all__ = ["require_sound_pictures"]

_NEVER_INSIDE = re.compile(rb"\x00\x00(?:[\x00-\x02]|\x03[\x04-\xff])")
_PARAMETERS_FROM = 32
"""Types of units from here on are no part of a picture."""

_NO_DEBLOCKING, _NO_SAO = 7, 8
# Of libde265's errors and warnings (de265.h): coefficients and blocks outside the picture, a
# parameter out of range, slices that end too early, too late or nowhere, or begin wrongly.
_DAMAGE = frozenset((4, 6, 8, 17, 18, 1002, 1003, 1004, 1007, 1017, 1020, 1021, 1034, 1035))


def require_sound_pictures(data: bytes) -> None:
    """Look whether the pictures of a HEIF file that libheif has decoded are damaged.

    Raises
    ------
    InvalidValueError
        One is.
    """
    # Cut out twice, one by one: nobody knows how long all of them are.
    if any(map(_has_what_never_is_inside, coded_pictures(data))):
        raise InvalidValueError("its pixels are damaged (bytes that no coded picture holds)")
    decoder = _decoder()
    if decoder is None:
        return
    if any(_falls_out_of_step(decoder, picture) for picture in coded_pictures(data)):
        raise InvalidValueError("its pixels are damaged (their codes do not end where they should)")


def _has_what_never_is_inside(picture: CodedPicture) -> bool:
    # Zeros behind a unit are allowed where units are parted by them, and some writers leave them.
    return any(
        unit[0] >> 1 & 63 < _PARAMETERS_FROM and _NEVER_INSIDE.search(unit.rstrip(b"\x00"))
        for unit in picture.units
        if unit
    )


@functools.cache
def _decoder() -> ctypes.CDLL | None:
    """Return libde265 as pillow-heif has loaded it; None where it is another decoder, or Windows.

    A symbol that is asked of a library is looked for in those that it needs, too.
    """
    try:
        import _pillow_heif

        library = ctypes.CDLL(_pillow_heif.__file__)
        library.de265_new_decoder.restype = ctypes.c_void_p
        library.de265_get_next_picture.restype = ctypes.c_void_p
        takes = {
            "de265_new_decoder": [],
            "de265_set_parameter_bool": [ctypes.c_void_p, ctypes.c_int, ctypes.c_int],
            "de265_push_NAL": [
                ctypes.c_void_p,
                ctypes.c_char_p,
                ctypes.c_int,
                ctypes.c_int64,
                ctypes.c_void_p,
            ],
            "de265_decode": [ctypes.c_void_p, ctypes.POINTER(ctypes.c_int)],
        }
        only_decoder = "flush_data get_next_picture release_next_picture get_warning free_decoder"
        takes |= {f"de265_{name}": [ctypes.c_void_p] for name in only_decoder.split()}
        for name, arguments in takes.items():
            getattr(library, name).argtypes = arguments
    except (ImportError, OSError, AttributeError):
        return None
    return library


def _falls_out_of_step(library: ctypes.CDLL, picture: CodedPicture) -> bool:
    """Return whether the decoder tells of damage."""
    decoder = library.de265_new_decoder()
    if not decoder:
        return False
    try:
        for parameter in (_NO_DEBLOCKING, _NO_SAO):
            library.de265_set_parameter_bool(decoder, parameter, 1)
        for unit in filter(None, (*picture.parameters, *picture.units)):
            library.de265_push_NAL(decoder, unit, len(unit), 0, None)
        library.de265_flush_data(decoder)
        more = ctypes.c_int(1)
        while more.value:
            told = library.de265_decode(decoder, ctypes.byref(more))
            if told:
                if told in _DAMAGE:
                    return True
                break
            if library.de265_get_next_picture(decoder):
                library.de265_release_next_picture(decoder)
        while told := library.de265_get_warning(decoder):
            if told in _DAMAGE:
                return True
        return False
    finally:
        library.de265_free_decoder(decoder)

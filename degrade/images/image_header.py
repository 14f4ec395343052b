"""What a file says of its image before anything is decoded: format, size, depth, orientation.

Only headers are read, so a decompression bomb costs nothing. Each format has its module in
:mod:`degrade.images.headers`.
"""

from __future__ import annotations

import struct

from degrade.errors import InvalidValueError
from degrade.images.headers import PARSERS, ImageHeader

__all__ = ["ImageHeader", "read_header"]


def read_header(data: bytes) -> ImageHeader:
    """Parse the header of an image file given whole.

    Parameters
    ----------
    data : bytes
        The file's content.

    Raises
    ------
    InvalidValueError
        The data are empty, of no known format, or their header is damaged; the text says which.
    """
    if not data:
        raise InvalidValueError("the file is empty")
    parse = next((parse for begins_so, parse in PARSERS if begins_so(data)), None)
    if parse is None:
        raise InvalidValueError("not an image in a known format")
    try:
        header = parse(data)
    except (struct.error, IndexError, KeyError) as error:
        raise InvalidValueError("its header is damaged or cut short") from error
    if header.width < 1 or header.height < 1:
        raise InvalidValueError(f"its header gives the size {header.width}×{header.height}")
    return header

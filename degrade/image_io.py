"""The short address of :mod:`degrade.images.image_io`, for people: the only decode and encode."""

from degrade.images.image_io import (
    IMAGE_SUFFIXES,
    MAX_PIXELS,
    Photo,
    decode_photo,
    encode_png,
    quantise,
    read_photo,
    read_photo_header,
    write_png,
)

__all__ = [
    "IMAGE_SUFFIXES",
    "MAX_PIXELS",
    "Photo",
    "decode_photo",
    "encode_png",
    "quantise",
    "read_photo",
    "read_photo_header",
    "write_png",
]

"""What a TIFF file says of its first image (TIFF 6.0)."""

from __future__ import annotations

from degrade.images.headers.exif_orientation import integer_tags, valid_orientation
from degrade.images.headers.header import ImageHeader

__all__ = ["parse_tiff"]


def parse_tiff(data: bytes) -> ImageHeader:
    """Return the header; as :func:`degrade.images.image_header.read_header`."""
    tags, following = integer_tags(data)
    channels, is_cmyk = tags.get(277, [1])[0], tags.get(262) == [5]
    # Cameras' raw files are TIFF: their first image is a thumbnail (tag 254) beside others (330),
    # or the bare sensor (32803 in tag 262). Taking that for the photo would be worse than nothing.
    is_raw = bool(tags.get(254, [0])[0] & 1) or 330 in tags or tags.get(262) == [32803]
    return ImageHeader(
        "tiff",
        tags[256][0],
        tags[257][0],
        channels,
        tags.get(258, [1])[0],
        valid_orientation(tags.get(274, [1])[0]),
        is_animated=following != 0 or is_raw,
        is_float=3 in tags.get(339, [1]),
        is_cmyk=is_cmyk,
        has_alpha=channels in (2, 4) and not is_cmyk,
        tiff_alpha=tags.get(338, [0])[0],
    )
